"""Lists of numbers, or of vectors of one size, ↔ float64 rows (T, D); NaN is missing, +∞ stands behind the end.

A step that is missing is a step of missing numbers; a list that is missing is a full row of them.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genwright.codecs._counts import Counts
from genwright.core.errors import DataError
from genwright.core.space import Vectors


class NumberLists:
    """Steps of D numbers.

    Args:
        kind: Arrow type of a step: a number, or a list of numbers.
    """

    def __init__(self, kind: pa.DataType):
        self.kind = kind
        self.is_nested = is_list(kind)
        self.longest = 0
        self.dim = 0
        self.location: list[float] = []
        self.scale: list[float] = []
        self._counts: list[Counts] = []

    def update(self, values: pa.Array) -> None:
        """Takes in some lists."""
        lengths = pc.list_value_length(values).fill_null(0).to_numpy(zero_copy_only=False)
        self.longest = max(self.longest, int(lengths.max(initial=0)))
        steps = self._steps(values.flatten())  # (F, D)
        if len(steps):
            self._counts = self._counts or [Counts(np.float64) for _ in range(self.dim)]
        for counts, column in zip(self._counts, steps.T):
            counts.add(column[~np.isnan(column)])

    def finish(self) -> None:
        """Median and spread of each number."""
        self.dim = self.dim or (self.kind.list_size if pa.types.is_fixed_size_list(self.kind) else 1)
        found = [_centre(c) for c in self._counts] or [(0.0, 1.0)] * self.dim
        self.location, self.scale = [c for c, _ in found], [s for _, s in found]
        self._counts = []

    @property
    def support(self) -> Vectors:
        """As many steps as the longest list has."""
        return Vectors(max(self.longest, 1), self.dim, tuple(self.location), tuple(self.scale), has_missing=True)

    def _steps(self, values: pa.Array) -> np.ndarray:
        """Steps as rows (F, D).

        Raises:
            DataError: they differ in size, or hold an infinite number.
        """
        if not self.is_nested:
            self.dim = 1
            return _numbers(values)[:, None]
        valid = values.is_valid().to_numpy(zero_copy_only=False)
        known = values.drop_null()
        sizes = np.unique(pc.list_value_length(known).to_numpy(zero_copy_only=False))
        self.dim = self.dim or int(sizes[0] if len(sizes) else 0)
        if len(sizes) and (len(sizes) > 1 or sizes[0] != self.dim):
            odd = next(int(s) for s in sizes if s != self.dim)
            raise DataError(f"has steps of {self.dim} and of {odd} numbers; give every step the same numbers")
        steps = np.full((len(values), self.dim), np.nan)
        steps[valid] = _numbers(known.flatten()).reshape(-1, self.dim) if self.dim else 0.0
        return steps

    def encode(self, values: pa.Array, longest: int) -> tuple[np.ndarray, int, int]:
        """Rows (B, longest or 1, D), how many lists were cut, and 0."""
        support = replace(self.support, length=max(longest, 1))
        rows = np.full((len(values), support.length, support.dim), np.inf)
        lengths = pc.list_value_length(values).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        steps = self._steps(values.flatten())
        row = np.repeat(np.arange(len(values)), lengths)
        step = np.arange(len(steps)) - np.repeat(lengths.cumsum() - lengths, lengths)
        fits = step < support.length
        rows[row[fits], step[fits]] = steps[fits]
        rows[~values.is_valid().to_numpy(zero_copy_only=False)] = np.nan
        return rows, int((lengths > support.length).sum()), 0

    def decode(self, rows: np.ndarray) -> pa.Array:
        """Lists, up to the end of each row (B, T, D)."""
        is_step = ~np.isposinf(rows).any(-1)  # (B, T)
        is_null = np.isnan(rows).all((1, 2)) if len(rows) else np.zeros(0, bool)
        is_step &= ~is_null[:, None]
        steps = rows[is_step]  # (F, D)
        offsets = pa.array(np.append(0, is_step.sum(1).cumsum()).astype(np.int32))
        return pa.ListArray.from_arrays(offsets, self._arrow_steps(steps), mask=pa.array(is_null))

    def _arrow_steps(self, steps: np.ndarray) -> pa.Array:
        kind = self.kind.value_type if self.is_nested else self.kind
        flat = steps.ravel().round() if pa.types.is_integer(kind) else steps.ravel()
        numbers = pc.cast(pa.array(np.clip(flat, *_ends(kind)), mask=np.isnan(flat)), kind, safe=False)
        if not self.is_nested:
            return numbers
        absent = pa.array(np.isnan(steps).all(1))
        if not self.dim:
            return pa.nulls(len(steps), self.kind)
        return pa.FixedSizeListArray.from_arrays(numbers, self.dim, mask=absent).cast(self.kind)

    def state(self) -> dict[str, Any]:
        """Everything learnt."""
        return {"longest": self.longest, "dim": self.dim, "location": self.location, "scale": self.scale}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        self.longest, self.dim = state["longest"], state["dim"]
        self.location, self.scale = list(state["location"]), list(state["scale"])


def is_list(kind: pa.DataType) -> bool:
    """Whether an Arrow type is a list of some layout."""
    t = pa.types
    return t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind) or t.is_list_view(kind)


def is_number(kind: pa.DataType) -> bool:
    """Whether an Arrow type holds numbers."""
    t = pa.types
    return t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind)


def _numbers(values: pa.Array) -> np.ndarray:
    """float64 (F,), NaN where missing."""
    found = pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    if np.isinf(found).any():
        raise DataError("holds an infinite number; replace it, or make it missing")
    return found


def _ends(kind: pa.DataType) -> tuple[float, float]:
    """The least and the largest number of a type, as far as float64 does not round them to what is beyond."""
    if pa.types.is_decimal(kind):
        high = min((10**kind.precision - 1) / 10**kind.scale, np.nextafter(10.0 ** (kind.precision - kind.scale), 0))
        return -high, high
    if pa.types.is_floating(kind):
        high = float(np.finfo(kind.to_pandas_dtype()).max)
        return -high, high
    limits = np.iinfo(kind.to_pandas_dtype())
    return float(limits.min), limits.max if limits.bits < 64 else np.nextafter(float(limits.max), 0)


def _centre(counts: Counts) -> tuple[float, float]:
    """Median, and half the distance between the 16th and 84th percentile, 1 where that is 0."""
    values, n = counts.cells()
    if not len(values):
        return 0.0, 1.0
    share = n.cumsum() / n.sum()
    low, middle, high = (float(values[np.searchsorted(share, q)]) for q in (0.16, 0.5, 0.84))
    return middle, (high - low) / 2 or float(values[-1] - values[0]) / 2 or 1.0
