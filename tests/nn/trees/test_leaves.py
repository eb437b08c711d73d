"""Leaves: a row finds the members of its own."""

import numpy as np

from genwright.nn.trees.cells import Places
from genwright.nn.trees.filling import Fallen, Grown, fill
from genwright.nn.trees.leaves import Leaves
from tests.nn.trees.leaf_worlds import COLUMNS, STUMP, still


def _plain(X: np.ndarray, codes: np.ndarray, maps: dict[int, np.ndarray]) -> Leaves:
    """Two leaves of categories, without holes and slopes."""
    fallen = Fallen(STUMP.leaf_of(X), Places(X, np.array([bool(maps)])), codes, np.zeros((len(X), 0)))
    return fill(COLUMNS["category"], Grown(STUMP, maps, np.zeros((3, 0))), fallen, 0)


def test_each_row_gets_its_leafs_members() -> None:
    X = np.array([[0], [1], [1], [0], [1]], np.float32)
    codes = np.array([0, 1, 1, 2, 3], np.int32)
    leaves = _plain(X, codes, {})
    cell = leaves.cell_of(np.array([[1.0], [0.0]], np.float32))
    assert cell.tolist() == [2, 1]
    ((_, candidates),) = leaves.candidates(cell, still(2))
    assert candidates.row.tolist() == [0, 0, 0, 1, 1]
    assert sorted(candidates.code[:3]) == [1, 1, 3]
    assert sorted(candidates.code[3:]) == [0, 2]


def test_categories_are_put_in_order_before_the_tree_is_walked() -> None:
    maps = {0: np.array([2, 0, 1], np.float32)}
    X, codes = np.array([[0], [1], [2]], np.float32), np.zeros(3, np.int32)
    leaves = _plain(X, codes, maps)
    assert leaves.cell_of(np.array([[0.0], [1.0], [2.0]], np.float32)).tolist() == [2, 1, 2]
