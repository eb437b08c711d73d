"""Boosted forests against scikit-learn's own predictions, and bit masks against a tree by hand."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from genwright.core.packing import Packer, Unpacker
from genwright.nn.trees.forest import EVERY, MAX_LEAVES, Forest, Rounds, boost


def _world(seed: int, n: int = 1_000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.random((n, 5)).astype(np.float32)
    X[:, 2] = np.round(X[:, 2] * 3)
    return X, np.sin(5 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.3 * rng.normal(size=n)


@pytest.mark.parametrize("n_leaves", [2, 6, MAX_LEAVES])
def test_sums_are_those_of_the_library(n_leaves: int) -> None:
    X, y = _world(0)
    fresh, _ = _world(1)
    settings = {"max_iter": 20, "max_leaf_nodes": n_leaves, "learning_rate": 0.2}
    settings |= {"min_samples_leaf": 20, "l2_regularization": 1.0, "early_stopping": False}
    rounds = Rounds(20, n_leaves, 0.2)
    oracle = HistGradientBoostingRegressor(**settings).fit(X, y)
    np.testing.assert_allclose(boost(X, y, rounds, is_category=False)(fresh), oracle.predict(fresh), rtol=1e-12)
    codes = (y > np.median(y)).astype(float)
    oracle = HistGradientBoostingClassifier(**settings).fit(X, codes)
    found = boost(X, codes, rounds, is_category=True)(fresh)
    np.testing.assert_allclose(found, oracle.decision_function(fresh), rtol=1e-12, atol=1e-12)


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    X, y = _world(0, n=900)
    forest = boost(X, y, Rounds(30), is_category=False)
    alone = np.concatenate([forest(X[i : i + 1]) for i in range(len(X))])
    assert np.array_equal(alone, forest(X))
    assert forest(X[:0]).shape == (0,)


def test_tree_by_hand() -> None:
    """x_0 ≤ 1: leaf 0; else x_1 ≤ 2: leaf 1, else leaf 2."""
    value = np.zeros((1, MAX_LEAVES))
    value[0, :3] = 10, 20, 30
    kept = np.array([[EVERY ^ np.uint16(0b001), EVERY ^ np.uint16(0b010)]], np.uint16)
    forest = Forest(0.5, np.array([[0, 1]], np.int32), np.array([[1.0, 2.0]], np.float32), kept, value)
    X = np.array([[1.0, 9.0], [1.5, 2.0], [1.5, 2.5], [0.0, 0.0]], np.float32)
    assert forest(X).tolist() == [10.5, 20.5, 30.5, 10.5]


def test_saved_forest_is_the_same() -> None:
    X, y = _world(2)
    forest, packer = boost(X, y, Rounds(7), is_category=False), Packer()
    forest.pack(packer)
    assert np.array_equal(Forest.unpack(Unpacker(packer.tensors()))(X), forest(X))


def test_what_does_not_vary_is_expected_everywhere() -> None:
    X, _ = _world(3)
    np.testing.assert_allclose(boost(X, np.full(len(X), 2.5), Rounds(5), is_category=False)(X), 2.5)
