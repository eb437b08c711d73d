"""Donors of a row together: their probabilities sum to one, and draws follow them, in leaves of every sort."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genwright.core.space import Category, Field
from genwright.nn.tree import Tree
from genwright.nn.tree_column import TreeColumn, learn_column
from genwright.nn.tree_leaves import EDGE, LARGE, PAIRS, Candidates, Leaves, Stretches, blocks, fill, pairs
from tests.nn.worlds import assert_same_shares, integral, jumps, real_column

N, N_DRAWS = 1_000, 50_000
ROOT = Tree(np.array([-1], np.int32), np.zeros(1), np.array([-1], np.int32), np.array([-1], np.int32))


def _columns() -> dict[str, TreeColumn]:
    rng = np.random.default_rng(0)
    x = rng.gamma(2.0, size=N)
    some = rng.random(N)
    return {
        "category": learn_column(Field(Category(5)), rng.choice(5, N, p=[0.5, 0.3, 0.1, 0.06, 0.04])),
        "smooth": real_column(x),
        "repeats": real_column(np.concatenate([x[: N // 2]] * 2)),
        "atoms and missing": real_column(np.where(some < 0.3, 0.0, np.where(some < 0.4, np.nan, x))),
        "integers": real_column(np.round(40 * x), step=1.0),
        "cents": real_column(np.where(some < 0.2, 0.0, np.round(x, 2)), step=0.01),
        "few values": real_column(np.round(x)),
    }


COLUMNS = _columns()


@dataclass(frozen=True)
class Sort:
    """A sort of leaf."""

    n: int  # donors
    shift: float = 0.0  # how differently slopes move them
    offset: float = 0.0  # how far slopes move all of them


SORTS = {
    "one donor": Sort(1),
    "small": Sort(12),
    "large": Sort(600),
    "small, moved": Sort(12, shift=0.4),
    "large, moved": Sort(300, shift=0.4),
    "moved off the end": Sort(12, shift=1.0, offset=7.5),
}


def _codes(column: TreeColumn, n: int) -> np.ndarray:
    """Codes of n training rows, drawn without replacement."""
    code = np.repeat(np.arange(len(column.values)), column.counts)
    code = np.concatenate([code, np.full(column.n_missing, -1)]).astype(np.int32)
    return np.random.default_rng(1).permutation(code)[:n]


def _candidates(column: TreeColumn, sort: Sort, n_rows: int) -> Candidates:
    """The same leaf for every row."""
    codes = _codes(column, sort.n)
    filled = fill(ROOT, np.zeros(len(codes), np.int32), np.arange(len(codes)), codes, column)
    leaves = Leaves(ROOT, {}, **filled, slopes=np.zeros((1, 0)))
    is_pure = len(np.unique(codes)) == 1 and column.smooth_index[codes[0]] < 0
    assert leaves.is_large[0] == (sort.n > LARGE or is_pure)
    row, place = pairs(leaves, np.zeros(n_rows, np.int32))
    shift = sort.offset + sort.shift * np.random.default_rng(2).normal(size=leaves.count[0])
    return Candidates(row, codes[leaves.members[place]], leaves.weights[place], shift[place], column, n_rows)


def _prob(column: TreeColumn, sort: Sort, x: np.ndarray) -> np.ndarray:
    """Probabilities of all values, at most a thousand at a time."""
    parts = np.array_split(x, len(x) // 1000 + 1)
    return np.concatenate([_candidates(column, sort, len(part)).prob(part) for part in parts])


def _points(column: TreeColumn) -> np.ndarray:
    """Values that can have mass."""
    if column.is_category:
        return np.arange(len(column.values))
    step = column.field.support.step  # type: ignore[union-attr]
    if step:
        every = np.arange(round(column.low / step), round(column.high / step) + 1) * step
        return np.append(column.field.support.on_step(every), np.nan)  # type: ignore[union-attr]
    is_spread = (column.smooth_index[:-1] >= 0) & (column.counts == 1)
    return np.append(column.values[~is_spread], np.nan)


def _jumps(column: TreeColumn, sort: Sort) -> np.ndarray:
    """Where the density may jump or bend: the column's values, the ends of the stretches, some more scores."""
    _, stretches = _candidates(column, sort, 1)._all_stretches()
    from scipy.special import ndtr

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
    x = np.concatenate(
        [_candidates(column, kind, 500).draw(rng.random(500), rng.random(500)) for _ in range(N_DRAWS // 500)]
    )
    points = _points(column)
    mass = _prob(column, kind, points)
    hits = np.array([np.isnan(x).sum() if np.isnan(p) else (x == p).sum() for p in points])
    if column.smooth is not None and not column.field.support.step:  # type: ignore[union-attr]
        edges = np.append(np.quantile(column.values, np.linspace(0, 0.99, 15)), column.high)
        is_point = np.isin(x, points) | np.isnan(x)
        area = integral(lambda v: _prob(column, kind, v), edges, _jumps(column, kind))
        mass = np.concatenate([mass, area])
        hits = np.concatenate([hits, np.histogram(x[~is_point], edges)[0]])
    assert hits.sum() == N_DRAWS
    assert mass.sum() == pytest.approx(1, abs=0.02)  # the density between two jumps is smooth, not flat
    assert_same_shares(hits, mass, slack=0.001)


@pytest.mark.parametrize("sort", SORTS)
def test_single_values_are_never_drawn(sort: str) -> None:
    column = COLUMNS["smooth"]
    rng = np.random.default_rng(4)
    for _ in range(20):
        x = _candidates(column, SORTS[sort], 500).draw(rng.random(500), rng.random(500))
        assert not np.isin(x, column.values).any()


@pytest.mark.parametrize("name", ["category", "atoms and missing", "integers"])
def test_a_condensed_leaf_keeps_the_shares_of_atoms(name: str) -> None:
    """Oracle: counting the donors."""
    column, codes = COLUMNS[name], _codes(COLUMNS[name], 600)
    atoms = np.array([c for c in np.unique(codes) if column.smooth_index[c] < 0])
    if column.smooth and column.field.support.step:  # type: ignore[union-attr]
        pytest.skip("smooth draws round onto atoms")
    p = _prob(column, SORTS["large"], column.value(atoms))
    np.testing.assert_allclose(p, [(codes == c).mean() for c in atoms], rtol=1e-5)


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("sort", ["small", "small, moved", "large"])
def test_temperature_one_is_the_plain_draw_and_extremes_are_finite(name: str, sort: str) -> None:
    candidates = _candidates(COLUMNS[name], SORTS[sort], 4)
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
    p = _prob(column, SORTS["large"], np.arange(5))
    for temperature in (0.5, 2.0):
        candidates = _candidates(column, SORTS["large"], 1)
        weight = candidates._tempered(temperature)
        found = np.bincount(candidates.code, weights=weight, minlength=5) / weight.sum()
        np.testing.assert_allclose(found, p ** (1 / temperature) / (p ** (1 / temperature)).sum(), rtol=1e-6)


def test_probabilities_do_not_depend_on_the_other_rows() -> None:
    """Scores a rounding error apart, as slopes make them, among very many rows."""
    column, n_rows = COLUMNS["smooth"], 20_000
    rng = np.random.default_rng(5)
    code = np.tile(np.array([300, 300, 300, 700], np.int32), n_rows)
    shift = np.tile(np.array([0.1, 0.1 + 1e-9, 0.1, 0.0]), n_rows)
    row = np.repeat(np.arange(n_rows), 4)
    x = column.smooth.value(rng.random(n_rows))  # type: ignore[union-attr]
    many = Candidates(row, code, np.ones(len(row), np.float32), shift, column, n_rows).prob(x)
    for i in range(n_rows - 50, n_rows):
        one = Candidates(row[:4], code[:4], np.ones(4, np.float32), shift[:4], column, 1).prob(x[i : i + 1])
        assert one[0] == pytest.approx(many[i], rel=1e-9)


scores = st.lists(st.floats(-5, 5), min_size=1, max_size=12, unique=True).map(sorted)


@given(scores, st.floats(1e-6, 0.5))
def test_stretches_have_mass_one_and_densities_integrate_to_it(middle: list[float], half: float) -> None:
    m = np.array(middle)
    gap = np.diff(m)
    before, after = np.insert(gap, 0, np.inf), np.append(gap, np.inf)
    stretches = Stretches.around(m, before, after, m - half, m + half)
    mass, _ = stretches.density(np.full(len(m), -np.inf), np.full(len(m), np.inf))
    np.testing.assert_allclose(mass, 1, rtol=1e-6)
    knots = np.unique(np.concatenate([*stretches.core, *stretches.whole]))
    centre = (knots[1:] + knots[:-1]) / 2
    height = np.stack([stretches.density(np.full(len(m), c), np.full(len(m), c))[1] for c in centre])
    np.testing.assert_allclose((height * np.diff(knots)[:, None]).sum(0), 1, rtol=1e-6)
    v = np.random.default_rng(0).random((200, len(m)))
    placed = np.stack([stretches.place(u) for u in v])
    assert (placed >= stretches.whole[0]).all()
    assert (placed <= stretches.whole[1]).all()
    assert (np.abs(placed) <= EDGE).all()


@given(st.lists(st.integers(1, 3 * PAIRS // 2), max_size=20))
def test_blocks_cover_every_row_once_and_stay_small(count: list[int]) -> None:
    found = list(blocks(np.array(count, np.int64)))
    assert [i for part in found for i in range(part.start, part.stop)] == list(range(len(count)))
    for part in found:
        assert sum(count[part]) <= PAIRS or part.stop - part.start == 1


def test_pairs_list_each_leafs_members() -> None:
    column = COLUMNS["category"]
    tree = Tree(np.array([0, -1, -1], np.int32), np.array([0.5, 0, 0]), np.array([1, -1, -1]), np.array([2, -1, -1]))
    leaf = np.array([1, 2, 2, 1, 2])
    filled = fill(tree, leaf, np.array([10, 20, 21, 11, 22]), np.array([0, 1, 1, 2, 3]), column)
    leaves = Leaves(tree, {}, **filled, slopes=np.zeros((3, 0)))
    row, place = pairs(leaves, np.array([2, 1]))
    assert row.tolist() == [0, 0, 0, 1, 1]
    assert sorted(leaves.members[place[:3]].tolist()) == [20, 21, 22]
    assert sorted(leaves.members[place[3:]].tolist()) == [10, 11]
    assert leaves.leaf_of(np.array([[0.0], [1.0]], np.float32)).tolist() == [1, 2]


def test_categories_are_put_in_order_before_the_tree_is_walked() -> None:
    tree = Tree(np.array([0, -1, -1], np.int32), np.array([0.5, 0, 0]), np.array([1, -1, -1]), np.array([2, -1, -1]))
    empty = np.zeros(3, np.int64)
    maps = {0: np.array([2, 0, 1], np.float32)}
    leaves = Leaves(tree, maps, empty, empty, empty > 0, empty, empty, np.zeros((3, 0)))
    assert leaves.leaf_of(np.array([[0.0], [1.0], [2.0]], np.float32)).tolist() == [2, 1, 2]
