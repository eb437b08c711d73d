"""What a `Real` field tells a model about a column, from the counts of its values.

Atoms, the values that repeat more often than smooth data would:
- every value, where there are at most 256 and they are seen twice or more on average;
- otherwise those seen at least max(10, 0.2 % of the rows) times and at least 5 times as often as a smooth density
  around them gives one step: rows of the 8 neighbouring values on each side, divided by the steps that they span.
  Continuous data have no step and do not repeat, so there the first condition is enough.

Quantiles are order statistics: values of the column, or the middles of cells where counts are not exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from genwright.codecs._arrow_json import type_from_text, type_to_text
from genwright.codecs._counts import Counts
from genwright.codecs._notes import warn_once
from genwright.core.codec import Codec
from genwright.core.space import Field, Real, Space

N_QUANTILES = 129
FEW = 256  # a column with so few different values consists of atoms
NEIGHBOURS = 8
EXACT_INTEGERS = 2**53  # float64 holds every integer up to here


class RealCodec(Codec):
    """What numbers and instants share: a type, a scale of whole numbers, a field of reals, missing values as NaN."""

    def __init__(self, config: Any = None):
        super().__init__(config)
        self.type: pa.DataType = pa.null()
        self._n_rounded, self._n_missing = 0, 0
        self.scale: IntegerScale | None = None
        self._field: Field

    @property
    def field(self) -> Field:
        """Reals."""
        return self._field

    def _tensor(self, known: np.ndarray | float, missing: np.ndarray) -> torch.Tensor:
        """Known values, and NaN at the places (B,) of missing ones; the median if none was missing before."""
        support: Any = self._field.support
        x = np.full(len(missing), np.nan)
        x[~missing] = known
        if missing.any() and not support.has_missing:
            x[missing] = support.location
            warn_once(self, "has missing values, and had none when it was learnt; they become its median")
        return torch.from_numpy(x)

    def state(self) -> dict[str, Any]:
        """Everything learnt."""
        ends = [self.scale.low, self.scale.high] if self.scale else []
        return {
            "type": type_to_text(self.type),
            "ends": [str(end) for end in ends],  # as text: integers beyond 2^53 stay what they are
            "field": Space({"column": self._field}).to_json()["column"],
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        self.type = type_from_text(state["type"])
        self.scale = IntegerScale(*map(int, state["ends"])) if state["ends"] else None
        self._field = Space.from_json({"column": state["field"]})["column"]


@dataclass(frozen=True)
class IntegerScale:
    """Integers ↔ float64, exactly wherever float64 allows: moved by an offset when only that makes them fit.

    Args:
        low: The lowest integer.
        high: The highest.
    """

    low: int
    high: int

    @property
    def offset(self) -> int:
        """What is subtracted in the tensor: 0, unless the integers are beyond 2^53 and their range is not."""
        is_small = max(abs(self.low), abs(self.high)) <= EXACT_INTEGERS
        return 0 if is_small or self.high - self.low > EXACT_INTEGERS else self.low

    @property
    def is_exact(self) -> bool:
        """Whether every integer between the ends has a float64 of its own."""
        return max(abs(self.low - self.offset), abs(self.high - self.offset)) <= EXACT_INTEGERS

    def to_float(self, x: np.ndarray) -> np.ndarray:
        """int64 or uint64 (N,), clipped to the ends, as float64."""
        x = np.clip(x, *_within(x.dtype, self.low, self.high))
        if self.offset:
            x = (x.astype(np.uint64) - np.uint64(self.offset % 2**64)).view(np.int64)
        return np.clip(x.astype(np.float64), *self._float_ends)

    @property
    def _float_ends(self) -> tuple[float, float]:
        return float(self.low - self.offset), float(self.high - self.offset)

    def to_integer(self, x: np.ndarray, dtype: np.dtype | type) -> np.ndarray:
        """The nearest integers between the ends of float64 without NaN."""
        low, high = self._float_ends
        middle = np.where((x > low) & (x < high), np.rint(x), 0.0)
        is_wide = np.dtype(dtype) == np.uint64 and not self.offset
        whole = _whole(middle, is_wide) + np.uint64(self.offset % 2**64)
        whole[x <= low] = self.low % 2**64
        whole[x >= high] = self.high % 2**64
        return np.clip(whole.view(dtype), self.low, self.high)


def _within(dtype: np.dtype, low: int, high: int) -> tuple[int, int]:
    """The ends as far as a type can hold them."""
    limits = np.iinfo(dtype)
    return min(max(low, limits.min), limits.max), max(min(high, limits.max), limits.min)


def _whole(x: np.ndarray, is_wide: bool) -> np.ndarray:
    """Whole float64 as two's complement in uint64."""
    if is_wide:
        return np.where(x >= 2.0**64, 0.0, x).astype(np.uint64)
    return np.where(x >= 2.0**63, 0.0, x).astype(np.int64).view(np.uint64)


def is_rounded(x: np.ndarray) -> np.ndarray:
    """Which integers float64 cannot hold: those whose bits span more than 53."""
    size = np.abs(x).view(np.uint64) if x.dtype == np.int64 else x
    lowest_bit = size & (~size + np.uint64(1))
    return size // np.maximum(lowest_bit, np.uint64(1)) > np.uint64(EXACT_INTEGERS)


def quantiles_of(counts: Counts) -> np.ndarray:
    """Evenly spaced order statistics, minimum and maximum included, in the counts' own type."""
    values, n = counts.cells()
    ranks = np.rint(np.linspace(0, counts.n - 1, N_QUANTILES)).astype(np.int64)
    found = values[np.searchsorted(np.cumsum(n), ranks, side="right")]
    found[[0, -1]] = np.array(counts.ends(), dtype=counts.dtype)
    return found


def atoms_of(counts: Counts, step: float) -> np.ndarray:
    """Values that repeat more often than smooth data would, increasing, in the counts' own type.

    Args:
        counts: Counts of the values.
        step: Distance between neighbouring possible values, 0 for continuous data.
    """
    values, n = counts.cells()
    if not counts.shift and len(values) <= min(FEW, counts.n // 2):
        return values
    found, times = counts.frequent(max(10, 0.002 * counts.n))
    if step and len(found):
        found = found[times >= 5 * _expected(values.astype(np.float64), n, counts.cell_of(found), step)]
    return found


def _expected(values: np.ndarray, counts: np.ndarray, at: np.ndarray, step: float) -> np.ndarray:
    """Rows that one step would get at some places under the density of the values around them."""
    first, last = np.maximum(at - NEIGHBOURS, 0), np.minimum(at + NEIGHBOURS, len(values) - 1)
    below = np.concatenate([[0], np.cumsum(counts)])
    rows = below[last + 1] - below[first] - counts[at]
    with np.errstate(over="ignore"):
        return rows * step / np.maximum(values[last] - values[first], step)


def real_field(
    quantiles: np.ndarray, atoms: np.ndarray, step: float, has_missing: bool, periods: tuple[float, ...] = ()
) -> Field:
    """The field of a column; one of which nothing is known can only be missing."""
    q = tuple((np.asarray(quantiles, np.float64) + 0.0).tolist())
    return Field(
        Real(
            low=q[0] if q else None,
            high=q[-1] if q else None,
            step=step,
            atoms=tuple(np.unique(np.asarray(atoms, np.float64) + 0.0).tolist()),
            quantiles=q,
            periods=periods,
            has_missing=has_missing or not q,
        )
    )
