"""Donors of a row together: their probabilities sum to one, and draws follow them, in leaves of every sort."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from genwright.nn.trees.candidates import PAIRS, blocks
from genwright.nn.trees.column import TreeColumn
from genwright.nn.trees.stretches import EDGE
from tests.nn.trees.leaf_worlds import COLUMNS, SORTS, Sort, candidates_of, leaves_of, prob_of, rows_of
from tests.nn.worlds import assert_same_shares, integral, jumps

N_DRAWS = 50_000


def _draws(column: TreeColumn, sort: Sort, rng: np.random.Generator) -> np.ndarray:
    leaves = leaves_of(column, sort)
    cell, recipients = rows_of(column, leaves, sort, N_DRAWS)
    return leaves.members.value(leaves.pick(cell, rng.random(N_DRAWS)), recipients, rng.random(N_DRAWS))


def _points(column: TreeColumn, sort: Sort) -> np.ndarray:
    """Values that can have mass."""
    if column.is_category:
        return np.arange(len(column.values))
    step = column.field.support.step  # type: ignore[union-attr]
    if step:
        every = np.arange(round(column.low / step), round(column.high / step) + 1) * step
        return np.append(column.field.support.on_step(every), np.nan)  # type: ignore[union-attr]
    is_spread = (column.smooth_index[: len(column.values)] >= 0) & (column.counts == 1)
    equal = column.projected([np.array([1.234])])[0] if sort.equal else []
    return np.unique(np.concatenate([column.values[~is_spread], equal, [np.nan]]))


def _jumps(column: TreeColumn, sort: Sort) -> np.ndarray:
    """Where the density may jump or bend: the column's values, the ends of the stretches, some more scores."""
    _, stretches = candidates_of(column, sort, 1)._all_stretches()
    assert column.smooth
    even = np.linspace(-EDGE, EDGE, 300)  # between them the density in values hardly bends
    ends = column.smooth.value(ndtr(np.concatenate([*stretches.core, *stretches.whole, even])))
    return np.sort(np.concatenate([jumps(column), ends]))


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("name", COLUMNS)
def test_draws_agree_with_probabilities(name: str, sort: str) -> None:
    """One context: shares of points, and of bins between them, against masses and integrals, which sum to one."""
    column, kind = COLUMNS[name], SORTS[sort]
    rng = np.random.default_rng(3)
    x = _draws(column, kind, rng)
    points = _points(column, kind)
    mass = prob_of(column, kind, points)
    hits = np.array([np.isnan(x).sum() if np.isnan(p) else (x == p).sum() for p in points])
    if column.smooth is not None and not column.field.support.step:  # type: ignore[union-attr]
        edges = np.append(np.quantile(column.values, np.linspace(0, 0.99, 15)), column.high)
        is_point = np.isin(x, points) | np.isnan(x)
        area = integral(lambda v: prob_of(column, kind, v), edges, _jumps(column, kind))
        mass = np.concatenate([mass, area])
        hits = np.concatenate([hits, np.histogram(x[~is_point], edges)[0]])
    assert hits.sum() == N_DRAWS
    assert mass.sum() == pytest.approx(1, abs=0.02)  # the density between two jumps is smooth, not flat
    assert_same_shares(hits, mass, slack=0.001)


@pytest.mark.parametrize("sort", SORTS)
def test_single_values_are_never_drawn(sort: str) -> None:
    column = COLUMNS["smooth"]
    assert not np.isin(_draws(column, SORTS[sort], np.random.default_rng(4)), column.values).any()


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("sort", ["small", "small, moved", "large"])
def test_temperature_one_is_the_plain_draw_and_extremes_are_finite(name: str, sort: str) -> None:
    candidates = candidates_of(COLUMNS[name], SORTS[sort], 4)
    plain = candidates.weight / candidates.total[candidates.row]
    near_one = candidates._tempered(1 + 1e-9)
    near_one /= np.bincount(candidates.row, weights=near_one)[candidates.row]
    np.testing.assert_allclose(near_one, plain, rtol=1e-5)
    for temperature in (0.002, 0.1, 50.0):
        weight = candidates._tempered(temperature)
        assert np.isfinite(weight).all()
        assert (np.bincount(candidates.row, weights=weight) >= 1).all()


def test_temperature_raises_probabilities_of_categories_to_a_power() -> None:
    column = COLUMNS["category"]
    p = prob_of(column, SORTS["large"], np.arange(5))
    for temperature in (0.5, 2.0):
        candidates = candidates_of(column, SORTS["large"], 1)
        weight = candidates._tempered(temperature)
        found = np.bincount(candidates.code, weights=weight, minlength=5) / weight.sum()
        np.testing.assert_allclose(found, p ** (1 / temperature) / (p ** (1 / temperature)).sum(), rtol=1e-6)


@given(st.lists(st.integers(1, 3 * PAIRS // 2), max_size=20))
def test_blocks_cover_every_row_once_and_stay_small(count: list[int]) -> None:
    found = list(blocks(np.array(count, np.int64)))
    assert [i for part in found for i in range(part.start, part.stop)] == list(range(len(count)))
    for part in found:
        assert sum(count[part]) <= PAIRS or part.stop - part.start == 1
