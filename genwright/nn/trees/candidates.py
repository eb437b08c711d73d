"""Candidates: the donors that some rows may have, and the distribution that a row's donors make together."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from genwright.nn.trees.members import Members, Recipients
from genwright.nn.trees.stretches import Stretches

PAIRS = 200_000  # pairs of a row and a donor that are looked at together
NEVER = np.iinfo(np.int32).min  # a code that no donor has


def blocks(count: np.ndarray) -> Iterator[slice]:
    """Runs of rows that have no more than `PAIRS` donors together."""
    ends = np.cumsum(count)
    start = 0
    while start < len(count):
        below = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, below + PAIRS, side="right")))
        yield slice(start, stop)
        start = stop


@dataclass
class Candidates:
    """The donors of B rows, one row's after the other's; M pairs in all.

    Args:
        members: Which the donors are of.
        row: Row of each pair, increasing; every row has a donor (M,).
        place: Place of each pair's donor among the members (M,).
        recipients: The rows.
    """

    members: Members
    row: np.ndarray
    place: np.ndarray
    recipients: Recipients

    def __post_init__(self) -> None:
        self.column = self.members.column
        self.code, self.weight = self.members.codes[self.place], self.members.weights[self.place]
        self.n_rows = len(self.recipients.shift)
        self.total = self._sum(self.row, self.weight)

    def _sum(self, row: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Weights of pairs summed by row (B,)."""
        return np.bincount(row, weights=weight, minlength=self.n_rows)

    def pick(self, u: np.ndarray, temperature: float) -> np.ndarray:
        """One member a row (B,) by a uniform u."""
        weight = self._tempered(temperature)
        cumulative = np.cumsum(weight, dtype=np.float64)
        first = np.searchsorted(self.row, np.arange(self.n_rows))
        last = np.append(first[1:], len(self.row)) - 1
        base = cumulative[first] - weight[first]
        target = base + u * (cumulative[last] - base)
        return self.place[np.clip(np.searchsorted(cumulative, target, side="right"), first, last)]

    def _all_stretches(self) -> tuple[np.ndarray, Stretches]:
        """The pairs whose donor is smooth, and their stretches."""
        at = np.flatnonzero(self.column.smooth_index[self.code] >= 0)
        return at, self.members.stretches(self.place[at], self.recipients.shift[self.row[at]])

    def _tempered(self, temperature: float) -> np.ndarray:
        """Weights raised to 1/temperature: by code for atoms, by density for smooth donors."""
        power = 1 / temperature - 1
        log_density = np.zeros(len(self.row))
        is_smooth = np.zeros(len(self.row), bool)
        if self.column.smooth:
            at, stretches = self._all_stretches()
            is_smooth[at] = True
            log_density[at] = -np.log(stretches.whole[1] - stretches.whole[0])
        low, high = int(self.code.min()), int(self.code.max())
        key = self.row.astype(np.int64) * (high - low + 1) + self.code - low
        _, group = np.unique(np.where(is_smooth, -1 - self.row, key), return_inverse=True)
        mass = np.bincount(group, weights=self.weight)[group]  # of the atom, or of the row's smooth part
        log_factor = power * log_density
        log_factor -= _highest(log_factor, group)
        mean_factor = np.bincount(group, weights=self.weight * np.exp(log_factor))[group] / mass
        log_weight = power * np.log(mass / self.total[self.row]) + log_factor + np.log(self.weight / mean_factor)
        return np.exp(log_weight - _highest(log_weight, self.row))

    def prob(self, x: np.ndarray) -> np.ndarray:
        """Probability of each row's value (B,): mass, or the density of a smooth value of a continuous column."""
        column = self.column
        if column.is_category:
            return self._sum(self.row, self.weight * (self.code == x[self.row])) / self.total
        is_missing = np.isnan(x)
        filled = np.where(is_missing, 0.0, x)
        seen = column.seen(filled)
        seen = np.where(is_missing, -1, np.where(seen < 0, NEVER, seen))
        is_atom = column.smooth_index[self.code] < 0
        hit = self.weight * (is_atom & (self.code == seen[self.row]))
        p = self._sum(self.row, hit) + self._equal_weight(x)
        if column.smooth is not None:
            p += np.where(is_missing, 0.0, self._smooth_prob(filled))
        return p / self.total

    def _equal_weight(self, x: np.ndarray) -> np.ndarray:
        """Weight of the donors whose number is an earlier column's, where x (B,) is that (B,)."""
        weight, equals = np.zeros(self.n_rows), self.recipients.equals
        for j in range(equals.shape[1]):
            is_it = self.code == -2 - j
            mine = self._sum(self.row[is_it], self.weight[is_it])
            weight += np.where(x == equals[:, j], mine, 0.0)
        return weight

    def _smooth_prob(self, x: np.ndarray) -> np.ndarray:
        """The smooth donors' part of `prob`, before dividing by the row's total weight."""
        column = self.column
        assert column.smooth is not None
        first, last, density = column.smooth.ranks(x)
        seen = column.seen(x)
        is_point = ((seen >= 0) & (column.smooth_index[seen] < 0)) | (x[:, None] == self.recipients.equals).any(1)
        is_point &= ~np.isnan(density)
        at, stretches = self._all_stretches()
        row, weight = self.row[at], self.weight[at]
        a, b = ndtri(first), ndtri(last)
        mass, height = (self._sum(row, weight * p) for p in stretches.density(a[row], b[row]))
        with np.errstate(over="ignore", invalid="ignore"):
            scores_per_rank = np.sqrt(2 * np.pi) * np.exp(a**2 / 2)
            smooth = np.where(np.isnan(density), mass, height * scores_per_rank * density)
        return np.where(is_point | ~np.isfinite(smooth), 0.0, smooth)


def _highest(x: np.ndarray, group: np.ndarray) -> np.ndarray:
    """The highest x (M,) of each one's group."""
    found = np.full(int(group.max(initial=0)) + 1, -np.inf)
    np.maximum.at(found, group, x)
    return found[group]
