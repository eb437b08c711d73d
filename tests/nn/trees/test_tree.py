"""Trees as arrays against scikit-learn's own, and pruning against counting."""

import itertools

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from genwright.nn.trees.tree import Tree, grow, grow_binned


def _world(seed: int, n: int = 500) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.random((n, 4)).astype(np.float32)
    X[:, 3] = np.round(X[:, 3] * 3)
    return X, X[:, 0] * X[:, 1] + 0.3 * X[:, 3] + 0.1 * rng.normal(size=n)


@pytest.mark.parametrize("seed", range(5))
def test_leaves_are_those_of_the_library(seed: int) -> None:
    X, y = _world(seed)
    fresh, _ = _world(seed + 100)
    oracle = DecisionTreeRegressor(min_samples_leaf=7, random_state=seed).fit(X, y)
    tree = grow(X, y, is_category=False, min_leaf=7, seed=seed)
    np.testing.assert_array_equal(tree.leaf_of(fresh), oracle.apply(fresh))
    codes = (y > np.median(y)).astype(np.int64) + (y > np.quantile(y, 0.9))
    oracle = DecisionTreeClassifier(min_samples_leaf=7, random_state=seed).fit(X, codes)
    tree = grow(X, codes, is_category=True, min_leaf=7, seed=seed)
    np.testing.assert_array_equal(tree.leaf_of(fresh), oracle.apply(fresh))


def test_no_rows_reach_no_leaf() -> None:
    X, y = _world(0)
    assert grow(X, y, is_category=False, min_leaf=20, seed=0).leaf_of(X[:0]).shape == (0,)


def test_levels_hold_every_inner_node_once() -> None:
    X, y = _world(1)
    tree = grow(X, y, is_category=False, min_leaf=5, seed=0)
    levels = tree.levels()
    assert sorted(np.concatenate(levels).tolist()) == np.flatnonzero(tree.feature >= 0).tolist()
    for above, below in itertools.pairwise(levels):
        assert np.isin(below, np.concatenate([tree.left[above], tree.right[above]])).all()


@pytest.mark.parametrize("min_fill", [1, 3, 10, 60, 301])
def test_pruned_leaves_hold_enough_or_are_the_root(min_fill: int) -> None:
    for seed in range(5):
        X, y = _world(seed)
        filled, _ = _world(seed + 50, n=300)
        tree = grow(X, y, is_category=False, min_leaf=2, seed=seed)
        before = tree.leaf_of(filled)
        after = tree.prune(before, min_fill)
        np.testing.assert_array_equal(after, tree.leaf_of(filled))
        _, counts = np.unique(after, return_counts=True)
        assert (counts >= min(min_fill, 300)).all()
        assert min_fill <= 300 or (after == 0).all()
        assert all(len(np.unique(after[before == leaf])) == 1 for leaf in np.unique(before))  # leaves only merge


def test_pruning_cuts_no_more_than_it_must() -> None:
    """Every merged leaf had a thin child."""
    X, y = _world(2)
    filled, _ = _world(52, n=300)
    whole = grow(X, y, is_category=False, min_leaf=2, seed=0)
    tree = Tree(whole.feature.copy(), whole.threshold, whole.left, whole.right)
    tree.prune(tree.leaf_of(filled), 8)
    at = tree.leaf_of(filled)
    for node in np.unique(at[whole.feature[at] >= 0]):
        rows = filled[at == node]
        goes_left = rows[:, whole.feature[node]] <= whole.threshold[node]
        assert min(goes_left.sum(), (~goes_left).sum()) < 8


def test_binned_trees_explain_nearly_as_much() -> None:
    X, y = _world(3, n=4_000)
    fresh, truth = _world(4, n=4_000)

    def loss(tree: Tree) -> float:
        leaf = tree.leaf_of(X)
        n_rows = np.bincount(leaf, minlength=len(tree.feature))
        assert n_rows[n_rows > 0].min() >= 25
        mean = np.bincount(leaf, weights=y, minlength=len(tree.feature)) / np.maximum(n_rows, 1)
        return float(np.square(truth - mean[tree.leaf_of(fresh)]).mean())

    exact = loss(grow(X, y, is_category=False, min_leaf=25, seed=0))
    assert loss(grow_binned(X, y, min_leaf=25)) < 1.1 * exact < 0.5 * truth.var()
