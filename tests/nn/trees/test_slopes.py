"""Slopes of nodes between two limits: ordinary least squares and the slope above."""

import numpy as np
import pytest

from genwright.nn.trees.slopes import MIN_ROWS, Prior, global_slope, tree_slopes
from genwright.nn.trees.tree import Tree, grow


def _world(n: int = 800) -> tuple[Tree, np.ndarray, np.ndarray, np.ndarray]:
    """A tree, the leaf of each row, and a relation whose slope changes with the first column."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    y = np.where(X[:, 0] > 0, 2.0, -1.0) * X[:, 1] + 0.5 * X[:, 2] + 0.1 * rng.normal(size=n) + 3
    tree = grow(X.astype(np.float32), y, is_category=False, min_leaf=4, seed=0)
    return tree, tree.leaf_of(X.astype(np.float32)), X, y


def _reached(tree: Tree, leaf: np.ndarray) -> list[np.ndarray]:
    """Rows below every node, by climbing from the leaves."""
    above = np.full(len(tree.feature), -1)
    for node in np.flatnonzero(tree.feature >= 0):
        above[[tree.left[node], tree.right[node]]] = node
    rows = [[] for _ in tree.feature]
    for i, node in enumerate(leaf):
        while node >= 0:
            rows[node].append(i)
            node = above[node]
    return [np.array(r, int) for r in rows]


def _ols(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(np.column_stack([np.ones(len(X)), X]), y, rcond=None)[0][1:]


def test_without_shrinkage_every_node_is_least_squares() -> None:
    tree, leaf, X, y = _world()
    slopes = tree_slopes(tree, leaf, X, y, Prior(np.zeros(3), 1e9))
    n_checked = 0
    for node, rows in enumerate(_reached(tree, leaf)):
        if len(rows) >= MIN_ROWS:
            np.testing.assert_allclose(slopes[node], _ols(X[rows], y[rows]), atol=1e-4)
            n_checked += 1
    assert n_checked > 50


def test_with_all_shrinkage_every_node_has_the_slope_above_the_root() -> None:
    tree, leaf, X, y = _world()
    root = np.array([1.0, -2.0, 0.25])
    slopes = tree_slopes(tree, leaf, X, y, Prior(root, 1e-9))
    np.testing.assert_allclose(slopes, np.tile(root, (len(slopes), 1)), atol=1e-3)


def test_shrinkage_solves_the_penalised_problem() -> None:
    """One node: b minimises |y − Xb|² + λ|b − b₀|², which is least squares with three more rows."""
    _, _, X, y = _world(60)
    stump = Tree(*(np.array([-1], np.int32), np.zeros(1), *(np.array([-1], np.int32),) * 2))
    root, var = np.array([0.5, 0.0, 0.0]), 0.3
    found = tree_slopes(stump, np.zeros(60, int), X, y, Prior(root, var))[0]
    Xc, yc = X - X.mean(0), y - y.mean()
    penalty = (np.square(yc - Xc @ root).mean() + 1e-6) / var
    rows = np.vstack([Xc, np.sqrt(penalty) * np.eye(3)])
    oracle = np.linalg.lstsq(rows, np.concatenate([yc, np.sqrt(penalty) * root]), rcond=None)[0]
    np.testing.assert_allclose(found, oracle, atol=1e-9)


def test_thin_nodes_keep_their_parents_slope() -> None:
    tree, leaf, X, y = _world()
    slopes = tree_slopes(tree, leaf, X, y, Prior(np.zeros(3), 0.3))
    rows = _reached(tree, leaf)
    thin = 0
    for node in np.flatnonzero(tree.feature >= 0):
        for child in (tree.left[node], tree.right[node]):
            if len(rows[child]) < MIN_ROWS:
                np.testing.assert_array_equal(slopes[child], slopes[node])
                thin += 1
    assert thin


def test_global_slope_is_ridge_regression() -> None:
    _, _, X, y = _world()
    np.testing.assert_allclose(global_slope(X, y, ridge=0.0), _ols(X, y), atol=1e-9)
    assert global_slope(np.ones((9, 2)), np.arange(9.0)) == pytest.approx(np.zeros(2))
