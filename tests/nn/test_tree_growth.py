"""Growing: halves do not overlap, related columns are found, category orders are optimal."""

import itertools

import numpy as np
import pytest

from genwright.core.space import Category, Field
from genwright.models.trees import TreesConfig
from genwright.nn.tree_column import TreeColumn, learn_column
from genwright.nn.tree_growth import Donors, Plan, _category_scores, _explained, _halves, _screen
from tests.nn.worlds import real_column


@pytest.mark.parametrize("n", [7, 100, 30_000])
def test_honest_halves_are_disjoint_and_both_ways(n: int) -> None:
    found = _halves(n, Plan(5, 1, is_honest=True), TreesConfig(), np.random.default_rng(0))
    assert len(found) % 2 == 0
    for (grown, filled), (other_grown, other_filled) in zip(found[::2], found[1::2]):
        assert not set(grown) & set(filled)
        assert sorted([*grown, *filled]) == list(range(n))
        assert grown.tolist() == other_filled.tolist()
        assert filled.tolist() == other_grown.tolist()


def test_small_tables_are_halved_more_often() -> None:
    def n_trees(n: int) -> int:
        return len(_halves(n, Plan(5, 1, is_honest=True), TreesConfig(), np.random.default_rng(0)))

    assert n_trees(100) > n_trees(40_000) > n_trees(100_000) == 2


def _donors(columns: list[TreeColumn], values: list[np.ndarray]) -> Donors:
    return Donors.of(columns, values)


def test_the_related_columns_are_kept() -> None:
    """Numbers and categories of which three tell of the last column."""
    rng = np.random.default_rng(1)
    n, related = 2_000, [3, 10, 17]
    values: list[np.ndarray] = [rng.normal(size=n) if k % 2 else rng.integers(0, 6, n) for k in range(20)]
    y = values[3] + np.array([0, 2, 0, 2, 0, 1])[values[10].astype(int)] + values[17] + rng.normal(size=n)
    columns = [real_column(x) if k % 2 else learn_column(Field(Category(6)), x) for k, x in enumerate(values)]
    target = real_column(y)
    explained = _explained(target, target.code(y))
    kept = _screen(20, columns, _donors(columns, values), explained, 3, np.random.default_rng(2))
    assert kept.tolist() == related


def test_one_split_of_ordered_codes_is_the_best_of_all_splits() -> None:
    """Breiman's theorem: for two classes no split of the codes beats every cut of the order (by enumeration)."""
    rng = np.random.default_rng(3)
    code = rng.integers(0, 6, 3_000)
    y = (rng.random(3_000) < np.array([0.2, 0.7, 0.4, 0.9, 0.1, 0.5])[code]).astype(np.int64)

    def impurity(left: np.ndarray) -> float:
        parts = (y[left], y[~left])
        return sum(len(p) * p.mean() * (1 - p.mean()) for p in parts if len(p))

    score = _category_scores(code, 6, y, learn_column(Field(Category(2)), y))
    order = np.argsort(score)
    by_order = min(impurity(np.isin(code, order[:k])) for k in range(1, 6))
    subsets = itertools.chain.from_iterable(itertools.combinations(range(6), k) for k in range(1, 6))
    assert by_order == pytest.approx(min(impurity(np.isin(code, s)) for s in subsets))
