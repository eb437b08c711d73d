"""A column of the real and of the synthetic records, side by side, as plain arrays that a figure can draw.

Numbers, dates (seconds since 1970) and lengths of texts become float64 with NaN where a value is missing; categories,
and numbers of few different values, become labels with None.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genwright.core.schema import Column
from genwright.data.dates import without_midnights
from genwright.report.words import quantity

Shape = Literal["number", "datetime", "category", "nothing"]
FEW = 12  # numbers with no more different values are shown as categories
MISSING = "missing"
N_CHANCES = 400  # pairs of draws that tell how far equal shares of labels come apart


@dataclass(frozen=True)
class Pair:
    """One column twice.

    Args:
        name: The column.
        kind: Its kind in the schema.
        shape: How it is drawn.
        real: float64 (N,) or labels (N,) of the real rows.
        fake: The same of the synthetic rows.
        note: What a reader must know about the drawing.
        order: Labels in their own order (numbers); empty: by share.
    """

    name: str
    kind: str
    shape: Shape
    real: np.ndarray
    fake: np.ndarray
    note: str = ""
    order: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[float, float]:
        """Share of missing values, real and synthetic."""
        return _share(_is_missing(self.real)), _share(_is_missing(self.fake))

    @cached_property
    def distance(self) -> float:
        """How far the two marginal distributions are apart: 0 equal, 1 apart; NaN where nothing can be said.

        Numbers: Kolmogorov-Smirnov, the largest gap between the shares below a value, or the gap between the shares of
        missing values where that is larger. Categories: total variation, half the sum of the gaps between shares.
        """
        if self.shape == "nothing" or not len(self.real) or not len(self.fake):
            return float("nan")
        if self.shape == "category":
            return 0.5 * sum(abs(r - f) for _, r, f in shares(self))
        return max(_kolmogorov_smirnov(self.real, self.fake), abs(self.missing[0] - self.missing[1]))

    @cached_property
    def noise(self) -> float:
        """The distance that equal distributions exceed in one case of twenty.

        Of numbers the limit of Kolmogorov and Smirnov for large samples; of labels what so many draws from the shares
        of both sides together come to.
        """
        n, m = len(self.real), len(self.fake)
        if self.shape != "category":
            return 1.36 * float(np.sqrt(1 / n + 1 / m))
        p = np.array([n * real + m * fake for _, real, fake in shares(self)]) / (n + m)
        rng = np.random.default_rng(0)
        real, fake = (rng.multinomial(k, p / p.sum(), N_CHANCES) / k for k in (n, m))
        return float(np.quantile(np.abs(real - fake).sum(1) / 2, 0.95))


def pair(column: Column, real: pa.Table, fake: pa.Table) -> Pair:
    """The column of both tables, ready to be drawn."""
    empty = np.empty(0)
    if column.name not in real.column_names or column.name not in fake.column_names:
        return Pair(column.name, column.kind, "nothing", empty, empty, "absent from one of the two tables")
    sides = real.column(column.name), fake.column(column.name)
    if column.kind in ("id", "constant", "omitted", "image", "audio", "music"):
        return Pair(column.name, column.kind, "nothing", empty, empty, _not_drawn(column.kind, sides))
    if column.options.get("runs_on"):
        note = "passages of one running text, whose lengths say nothing"
        return Pair(column.name, column.kind, "nothing", empty, empty, note)
    if column.kind in ("number", "datetime", "text", "sequence"):
        read = _lengths if column.kind in ("text", "sequence") else _numbers
        x, y = read(sides[0]), read(sides[1])
        if x is not None and y is not None:
            return _numeric(column, x, y)
    return Pair(column.name, column.kind, "category", _labels(sides[0]), _labels(sides[1]))


def shares(both: Pair) -> list[tuple[str, float, float]]:
    """(label, real share, synthetic share) of every level: most frequent first, or in the labels' own order."""
    counts = [_counts(side) for side in (both.real, both.fake)]
    n_real, n_fake = max(1, len(both.real)), max(1, len(both.fake))
    levels = {*counts[0], *counts[1]}
    rank = {label: i for i, label in enumerate(both.order)}
    key = lambda v: (rank.get(v, len(rank)), -counts[0].get(v, 0), -counts[1].get(v, 0), str(v))  # noqa: E731
    return [(v, counts[0].get(v, 0) / n_real, counts[1].get(v, 0) / n_fake) for v in sorted(levels, key=key)]


def codes(both: Pair, n: int = 10) -> tuple[np.ndarray, np.ndarray, int]:
    """Both sides as integer codes below the returned size: quantile bins of the real rows, or frequent levels."""
    if both.shape == "category":
        top = {label: i for i, (label, _, _) in enumerate(shares(both)[: n - 1])}
        real, fake = (np.array([top.get(_label(v), n - 1) for v in side], dtype=np.int64) for side in _sides(both))
        return real, fake, n
    known = both.real[~np.isnan(both.real)]
    cuts = np.unique(np.quantile(known, np.linspace(0, 1, n + 1)[1:-1])) if len(known) else np.empty(0)
    real, fake = (np.where(np.isnan(side), n, np.searchsorted(cuts, side)) for side in _sides(both))
    return real, fake, n + 1


def _sides(both: Pair) -> tuple[np.ndarray, np.ndarray]:
    return both.real, both.fake


def _numeric(column: Column, real: np.ndarray, fake: np.ndarray) -> Pair:
    """Numbers as they are, or as labels where there are few of them."""
    note = {"text": "length in characters", "sequence": "length in items"}.get(column.kind, "")
    known = np.concatenate([real, fake])
    distinct = np.unique(known[~np.isnan(known)])
    if not len(real) or not len(fake):
        return Pair(column.name, column.kind, "nothing", real, fake, "no rows to draw")
    if not len(distinct):
        return Pair(column.name, column.kind, "nothing", real, fake, "every value is missing")
    if column.kind == "datetime":
        return Pair(column.name, column.kind, "datetime", real, fake, note)
    if len(distinct) > FEW:
        return Pair(column.name, column.kind, "number", real, fake, note)
    names = _names(distinct.tolist())
    named = [np.array([names.get(v) for v in side.tolist()], dtype=object) for side in (real, fake)]
    return Pair(column.name, column.kind, "category", named[0], named[1], note, tuple(names.values()))


def _names(values: list[float]) -> dict[float, str]:
    """Each number in words, with as many digits as tell them apart, six at least."""
    tried = ({v: quantity(v, digits) for v in values} for digits in range(6, 18))
    return next((names for names in tried if len({*names.values()}) == len(names)), {v: repr(v) for v in values})


def _numbers(column: pa.ChunkedArray) -> np.ndarray | None:
    """float64 (N,), NaN for missing and infinite values; None where the column holds no numbers."""
    kind = column.type
    try:
        if pa.types.is_date(kind):
            column = column.cast(pa.timestamp("s"))
        if pa.types.is_timestamp(column.type):
            column = pc.divide(
                column.cast(pa.timestamp("us"), safe=False).cast(pa.int64()).cast(pa.float64(), safe=False), 1e6
            )
        elif pa.types.is_temporal(kind):
            column = column.cast(pa.int64() if kind.bit_width == 64 else pa.int32())
        values = column.cast(pa.float64(), safe=False).to_numpy().astype(np.float64, copy=True)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    values[~np.isfinite(values)] = np.nan
    return np.clip(values, -1e300, 1e300)  # so that a difference of two stays finite


def _lengths(column: pa.ChunkedArray) -> np.ndarray | None:
    try:
        is_list = pa.types.is_list(column.type) or pa.types.is_large_list(column.type)
        lengths = pc.list_value_length(column) if is_list else pc.utf8_length(column)
    except pa.ArrowNotImplementedError:
        return None
    return _numbers(lengths)


def _labels(column: pa.ChunkedArray) -> np.ndarray:
    return np.array([None if v is None or v != v else str(v) for v in column.to_pylist()], dtype=object)


def _not_drawn(kind: str, sides: tuple[pa.ChunkedArray, pa.ChunkedArray]) -> str:
    if kind == "id":
        return "identifies rows; not modelled, written anew for synthetic rows"
    if kind == "omitted":
        return "left out: not modelled, missing in synthetic rows"
    if kind == "constant":
        known = [without_midnights(side).drop_null()[0].as_py() for side in sides if side.null_count < len(side)]
        return f"always {known[0]}" if known else "every value is missing"
    if kind == "image":
        return "pictures: see the draws"
    return f"{kind} columns are not drawn here"


def _label(value: object) -> str:
    return MISSING if value is None else str(value)


def _counts(side: np.ndarray) -> Counter[str]:
    return Counter(_label(v) for v in side)


def _is_missing(side: np.ndarray) -> np.ndarray:
    return np.array([v is None for v in side]) if side.dtype == object else np.isnan(side)


def _share(flags: np.ndarray) -> float:
    return float(flags.mean()) if len(flags) else 0.0


def _kolmogorov_smirnov(real: np.ndarray, fake: np.ndarray) -> float:
    real, fake = (np.sort(side[~np.isnan(side)]) for side in (real, fake))
    if not len(real) or not len(fake):
        return 1.0
    at = np.concatenate([real, fake])
    below = [np.searchsorted(side, at, "right") / len(side) for side in (real, fake)]
    return float(np.abs(below[0] - below[1]).max())
