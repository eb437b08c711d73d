"""Donors of a row together: their probabilities sum to one, and draws follow them, in leaves of every sort."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genwright.core.space import Category, Field
from genwright.nn.tree import Tree
from genwright.nn.tree_column import TreeColumn, learn_column
from genwright.nn.tree_leaves import EDGE, LARGE, PAIRS, Candidates, Leaves, Stretches, blocks, fill
from tests.nn.worlds import assert_same_shares, integral, jumps, real_column

N, N_DRAWS = 1_000, 50_000
STUMP = Tree(np.array([0, -1, -1], np.int32), np.array([0.5, 0, 0]), np.array([1, -1, -1]), np.array([2, -1, -1]))
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
    hole: int = 0  # donors passed over
    equal: float = 0.0  # share of donors whose number is an earlier column's


SORTS = {
    "one donor": Sort(1),
    "small": Sort(12),
    "small, with a hole": Sort(12, hole=3),
    "large": Sort(600),
    "small, moved": Sort(12, shift=0.4),
    "large, moved": Sort(300, shift=0.4),
    "moved off the end": Sort(12, shift=1.0, offset=7.5),
    "small, equal to another": Sort(12, hole=1, equal=0.4),
    "large, equal to another": Sort(600, equal=0.4),
}


def _codes(column: TreeColumn, sort: Sort) -> np.ndarray:
    """Codes of training rows, drawn without replacement."""
    code = np.repeat(np.arange(len(column.values)), column.counts)
    code = np.concatenate([code, np.full(column.n_missing, -1)]).astype(np.int32)
    code = np.random.default_rng(1).permutation(code)[: sort.n]
    if not column.is_category:
        code[: round(sort.equal * len(code))] = -2
    return code


def _leaves(column: TreeColumn, sort: Sort) -> Leaves:
    """One leaf; its donors stand at different places."""
    codes = _codes(column, sort)
    rng = np.random.default_rng(2)
    X = rng.random((len(codes), 2)).astype(np.float32)
    slopes = np.ones((1, 1)) if sort.shift else np.zeros((1, 0))
    inputs = sort.shift * rng.normal(size=(len(codes), slopes.shape[1]))
    leaves = fill(column, ROOT, {}, ROOT.leaf_of(X), X, np.zeros(2, bool), codes, sort.hole, slopes, inputs)
    is_pure = len(np.unique(codes)) == 1 and column.smooth_index[codes[0]] < 0
    is_condensed = sort.n > LARGE or is_pure
    assert is_condensed == (leaves.weights.max() > 1 or is_pure)
    return leaves


def _rows(column: TreeColumn, leaves: Leaves, sort: Sort, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """n times the same row: its cell, how far it moves donors, and its number that the column's may equal."""
    cell = leaves.cell_of(np.tile(np.float32([0.3, 0.6]), (n, 1)))
    equals = column.projected([np.full(n, 1.234)]) if sort.equal and not column.is_category else np.zeros((n, 0))
    return cell, np.full(n, sort.offset), equals


def _candidates(column: TreeColumn, sort: Sort, n_rows: int) -> Candidates:
    """The same leaf for every row."""
    leaves = _leaves(column, sort)
    return next(leaves.candidates(*_rows(column, leaves, sort, n_rows)))[1]


def _draws(column: TreeColumn, sort: Sort, rng: np.random.Generator) -> np.ndarray:
    leaves = _leaves(column, sort)
    cell, shift, equals = _rows(column, leaves, sort, N_DRAWS)
    return leaves.value(leaves.pick(cell, rng.random(N_DRAWS)), shift, equals, rng.random(N_DRAWS))


def _prob(column: TreeColumn, sort: Sort, x: np.ndarray) -> np.ndarray:
    """Probabilities of values."""
    leaves = _leaves(column, sort)
    found = [c.prob(x[part]) for part, c in leaves.candidates(*_rows(column, leaves, sort, len(x)))]
    return np.concatenate(found)


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
    x = _draws(column, kind, rng)
    points = _points(column, kind)
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
    assert not np.isin(_draws(column, SORTS[sort], np.random.default_rng(4)), column.values).any()


@pytest.mark.parametrize("name", ["category", "atoms and missing", "integers"])
def test_a_condensed_leaf_keeps_the_shares_of_atoms(name: str) -> None:
    """Oracle: counting the donors."""
    column, codes = COLUMNS[name], _codes(COLUMNS[name], SORTS["large"])
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


def test_leaves_do_not_depend_on_one_another() -> None:
    """The donors of two leaves together, against each leaf alone."""
    column = COLUMNS["smooth"]
    rng = np.random.default_rng(5)
    X, codes = rng.random((24, 1)).astype(np.float32), rng.permutation(N)[:24].astype(np.int32)
    both = fill(
        column, STUMP, {}, STUMP.leaf_of(X), X, np.zeros(1, bool), codes, 2, np.zeros((3, 0)), np.zeros((24, 0))
    )
    query, x = rng.random((500, 1)).astype(np.float32), column.values[rng.integers(N, size=500)] + 1e-4
    found = np.concatenate([c.prob(x[part]) for part, c in both.candidates(both.cell_of(query), *_still(500))])
    for is_left in (True, False):
        mine, at = (X[:, 0] <= 0.5) == is_left, np.flatnonzero((query[:, 0] <= 0.5) == is_left)
        one = fill(
            column,
            ROOT,
            {},
            ROOT.leaf_of(X[mine]),
            X[mine],
            np.zeros(1, bool),
            codes[mine],
            2,
            np.zeros((1, 0)),
            np.zeros((24, 0)),
        )
        alone = [c.prob(x[at][part]) for part, c in one.candidates(one.cell_of(query[at]), *_still(len(at)))]
        np.testing.assert_allclose(found[at], np.concatenate(alone), rtol=1e-9)


def _still(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows that move no donors and have no equal columns."""
    return np.zeros(n), np.zeros((n, 0))


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


def _plain(X: np.ndarray, codes: np.ndarray, maps: dict[int, np.ndarray]) -> Leaves:
    """Two leaves of categories, without holes and slopes."""
    slopes, inputs = np.zeros((3, 0)), np.zeros((len(X), 0))
    is_category = np.array([bool(maps)])
    return fill(COLUMNS["category"], STUMP, maps, STUMP.leaf_of(X), X, is_category, codes, 0, slopes, inputs)


def test_each_row_gets_its_leafs_members() -> None:
    X = np.array([[0], [1], [1], [0], [1]], np.float32)
    codes = np.array([0, 1, 1, 2, 3], np.int32)
    leaves = _plain(X, codes, {})
    cell = leaves.cell_of(np.array([[1.0], [0.0]], np.float32))
    assert cell.tolist() == [2, 1]
    ((_, candidates),) = leaves.candidates(cell, *_still(2))
    assert candidates.row.tolist() == [0, 0, 0, 1, 1]
    assert sorted(candidates.code[:3]) == [1, 1, 3]
    assert sorted(candidates.code[3:]) == [0, 2]


def test_categories_are_put_in_order_before_the_tree_is_walked() -> None:
    maps = {0: np.array([2, 0, 1], np.float32)}
    X, codes = np.array([[0], [1], [2]], np.float32), np.zeros(3, np.int32)
    leaves = _plain(X, codes, maps)
    assert leaves.cell_of(np.array([[0.0], [1.0], [2.0]], np.float32)).tolist() == [2, 1, 2]
