"""Instants ↔ float64: a whole number of the column's granularity since 1970 in UTC, a missing value as NaN.

The granularity is the coarsest of day, hour, minute, second, milli-, micro- and nanosecond that divides every value,
so that the step is 1 and float64 is exact: years 1 to 9999 from the millisecond upwards, any 285 years at the
microsecond. Instants out of that reach (a year 9999 among microseconds) are rounded, except for the first and the last
one, which come back as they were. A day and a week are named as periods. The zone is kept and plays no other part.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from genwright.codecs._counts import Counts
from genwright.codecs._marginal import IntegerScale, RealCodec, atoms_of, is_rounded, quantiles_of, real_field
from genwright.codecs._notes import warn_once
from genwright.codecs._storage import cast, is_new_type
from genwright.core.codec import NoConfig
from genwright.core.errors import DataError
from genwright.core.schema import in_words

SECOND = 10**9
NANOSECONDS = {  # of each granularity, the coarsest first
    **{"D": 86_400 * SECOND, "h": 3600 * SECOND, "min": 60 * SECOND},
    **{"s": SECOND, "ms": 10**6, "us": 10**3, "ns": 1},
}


class Datetime(RealCodec):
    """Dates, times of day and timestamps with and without a zone."""

    Config = NoConfig

    def __init__(self, config: NoConfig | None = None):
        super().__init__(config)
        self._counts = Counts(np.int64)
        self._divisor = 0  # greatest common divisor of the values, in the type's own unit
        self.granularity = "s"

    def update(self, values: pa.Array) -> None:
        """Counts the instants of a chunk."""
        self._meet_type(values.type)
        if pa.types.is_null(values.type):
            self._n_missing += len(values)
            return
        x = _ticks(values)
        self._counts.add(x)
        self._n_missing += len(values) - len(x)
        self._n_rounded += int(is_rounded(x).sum())
        self._divisor = math.gcd(self._divisor, int(np.gcd.reduce(x)))

    def finish(self) -> None:
        """Settles granularity, ends, atoms and quantiles."""
        if not self._counts.n:
            self._field = real_field(np.zeros(0), np.zeros(0), 1.0, has_missing=True)
            return
        self.granularity = _granularity(self._divisor * _nanoseconds(self.type))
        low, high = (int(end) // self._factor for end in self._counts.ends())
        self.scale = IntegerScale(low, high)
        quantiles, atoms = quantiles_of(self._counts), atoms_of(self._counts, self._factor)
        found = self._to_float(quantiles), self._to_float(atoms)
        self._field = real_field(*found, 1.0, self._n_missing > 0, self._periods())
        if self._n_rounded and not self.scale.is_exact:
            warn_once(self, f"spans too long for its precision: up to {self._n_rounded} instants are rounded")
        self._counts = Counts(np.int64)

    def encode(self, values: pa.Array) -> torch.Tensor:
        """Units since 1970; instants outside the ends become the nearer end."""
        missing = values.is_null().to_numpy(zero_copy_only=False)
        return self._tensor(self._to_float(self._known(values)) if self.scale else np.nan, missing)

    def decode(self, codes: torch.Tensor) -> pa.Array:
        """Instants of the records' own type, rounded to the granularity."""
        x = codes.detach().cpu().numpy().astype(np.float64)
        missing = np.isnan(x)
        if self.scale is None:
            return pa.nulls(len(x), self.type)
        units = self.scale.to_integer(np.where(missing, 0.0, x), np.int64)
        return _instants(units * self._factor, missing, self.type)

    def state(self) -> dict[str, Any]:
        """Everything learnt."""
        return {**super().state(), "granularity": self.granularity}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        super().load_state(state)
        self.granularity = state["granularity"]

    @property
    def _factor(self) -> int:
        """Ticks of the Arrow type in one unit of the tensor."""
        return NANOSECONDS[self.granularity] // _nanoseconds(self.type)

    def _periods(self) -> tuple[float, ...]:
        """A day and a week in units of the tensor, where they are more than one unit."""
        if pa.types.is_time(self.type):
            return ()
        day = NANOSECONDS["D"] // NANOSECONDS[self.granularity]
        return tuple(float(days * day) for days in (1, 7) if days * day > 1)

    def _known(self, values: pa.Array) -> np.ndarray:
        """The known instants in ticks of the column's type; what it cannot hold as the first or last that it can."""
        kind, t = values.type, pa.types
        is_alike = t.is_time(kind) if t.is_time(self.type) else t.is_timestamp(kind) or t.is_date(kind)
        ratio = _nanoseconds(kind) // _nanoseconds(self.type) if is_alike else 0
        if ratio <= 1:
            return _ticks(cast(values, self.type, self.type, safe=False))
        most = (2**63 - 1) // ratio
        return np.clip(_ticks(values), -most, most) * ratio

    def _to_float(self, ticks: np.ndarray) -> np.ndarray:
        assert self.scale is not None
        units, rest = np.divmod(ticks, self._factor)
        return self.scale.to_float(units + (2 * rest >= self._factor))  # between two units: the nearer one

    def _meet_type(self, kind: pa.DataType) -> None:
        if not is_new_type(kind, self.type):
            return
        if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_time(kind)):
            raise DataError(f"holds {in_words(kind)}, not dates; set its kind to category, or number for a duration")
        self.type = kind


def _nanoseconds(kind: pa.DataType) -> int:
    """Length of one tick of an Arrow type."""
    if pa.types.is_date32(kind):
        return NANOSECONDS["D"]
    return NANOSECONDS["ms" if pa.types.is_date64(kind) else kind.unit]


def _ticks(values: pa.Array) -> np.ndarray:
    """The known instants as whole numbers (int64) of their type's unit."""
    known = values.drop_null()
    whole = known.cast(pa.int32() if known.type.bit_width == 32 else pa.int64())
    return whole.to_numpy(zero_copy_only=False).astype(np.int64)


def _instants(ticks: np.ndarray, missing: np.ndarray, kind: pa.DataType) -> pa.Array:
    """The inverse of `_ticks`."""
    bits = np.int32 if kind.bit_width == 32 else np.int64
    return pa.array(ticks.astype(bits), mask=missing).cast(kind)


def _granularity(divisor: int) -> str:
    """The coarsest granularity that divides so many nanoseconds."""
    return next(name for name, size in NANOSECONDS.items() if divisor % size == 0)
