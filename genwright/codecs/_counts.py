"""Counts of ordered values in one pass of bounded memory, the same whatever the order and chunking of the rows.

Every value is a 64-bit key that sorts as the value does. Keys are counted exactly while they are few; beyond that
their lowest bits are dropped, just as many as it takes to have few cells again: a histogram with a grid that depends
on the set of values only. Values heavy enough to be told apart from their cell are found with a count-min sketch of
every 4-bit prefix level (Cormode and Muthukrishnan, 2005: https://doi.org/10.1016/j.jalgor.2003.12.001).
"""

import numpy as np

from genwright.codecs._hashing import mix

EXACT = 1 << 20  # distinct values that are counted one by one
GRID = 1 << 16  # cells of the histogram beyond that
_TOP = np.uint64(1 << 63)


def keys_of(x: np.ndarray) -> np.ndarray:
    """int64, uint64 or float64 (no NaN) → uint64 keys in the same order; −0 and 0 share one."""
    if x.dtype == np.uint64:
        return x
    if x.dtype == np.int64:
        return x.view(np.uint64) ^ _TOP
    bits = (x + 0.0).view(np.uint64)
    return np.where(bits >= _TOP, ~bits, bits | _TOP)


def values_of(keys: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The inverse of `keys_of`."""
    if dtype == np.uint64:
        return keys
    if dtype == np.int64:
        return (keys ^ _TOP).view(np.int64)
    return np.where(keys >= _TOP, keys ^ _TOP, ~keys).view(np.float64)


class Counts:
    """How often each value occurs.

    Args:
        dtype: int64, uint64 or float64.
        exact: Distinct values that are counted one by one.
        grid: Cells of the histogram beyond that.
    """

    def __init__(self, dtype: np.dtype | type, exact: int = EXACT, grid: int = GRID):
        self.dtype, self.exact, self.grid = np.dtype(dtype), exact, grid
        self.n = 0
        self.shift = 0  # lowest bits of the keys that are dropped; 0: counts are exact
        self.heavy_hitters: HeavyHitters | None = None
        self._keys, self._counts = np.zeros(0, np.uint64), np.zeros(0, np.int64)
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []
        self._ends = np.zeros(0, np.uint64)  # lowest and highest key

    def add(self, x: np.ndarray) -> None:
        """Takes in values."""
        if not len(x):
            return
        keys, counts = np.unique(keys_of(x), return_counts=True)
        self.n += len(x)
        ends = np.concatenate([self._ends, keys[[0, -1]]])
        self._ends = np.array([ends.min(), ends.max()])
        if self.heavy_hitters is not None:
            self.heavy_hitters.add(keys, counts)
        self._waiting.append(_merge(keys >> np.uint64(self.shift), counts))
        if sum(len(k) for k, _ in self._waiting) >= max(self.grid, len(self._keys)):
            self._flush()

    def cells(self) -> tuple[np.ndarray, np.ndarray]:
        """Values, or the middles of cells, in increasing order (K,); and their counts (K,)."""
        self._flush()
        keys = self._keys << np.uint64(self.shift)
        if self.shift:
            keys = np.clip(keys | np.uint64(1 << (self.shift - 1)), *self._ends)
        return values_of(keys, self.dtype), self._counts

    def cell_of(self, x: np.ndarray) -> np.ndarray:
        """The place in `cells` of values that were counted."""
        return np.searchsorted(self._keys, keys_of(x) >> np.uint64(self.shift))

    def ends(self) -> tuple[int | float, int | float]:
        """The lowest and the highest value, exactly."""
        low, high = values_of(self._ends, self.dtype).tolist()
        return low, high

    def frequent(self, at_least: float) -> tuple[np.ndarray, np.ndarray]:
        """Values that occur at least so often, increasing, and their counts; slightly too high where not exact."""
        values, counts = self.cells()
        if self.heavy_hitters is None:
            return values[counts >= at_least], counts[counts >= at_least]
        keys, counts = self.heavy_hitters.above(at_least)
        return values_of(keys, self.dtype), counts

    def _flush(self) -> None:
        if not self._waiting:
            return
        parts = [(self._keys, self._counts), *self._waiting]
        self._waiting = []
        self._keys, self._counts = _merge(*(np.concatenate(p) for p in zip(*parts, strict=True)))
        if len(self._keys) > (self.grid if self.shift else self.exact):
            self._coarsen()

    def _coarsen(self) -> None:
        if self.heavy_hitters is None:
            self.heavy_hitters = HeavyHitters()
            self.heavy_hitters.add(self._keys, self._counts)
        while _n_different(self._keys) > self.grid:
            self.shift += 1
            self._keys = self._keys >> np.uint64(1)
        self._keys, self._counts = _merge(self._keys, self._counts)


def _n_different(keys: np.ndarray) -> int:
    return 1 + int(np.count_nonzero(keys[1:] != keys[:-1]))


def _merge(keys: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each key once, in order, with the sum of its counts."""
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], counts[order]
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else np.zeros(0, int)
    return keys[starts], np.add.reduceat(counts, starts) if len(starts) else counts


class HeavyHitters:
    """Count-min sketches of every prefix of the keys, to walk down from heavy prefixes to heavy keys."""

    LEVELS, ROWS, WIDTH_BITS = 16, 2, 15

    def __init__(self) -> None:
        self.tables = np.zeros((self.LEVELS, self.ROWS, 1 << self.WIDTH_BITS), np.int64)

    def add(self, keys: np.ndarray, counts: np.ndarray) -> None:
        """Takes in keys in increasing order, each with how often it occurs."""
        for level in range(self.LEVELS):
            prefixes, sums = _merge(keys >> np.uint64(4 * level), counts)
            for table, slots in zip(self.tables[level], self._slots(prefixes, level), strict=True):
                table += np.bincount(slots, weights=sums, minlength=len(table)).astype(np.int64)

    def above(self, at_least: float) -> tuple[np.ndarray, np.ndarray]:
        """Keys that occur at least so often, in order, and their counts."""
        keys, counts = np.zeros(1, np.uint64), np.zeros(1, np.int64)
        for level in reversed(range(self.LEVELS)):
            keys = ((keys << np.uint64(4))[:, None] | np.arange(16, dtype=np.uint64)).ravel()
            slots = self._slots(keys, level)
            counts = np.minimum(*(t[s] for t, s in zip(self.tables[level], slots, strict=True)))
            keys, counts = keys[counts >= at_least], counts[counts >= at_least]
        return keys, counts

    def _slots(self, prefixes: np.ndarray, level: int) -> list[np.ndarray]:
        salts = [np.uint64(0x9E37 + 64 * row + level) << np.uint64(40) for row in range(self.ROWS)]
        return [(mix(mix(prefixes) ^ s) >> np.uint64(64 - self.WIDTH_BITS)).astype(np.int64) for s in salts]
