"""Draws whose sequences have known steps."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from genwright.core.errors import GivenError
from genwright.pipeline import fit
from genwright.runs.run import Run
from tests.recipes.test_segment import sentences


@pytest.fixture(scope="module")
def tagged() -> Run:
    return fit(sentences(), "hmm", judge=False)


@pytest.fixture(scope="module")
def digits() -> Run:
    lists = pa.table({"tags": [["01", "1"], ["1", "01"], ["01"], ["1"]] * 15})
    return fit(lists, "ngram", judge=False)


@pytest.fixture(scope="module")
def series() -> Run:
    rng = np.random.default_rng(0)
    z = np.repeat(rng.integers(0, 2, (40, 4)), 3, axis=1)
    x = np.stack([5.0 * z, -5.0 * z], 2) + rng.normal(size=(40, 12, 2))
    return fit(pa.table({"x": x.tolist()}), "hmm", settings={"n_states": 2}, judge=False)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"tags": ["DET", None, "NOUN", "VERB"]}, ["DET", "ADJ", "NOUN", "VERB"]),
        ("tags = 'DET _ NOUN VERB'", ["DET", "ADJ", "NOUN", "VERB"]),
        ({"words": ["the", "big", ...]}, ["DET", "ADJ", "NOUN", "VERB"]),
        ("words starts 'the big'", ["DET", "ADJ", "NOUN", "VERB"]),
        ({"tags": ["DET", "NOUN", "VERB"], "words": [None, "light", None]}, ["DET", "NOUN", "VERB"]),
    ],
)
def test_known_steps_stay_and_others_follow_them(tagged: Run, given: Any, expected: list[str]) -> None:
    rows = tagged.sample(20, given, flavour="arrow")
    tags = rows.column("tags").to_pylist()
    assert sum(row == expected[: len(row)] for row in tags) >= 18  # others are possible by pseudo counts
    assert all(len(w) == len(t) for w, t in zip(rows.column("words").to_pylist(), tags, strict=True))
    if "the big" in str(given) or "big" in str(given):
        assert all(row[:2] == ["the", "big"] for row in rows.column("words").to_pylist())


@pytest.mark.parametrize("given", ["tags = 01", "tags in (01)", "tags starts 01"])
def test_items_are_read_as_they_are_written(digits: Run, given: str) -> None:
    rows = digits.sample(20, given, flavour="arrow").column("tags").to_pylist()
    assert {row[0] for row in rows} == {"01"}


def test_known_numbers_stay(series: Run) -> None:
    given = {"x": [[5.0, -5.0], None, [None, -5.25], ...]}
    rows = series.sample(200, given, flavour="arrow").column("x").to_pylist()
    assert all(row[0] == [5.0, -5.0] for row in rows)
    assert all(row[2][1] == -5.25 for row in rows)
    drawn = np.array([row[2][0] for row in rows])
    assert abs(drawn.mean() - 5) < 5 * drawn.std() / np.sqrt(200) + 0.2
    assert all(len(row) == 12 for row in rows)


def test_known_numbers_may_be_those_of_numpy(series: Run) -> None:
    x = np.array([[5.0, -5.0], [4.0, -4.0]], np.float32)
    for given in ([*x, ...], [list(x[0]), list(x[1]), ...], [*x.astype(int), ...]):
        rows = series.sample(3, {"x": given}, flavour="arrow").column("x").to_pylist()
        assert all(row[:2] == x.tolist() for row in rows)


@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
def test_steps_of_no_number_are_refused(series: Run, number: float) -> None:
    """An infinite number stands for an end, or for what is drawn."""
    with pytest.raises(GivenError, match="is no step; expected 2 numbers, or None to draw them"):
        series.sample(1, {"x": [[5.0, number], ...]})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tags": ["DET", "XYZ"]}, "tags has no item 'XYZ'; it has"),
        ({"tags": ["DET"] * 9}, "9 steps are given; sequences of this run have at most 4"),
        ("tags > 'DET'", "sequences are given by their steps"),
    ],
)
def test_wrong_steps_are_told(tagged: Run, given: Any, message: str) -> None:
    with pytest.raises(GivenError, match=message):
        tagged.sample(1, given)


@pytest.fixture(scope="module", params=["ngram", "gpt", "rnn"])
def forward(request: pytest.FixtureRequest) -> Run:
    """Of a family that draws one step after another."""
    lists = pa.table({"tags": [["A", "B", "A", "C"], ["B", "B", "C"], ["A", "C"]] * 20})
    steps = None if request.param == "ngram" else 2
    return fit(lists, request.param, steps=steps, judge=False)


@pytest.mark.parametrize("given", [["A", None, "A", "C"], ["A", None], [None, "B", ...], ["A", None, ...]])
def test_steps_before_known_ones_are_not_drawn_as_if_these_were_not_there(forward: Run, given: Any) -> None:
    with pytest.raises(GivenError, match="draws what follows the steps that are known, and none between or before"):
        forward.sample(1, {"tags": given})
    begun = forward.sample(20, {"tags": ["B", "A", ...]}, flavour="arrow").column("tags").to_pylist()
    assert all(row[:2] == ["B", "A"] for row in begun)


@pytest.fixture(scope="module")
def forward_series() -> Run:
    table = pa.table({"x": [[1.0, 2.0, 3.0], [2.0, 3.0], [4.0, 5.0, 6.0, 7.0]] * 20})
    return fit(table, "rnn", steps=2, judge=False)


def test_series_that_are_drawn_forward_have_as_many_steps_as_are_given(forward_series: Run) -> None:
    with pytest.raises(GivenError, match="rnn draws what follows"):
        forward_series.sample(1, {"x": [[1.0], None, [3.0]]})
    rows = forward_series.sample(20, {"x": [[1.0], [3.0], ...]}, flavour="arrow").column("x").to_pylist()
    assert all(row[:2] == [1.0, 3.0] for row in rows)


@pytest.fixture(scope="module")
def baseline() -> Run:
    return fit(sentences(), "marginals", judge=False)


def test_wrong_numbers_and_families_are_told(series: Run, baseline: Run) -> None:
    with pytest.raises(GivenError, match="expected 2 numbers, or None"):
        series.sample(1, {"x": [[1.0]]})
    with pytest.raises(GivenError, match="draws no single steps; give one whole sequence"):
        baseline.sample(1, {"tags": ["DET", ...]})
    whole = baseline.sample(3, {"tags": ["DET", "NOUN"]}, flavour="arrow")
    assert whole.column("tags").to_pylist() == [["DET", "NOUN"]] * 3
