"""Constraints from text, and text that says nothing or too much."""

import pytest

from genwright.core.errors import ConfigError, UnknownNameError
from genwright.nn.networks.constraints import Constraints

COLUMNS = ["age", "sex", "smoker", "cancer", "a + b"]


def test_edges_and_tiers() -> None:
    found = Constraints.read(COLUMNS, ("smoker -> cancer",), ("sex -> smoker", "* -> age"), ("age + sex", "cancer"))
    assert found.required.sum() == 1
    assert found.required[2, 3]
    assert found.forbidden[1, 2]
    assert found.forbidden[:, 0].all()  # nothing leads to age
    assert found.forbidden[3, :2].all()  # cancer stands later than age and sex
    assert not found.forbidden[2, 1]  # smoker stands in no tier
    assert found.forbidden.diagonal().all()
    assert not found.is_free
    assert Constraints.read(COLUMNS, (), (), ()).is_free


def test_a_column_may_have_a_plus_in_its_name() -> None:
    found = Constraints.read(COLUMNS, (), (), ("a + b", "age"))
    assert found.forbidden[0, 4]


@pytest.mark.parametrize(
    ("required", "forbidden", "tiers", "words"),
    [
        (("age cancer",), (), (), "age cancer"),
        (("age -> sex -> cancer",), (), (), "no edge"),
        (("-> sex",), (), (), "no edge"),
        (("age -> age",), (), (), "forbidden"),
        (("age -> sex",), ("* -> sex",), (), "required edge age -> sex"),
        (("sex -> age",), (), ("age", "sex"), "climbs"),
        (("age -> sex", "sex -> smoker", "smoker -> age"), (), (), "circle"),
        ((), (), ("age + sex", "age"), "two places"),
    ],
)
def test_contradictions_are_told(required: tuple, forbidden: tuple, tiers: tuple, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Constraints.read(COLUMNS, required, forbidden, tiers)


@pytest.mark.parametrize("text", ["smokr -> cancer", "* -> cancer"])
def test_unknown_columns_are_told(text: str) -> None:
    with pytest.raises(UnknownNameError, match=r"smoker|age"):
        Constraints.read(COLUMNS, (text,), (), ())
