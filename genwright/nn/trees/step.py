"""One step of sequential trees: the distribution of a column given the coordinates of the columns before it.

A step holds its predictors, the trees with their leaves, the columns its slopes use, and the score, if it has one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from genwright.core.packing import Packer, Unpacker
from genwright.nn.trees.candidates import Candidates
from genwright.nn.trees.column import TreeColumn
from genwright.nn.trees.donors import beside
from genwright.nn.trees.formula import Formula
from genwright.nn.trees.leaves import Leaves
from genwright.nn.trees.members import Recipients
from genwright.nn.trees.score import Score
from genwright.nn.trees.slope_columns import SlopeColumns


@dataclass
class Step:
    """p(x_t | x_<t) up to the background.

    Args:
        predictors: Places of the columns it looks at (P,).
        trees: Its trees, half of them fine and then, in the same order, half of them coarse; none for a column that
            stands alone.
        slope_columns: The columns that its slopes use.
        score: What is expected of the column, one more coordinate of a row.
        formula: What the column nearly is, another one, before the score.
    """

    predictors: np.ndarray
    trees: list[Leaves]
    slope_columns: SlopeColumns
    score: Score | None = None
    formula: Formula | None = None

    @classmethod
    def alone(cls) -> "Step":
        """The step of a column that no others explain."""
        return cls(np.zeros(0, np.int64), [], SlopeColumns())

    def shares(self, coarse: float, background: float) -> list[float]:
        """Probability of each tree, when a share of the draws is coarse and another comes from the column alone."""
        n_each = len(self.trees) // 2
        fine = 1 - coarse - background
        return [fine / n_each] * n_each + [coarse / n_each] * n_each if n_each else []

    def seen(self, where: np.ndarray) -> np.ndarray:
        """All that the trees look at: coordinates of rows in all columns (B, D), then of formula and score."""
        where = beside(where, self.formula(where)) if self.formula else where
        return beside(where, self.score(where)) if self.score else where

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
            where: What the trees look at, as `seen` gives it (B, D or more).
            equals: The rows' own numbers that the column's may equal (B, J).
            u: Picks the donor (B,).
            v: Picks the place in its stretch (B,).
            temperature: 1 draws from the model.
        """
        cell, recipients = self._landed(tree, where, equals)
        if temperature == 1.0:
            return tree.members.value(tree.pick(cell, u), recipients, v)
        place = np.empty(len(cell), np.int64)
        for rows, candidates in tree.candidates(cell, recipients):
            place[rows] = candidates.pick(u[rows], temperature)
        return tree.members.value(place, recipients, v)

    def candidates(self, tree: Leaves, where: np.ndarray, equals: np.ndarray) -> Iterator[tuple[slice, Candidates]]:
        """Runs of rows with their donors; the arguments are those of `draw`."""
        return tree.candidates(*self._landed(tree, where, equals))

    def _landed(self, tree: Leaves, where: np.ndarray, equals: np.ndarray) -> tuple[np.ndarray, Recipients]:
        """The cells of rows (B,), and what they bring along."""
        cell = tree.cell_of(where[:, self.predictors])
        return cell, Recipients(self._shift(tree, cell, where), equals)

    def _shift(self, tree: Leaves, cell: np.ndarray, where: np.ndarray) -> np.ndarray:
        """How far rows move the scores of their donors (B,)."""
        if not len(self.slope_columns):
            return np.zeros(len(cell))
        return np.einsum("bs,bs->b", tree.slopes[tree.owner[cell]], self.slope_columns.inputs(where))

    def pack(self, packer: Packer) -> None:
        """Adds what `unpack` needs."""
        sizes = [len(self.trees), int(self.score is not None), int(self.formula is not None)]
        packer.add(step=np.array(sizes, np.int64), predictors=self.predictors.astype(np.int64))
        self.slope_columns.pack(packer)
        for leaves in self.trees:
            leaves.pack(packer)
        if self.score:
            self.score.pack(packer)
        if self.formula:
            self.formula.pack(packer)

    @classmethod
    def unpack(cls, unpacker: Unpacker, columns: list[TreeColumn], place: int) -> "Step":
        """The inverse of `pack`, for the column at a place among all."""
        n_trees, *others = unpacker.next("step").tolist()  # runs of older versions have no score, or no formula
        has_score, has_formula = [*others, 0, 0][:2]
        predictors, slope_columns = unpacker.next("predictors"), SlopeColumns.unpack(unpacker)
        trees = [Leaves.unpack(unpacker, columns[place]) for _ in range(n_trees)]
        score = Score.unpack(unpacker, columns) if has_score else None
        formula = Formula.unpack(unpacker, columns, place) if has_formula else None
        return cls(predictors, trees, slope_columns, score, formula)
