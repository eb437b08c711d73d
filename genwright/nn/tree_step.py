"""One step of sequential trees: the distribution of a column given the coordinates of the columns before it.

A step holds its predictors, one or two trees with their leaves, the size of the hole, and the columns its slopes use.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from genwright.core.packing import Packer, Unpacker
from genwright.nn.tree_column import TreeColumn
from genwright.nn.tree_leaves import Candidates, Leaves, blocks, pairs


@dataclass
class Donors:
    """The training rows, as donors.

    Args:
        codes: Codes (N, D) int32.
        where: Coordinates (N, D) float32, one column after the other in memory.
        scores: Normal scores of the numbers (N, D) float32, the same.
    """

    codes: np.ndarray
    where: np.ndarray
    scores: np.ndarray

    @classmethod
    def of(cls, columns: list[TreeColumn], codes: np.ndarray) -> "Donors":
        """Donors from the columns' codes."""
        where = np.empty(codes.shape, np.float32, order="F")
        for t, column in enumerate(columns):
            where[:, t] = column.coordinate_of_code(codes[:, t])
        return cls(np.asfortranarray(codes), where, score_of_coordinate(where))


def score_of_coordinate(where: np.ndarray) -> np.ndarray:
    """Normal scores of numbers' coordinates, float32; 0 for a missing one."""
    return np.where(where < 0, np.float32(0), ndtri(np.clip(where, np.float32(1e-7), np.float32(1 - 1e-7))))


@dataclass
class Step:
    """p(x_t | x_<t) up to the background.

    Args:
        t: The column's place in the order.
        predictors: Places of the columns it looks at (P,).
        trees: Its trees, half of them fine and then, in the same order, half of them coarse; none for a column that
            stands alone.
        hole: Nearest donors that are passed over.
        slope_columns: Places of the columns that its slopes use (S,).
        slope_maps: For those that are categories: place → score of each code.
    """

    t: int
    predictors: np.ndarray
    trees: list[Leaves]
    hole: int
    slope_columns: np.ndarray
    slope_maps: dict[int, np.ndarray]

    def shares(self, coarse: float, background: float) -> list[float]:
        """Probability of each tree, when a share of the draws is coarse and another comes from the column alone."""
        n_each = len(self.trees) // 2
        fine = 1 - coarse - background
        return [fine / n_each] * n_each + [coarse / n_each] * n_each if n_each else []

    def draw(
        self,
        tree: Leaves,
        where: np.ndarray,
        donors: Donors,
        columns: list[TreeColumn],
        u: np.ndarray,
        v: np.ndarray,
        temperature: float,
    ) -> np.ndarray:
        """Values of some rows (B,) by one of the trees; u picks the donor, v the place in its stretch."""
        column = columns[self.t]
        leaf = tree.leaf_of(where[:, self.predictors])
        is_direct = tree.is_large[leaf] & (column.smooth is None) & (temperature == 1.0)
        x = np.empty(len(leaf), np.int64 if column.is_category else np.float64)
        at = np.flatnonzero(is_direct)
        x[at] = column.value(donors.codes[tree.pick(leaf[at], u[at]), self.t])
        rest = np.flatnonzero(~is_direct)
        for part in blocks(tree.count[leaf[rest]]):
            rows = rest[part]
            candidates = self._gather(tree, leaf[rows], where[rows], donors, columns)
            x[rows] = candidates.draw(u[rows], v[rows], temperature)
        return x

    def candidates(
        self, tree: Leaves, where: np.ndarray, donors: Donors, columns: list[TreeColumn]
    ) -> Iterator[tuple[slice, Candidates]]:
        """Runs of rows with their donors.

        Args:
            tree: One of `trees`.
            where: Coordinates of the rows in all columns (B, D); those before t are looked at.
            donors: The training rows.
            columns: All columns.
        """
        leaf = tree.leaf_of(where[:, self.predictors])
        for rows in blocks(tree.count[leaf]):
            yield rows, self._gather(tree, leaf[rows], where[rows], donors, columns)

    def _gather(
        self, tree: Leaves, leaf: np.ndarray, where: np.ndarray, donors: Donors, columns: list[TreeColumn]
    ) -> Candidates:
        row, place = pairs(tree, leaf)
        if self.hole:
            keep = self._outside_hole(tree, leaf, row, place, where, donors, columns)
            row, place = row[keep], place[keep]
        member = tree.members.take(place, mode="clip")
        code = donors.codes[:, self.t].take(member, mode="clip")
        shift = np.zeros(len(row))
        if len(self.slope_columns):
            slopes, count = tree.slopes[leaf], np.bincount(row, minlength=len(leaf))  # (B, S), (B,)
            shift = np.einsum("bs,bs->b", slopes, self._mine(where))[row]
            for slope, theirs in zip(slopes.T, self._theirs(donors, member), strict=True):
                shift -= np.repeat(slope, count) * theirs
        return Candidates(row, code, tree.weights.take(place, mode="clip"), shift, columns[self.t], len(leaf))

    def _mine(self, where: np.ndarray) -> np.ndarray:
        """What slopes multiply, of rows: scores of numbers, target scores of categories (B, S)."""
        tables = [(where[:, k], self.slope_maps.get(int(k))) for k in self.slope_columns]
        return np.stack([score_of_coordinate(x) if m is None else m[x.astype(np.int64)] for x, m in tables], axis=1)

    def _theirs(self, donors: Donors, member: np.ndarray) -> np.ndarray:
        """The same of donors (S, M)."""
        theirs = np.empty((len(self.slope_columns), len(member)), np.float32)
        for s, k in enumerate(self.slope_columns):
            table = self.slope_maps.get(int(k))
            if table is None:
                donors.scores[:, k].take(member, out=theirs[s], mode="clip")
            else:
                theirs[s] = table.take(donors.codes[:, k].take(member, mode="clip"), mode="clip")
        return theirs

    def _outside_hole(
        self,
        tree: Leaves,
        leaf: np.ndarray,
        row: np.ndarray,
        place: np.ndarray,
        where: np.ndarray,
        donors: Donors,
        columns: list[TreeColumn],
    ) -> np.ndarray:
        """Which pairs stay when the nearest donors of every small leaf are passed over (M,)."""
        has_hole = ~tree.is_large[leaf] & (tree.count[leaf] > self.hole)  # (B,)
        count = tree.count[leaf][has_hole]
        at = np.flatnonzero(has_hole[row])
        member = tree.members[place[at]]
        distance = 1e-6 * ((member * 0.6180339887) % 1)  # ties are broken by the donor, not by the order
        for k in self.predictors:
            apart = np.repeat(where[has_hole, k], count)
            theirs = donors.where[:, k].take(member, mode="clip")
            if columns[k].is_category:
                distance += apart != theirs
            else:
                distance += np.abs(np.subtract(apart, theirs, out=apart), out=apart)
        keep = np.ones(len(row), bool)
        if len(at):
            first = np.cumsum(count) - count
            for _ in range(self.hole):
                nearest = distance == np.repeat(np.minimum.reduceat(distance, first), count)
                distance[nearest] = np.inf
            keep[at] = np.isfinite(distance)
        return keep

    def pack(self, packer: Packer) -> None:
        """Adds what `unpack` needs."""
        packer.add(
            step=np.array([self.t, len(self.trees), self.hole], np.int64),
            predictors=self.predictors.astype(np.int64),
            slope_columns=self.slope_columns.astype(np.int64),
            slope_keys=np.array(sorted(self.slope_maps), np.int64),
        )
        for key in sorted(self.slope_maps):
            packer.add(slope_map=self.slope_maps[key])
        for leaves in self.trees:
            leaves.pack(packer)

    @classmethod
    def unpack(cls, unpacker: Unpacker) -> "Step":
        """The inverse of `pack`."""
        t, n_trees, hole = unpacker.next("step").tolist()
        predictors, slope_columns, keys = (unpacker.next(k) for k in ("predictors", "slope_columns", "slope_keys"))
        maps = {int(k): unpacker.next("slope_map") for k in keys}
        trees = [Leaves.unpack(unpacker) for _ in range(n_trees)]
        return cls(t, predictors, trees, hole, slope_columns, maps)
