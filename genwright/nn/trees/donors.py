"""Donors: the training rows, as the columns' codes and coordinates."""

from dataclasses import dataclass

import numpy as np

from genwright.nn.trees.column import TreeColumn


@dataclass(frozen=True)
class Donors:
    """The training rows, as donors.

    Args:
        codes: Codes (N, D) int32.
        where: Coordinates (N, D) float32, one column after the other in memory.
        donated: What they donate: their codes, or which earlier column's number theirs is (N, D) int32.
    """

    codes: np.ndarray
    where: np.ndarray
    donated: np.ndarray

    @classmethod
    def of(cls, columns: list[TreeColumn], values: list[np.ndarray]) -> "Donors":
        """Donors from the values of each column (N,)."""
        codes = np.empty((len(values[0]), len(columns)), np.int32, order="F")
        where, donated = np.empty(codes.shape, np.float32, order="F"), codes.copy(order="F")
        for t, (column, x) in enumerate(zip(columns, values, strict=True)):
            codes[:, t] = donated[:, t] = column.code(x)
            where[:, t] = column.coordinate_of_code(codes[:, t])
            if len(column.equals):
                which = column.which_equal(x, column.projected([values[k] for k in column.equals]))
                donated[which >= 0, t] = -2 - which[which >= 0]
        return cls(codes, where, donated)


def beside(where: np.ndarray, coordinate: np.ndarray) -> np.ndarray:
    """Coordinates (B, D) with one more (B,), the last."""
    found = np.empty((len(where), where.shape[1] + 1), np.float32, order="F")
    found[:, :-1], found[:, -1] = where, coordinate
    return found
