"""A row as networks see it: codes and scores, whatever its columns are.

Every element of a row becomes a *code*: a category is its own; a real number is one of its atoms (values that repeat),
"smooth", or missing. A smooth number also has a *score* z, its standard normal quantile by the quantiles of its column,
so that all numbers are of one scale and no tail is long:

    z(x) = Φ⁻¹(rank of x),   piecewise linear between the quantiles that are no atoms

or, where that is asked for, its distance from the median in scales of the column, z(x) = (x − median) / scale.
"""

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from scipy.special import ndtri

from genwright.core.space import Batch, Category, Field, Real, Space
from genwright.nn.cells import Cells

EDGE = 12.0  # score of what lies beyond the ends of a column
OF_SCORES = ("z", "z_low", "z_high", "log_width", "log_slope")  # what prepared rows hold of every score
AT_ONCE = 1 << 20  # codes and scores drawn at a time
LOGITS_AT_ONCE = 1 << 26  # probabilities that they are drawn by: half a gigabyte at most, as they are padded
MOST_ROWS, LEAST_ROWS = 4096, 16
LOST = 1e-12  # scores nearer to each other than this hardly differ in float64
LINEAR_REACH = 50.0  # scales around the median within which linear scores are told apart


class NumberView:
    """A real column as codes and scores.

    Args:
        support: What is known of the column.
        is_linear: Scores are distances from the median instead of normal quantiles.
    """

    def __init__(self, support: Real, is_linear: bool = False):
        self.support, self.cells = support, Cells(support)
        is_atom = self.cells.is_atom
        self.atoms = self.cells.low[is_atom]
        self.is_smooth = bool((~is_atom).any())
        self.smooth = len(self.atoms)  # the code of smooth values
        self.missing = self.smooth + int(self.is_smooth)
        self.n = self.missing + int(support.has_missing)
        slot = np.full(self.cells.n, self.missing)
        slot[: len(is_atom)] = np.where(is_atom, np.cumsum(is_atom) - 1, self.smooth)
        self._slot = slot
        self._x, self._z = _linear_knots(support) if is_linear else _knots(support, self.atoms)

    def codes(self, x: np.ndarray) -> np.ndarray:
        """The code of each value."""
        return self._slot[self.cells.index(x)]

    def scores(self, x: np.ndarray) -> np.ndarray:
        """z of each value; 0 where it is missing."""
        return np.nan_to_num(np.interp(x, self._x, self._z))

    def values(self, z: np.ndarray) -> np.ndarray:
        """Smooth values with these scores."""
        x = self.support.on_step(np.interp(z, self._z, self._x))
        return np.clip(x, self.support.low, self.support.high) if self.support.low is not None else x

    def span(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scores between which a draw comes out as x; everything beyond the ends comes out as the ends."""
        half = self.support.step / 2
        low, high = (np.interp(x + h, self._x, self._z) for h in (-half, half))
        return np.where(x <= self._x[0], -EDGE, low), np.where(x >= self._x[-1], EDGE, high)

    def log_slope(self, x: np.ndarray) -> np.ndarray:
        """log dz/dx."""
        at = (np.searchsorted(self._x, x) - 1).clip(0, len(self._x) - 2)
        return np.log((self._z[at + 1] - self._z[at]) / (self._x[at + 1] - self._x[at]))

    @property
    def ends(self) -> tuple[float, float]:
        """Lowest and highest score."""
        return float(self._z[0]), float(self._z[-1])

    @property
    def atom_scores(self) -> np.ndarray:
        """Where each code stands on the scale of scores (n,); 0 for smooth and missing."""
        scores = np.zeros(self.n)
        scores[: len(self.atoms)] = self.scores(self.atoms)
        return scores

    def decoded(self, codes: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Values of codes and scores."""
        atoms = np.append(self.atoms, np.nan)[codes.clip(0, len(self.atoms))]
        x = np.where(codes == self.smooth, self.values(z), atoms) if self.is_smooth else atoms
        return np.where(codes == self.missing, np.nan, x) if self.support.has_missing else x


def _linear_knots(support: Real) -> tuple[np.ndarray, np.ndarray]:
    z = np.array([-LINEAR_REACH, LINEAR_REACH])
    return support.location + z * support.scale, z


def _knots(support: Real, atoms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Increasing values and their scores, at least two."""
    q = np.asarray(support.quantiles, np.float64)
    free = q[~np.isin(q, atoms)]
    values, counts = np.unique(free, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2) / max(len(free), 1)
    ends = [support.low, support.high] if support.low is not None else [-1.0, 1.0]
    outside = np.array([e for e in dict.fromkeys(ends) if e not in values], np.float64)
    beyond = 0.25 / (len(free) + 1)
    rank = np.concatenate([middle, np.where(outside == ends[0], beyond, 1 - beyond)])
    values = np.concatenate([values, outside])
    if len(values) < 2:
        values, rank = np.append(values, values[-1] + 1), np.array([0.25, 0.75])
    order = np.argsort(values)
    rank = np.maximum.accumulate(rank[order] + 1e-9 * np.arange(len(order)))
    return values[order], ndtri(rank.clip(1e-6, 1 - 1e-6))


@dataclass(frozen=True)
class _Place:
    """Where the elements of a column stand among all elements."""

    name: str
    shape: tuple[int, ...]  # event shape
    codes: slice  # among the J codes
    scores: slice  # among the R scores; empty where no value is smooth
    number: NumberView | None = None

    @property
    def is_smooth(self) -> bool:
        """Whether its values can be smooth."""
        return self.number is not None and self.number.is_smooth


@dataclass
class RowView:
    """Rows ↔ codes (B, J) and scores (B, R).

    Args:
        space: Real and categorical fields of any event shape; their elements are taken one by one.
        is_linear: How numbers are scored, see `NumberView`.
    """

    space: Space
    is_linear: bool = False
    places: list[_Place] = field(init=False)

    def __post_init__(self) -> None:
        self.places, j, r = [], 0, 0
        for name, f in self.space.items():
            size = math.prod(f.event_shape)
            number = NumberView(f.support, self.is_linear) if isinstance(f.support, Real) else None
            r_size = size if number is not None and number.is_smooth else 0
            self.places.append(_Place(name, f.event_shape, slice(j, j + size), slice(r, r + r_size), number))
            j, r = j + size, r + r_size
        self.n_codes, self.n_scores = j, r

    @cached_property
    def sizes(self) -> list[int]:
        """How many codes each element has (J,)."""
        return [n for p in self.places for n in [_n_codes(self.space[p.name], p)] * (p.codes.stop - p.codes.start)]

    @property
    def n_at_once(self) -> int:
        """Rows that are drawn at a time, a power of two: fewer where they are wide, so that a few rows come soon."""
        n = min(MOST_ROWS, AT_ONCE // max(self.n_codes + self.n_scores, 1))
        n = max(LEAST_ROWS, min(n, LOGITS_AT_ONCE // max(sum(self.sizes), 1)))
        return 1 << (n.bit_length() - 1)

    @cached_property
    def numbers(self) -> list[NumberView]:
        """The column of each score (R,)."""
        return [p.number for p in self.places if p.number for _ in range(p.scores.stop - p.scores.start)]

    @cached_property
    def slots(self) -> torch.Tensor:
        """Which of the J codes says whether score r is used (R,)."""
        return torch.tensor([j for p in self.places if p.is_smooth for j in range(p.codes.start, p.codes.stop)]).long()

    @cached_property
    def smooth_codes(self) -> torch.Tensor:
        """The code that says so (R,)."""
        return torch.tensor([number.smooth for number in self.numbers]).long()

    def rows(self, batch: Batch) -> Batch:
        """A batch as codes and scores, and what a likelihood needs of smooth numbers.

        Returns:
            `codes` (B, J) int64 and, (B, R) float32 each, `z`, the scores `z_low` and `z_high` between which a draw
            comes out as x, `log_width`, the log of their difference (0 for a number without a step), which float32
            could not tell, and `log_slope`, log dz/dx.
        """
        found: dict[str, list[np.ndarray]] = {key: [] for key in ("codes", *OF_SCORES)}
        for p in self.places:
            x = batch[p.name].numpy().reshape(len(batch[p.name]), math.prod(p.shape))
            found["codes"].append(x if p.number is None else p.number.codes(x))
            if p.is_smooth:
                _add_scores(found, p.number, x)  # type: ignore[arg-type]
        n = len(next(iter(batch.values())))
        joined = {k: _side_by_side(v, n) for k, v in found.items()}
        return {k: torch.from_numpy(v).to(torch.int64 if k == "codes" else torch.float32) for k, v in joined.items()}

    def batch(self, codes: torch.Tensor, z: torch.Tensor) -> Batch:
        """The inverse, for codes (B, J) and scores (B, R)."""
        rows = {}
        for p in self.places:
            c = codes[:, p.codes].numpy()
            if p.number is not None:
                score = z[:, p.scores].double().numpy() if p.is_smooth else np.zeros(c.shape)
                c = p.number.decoded(c, score)
            rows[p.name] = torch.from_numpy(c.reshape(len(c), *p.shape).copy())
        return rows


def given_part(rows: Batch) -> Batch:
    """What stands under `given.`, as a view's own rows."""
    return {key.removeprefix("given."): x for key, x in rows.items() if key.startswith("given.")}


def _side_by_side(parts: list[np.ndarray], n: int) -> np.ndarray:
    """Parts (n, …) as one array; a single one as it is, since copying many pixels takes time."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts, 1) if parts else np.zeros((n, 0))


def _n_codes(f: Field, place: _Place) -> int:
    return f.support.n if isinstance(f.support, Category) else place.number.n  # type: ignore[union-attr]


def _add_scores(found: dict[str, list[np.ndarray]], number: NumberView, x: np.ndarray) -> None:
    is_smooth = number.codes(x) == number.smooth
    known = np.where(is_smooth, x, number.values(np.zeros(1))[0])
    low, high = number.span(known)
    found["z"].append(np.where(is_smooth, number.scores(known), 0.0))
    found["z_low"].append(low)
    found["z_high"].append(high)
    slope = number.log_slope(known)
    found["log_width"].append(_log_width(high - low, slope, number.support.step))
    found["log_slope"].append(slope)


def _log_width(width: np.ndarray, log_slope: np.ndarray, step: float) -> np.ndarray:
    """log of the scores that come out as one number, 0 without a step; of steps that float64 loses, slopes tell."""
    if not step:
        return np.zeros_like(width)
    return np.where(width < LOST, log_slope + np.log(step), np.log(np.maximum(width, LOST)))
