"""One step of sequential trees: the distribution of a column given the coordinates of the columns before it.

A step holds its predictors, the trees with their leaves, and the columns its slopes use.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from genwright.core.packing import Packer, Unpacker
from genwright.nn.tree_column import TreeColumn
from genwright.nn.tree_leaves import Candidates, Leaves


def score_of_coordinate(where: np.ndarray) -> np.ndarray:
    """Normal scores of numbers' coordinates, float32; 0 for a missing one."""
    return np.where(where < 0, np.float32(0), ndtri(np.clip(where, np.float32(1e-7), np.float32(1 - 1e-7))))


@dataclass
class Step:
    """p(x_t | x_<t) up to the background.

    Args:
        predictors: Places of the columns it looks at (P,).
        trees: Its trees, half of them fine and then, in the same order, half of them coarse; none for a column that
            stands alone.
        slope_columns: Places of the columns that its slopes use (S,).
        slope_maps: For those that are categories: place → score of each code.
    """

    predictors: np.ndarray
    trees: list[Leaves]
    slope_columns: np.ndarray
    slope_maps: dict[int, np.ndarray]

    @classmethod
    def alone(cls) -> "Step":
        """The step of a column that no others explain."""
        return cls(np.zeros(0, np.int64), [], np.zeros(0, np.int64), {})

    def shares(self, coarse: float, background: float) -> list[float]:
        """Probability of each tree, when a share of the draws is coarse and another comes from the column alone."""
        n_each = len(self.trees) // 2
        fine = 1 - coarse - background
        return [fine / n_each] * n_each + [coarse / n_each] * n_each if n_each else []

    def draw(
        self,
        tree: Leaves,
        where: np.ndarray,
        equals: np.ndarray,
        u: np.ndarray,
        v: np.ndarray,
        temperature: float,
    ) -> np.ndarray:
        """Values of some rows (B,) by one of the trees.

        Args:
            tree: One of `trees`.
            where: Coordinates of the rows in all columns (B, D).
            equals: The rows' own numbers that the column's may equal (B, J).
            u: Picks the donor (B,).
            v: Picks the place in its stretch (B,).
            temperature: 1 draws from the model.
        """
        cell = tree.cell_of(where[:, self.predictors])
        shift = self._shift(tree, cell, where)
        if temperature == 1.0:
            return tree.value(tree.pick(cell, u), shift, equals, v)
        place = np.empty(len(cell), np.int64)
        for rows, candidates in tree.candidates(cell, shift, equals):
            place[rows] = candidates.pick(u[rows], temperature)
        return tree.value(place, shift, equals, v)

    def candidates(self, tree: Leaves, where: np.ndarray, equals: np.ndarray) -> Iterator[tuple[slice, Candidates]]:
        """Runs of rows with their donors; the arguments are those of `draw`."""
        cell = tree.cell_of(where[:, self.predictors])
        return tree.candidates(cell, self._shift(tree, cell, where), equals)

    def _shift(self, tree: Leaves, cell: np.ndarray, where: np.ndarray) -> np.ndarray:
        """How far rows move the scores of their donors (B,)."""
        if not len(self.slope_columns):
            return np.zeros(len(cell))
        slopes = tree.slopes[tree.owner[cell]]
        return np.einsum("bs,bs->b", slopes, slope_inputs(where, self.slope_columns, self.slope_maps))

    def pack(self, packer: Packer) -> None:
        """Adds what `unpack` needs."""
        packer.add(
            step=np.array([len(self.trees)], np.int64),
            predictors=self.predictors.astype(np.int64),
            slope_columns=self.slope_columns.astype(np.int64),
            slope_keys=np.array(sorted(self.slope_maps), np.int64),
        )
        for key in sorted(self.slope_maps):
            packer.add(slope_map=self.slope_maps[key])
        for leaves in self.trees:
            leaves.pack(packer)

    @classmethod
    def unpack(cls, unpacker: Unpacker, column: TreeColumn) -> "Step":
        """The inverse of `pack`."""
        n_trees = int(unpacker.next("step")[0])
        predictors, slope_columns, keys = (unpacker.next(k) for k in ("predictors", "slope_columns", "slope_keys"))
        maps = {int(k): unpacker.next("slope_map") for k in keys}
        return cls(predictors, [Leaves.unpack(unpacker, column) for _ in range(n_trees)], slope_columns, maps)


def slope_inputs(where: np.ndarray, places: np.ndarray, maps: dict[int, np.ndarray]) -> np.ndarray:
    """What slopes multiply: scores of numbers, target scores of categories (B, S).

    Args:
        where: Coordinates of rows in all columns (B, D).
        places: Columns that slopes use (S,).
        maps: For those that are categories: place → score of each code.
    """
    tables = [(where[:, k], maps.get(int(k))) for k in places]
    return np.stack([score_of_coordinate(x) if m is None else m[x.astype(np.int64)] for x, m in tables], axis=1)
