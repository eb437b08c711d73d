"""Cells: a real column as a finite alphabet plus a remainder inside the letter.

The line of a `Real` support is cut at its quantiles and at its atoms. Every atom is a cell of its own, every open
stretch between two cuts is a cell, and a missing value is the last cell. Inside a stretch the remainder is uniform:
over the multiples of `step` for a stepped column, over the stretch for a continuous one. So

    p(x) = P(cell(x)) · (1 / number of multiples in the cell,  or  1 / its width)

is an exact distribution as soon as the cells have probabilities.
"""

import numpy as np

from genwright.core.space import Real


class Cells:
    """The cells of one real column; code n−1 is the missing value where the support has one.

    Args:
        support: Range, step, atoms and quantiles of the column.
    """

    def __init__(self, support: Real):
        self.support, self.step = support, support.step
        self.has_missing = support.has_missing
        atoms = np.asarray(support.atoms, dtype=np.float64)
        cuts = np.unique(np.concatenate([np.asarray(support.quantiles, dtype=np.float64), atoms]))
        self.cuts = cuts if len(cuts) else np.zeros(1)
        is_atom = np.isin(self.cuts, atoms) | (len(self.cuts) == 1)
        low, high, size = self._stretches(is_atom)
        # Cells stand in the order of the line: [cut 0 if an atom], stretch 0–1, [cut 1 if an atom], …
        place = np.arange(len(self.cuts))
        keep = size > 0
        position = np.concatenate([2 * place[is_atom], 2 * place[:-1][keep] + 1])
        order = np.argsort(position)
        self.low = np.concatenate([self.cuts[is_atom], low[keep]])[order]
        self.high = np.concatenate([self.cuts[is_atom], high[keep]])[order]
        self.size = np.concatenate([np.ones(is_atom.sum()), size[keep]])[order]
        self.is_atom = position[order] % 2 == 0
        self.n = len(order) + int(self.has_missing)
        # Position on the line → the cell there, or the nearest one before it where that stretch is empty.
        self._cell_at = (np.searchsorted(position[order], np.arange(2 * len(self.cuts)), side="right") - 1).clip(0)

    def _stretches(self, is_atom: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Ends of the stretch between neighbouring cuts, and its size: multiples of the step, or its width."""
        low, high = self.cuts[:-1].copy(), self.cuts[1:].copy()
        if not self.step:
            return low, high, high - low
        # A stretch holds the multiples in (low, high], without high where that is an atom; the first one holds its low.
        if len(low) and not is_atom[0]:
            low[0] -= self.step
        return low, high, np.round((high - low) / self.step) - is_atom[1:]

    def index(self, x: np.ndarray) -> np.ndarray:
        """Cell of each value (B,) int64; a value outside all cells gets its nearest neighbour's."""
        last = len(self.cuts) - 1
        cut = np.searchsorted(self.cuts, x, side="left").clip(0, last)
        is_cut = self.cuts[cut] == x
        at = self._cell_at[2 * cut]
        is_in_atom = is_cut & self.is_atom[at] & (self.low[at] == x)
        code = np.where(is_in_atom, at, self._cell_at[(2 * cut - 1).clip(1 if last else 0)])
        if self.has_missing:
            code = np.where(np.isnan(x), self.n - 1, code)
        return code

    def place(self, code: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Values (B,) at the relative position u in [0, 1) of their cells; NaN in the missing cell."""
        is_missing = code >= len(self.low)
        code = np.where(is_missing, 0, code)
        low, high, size = self.low[code], self.high[code], self.size[code]
        if self.step:
            multiples = np.round(low / self.step) + 1 + np.floor(u * size)
            x = self.support.on_step(multiples * self.step)
        else:
            x = low + u * (high - low)
        x = np.where(self.is_atom[code], low, x)
        return np.where(is_missing, np.nan, x)

    def log_inside(self, code: np.ndarray) -> np.ndarray:
        """Log probability (stepped) or log density (continuous) of a value given its cell, (B,)."""
        size = np.concatenate([self.size, np.ones(int(self.has_missing))])
        is_point = np.concatenate([self.is_atom, np.ones(int(self.has_missing), bool)])
        return np.where(is_point, 0.0, -np.log(size))[code]
