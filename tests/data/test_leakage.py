"""Columns that give the class away, and those that do not."""

import numpy as np
import pytest

from genwright.core.dataset import Dataset
from genwright.core.space import Category, Field, Real, Space
from genwright.data.leakage import leaks


def said(x: np.ndarray, y: np.ndarray) -> list[str]:
    f = Field(Real()) if x.dtype == float else Field(Category(int(x.max()) + 1))
    space = Space({"x": f, "y": Field(Category(int(y.max()) + 1))})
    return leaks(Dataset(space, {"x": x, "y": y}), "y")


RNG = np.random.default_rng(0)
Y = RNG.integers(0, 3, 300)
ALMOST = np.where(np.arange(300) == 7, (Y + 1) % 3, Y)


def test_any_whole_number_is_a_seed() -> None:
    space = Space({"x": Field(Category(3)), "y": Field(Category(3))})
    assert leaks(Dataset(space, {"x": Y, "y": Y}), "y", seed=-1)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ((Y + 1) % 3, "is 'y' under another name in every row"),
        (Y.astype(float) * 10, "is 'y' under another name in every row"),
        (ALMOST, "is 'y' under another name in 99.7% of the rows"),
        (Y * 20 + RNG.integers(0, 20, 300), "alone tells 'y'"),
        (Y + RNG.random(300) * 0.5, "tells 'y'|under another name"),
    ],
)
def test_what_gives_the_class_away(x: np.ndarray, words: str) -> None:
    import re

    (sentence,) = said(x, Y)
    assert re.search(words, sentence)
    assert 'kinds={"x": "omitted"}, --kind x=omitted' in sentence


@pytest.mark.parametrize(
    "x",
    [
        np.arange(300),  # another value in every row
        RNG.normal(size=300),
        Y + RNG.normal(size=300),
        RNG.integers(0, 3, 300),
        np.where(RNG.random(300) < 0.9, Y, RNG.integers(0, 3, 300)),
        np.full(300, np.nan),
    ],
)
def test_what_does_not(x: np.ndarray) -> None:
    assert not said(x, Y)


def test_few_rows_and_one_class_tell_nothing() -> None:
    assert not said(Y[:10], Y[:10])
    assert not said(np.zeros(100, int), np.zeros(100, int))
