"""Spaces: what an encoded row looks like. A model sees a space, never a modality.

An encoded table is a batch: column name → tensor whose first dimension is the row. A `Field` says what one column's
tensor holds: its event shape and its support.

- `Real`: float64, in the column's own units (years, euros, seconds), so that a density needs no change of variables;
  NaN is a missing value. The field carries what a model needs to scale it.
- `Category`: int64 codes 0 … n−1. A missing category is a code like the others.
- `Tokens`: int64 (length,) codes 0 … n−1: the sequence, its `end`, then `pad`. A row without `end` fills all places: it
  was cut, or is a passage of a running text.
- `Vectors`: float64 (length, dim), one row of it a step; NaN is a missing number, +∞ stands behind the last step.
- `Pixels`: uint8 (C, H, W) codes 0 … n−1, dark to bright: a picture. None is missing.

What is fixed when sampling may leave places of a sequence open, to be drawn: `OPEN` among codes, −∞ among numbers.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from genwright.core.errors import SpaceMismatchError, UnknownNameError

if TYPE_CHECKING:
    import numpy as np
    import torch

Batch = dict[str, "torch.Tensor"]


@dataclass(frozen=True)
class Real:
    """Real numbers, with what is known of their marginal distribution."""

    low: float | None = None  # no value lies below; None: unbounded
    high: float | None = None  # no value lies above
    step: float = 0.0  # values are whole multiples of it (1 for integers, 0.01 for cents); 0: continuous
    atoms: tuple[float, ...] = ()  # values that repeat, sorted: 0 hours, 99999 dollars
    quantiles: tuple[float, ...] = ()  # evenly spaced quantiles of the values, minimum and maximum included
    periods: tuple[float, ...] = ()  # cycles worth knowing, in the same unit (a day, a week)
    has_missing: bool = False  # NaN can occur

    @property
    def location(self) -> float:
        """The median, 0 where nothing is known."""
        return self.quantiles[len(self.quantiles) // 2] if self.quantiles else 0.0

    def on_step(self, x: "np.ndarray") -> "np.ndarray":
        """The nearest multiples of the step, as the same floats that reading a decimal gives; x where there is none."""
        if not self.step:
            return x
        per_unit = round(1 / self.step) if self.step < 1 else 0
        return (x * per_unit).round() / per_unit if per_unit else (x / self.step).round() * self.step

    @property
    def scale(self) -> float:
        """Half the distance between the 16th and 84th percentile, never 0."""
        if not self.quantiles:
            return 1.0
        last = len(self.quantiles) - 1
        spread = (self.quantiles[round(0.84 * last)] - self.quantiles[round(0.16 * last)]) / 2
        return spread or (self.quantiles[-1] - self.quantiles[0]) / 2 or 1.0


@dataclass(frozen=True)
class Category:
    """One of n codes."""

    n: int  # number of codes
    has_missing: bool = False  # the last of them stands for a missing value


@dataclass(frozen=True)
class Tokens:
    """A sequence of codes of at most `length`."""

    length: int  # longest sequence with its end, T
    n: int  # vocabulary, V
    pad: int = 0  # the code behind the end
    end: int = 1  # the code that closes a sequence; families also start from it
    runs_on: bool = False  # rows are passages of one running text, none of which begins or ends it
    missing: int = (
        -1
    )  # the code of a step that is not known; -1: there is none. A row of pads alone is not known at all


@dataclass(frozen=True)
class Vectors:
    """A sequence of at most `length` steps of `dim` real numbers."""

    length: int  # longest sequence, T
    dim: int  # numbers a step, D
    location: tuple[float, ...] = ()  # median of each number; empty: unknown
    scale: tuple[float, ...] = ()  # spread of each number, never 0; empty: unknown
    has_missing: bool = False  # NaN can occur


@dataclass(frozen=True)
class Pixels:
    """The brightness of a picture's pixels; the field's event shape is (C, H, W)."""

    n: int = 256  # levels from dark to bright


Support = Real | Category | Tokens | Vectors | Pixels
_SUPPORTS: dict[str, type] = {
    "real": Real,
    "category": Category,
    "tokens": Tokens,
    "vectors": Vectors,
    "pixels": Pixels,
}
OPEN = -1  # a place of a sequence of codes that is to be drawn


@dataclass(frozen=True)
class Field:
    """One column of a space.

    Args:
        support: The values an element can take.
        event_shape: Shape of one row's tensor; `()` for a scalar, `(C, H, W)` for an image.
        is_given: The column is always known when sampling; a model may condition on it without modelling it.
    """

    support: Support
    event_shape: tuple[int, ...] = ()
    is_given: bool = False


@dataclass(frozen=True)
class Space(Mapping[str, Field]):
    """The fields of a row, in column order."""

    fields: dict[str, Field] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Field:
        if name not in self.fields:
            raise UnknownNameError(name, self.fields, "the columns of this space")
        return self.fields[name]

    def __contains__(self, name: object) -> bool:
        return name in self.fields

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def given(self, names: Iterable[str]) -> "Space":
        """The same space with these columns marked as given.

        Raises:
            UnknownNameError: there is no such column.
        """
        chosen = set(names)
        for name in chosen:
            self[name]  # raises for an unknown column
        return Space({name: replace(f, is_given=f.is_given or name in chosen) for name, f in self.items()})

    def check(self, batch: Batch) -> int:
        """The number of rows of a batch that lies in this space.

        Raises:
            SpaceMismatchError: a column is absent, has another shape, or a value outside its support.
        """
        sizes = {_check_column(name, f, batch.get(name)) for name, f in self.fields.items()}
        extra = [name for name in batch if name not in self.fields]
        if extra:
            raise SpaceMismatchError(f"columns {extra} are not in the space {list(self.fields)}")
        if len(sizes) > 1:
            raise SpaceMismatchError(f"columns have different numbers of rows: {sorted(sizes)}")
        return sizes.pop() if sizes else 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` reads them back."""
        return {name: _field_to_json(f) for name, f in self.fields.items()}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> "Space":
        """The space that `to_json` wrote."""
        return cls({name: _field_from_json(f) for name, f in state.items()})


def pictures(space: Space) -> Space:
    """Its columns of pictures."""
    return Space({name: f for name, f in space.items() if isinstance(f.support, Pixels)})


def is_open(x: "torch.Tensor") -> "torch.Tensor":
    """Which places of a column are open, to be drawn; bytes, which have no −1, are all known."""
    import torch

    if x.is_floating_point():
        return x == -torch.inf
    return x == OPEN if x.dtype.is_signed else torch.zeros_like(x, dtype=torch.bool)


def row_shape(f: Field) -> tuple[int, ...]:
    """Shape of one row's tensor."""
    if isinstance(f.support, Tokens):
        return (f.support.length,)
    return (f.support.length, f.support.dim) if isinstance(f.support, Vectors) else f.event_shape


def _field_to_json(f: Field) -> dict[str, Any]:
    kind = next(k for k, cls in _SUPPORTS.items() if isinstance(f.support, cls))
    return {"support": kind, **asdict(f.support), "event_shape": list(f.event_shape), "is_given": f.is_given}


def _field_from_json(state: Mapping[str, Any]) -> Field:
    rest = dict(state)
    cls, shape, is_given = _SUPPORTS[rest.pop("support")], rest.pop("event_shape"), rest.pop("is_given")
    return Field(cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in rest.items()}), tuple(shape), is_given)


def _check_column(name: str, f: Field, x: "torch.Tensor | None") -> int:
    if x is None:
        raise SpaceMismatchError(f"column {name} is absent from the batch")
    shape = row_shape(f)
    if tuple(x.shape[1:]) != shape:
        raise SpaceMismatchError(f"column {name} has event shape {tuple(x.shape[1:])}, expected {shape}")
    problem = _outside(f.support, x)
    if problem:
        raise SpaceMismatchError(f"column {name} {problem}")
    return len(x)


def _outside(support: Support, x: "torch.Tensor") -> str:
    """What is wrong with the values, or nothing."""
    if isinstance(support, Vectors):
        return _outside_vectors(support, x)
    if not isinstance(support, Real):
        if x.is_floating_point():
            return f"holds {x.dtype}, expected integer codes"
        low_code, high_code = (int(x.min()), int(x.max())) if x.numel() else (0, 0)  # uint8 cannot hold 256
        is_inside = low_code >= 0 and high_code < support.n
        return "" if is_inside else f"has codes {low_code} … {high_code}, expected 0 … {support.n - 1}"
    if not x.is_floating_point():
        return f"holds {x.dtype}, expected floating point"
    if not support.has_missing and x.isnan().any():
        return "has NaN, and no missing values were seen when the codec was fitted"
    known = x[~x.isnan()]
    if known.isinf().any():
        return "has an infinite value"
    low = -float("inf") if support.low is None else support.low
    high = float("inf") if support.high is None else support.high
    if len(known) and (known.min() < low or known.max() > high):
        return f"has values {float(known.min()):g} … {float(known.max()):g}, expected {low:g} … {high:g}"
    return ""


def _outside_vectors(support: Vectors, x: "torch.Tensor") -> str:
    if not x.is_floating_point():
        return f"holds {x.dtype}, expected floating point"
    if not support.has_missing and x.isnan().any():
        return "has NaN, and no missing values were seen when the codec was fitted"
    is_behind = x == float("inf")
    if (x == -float("inf")).any() or (is_behind.any(-1) != is_behind.all(-1)).any():
        return "has an infinite value inside a step"
    behind = is_behind.all(-1)  # (B, T)
    return "has steps behind its end" if (behind[:, :-1] & ~behind[:, 1:]).any() else ""
