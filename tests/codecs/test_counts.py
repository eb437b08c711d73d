"""Counts against NumPy's own, exact and on the grid, in any order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genwright.codecs._counts import Counts, keys_of, values_of
from genwright.codecs._hashing import mix, permute

QUICK = settings(max_examples=40, deadline=None)

FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=64)


@QUICK
@given(st.lists(FLOATS, min_size=2))
def test_float_keys_sort_as_the_numbers_do(numbers: list[float]) -> None:
    x = np.array(numbers)
    keys = keys_of(x)
    assert (np.argsort(keys, kind="stable") == np.argsort(x, kind="stable")).all()
    assert (values_of(keys, x.dtype) == x).all()


@QUICK
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2))
def test_integer_keys_sort_as_the_numbers_do(numbers: list[int]) -> None:
    x = np.array(numbers, dtype=np.int64)
    assert (np.argsort(keys_of(x), kind="stable") == np.argsort(x, kind="stable")).all()
    assert values_of(keys_of(x), x.dtype).tolist() == numbers


def _in_chunks(x: np.ndarray, n_chunks: int, seed: int, **limits: int) -> Counts:
    counts = Counts(x.dtype, **limits)
    for chunk in np.array_split(np.random.default_rng(seed).permutation(x), n_chunks):
        counts.add(chunk)
    return counts


def test_few_values_are_counted_exactly() -> None:
    x = np.random.default_rng(0).integers(-40, 40, 5000)
    values, n = np.unique(x, return_counts=True)
    found, times = _in_chunks(x, 7, 1).cells()
    assert (found == values).all()
    assert (times == n).all()


@pytest.mark.parametrize("limits", [{}, {"exact": 300, "grid": 64}])
def test_order_and_chunks_do_not_matter(limits: dict[str, int]) -> None:
    x = np.random.default_rng(0).lognormal(3, 2, 4000).round(2)
    once, often = _in_chunks(x, 1, 1, **limits), _in_chunks(x, 23, 2, **limits)
    for a, b in zip((*once.cells(), *once.frequent(20)), (*often.cells(), *often.frequent(20)), strict=True):
        assert (a == b).all()
    assert once.ends() == often.ends() == (x.min(), x.max())
    assert once.shift == often.shift


def test_a_grid_keeps_totals_ends_and_quantiles() -> None:
    x = np.random.default_rng(0).normal(size=20_000)
    counts = _in_chunks(x, 5, 0, exact=1000, grid=1000)
    values, n = counts.cells()
    assert 400 < len(values) <= 1000
    assert n.sum() == len(x)
    assert counts.ends() == (x.min(), x.max())
    upper = np.concatenate([(values[1:] + values[:-1]) / 2, [np.inf]])
    true = np.searchsorted(np.sort(x), upper) / len(x)
    assert np.abs(np.cumsum(n) / len(x) - true).max() < n.max() / len(x)


def test_planted_heavy_values_are_found_among_millions_of_cells() -> None:
    rng = np.random.default_rng(0)
    planted = np.array([-1.25, 0.0, 3.14159, 1e9])
    x = np.concatenate([rng.normal(size=50_000), np.repeat(planted, [200, 400, 300, 250])])
    counts = _in_chunks(x, 9, 1, exact=2000, grid=500)
    found, times = counts.frequent(150)
    assert found.tolist() == planted.tolist()
    assert (times >= [200, 400, 300, 250]).all()
    assert (times <= np.array([200, 400, 300, 250]) + 60).all()  # a sketch counts a little too much, never too little


@QUICK
@given(st.integers(1, 3000), st.integers(0, 2**64 - 1))
def test_permute_is_a_permutation(m: int, key: int) -> None:
    assert np.sort(permute(np.arange(m), m, key)).tolist() == list(range(m))


def test_permute_reaches_62_bits() -> None:
    x = np.arange(1000)
    far = permute(x, 2**62, 5)
    assert len(np.unique(far)) == 1000
    assert far.max() < 2**62
    assert abs(far.astype(float).mean() / 2**61 - 1) < 5 / (3 * 1000) ** 0.5  # mean of a uniform, sd 1/sqrt(3 n)


def test_mix_changes_half_of_the_bits() -> None:
    flips = np.bitwise_count(mix(np.arange(4096)) ^ mix(np.arange(4096) + 1))
    assert abs(flips.mean() - 32) < 5 * 4 / 4096**0.5
