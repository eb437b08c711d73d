"""The rank scale of a real column: a monotone map between ranks in [0, 1] and values, learnt from the values.

Value i of the sorted distinct values owns the ranks from (rows below it)/n to (rows up to it)/n. A value that repeats
is one point for all its ranks. A value seen once is spread over its cell, which reaches half-way to its neighbours: so
a draw from a continuous column never copies a value that only one row has. A stepped column rounds what comes out to
its step.

The *score* of a rank is its standard normal quantile; sums and slopes live there.
"""

import numpy as np
from scipy.special import ndtri

from genwright.core.space import Real

LOST = 1e-12  # ranks nearer to each other than this hardly differ in float64


def score_of(rank: np.ndarray, n: int) -> np.ndarray:
    """Standard normal quantile of ranks, kept within a quarter of a row of the ends."""
    return ndtri(np.clip(rank, 0.25 / n, 1 - 0.25 / n))


class RankScale:
    """Ranks ↔ values.

    Args:
        values: Distinct values, sorted (M,).
        counts: Rows of each (M,).
        support: Draws are whole multiples of its step, if it has one.
    """

    def __init__(self, values: np.ndarray, counts: np.ndarray, support: Real):
        self.values, self.counts, self.support, step = values, counts, support, support.step
        self.n = int(counts.sum())
        self.below = np.cumsum(counts) - counts  # rows below each value
        middle = values[1:] / 2 + values[:-1] / 2  # halves first: a sum may be more than float64 holds
        edges = np.concatenate([[values[0] - step / 2], middle, [values[-1] + step / 2]])
        is_single = counts == 1
        self._start = np.where(is_single, edges[:-1], values)
        self._stop = np.where(is_single, edges[1:], values)
        ends = np.stack([self.below, self.below + counts], axis=1) / max(self.n, 1)
        self._knot_rank = ends.ravel()
        self.owned_scores = score_of(ends, self.n).T  # first and last score of each value (2, M)
        self._knot_value = np.stack([self._start, self._stop], axis=1).ravel()

    def value(self, rank: np.ndarray) -> np.ndarray:
        """Values at some ranks (B,)."""
        x = self.support.on_step(np.interp(rank, self._knot_rank, self._knot_value))
        return np.clip(x, self.values[0], self.values[-1])

    def owned(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First and last rank of the distinct values with these indices."""
        return self.below[index] / self.n, (self.below[index] + self.counts[index]) / self.n

    def ranks(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which ranks come out as the values x (B,).

        Returns:
            First and last rank, and the density d rank / d value (B,): NaN where x has probability mass, and then the
            ranks span an interval; elsewhere the two ranks are one. Of steps too fine for ranks, a density per step.
        """
        if not self.support.step:
            return self._ranks_of_points(x)
        half = self.support.step / 2
        first, last = (np.interp(x + h, self._knot_value, self._knot_rank) for h in (-half, half))
        is_end = [x <= self.values[0], x >= self.values[-1]]
        first, last = np.where(is_end[0], 0.0, first), np.where(is_end[1], 1.0, last)
        is_lost = last - first < LOST  # a step of nanoseconds, or of numbers of 60 bits, is lost in rounding
        if not is_lost.any():
            return first, last, np.full(len(x), np.nan)
        low, high, density = self._ranks_of_points(x)
        is_lost &= density != 0  # elsewhere no step comes out
        return (
            np.where(is_lost, low, first),
            np.where(is_lost, high, last),
            np.where(is_lost, density * self.support.step, np.nan),
        )

    def _ranks_of_points(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same without a step."""
        at = np.searchsorted(self.values, x).clip(0, len(self.values) - 1)
        is_repeated = (self.values[at] == x) & (self.counts[at] > 1)
        rank = np.interp(x, self._knot_value, self._knot_rank)
        cell = np.searchsorted(self._stop, x).clip(0, len(self.values) - 1)
        width = self._stop[cell] - self._start[cell]
        is_inside = (x >= self._start[cell]) & (x <= self._stop[cell]) & (width > 0)
        density = np.where(is_inside, 1 / self.n / np.where(width > 0, width, 1), 0.0)
        low, high = self.owned(at)
        return (
            np.where(is_repeated, low, rank),
            np.where(is_repeated, high, rank),
            np.where(is_repeated, np.nan, density),
        )
