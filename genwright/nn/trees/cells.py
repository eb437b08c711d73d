"""Cells: leaves divided further, so that rows which land beside a training row can be told from the others of a leaf.

A leaf is cut again and again, at the mean of the coordinate in which its rows differ most, until a cell holds no more
rows than are to be passed over. Rows of a cell, and of cells that were cut apart last, lie together in the order that
comes out.
"""

from dataclasses import dataclass

import numpy as np

from genwright.nn.trees.tree import Tree

WIDEST = 0.25  # variance of a coordinate that counts: that of two equally likely categories


@dataclass(frozen=True)
class Places:
    """Where rows stand for a tree.

    Args:
        X: Coordinates in its predictors (N, P).
        is_category: Predictors that are categories (P,).
    """

    X: np.ndarray
    is_category: np.ndarray


@dataclass(frozen=True)
class Cells:
    """A tree whose leaves are divided.

    Args:
        tree: The deeper tree; the first nodes are those of the tree that was divided.
        owner: The leaf that each node lies in, of the tree that was divided (nodes,).
        order: Rows, those of a leaf and those of a cell together (N,).
        first: Place in the order of each cell's first row (nodes,).
        count: Rows in each cell (nodes,).
    """

    tree: Tree
    owner: np.ndarray
    order: np.ndarray
    first: np.ndarray
    count: np.ndarray


def divide(tree: Tree, leaf: np.ndarray, places: Places, is_divided: np.ndarray, size: int) -> Cells:
    """Divides leaves until none of their cells has more than `size` rows that differ.

    Args:
        tree: The tree.
        leaf: Leaf of each row (N,).
        places: Where the rows stand.
        is_divided: Leaves to be divided (nodes,).
        size: Rows that a cell may hold.
    """
    order = np.argsort(leaf, kind="stable")
    count = np.bincount(leaf, minlength=len(tree.feature))
    first = np.cumsum(count) - count
    nodes = np.flatnonzero(is_divided & (count > size))
    owner = np.arange(len(tree.feature))
    while len(nodes):
        cut, at = _cut(places, order, first[nodes], count[nodes])
        order[at] = cut.order
        nodes, n_left = nodes[cut.is_cut], cut.n_left[cut.is_cut]
        children = len(owner) + np.arange(2 * len(nodes)).reshape(-1, 2)
        tree = _deeper(tree, nodes, cut, children)
        owner = np.concatenate([owner, np.repeat(owner[nodes], 2)])
        first = np.concatenate([first, np.stack([first[nodes], first[nodes] + n_left], axis=1).ravel()])
        count = np.concatenate([count, np.stack([n_left, count[nodes] - n_left], axis=1).ravel()])
        nodes = children.ravel()[count[children.ravel()] > size]
    return Cells(tree, owner.astype(np.int32), order, first, count)


@dataclass(frozen=True)
class _Cut:
    """How S runs of rows are cut in two.

    Args:
        feature: Coordinate (S,).
        threshold: What it is compared with (S,).
        n_left: Rows at most the threshold (S,).
        is_cut: False where all rows are the same (S,).
        order: The rows of all runs, the left ones of each first (R,).
    """

    feature: np.ndarray
    threshold: np.ndarray
    n_left: np.ndarray
    is_cut: np.ndarray
    order: np.ndarray


def _cut(places: Places, order: np.ndarray, first: np.ndarray, count: np.ndarray) -> tuple[_Cut, np.ndarray]:
    """Cuts the runs of the order that begin at `first` (S,); with where they stand in it (R,)."""
    start = np.cumsum(count) - count
    run = np.repeat(np.arange(len(count)), count)
    at = np.arange(len(run)) + np.repeat(first - start, count)
    rows = order[at]
    values = places.X[rows].astype(np.float64)
    mean = np.add.reduceat(values, start) / count[:, None]
    spread = np.add.reduceat(np.square(values - mean[run]), start) / count[:, None]
    spread[:, places.is_category] = spread[:, places.is_category].clip(max=WIDEST)
    feature = spread.argmax(1)
    threshold = np.take_along_axis(mean, feature[:, None], 1)[:, 0]
    goes_left = values[np.arange(len(run)), feature[run]] <= threshold[run]
    n_left = np.add.reduceat(goes_left, start, dtype=np.int64)
    by_side = np.argsort(2 * run + ~goes_left, kind="stable")
    is_cut = (n_left > 0) & (n_left < count)
    return _Cut(feature, threshold, n_left, is_cut, rows[by_side]), at


def _deeper(tree: Tree, nodes: np.ndarray, cut: _Cut, children: np.ndarray) -> Tree:
    """The tree with two children (K, 2) below each of some leaves (K,)."""
    new = children.size

    def longer(old: np.ndarray, value: np.ndarray) -> np.ndarray:
        found = np.concatenate([old, np.full(new, -1, old.dtype)])
        found[nodes] = value
        return found

    return Tree(
        longer(tree.feature, cut.feature[cut.is_cut]),
        longer(tree.threshold, cut.threshold[cut.is_cut]),
        longer(tree.left, children[:, 0]),
        longer(tree.right, children[:, 1]),
    )
