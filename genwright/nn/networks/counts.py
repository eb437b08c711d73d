"""Counts of a family: how often each code of a column occurs with each combination of its parents' codes.

Rows become one number each, by the mixed radix of the family's codes, and `bincount` counts the numbers. Rows with a
hidden code in the family are left out.
"""

import math
from collections.abc import Sequence

import numpy as np


class FamilyCounts:
    """Counts over one set of rows.

    Args:
        codes: Codes of all columns (D, N), −1 where hidden.
        cards: Number of codes of each column.
    """

    def __init__(self, codes: np.ndarray, cards: Sequence[int]):
        self.codes, self.cards = codes, tuple(cards)
        self.n_rows = codes.shape[1]
        hidden = codes < 0 if codes.dtype.kind == "i" else None
        self._hidden = hidden if hidden is not None and hidden.any() else None
        self._last: tuple[tuple[int, ...], np.ndarray] | None = None

    def size(self, columns: Sequence[int]) -> int:
        """Entries of a table over these columns."""
        return math.prod(self.cards[v] for v in columns)

    def count(self, columns: Sequence[int]) -> np.ndarray:
        """Rows with each combination of codes (cards of the columns)."""
        radix = self._radix(tuple(columns))
        count = np.bincount(self._seen(radix, columns), minlength=self.size(columns))
        return count.reshape([self.cards[v] for v in columns])

    def count_with(self, columns: Sequence[int], extra: int) -> np.ndarray:
        """The same with one column more, behind the others; cheap for many extras in a row."""
        radix = self._radix(tuple(columns)) * self.cards[extra]
        radix += self.codes[extra]
        family = [*columns, extra]
        count = np.bincount(self._seen(radix, family), minlength=self.size(family))
        return count.reshape([self.cards[v] for v in family])

    def _radix(self, columns: tuple[int, ...]) -> np.ndarray:
        """One number a row (N,), the last column's code varying fastest."""
        if self._last is None or self._last[0] != columns:
            radix = np.zeros(self.n_rows, np.int64)
            for v in columns:
                radix *= self.cards[v]
                radix += self.codes[v]
            self._last = columns, radix
        return self._last[1]

    def _seen(self, radix: np.ndarray, columns: Sequence[int]) -> np.ndarray:
        if self._hidden is None:
            return radix
        return radix[~self._hidden[list(columns)].any(0)]
