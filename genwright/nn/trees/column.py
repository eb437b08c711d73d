"""A column as sequential trees see it: codes, coordinates, and its own distribution.

A row's *code* in a column is a category, or the index of a number among the distinct ones; −1 is a missing number. Its
*coordinate* is where it stands for splits and distances: the category code, or the number's mid-rank in (0, 1), −1
where it is missing.

A number column splits into *atoms*, values heavy enough to be drawn as they are, and a *smooth* part on a rank scale
(`nn/rank_scale`). A column with few distinct values consists of atoms. Codes below −1 stand for smooth numbers that are
those of an earlier column (`equal`): −2 for the first of `equals`, −3 for the second and so on.
"""

from dataclasses import dataclass
from dataclasses import field as field_
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from genwright.core.packing import Packer, Unpacker
from genwright.core.space import Category, Field, Real
from genwright.nn.rank_scale import RankScale

HEAVY = 0.003  # share of the rows that makes a value an atom, if that is more than 5 rows
MIN_SMOOTH_SHARE, MIN_SMOOTH_VALUES = 0.05, 20  # less than that, and every value is an atom
UNSEEN = 0.5  # rows that stand for what was not seen
MAX_EQUALS = 4  # earlier columns whose number a column's may equal


@dataclass
class TreeColumn:
    """One column.

    Args:
        field: Its field in the space.
        values: Distinct values, sorted (U,); categories: codes 0 … U−1.
        counts: Rows of each (U,).
        n_missing: Rows without a number.
        equals: Places of the earlier columns whose number the column's often is (J,).
        equal_shares: Share of the rows in which it is (J,).
    """

    field: Field
    values: np.ndarray
    counts: np.ndarray
    n_missing: int
    equals: np.ndarray = field_(default_factory=lambda: np.zeros(0, np.int64))

    equal_shares: np.ndarray = field_(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        support = self.field.support
        self.is_category = isinstance(support, Category)
        self.n = int(self.counts.sum())
        self.low, self.high = self._range()
        self.smooth: RankScale | None = None
        n_codes = len(self.values) + 1 + MAX_EQUALS
        self.owned_scores = np.full((2, n_codes), np.nan)  # code → first and last score; NaN for atoms
        self.smooth_index = np.full(n_codes, -1)  # code → index on the rank scale; the last ones are for codes below 0
        if isinstance(support, Real) and self.n:
            self._mid_rank = (np.cumsum(self.counts) - self.counts / 2) / self.n
            light = np.flatnonzero(self.counts <= max(HEAVY * self.n, 5))
            n_light = self.counts[light].sum()
            if n_light > MIN_SMOOTH_SHARE * self.n and len(light) > MIN_SMOOTH_VALUES:
                self.smooth = RankScale(self.values[light], self.counts[light], support)
                self.smooth_index[light] = np.arange(len(light))
                self.owned_scores[:, light] = self.smooth.owned_scores
        self._weights = self._own_weights()

    def _range(self) -> tuple[float, float]:
        """Lowest and highest number: the support's, else those seen; 0 where nothing is known."""
        support: Any = self.field.support
        if self.is_category:
            return 0.0, 0.0
        first, last = (self.values[0], self.values[-1]) if self.n else (0.0, 0.0)
        low = first if support.low is None else support.low
        high = last if support.high is None else support.high
        return float(low), float(max(low, high))

    def _own_weights(self) -> np.ndarray:
        """Rows behind each code; of numbers also behind the missing value, the smooth part and the whole range.

        Returns:
            (U,) for categories, (U + 3,) for numbers
        """
        if self.is_category:
            return np.where(self.counts > 0, self.counts, UNSEEN).astype(float)
        is_atom = self.smooth_index[: len(self.values)] < 0
        n_smooth = self.smooth.n if self.smooth else 0
        support: Any = self.field.support
        n_missing = max(self.n_missing, UNSEEN) if support.has_missing else self.n_missing
        return np.concatenate([np.where(is_atom, self.counts, 0.0), [n_missing, n_smooth, UNSEEN]])

    def code(self, x: np.ndarray) -> np.ndarray:
        """Codes of values; of numbers only those among the distinct ones."""
        if self.is_category:
            return x.astype(np.int32)
        if not self.n:
            return np.full(len(x), -1, np.int32)
        return np.where(np.isnan(x), -1, np.searchsorted(self.values, x).clip(0, len(self.values) - 1)).astype(np.int32)

    def coordinate(self, x: np.ndarray) -> np.ndarray:
        """Coordinates of any values (B,) float32."""
        if self.is_category:
            return x.astype(np.float32)
        if not self.n:
            return np.full(len(x), -1, np.float32)
        is_missing = np.isnan(x)
        rank = np.interp(np.where(is_missing, self.values[0], x), self.values, self._mid_rank)
        return np.where(is_missing, -1.0, rank).astype(np.float32)

    def coordinate_of_code(self, code: np.ndarray) -> np.ndarray:
        """Coordinates of training rows from their codes."""
        if self.is_category:
            return code.astype(np.float32)
        if not self.n:
            return np.full(len(code), -1, np.float32)
        return np.where(code < 0, -1.0, self._mid_rank[code]).astype(np.float32)

    def number_at(self, where: np.ndarray) -> np.ndarray:
        """The inverse of `coordinate` (B,); the middle number for a missing one."""
        return np.interp(np.where(where < 0, np.float32(0.5), where), self._mid_rank, self.values)

    def smooth_rank(self, x: np.ndarray) -> np.ndarray:
        """Where numbers stand among the smooth ones (B,) float32 in (0, 1)."""
        assert self.smooth is not None
        middle = (self.smooth.below + self.smooth.counts / 2) / self.smooth.n
        return np.interp(x, self.smooth.values, middle).astype(np.float32)

    def value(self, code: np.ndarray) -> np.ndarray:
        """Values of codes; NaN for a missing number."""
        if self.is_category:
            return code.astype(np.int64)
        if not self.n:
            return np.full(len(code), np.nan)
        return np.where(code < 0, np.nan, self.values.take(code, mode="clip"))

    def draw_alone(self, u: np.ndarray, v: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        """Values from the column's own distribution, by two uniforms a row: u picks the code, v the place."""
        weights = self._weights
        if temperature != 1.0:
            weights = (weights / weights.max()) ** (1 / temperature)
        total = np.cumsum(weights)
        code = np.searchsorted(total, u * total[-1], side="right").clip(0, len(total) - 1)
        if self.is_category:
            return code
        n_values = len(self.values)
        x = self.value(np.where(code < n_values, code, -1))
        if self.smooth:
            # Normal scores have the density N(0, 1); tempered, N(0, temperature).
            rank = v if temperature == 1.0 else ndtr(np.sqrt(temperature) * ndtri(v))
            x = np.where(code == n_values + 1, self.smooth.value(rank), x)
        return np.where(code == n_values + 2, self._anywhere(v), x)

    def _anywhere(self, v: np.ndarray) -> np.ndarray:
        """A uniform value of the column's range."""
        support: Any = self.field.support
        if not support.step:
            return self.low + v * (self.high - self.low)
        multiples = np.floor(v * self._n_multiples())
        return np.clip(support.on_step(self.low + multiples * support.step), self.low, self.high)

    def _n_multiples(self) -> int:
        """Multiples of the step in the column's range."""
        support: Any = self.field.support
        return round((self.high - self.low) / support.step) + 1

    def prob_alone(self, x: np.ndarray) -> np.ndarray:
        """Probability (mass, or density of smooth values of a continuous column) under the own distribution (B,)."""
        if self.is_category:
            return (self._weights / self._weights.sum())[x]
        n_values = len(self.values)
        is_missing = np.isnan(x)
        filled = np.where(is_missing, self.values[0] if n_values else 0.0, x)
        mass = np.where(is_missing, self._weights[n_values], 0.0)
        seen = self.seen(filled)
        mass += np.where(~is_missing & (seen >= 0), self._weights[seen], 0.0)
        if self.smooth:
            first, last, density = self.smooth.ranks(filled)
            smooth = np.where(np.isnan(density), last - first, density) * self._weights[n_values + 1]
            mass += np.where(is_missing | self._is_point(seen, density), 0.0, smooth)
        anywhere = self._weights[n_values + 2] * self._anywhere_prob()
        mass += np.where(is_missing | self._is_beside(filled, seen), 0.0, anywhere)
        return mass / self._weights.sum()

    def _is_point(self, seen: np.ndarray, density: np.ndarray) -> np.ndarray:
        """Whether a value is an atom of a continuous column: a point beside a density."""
        return (seen >= 0) & (self.smooth_index[seen] < 0) & ~np.isnan(density)

    def _is_beside(self, x: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """Whether a value is no part of `_anywhere`: outside the range, or a point with mass beside its density."""
        support: Any = self.field.support
        is_outside = (x < self.low) | (x > self.high)
        if support.step or self.low == self.high:
            return is_outside
        is_point = seen >= 0
        if self.smooth:
            is_point &= (self.smooth_index[seen] < 0) | (self.counts[seen] > 1)
        return is_outside | is_point

    def _anywhere_prob(self) -> float:
        """Probability, or density, of each value of the range."""
        support: Any = self.field.support
        if support.step:
            return 1 / self._n_multiples()
        return 1 / (self.high - self.low) if self.high > self.low else 1.0

    def seen(self, x: np.ndarray) -> np.ndarray:
        """Code of each value where it is exactly one of the distinct ones, else −1."""
        if not len(self.values):
            return np.full(len(x), -1)
        at = np.searchsorted(self.values, x).clip(0, len(self.values) - 1)
        return np.where(self.values[at] == x, at, -1)

    def projected(self, values: list[np.ndarray]) -> np.ndarray:
        """Numbers of the columns in `equals` (B,) each, as numbers that this column may have (B, J)."""
        support: Any = self.field.support
        middle = self.values[len(self.values) // 2]
        found = [support.on_step(np.where(np.isnan(x), middle, x)).clip(self.low, self.high) for x in values]
        return np.stack(found, axis=1)

    def draw_beside(self, numbers: np.ndarray, u: np.ndarray, v: np.ndarray, temperature: float) -> np.ndarray:
        """Values as `draw_alone` gives them, or the row's `projected` numbers (B, J), by their shares."""
        ends = np.cumsum(self._shares)
        if not len(ends):
            return self.draw_alone(u, v, temperature)
        which = np.searchsorted(ends, u, side="right")
        x = self.draw_alone(((u - ends[-1]) / (1 - ends[-1])).clip(0), v, temperature)
        at = np.flatnonzero(which < len(ends))
        x[at] = numbers[at, which[at]]
        return x

    def prob_beside(self, numbers: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Probability under `draw_beside` (B,): mass where x is one of the numbers, else as `prob_alone`."""
        alone = self.prob_alone(x)
        if not len(self.equal_shares):
            return alone
        hit = x[:, None] == numbers
        is_density = hit.any(1) & ~self._has_mass(x)
        return (1 - self._shares.sum()) * np.where(is_density, 0.0, alone) + hit @ self._shares

    @property
    def _shares(self) -> np.ndarray:
        """The shares (J,), lowered where they leave nothing to numbers that are no earlier column's."""
        n, total = self.n + self.n_missing, self.equal_shares.sum()
        most = n / (n + UNSEEN)
        return self.equal_shares * (most / total) if total > most else self.equal_shares

    def _has_mass(self, x: np.ndarray) -> np.ndarray:
        """Whether `prob_alone` is a mass and no density (B,)."""
        support: Any = self.field.support
        if support.step or self.smooth is None:
            return np.ones(len(x), bool)
        seen = self.seen(np.where(np.isnan(x), np.inf, x))
        return np.isnan(x) | ((seen >= 0) & ((self.smooth_index[seen] < 0) | (self.counts[seen] > 1)))

    def which_equal(self, x: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """The first of the `projected` numbers (B, J) that each x (B,) is; −1: none, or x is an atom."""
        seen = self.seen(np.where(np.isnan(x), np.inf, x))
        is_atom = (seen >= 0) & (self.smooth_index[seen] < 0)
        hit = x[:, None] == numbers
        return np.where(hit.any(1) & ~is_atom, hit.argmax(1), -1)

    def pack(self, packer: Packer) -> None:
        """Adds what `unpack` needs."""
        packer.add(
            column_values=self.values.astype(np.float64),
            column_counts=self.counts.astype(np.int64),
            column_missing=np.array([self.n_missing], np.int64),
            column_equals=self.equals,
            column_equal_shares=self.equal_shares,
        )

    @classmethod
    def unpack(cls, unpacker: Unpacker, field: Field) -> "TreeColumn":
        """The inverse of `pack`."""
        names = ("column_values", "column_counts", "column_missing", "column_equals", "column_equal_shares")
        values, counts, missing, *equals = (unpacker.next(name) for name in names)
        return cls(field, values, counts, int(missing[0]), *equals)


def learn_column(field: Field, x: np.ndarray) -> TreeColumn:
    """The column of training values x (N,)."""
    if isinstance(field.support, Category):
        n = field.support.n
        return TreeColumn(field, np.arange(n, dtype=np.float64), np.bincount(x, minlength=n), 0)
    known = x[~np.isnan(x)]
    values, counts = np.unique(known, return_counts=True)
    return TreeColumn(field, values, counts, len(x) - len(known))
