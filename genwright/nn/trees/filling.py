"""Filling: leaves from the donors that fall into them.

Small leaves keep every donor, and are divided into cells. Those whose donors all have one atom are *pure* and keep one
donor for all. Those of more than `LARGE` donors are condensed: every code once, with its count as weight, and smooth
numbers thinned to `THINNED` evenly spaced ones.
"""

from dataclasses import dataclass

import numpy as np

from genwright.nn.trees.cells import Cells, Places, divide
from genwright.nn.trees.column import TreeColumn
from genwright.nn.trees.leaves import Leaves
from genwright.nn.trees.members import Members
from genwright.nn.trees.tree import Tree

LARGE = 64  # donors above which a leaf is condensed
THINNED = 128  # smooth donors that a condensed leaf keeps


@dataclass(frozen=True)
class Grown:
    """A tree whose leaves are still empty.

    Args:
        tree: The tree.
        maps: Orders of the predictors that are categories: position → order of each code.
        slopes: Slope of each node (nodes, S).
    """

    tree: Tree
    maps: dict[int, np.ndarray]
    slopes: np.ndarray


@dataclass(frozen=True)
class Fallen:
    """Donors as they fall into leaves.

    Args:
        leaf: Leaf of each (N,).
        places: Where they stand, categories in their orders.
        codes: What they donate (N,).
        inputs: What slopes multiply (N, S).
    """

    leaf: np.ndarray
    places: Places
    codes: np.ndarray
    inputs: np.ndarray


def fill(column: TreeColumn, grown: Grown, fallen: Fallen, hole: int) -> Leaves:
    """Leaves with the donors that fall into them.

    Args:
        column: The column that is donated.
        grown: The tree.
        fallen: The donors.
        hole: Members passed over in small leaves.
    """
    sorts = _Sorts.of(column, grown.tree, fallen)
    is_divided = ~sorts.is_large & ~sorts.is_pure & (sorts.count > hole) & (hole > 0)
    cells = divide(grown.tree, fallen.leaf, fallen.places, is_divided, hole)
    leaf, codes, inputs = fallen.leaf[cells.order], fallen.codes[cells.order], fallen.inputs[cells.order]
    member, weight = _kept(column, leaf, codes, sorts)
    count = np.bincount(leaf[member], minlength=len(sorts.count))
    offsets = np.zeros(0)
    if grown.slopes.shape[1]:
        offsets = -np.einsum("ms,ms->m", grown.slopes[leaf[member]], inputs[member])
    members = Members(column, count, codes[member], weight, offsets)
    return Leaves(
        tree=cells.tree,
        maps=grown.maps,
        owner=cells.owner,
        hole=hole,
        skip=_skip(cells, sorts.count, members, hole),
        members=members,
        slopes=grown.slopes,
    )


@dataclass(frozen=True)
class _Sorts:
    """How leaves keep their donors.

    Args:
        count: Donors of each (leaves,).
        is_large: Condensed (leaves,).
        is_pure: One donor stands for all (leaves,).
    """

    count: np.ndarray
    is_large: np.ndarray
    is_pure: np.ndarray

    @classmethod
    def of(cls, column: TreeColumn, tree: Tree, fallen: Fallen) -> "_Sorts":
        count = np.bincount(fallen.leaf, minlength=len(tree.feature))
        is_large = count > LARGE
        return cls(count, is_large, _pure(fallen.codes, fallen.leaf, column, len(count)) & ~is_large)


def _pure(codes: np.ndarray, leaf: np.ndarray, column: TreeColumn, n_leaves: int) -> np.ndarray:
    """Which leaves hold one and the same atom in all their rows (leaves,)."""
    order = np.argsort(leaf, kind="stable")
    first = np.flatnonzero(np.diff(leaf[order], prepend=-1))
    low, high = np.zeros(n_leaves, np.int64), np.ones(n_leaves, np.int64)
    for found, extreme in ((low, np.minimum), (high, np.maximum)):
        found[leaf[order[first]]] = extreme.reduceat(codes[order], first)
    return (low == high) & (column.smooth_index[np.where(low == high, low, 0)] < 0)


def _kept(column: TreeColumn, leaf: np.ndarray, codes: np.ndarray, sorts: _Sorts) -> tuple[np.ndarray, np.ndarray]:
    """Donors that become members, leaf after leaf, and their weights, of donors that lie leaf after leaf (N,)."""
    ends = np.cumsum(sorts.count)
    start = ends - sorts.count
    is_first = np.arange(len(leaf)) == start[leaf]
    is_kept = ~sorts.is_large[leaf] & (~sorts.is_pure[leaf] | is_first)
    members = [np.flatnonzero(is_kept)]
    weights = [np.where(sorts.is_pure, sorts.count, 1)[leaf[is_kept]]]
    for node in np.flatnonzero(sorts.is_large):
        kept, weight = _condense(codes[start[node] : ends[node]], column)
        members.append(start[node] + kept)
        weights.append(weight)
    member = np.concatenate(members)
    by_leaf = np.argsort(leaf[member], kind="stable")
    return member[by_leaf], np.concatenate(weights)[by_leaf].astype(np.float32)


def _condense(codes: np.ndarray, column: TreeColumn) -> tuple[np.ndarray, np.ndarray]:
    """Places and weights of the members that stand for a large leaf's codes (N,)."""
    by_code = np.argsort(codes, kind="stable")
    codes = codes[by_code]
    is_smooth = column.smooth_index[codes] >= 0
    first = np.flatnonzero(~is_smooth & np.concatenate([[True], codes[1:] != codes[:-1]]))
    _, counts = np.unique(codes[~is_smooth], return_counts=True)
    smooth = np.flatnonzero(is_smooth)
    if not len(smooth):
        return by_code[first], counts.astype(np.float32)
    n_kept = min(THINNED, len(smooth))
    even = smooth[((np.arange(n_kept) + 0.5) * len(smooth) / n_kept).astype(int)]
    weight = np.concatenate([counts, np.full(n_kept, len(smooth) / n_kept)])
    return by_code[np.concatenate([first, even])], weight.astype(np.float32)


def _skip(cells: Cells, count: np.ndarray, members: Members, hole: int) -> np.ndarray:
    """First member that a row in each cell passes over, −1 where the leaf is not divided (nodes,).

    Args:
        cells: The cells.
        count: Donors of each leaf (leaves,).
        members: The members, as many as donors where a leaf is divided.
        hole: Members passed over.
    """
    owner = cells.owner
    start = np.cumsum(count) - count
    is_divided = np.zeros(len(count), bool)
    is_divided[owner[len(count) :]] = True
    beside = cells.first - start[owner] - (hole - cells.count) // 2
    within = beside.clip(0, (count[owner] - hole).clip(0))
    return np.where(is_divided[owner], members.start[owner] + within, -1).astype(np.int64)
