"""Honest leaves: a tree that finds the donors of a row.

Small leaves list their donors one by one, in cells (`cells`): a row that lands in a cell passes over the members in and
beside it, the *hole*. Large leaves, and those whose donors agree, are condensed and have no hole (`filling`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from genwright.core.packing import Packer, Unpacker
from genwright.nn.trees.candidates import Candidates, blocks
from genwright.nn.trees.column import TreeColumn
from genwright.nn.trees.members import Members, Recipients
from genwright.nn.trees.tree import Tree


def put_in_order(X: np.ndarray, maps: dict[int, np.ndarray]) -> np.ndarray:
    """Replaces category codes in X (B, P) by where they stand in their order, in place; position → order."""
    for k, order in maps.items():
        X[:, k] = order[X[:, k].astype(np.int64)]
    return X


@dataclass(frozen=True)
class Leaves:
    """A tree whose leaves hold donors of a column.

    Args:
        tree: The tree down to cells; the nodes that leaves are come first.
        maps: For predictors that are categories: position among the predictors → order of each code.
        owner: Leaf that each node lies in (nodes,).
        hole: Members passed over in leaves that are divided into cells.
        skip: First member that a row in each cell passes over, −1: none (nodes,).
        members: The donors.
        slopes: Slope b of each leaf (leaves, S); S = 0 without slopes.
    """

    tree: Tree
    maps: dict[int, np.ndarray]
    owner: np.ndarray
    hole: int
    skip: np.ndarray
    members: Members
    slopes: np.ndarray

    def cell_of(self, predictors: np.ndarray) -> np.ndarray:
        """The cell of rows whose predictors' coordinates are (B, P)."""
        X = put_in_order(predictors.copy(), self.maps) if self.maps else predictors
        return self.tree.leaf_of(X)

    def pick(self, cell: np.ndarray, u: np.ndarray) -> np.ndarray:
        """A member for each of some cells (B,), in proportion to the weights, by a uniform u."""
        total = self.members.cumulative
        leaf, skip = self.owner[cell], self.skip[cell]
        first = self.members.start[leaf]
        last = first + self.members.count[leaf]
        has_hole = skip >= 0
        below = np.where(has_hole, total[skip], np.inf)
        passed = np.where(has_hole, total[skip + self.hole * has_hole] - total[skip], 0.0)
        target = total[first] + u * (total[last] - total[first] - passed)
        target += np.where(target >= below, passed, 0.0)
        return (np.searchsorted(total, target, side="right") - 1).clip(first, last - 1)

    def candidates(self, cell: np.ndarray, recipients: Recipients) -> Iterator[tuple[slice, Candidates]]:
        """Runs of rows with their donors, for rows in cells (B,)."""
        has_hole = self.skip[cell] >= 0
        count = self.members.count[self.owner[cell]] - self.hole * has_hole
        for part in blocks(count):
            row = np.repeat(np.arange(part.stop - part.start), count[part])
            ends = np.cumsum(count[part])
            place = np.arange(len(row)) + (self.members.start[self.owner[cell[part]]] - ends + count[part])[row]
            place += self.hole * (has_hole[part][row] & (place >= self.skip[cell[part]][row]))
            yield part, Candidates(self.members, row, place, recipients.part(part))

    def pack(self, packer: Packer) -> None:
        """Adds what `unpack` needs."""
        tree, members = self.tree, self.members
        packer.add(
            leaves=np.array([self.hole], np.int64),
            feature=tree.feature,
            threshold=tree.threshold,
            left=tree.left,
            right=tree.right,
            map_keys=np.array(sorted(self.maps), np.int64),
            owner=self.owner,
            skip=self.skip,
            count=members.count,
            codes=members.codes,
            weights=members.weights,
            offsets=members.offsets,
            slopes=self.slopes,
        )
        for key in sorted(self.maps):
            packer.add(map=self.maps[key])

    @classmethod
    def unpack(cls, unpacker: Unpacker, column: TreeColumn) -> "Leaves":
        """The inverse of `pack`."""
        hole = int(unpacker.next("leaves")[0])
        tree = Tree(*(unpacker.next(name) for name in ("feature", "threshold", "left", "right")))
        maps = {int(k): unpacker.next("map") for k in unpacker.next("map_keys")}
        owner, skip = unpacker.next("owner"), unpacker.next("skip")
        members = Members(column, *(unpacker.next(name) for name in ("count", "codes", "weights", "offsets")))
        return cls(tree, maps, owner, hole, skip, members, unpacker.next("slopes"))
