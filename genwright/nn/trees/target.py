"""The target: the column that a step explains, and how trees look at it."""

from dataclasses import dataclass, replace

import numpy as np

from genwright.core.space import Field, Real
from genwright.nn.trees.column import TreeColumn
from genwright.nn.trees.donors import Donors, beside

MANY_CLASSES = 256  # more classes than that are split by their frequency instead of by the Gini index
MISSING = -0.2  # where a missing number stands on the rank scale when it is to be explained


@dataclass(frozen=True)
class Target:
    """A column to be explained by those before it.

    Args:
        place: Its place, t.
        columns: All columns, in order.
        donors: The training rows.
        y: What trees explain: classes, or ranks, or the frequency of very many classes (N,).
    """

    place: int
    columns: list[TreeColumn]
    donors: Donors
    y: np.ndarray

    @classmethod
    def of(cls, place: int, columns: list[TreeColumn], donors: Donors) -> "Target":
        """The column at a place."""
        return cls(place, columns, donors, _explained(columns[place], donors.codes[:, place]))

    def beside(self, coordinate: np.ndarray) -> "Target":
        """The target whose rows have one more coordinate (N,), the last."""
        where = beside(self.donors.where, coordinate)
        column = TreeColumn(Field(Real()), np.zeros(0), np.zeros(0, np.int64), 0)
        return replace(self, columns=[*self.columns, column], donors=replace(self.donors, where=where))

    @property
    def column(self) -> TreeColumn:
        """The column."""
        return self.columns[self.place]

    @property
    def donated(self) -> np.ndarray:
        """What the training rows donate (N,)."""
        return self.donors.donated[:, self.place]

    @property
    def n_classes(self) -> int:
        """Number of classes that y tells apart; 0 where y is a number."""
        return len(self.column.values) if self.column.is_category and len(self.column.values) <= MANY_CLASSES else 0


def _explained(column: TreeColumn, code: np.ndarray) -> np.ndarray:
    """What trees explain (N,)."""
    if not column.is_category:
        return np.where(code < 0, MISSING, column.coordinate_of_code(code))
    if len(column.values) <= MANY_CLASSES:
        return code
    by_frequency = np.empty(len(column.values))
    by_frequency[np.argsort(-column.counts, kind="stable")] = np.arange(len(column.values))
    return np.log1p(by_frequency)[code]
