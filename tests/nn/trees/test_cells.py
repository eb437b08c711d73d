"""Leaves divided into cells: cells hold what they may, rows keep their leaves, nearby rows share cells."""

import numpy as np
import pytest

from genwright.nn.trees.cells import Cells, Places, divide
from genwright.nn.trees.tree import Tree, grow

IS_CATEGORY = np.array([False, True, False])


def _world(seed: int, n: int = 600) -> tuple[Tree, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = np.stack([rng.random(n), rng.integers(0, 4, n), rng.random(n)], axis=1).astype(np.float32)
    return grow(X, X[:, 0] + rng.normal(size=n), is_category=False, min_leaf=20, seed=seed), X


def _divided(seed: int, size: int) -> tuple[Tree, np.ndarray, Cells]:
    tree, X = _world(seed)
    return tree, X, divide(tree, tree.leaf_of(X), Places(X, IS_CATEGORY), tree.feature < 0, size)


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("seed", range(3))
def test_cells_hold_their_rows_and_no_more_than_the_size(seed: int, size: int) -> None:
    _, X, cells = _divided(seed, size)
    cell = cells.tree.leaf_of(X)
    for c in np.unique(cell):
        rows = cells.order[cells.first[c] : cells.first[c] + cells.count[c]]
        assert sorted(rows) == np.flatnonzero(cell == c).tolist()
        assert len(rows) <= size


@pytest.mark.parametrize("seed", range(3))
def test_rows_stay_in_their_leaf(seed: int) -> None:
    tree, X, cells = _divided(seed, 2)
    fresh = _world(seed + 50)[1]
    for rows in (X, fresh):
        np.testing.assert_array_equal(cells.owner[cells.tree.leaf_of(rows)], tree.leaf_of(rows))
    assert sorted(cells.order) == list(range(len(X)))


def test_only_what_is_to_be_divided_is() -> None:
    tree, X = _world(0)
    leaf = tree.leaf_of(X)
    one = np.zeros(len(tree.feature), bool)
    one[leaf[0]] = True
    cells = divide(tree, leaf, Places(X, IS_CATEGORY), one, 2)
    cell = cells.tree.leaf_of(X)
    np.testing.assert_array_equal(cell[leaf != leaf[0]], leaf[leaf != leaf[0]])
    assert (cell[leaf == leaf[0]] >= len(tree.feature)).all()


def test_rows_at_one_place_are_never_parted() -> None:
    tree, X = _world(1)
    twice = np.concatenate([X, X, X])
    cells = divide(tree, tree.leaf_of(twice), Places(twice, IS_CATEGORY), tree.feature < 0, 1)
    cell = cells.tree.leaf_of(twice)
    np.testing.assert_array_equal(cell[: len(X)], cell[len(X) : 2 * len(X)])
    assert (cells.count[cell] == 3).all()


def test_rows_beside_a_row_mostly_share_its_cell() -> None:
    """A step of a hundredth of a standard deviation: more than nine in ten stay in the cell they came from."""
    _, X, cells = _divided(2, 1)
    rng = np.random.default_rng(0)
    beside = X + (0.003 * rng.normal(size=X.shape) * ~IS_CATEGORY).astype(np.float32)
    assert (cells.tree.leaf_of(beside) == cells.tree.leaf_of(X)).mean() > 0.9
