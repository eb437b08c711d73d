"""A space accepts the rows that lie in it and no others, and survives JSON."""

import json
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genwright.core.errors import SpaceMismatchError, UnknownNameError
from genwright.core.space import Category, Field, Real, Space, Tokens

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TUPLES = st.lists(NUMBERS, max_size=4).map(tuple)
SUPPORTS = (
    st.builds(Real, st.none() | NUMBERS, st.none() | NUMBERS, NUMBERS, TUPLES, TUPLES, TUPLES, st.booleans())
    | st.builds(Category, st.integers(1))
    | st.builds(Tokens, st.integers(1), st.integers(1), st.integers(0))
)
FIELDS = st.builds(Field, SUPPORTS, st.lists(st.integers(1), max_size=3).map(tuple), st.booleans())
SPACE = Space(
    {
        "age": Field(Real(low=0, high=150)),
        "x": Field(Real(has_missing=True)),
        "sex": Field(Category(2)),
        "image": Field(Real(low=-1, high=1), (1, 2, 2)),
        "text": Field(Tokens(length=3, n=5)),
    }
)
ROWS = {
    "age": torch.tensor([0.0, 150.0]),
    "x": torch.tensor([float("nan"), -1e300], dtype=torch.float64),
    "sex": torch.tensor([0, 1]),
    "image": torch.zeros(2, 1, 2, 2),
    "text": torch.tensor([[4, 0, 0], [1, 2, 3]]),
}


@given(st.dictionaries(st.text(), FIELDS, max_size=4))
def test_json_round_trip(fields):
    space = Space(fields)
    found = Space.from_json(json.loads(json.dumps(space.to_json())))
    assert found == space
    assert list(found) == list(space)


def test_rows_inside():
    assert SPACE.check(ROWS) == 2
    assert SPACE.check({name: x[:0] for name, x in ROWS.items()}) == 0
    assert Space().check({}) == 0


@pytest.mark.parametrize(
    ("name", "x", "message"),
    [
        ("age", torch.tensor([0.0, 151.0]), r"age has values 0 … 151, expected 0 … 150"),
        ("age", torch.tensor([0.0, float("nan")]), "age has NaN"),
        ("x", torch.tensor([0.0, float("inf")]), "x has an infinite value"),
        ("x", torch.tensor([0, 1]), r"x holds torch\.int64"),
        ("sex", torch.tensor([0, 2]), "sex has codes 0 … 2, expected 0 … 1"),
        ("sex", torch.tensor([-1, 0]), "sex has codes -1 … 0"),
        ("sex", torch.tensor([0.0, 1.0]), r"sex holds torch\.float32"),
        ("sex", torch.tensor([[0], [1]]), r"sex has event shape \(1,\), expected \(\)"),
        ("image", torch.zeros(2, 4), r"image has event shape \(4,\), expected \(1, 2, 2\)"),
        ("text", torch.zeros(2, 4, dtype=torch.long), r"text has event shape \(4,\), expected \(3,\)"),
        ("text", torch.full((2, 3), 5), "text has codes 5 … 5, expected 0 … 4"),
        ("age", torch.tensor([0.0]), r"different numbers of rows: \[1, 2\]"),
        ("other", torch.tensor([0.0, 0.0]), "other"),
    ],
)
def test_rows_outside(name, x, message):
    with pytest.raises(SpaceMismatchError, match=message):
        SPACE.check({**ROWS, name: x})


def test_an_absent_column():
    with pytest.raises(SpaceMismatchError, match="age is absent"):
        SPACE.check({name: x for name, x in ROWS.items() if name != "age"})
    with pytest.raises(UnknownNameError, match="did you mean age"):
        SPACE["agee"]


def test_location_and_scale_of_a_normal_distribution():
    """The 16th and 84th percentile of a normal distribution lie a standard deviation from its mean."""
    p = torch.linspace(0.001, 0.999, 1001, dtype=torch.float64)
    real = Real(quantiles=tuple((3 + 2 * torch.special.ndtri(p)).tolist()))
    assert abs(real.location - 3) < 1e-9
    assert abs(real.scale - 2) < 0.02


@given(st.lists(NUMBERS.filter(lambda x: abs(x) < 1e100), max_size=8).map(sorted).map(tuple))
def test_scale_is_never_zero(quantiles):
    real = Real(quantiles=quantiles)
    assert real.scale > 0
    assert replace(real, quantiles=(2.0,) * 5).scale == 1.0
