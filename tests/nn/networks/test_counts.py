"""Counts by mixed radix against counting one by one."""

import itertools

import numpy as np
import pytest

from genwright.nn.networks.counts import FamilyCounts

CARDS = (2, 3, 4, 2)


def _codes(dtype: str, share_hidden: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(0)
    codes = np.array([rng.integers(0, r, 300) for r in CARDS]).astype(dtype)
    codes[rng.random(codes.shape) < share_hidden] = -1
    return codes


def _one_by_one(codes: np.ndarray, columns: list[int]) -> np.ndarray:
    found = np.zeros([CARDS[v] for v in columns])
    for row in codes[columns].T:
        if (row >= 0).all():
            found[tuple(row)] += 1
    return found


@pytest.mark.parametrize("share_hidden", [0.0, 0.2])
@pytest.mark.parametrize("dtype", ["int8", "int64"])
def test_counts(dtype: str, share_hidden: float) -> None:
    codes = _codes(dtype, share_hidden)
    counts = FamilyCounts(codes, CARDS)
    for n in (1, 2, 3):
        for columns in itertools.permutations(range(4), n):
            expected = _one_by_one(codes, list(columns))
            assert (counts.count(columns) == expected).all()
            assert (counts.count_with(columns[:-1], columns[-1]) == expected).all()


def test_sizes_do_not_overflow() -> None:
    codes = np.zeros((30, 2), np.int64)
    assert FamilyCounts(codes, [1_000] * 30).size(range(30)) == 1_000**30
