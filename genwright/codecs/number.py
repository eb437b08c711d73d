"""Numbers ↔ float64 in the column's own units, a missing value as NaN.

One pass learns the ends, the step (1 for integers; 10^-d where all values have at most d ≤ 9 decimals; else 0), the
atoms and the quantiles (`_marginal.py` has their rules). Drawing rounds to the step and clips to the ends; the
records' own type comes back: integers of any width, floats, decimals.

Integers beyond 2^53 are moved by an offset if their range allows; where it does not, and for decimals of more than 15
digits, the nearest float64 is kept and a warning says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from genwright.codecs._counts import Counts
from genwright.codecs._marginal import IntegerScale, RealCodec, atoms_of, is_rounded, quantiles_of, real_field
from genwright.codecs._notes import warn_once
from genwright.codecs._storage import cast, is_new_type
from genwright.core.config import check_least
from genwright.core.errors import DataError
from genwright.core.schema import in_words

CONTINUOUS = 10  # stands for "more than 9 decimals"
_DIGITS = {2: 11, 4: 24, 8: 53}  # bytes of a float → bits of its integers


@dataclass(frozen=True)
class NumberConfig:
    """How a number is encoded."""

    decimals: int | None = None  # decimals that are kept; empty: as many as the data have

    def __post_init__(self) -> None:
        if self.decimals is not None:
            check_least(self, 0, "decimals")


class Number(RealCodec):
    """Integers, floats and decimals."""

    Config = NumberConfig

    def __init__(self, config: NumberConfig | None = None):
        super().__init__(config)
        self._counts: Counts | None = None
        self._decimals = 0  # decimals that the values need; CONTINUOUS: too many
        self._low, self._high = -np.inf, np.inf

    def update(self, values: pa.Array) -> None:
        """Counts the numbers of a chunk."""
        self._meet_type(values.type)
        x = _known(values)
        self._n_missing += len(values) - len(x)
        if self._counts is None and len(x):
            self._counts = Counts(x.dtype)
        if self._counts is None:
            return
        self._counts.add(x)
        if pa.types.is_integer(self.type):
            self._n_rounded += int(is_rounded(x).sum())
        else:
            self._decimals = _decimals_needed(x, self._decimals, _width(self.type))
            self._n_rounded += _n_rounded_decimals(values, self.type)

    def finish(self) -> None:
        """Settles ends, step, atoms and quantiles."""
        counts, is_integer = self._counts, pa.types.is_integer(self.type)
        self._decimals = 0 if is_integer else self._final_decimals()
        if counts is None:
            self._field = real_field(np.zeros(0), np.zeros(0), self.step, has_missing=True)
            return
        self._set_ends(*counts.ends())
        atoms, quantiles = atoms_of(counts, self.step), quantiles_of(counts)
        self._field = real_field(self._to_float(quantiles), self._to_float(atoms), self.step, self._n_missing > 0)
        if self._n_rounded and not (self.scale and self.scale.is_exact):
            warn_once(self, f"has {self._n_rounded} numbers with more digits than float64 holds; they are rounded")
        self._counts = None

    @property
    def step(self) -> float:
        """Distance between neighbouring possible values, 0 for continuous ones."""
        return 0.0 if self._decimals == CONTINUOUS else float(f"1e-{self._decimals}")

    def encode(self, values: pa.Array) -> torch.Tensor:
        """float64, on the step; numbers outside the ends become the nearer end."""
        missing = values.is_null(nan_is_null=pa.types.is_floating(values.type)).to_numpy(zero_copy_only=False)
        support: Any = self._field.support
        return self._tensor(self._to_float(self._parsed(values)) if support.quantiles else np.nan, missing)

    def decode(self, codes: torch.Tensor) -> pa.Array:
        """Numbers of the records' own type, rounded to the step and clipped to the ends."""
        x = codes.detach().cpu().numpy().astype(np.float64)
        missing = np.isnan(x)
        support: Any = self._field.support
        if not support.quantiles:
            return pa.nulls(len(x), self.type)
        x = np.where(missing, support.quantiles[0], x)
        if self.scale:
            dtype = np.uint64 if pa.types.is_uint64(self.type) else np.int64
            whole = self.scale.to_integer(x, dtype).astype(self.type.to_pandas_dtype())
            return pa.array(whole, self.type, mask=missing)
        drawn = self._clip(self._round(x))
        drawn = np.where((drawn == 0) & (x != 0), 0.0, drawn)  # −0.04 is 0 to one decimal, and not −0
        return _from_float(drawn, missing, self.type)

    def state(self) -> dict[str, Any]:
        """Everything learnt."""
        return {**super().state(), "decimals": self._decimals}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        super().load_state(state)
        self._decimals = state["decimals"]
        support: Any = self._field.support
        if not self.scale and support.quantiles:
            self._low, self._high = support.quantiles[0], support.quantiles[-1]

    def _meet_type(self, kind: pa.DataType) -> None:
        if not is_new_type(kind, self.type):
            return
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
            raise DataError(f"holds {in_words(kind)}, not numbers; set its kind to category")
        self.type = kind

    def _final_decimals(self) -> int:
        if self.config.decimals is not None:
            return min(self.config.decimals, CONTINUOUS)
        if self._counts is None or self._decimals == CONTINUOUS:
            return self._decimals
        size = max(map(abs, self._counts.ends()))
        return self._decimals if _fits(size, self._decimals, _width(self.type)) else CONTINUOUS

    def _set_ends(self, low: float, high: float) -> None:
        if pa.types.is_integer(self.type):
            self.scale = IntegerScale(int(low), int(high))
        else:
            self._low, self._high = (float(v) + 0.0 for v in self._round(np.array([low, high])))

    def _to_float(self, x: np.ndarray) -> np.ndarray:
        """Values as they stand in the tensor: on the step, between the ends."""
        if self.scale is None:
            return self._clip(self._round(x))
        if x.dtype != np.float64:
            return self.scale.to_float(x)
        return np.clip(np.rint(x), self.scale.low, self.scale.high) - float(self.scale.offset)

    def _round(self, x: np.ndarray) -> np.ndarray:
        if self._decimals == CONTINUOUS:
            return x.astype(np.float64)
        with np.errstate(over="ignore"):
            rounded = np.rint(x * 10.0**self._decimals) / 10.0**self._decimals
        return np.where(np.isfinite(rounded), rounded, x)

    def _clip(self, x: np.ndarray) -> np.ndarray:
        return np.where(x < self._low, self._low, np.where(x > self._high, self._high, x))

    def _parsed(self, values: pa.Array) -> np.ndarray:
        """The known values of rows to be encoded, which may come in another numeric type, or as text."""
        kind = values.type
        if self.scale and pa.types.is_integer(kind):
            return _known(values)
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            return _known(values, may_be_infinite=True).astype(np.float64)
        return _known(cast(values, pa.float64(), "numbers"))


def _known(values: pa.Array, may_be_infinite: bool = False) -> np.ndarray:
    """The values that are not missing, as int64, uint64 or float64."""
    known = values.drop_null()
    if pa.types.is_integer(known.type):
        return known.to_numpy(zero_copy_only=False).astype(np.uint64 if pa.types.is_uint64(known.type) else np.int64)
    if pa.types.is_decimal(known.type):
        known = known.cast(pa.string()).cast(pa.float64())  # through text: rounded once, correctly
    x = known.to_numpy(zero_copy_only=False).astype(np.float64)
    if np.isinf(x).any() and not may_be_infinite:
        raise DataError("has an infinite value; remove or replace it")
    return x[~np.isnan(x)]


def _from_float(x: np.ndarray, missing: np.ndarray, kind: pa.DataType) -> pa.Array:
    """Floats in the records' own floating or decimal type."""
    if not pa.types.is_decimal(kind):
        with np.errstate(over="ignore"):
            return pa.array(x.astype(kind.to_pandas_dtype()), kind, mask=missing)
    beyond = 10.0 ** (kind.precision - kind.scale)  # where float64 has rounded the largest decimals up
    ends = [Decimal((sign, (9,) * kind.precision, -kind.scale)) for sign in (0, 1)]
    plain = (v if abs(v) < beyond else ends[v < 0] for v in x.tolist())
    texts = [None if gone else f"{v:.{max(kind.scale, 0)}f}" for v, gone in zip(plain, missing, strict=True)]
    return pa.array(texts, pa.string()).cast(kind)


def _width(kind: pa.DataType) -> int:
    """Bytes of the floats that hold the values."""
    return kind.bit_width // 8 if pa.types.is_floating(kind) else 8


def _fits(size: float, decimals: int, width: int) -> bool:
    """Whether floats of that width tell numbers of that size and so many decimals apart."""
    return bool(size * 10.0**decimals <= 2.0 ** _DIGITS[width])


def _decimals_needed(x: np.ndarray, at_least: int, width: int) -> int:
    """The fewest decimals with which every value comes back from rounding; CONTINUOUS if more than 9."""
    native = f"f{width}"
    for decimals in range(at_least, CONTINUOUS):
        with np.errstate(over="ignore"):
            rounded = np.rint(x * 10.0**decimals) / 10.0**decimals
            comes_back = rounded.astype(native) == x.astype(native)
            comes_back &= np.abs(x) * 10.0**decimals <= 2.0 ** _DIGITS[width]
        x = x[~comes_back]
        if not len(x):
            return decimals
    return CONTINUOUS


def _n_rounded_decimals(values: pa.Array, kind: pa.DataType) -> int:
    """How many decimals have more digits than float64 holds."""
    if not pa.types.is_decimal(kind) or kind.precision <= 15:
        return 0
    known = values.drop_null()
    back = _from_float(_known(known), np.zeros(len(known), bool), kind)
    return pc.sum(pc.not_equal(back, known)).as_py() or 0
