"""Are draws copies, or near-copies, of training rows? A check on memorised rows, not a proof of privacy.

Platzer and Reutterer (2021), https://doi.org/10.3389/fdata.2021.679939: a draw should be as close to its nearest
training row as to its nearest row of an equally large held-out sample.

    closer = mean_i [ d(x_i, train) < d(x_i, held-out) ] + ½ [ = ],   d: distance to the nearest row

0.5 is ideal. Over all draws even a pure copy of the training rows stays near 0.6 where the training sample is
subsampled to the held-out one's size, because most originals are then out of sight; over the 5 % of draws that lie
closest to any real row (`closer_tail`) a copy stands out. The distance is that of `core/neighbours.py`.

What varies: the draws, and which real rows happened to be trained on. One real row can be the nearest of many draws, so
the interval is that of a mean in clusters, two-way, by the nearest held-out and by the nearest training row (Cameron,
Gelbach and Miller, 2011, https://doi.org/10.1198/jbes.2010.07136).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from genwright.core.dataset import n_rows
from genwright.core.errors import DataError
from genwright.core.features import matrix, sample_rows
from genwright.core.judge import Evidence, Judge, Measure, Part, comparable
from genwright.core.neighbours import Points, nearest, points
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch, Space
from genwright.core.statistics import normal_measure, share_measure

MAX_FOLDS = 4  # disjoint training samples, each as large as the held-out one
TAIL = 0.05  # share of draws in the tail
SAME = 1e-6  # distances this close count as equal
COPY_ROWS = 2_000  # rows of the pure copy that shows what bad looks like


@dataclass(frozen=True)
class _Races:
    """Every draw's race between held-out and training rows, one row a fold.

    Args:
        to_held_out: (B,) distance to the nearest held-out row.
        to_train: (F, B) distance to the nearest training row.
        held_out: (B,) number of the nearest held-out row.
        train: (F, B) number of the nearest training row.
    """

    to_held_out: np.ndarray
    to_train: np.ndarray
    held_out: np.ndarray
    train: np.ndarray

    @property
    def win(self) -> np.ndarray:
        """(F, B) 1 where the training row is nearer, ½ where both are equally near, else 0."""
        margin = self.to_held_out - self.to_train
        return np.where(margin > SAME, 1.0, np.where(margin < -SAME, 0.0, 0.5))

    @property
    def closest(self) -> np.ndarray:
        """(F, B) the smaller of the two distances."""
        return np.minimum(self.to_held_out, self.to_train)


class NearCopies(Judge):
    """Exact copies, and the race between training and held-out rows for the place nearest to a draw."""

    parts: ClassVar[dict[str, Part]] = {
        "exact": Part(
            "share", "lower", "Draws that equal a training row in all columns; unseen real rows may as well."
        ),
        "closer": Part("share", "half", "Draws closer to a training row than to an unseen one; 0.5 is ideal."),
        "closer_tail": Part("share", "half", "The same among the 5 % of draws closest to any real row; 0.5 is ideal."),
    }
    source = "Platzer and Reutterer (2021), https://doi.org/10.3389/fdata.2021.679939"
    max_rows = 10_000

    @classmethod
    def sees(cls, space: Space) -> Space:
        """Numbers and categories; a single one beside sequences says too little of a row."""
        return comparable(space)

    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """All three shares; held-out rows in place of draws are each compared with the other held-out rows.

        `details["distance_quantiles"]` has the distances of draws `to_train` and `to_held_out` at 0, 1 … 100 %, and for
        the draws themselves `details["copy"]` has the number of a pure copy of the training rows.
        """
        train, is_category = matrix(evidence.train, evidence.space)
        held_out, drawn = (
            matrix(sample_rows(rows, self.max_rows, numpy_generator(evidence.seed, "near_copies")), evidence.space)[0]
            for rows in (evidence.held_out, fake)
        )
        is_held_out = fake is evidence.held_out
        held_out, drawn = held_out[: len(train)], drawn[: len(train)] if is_held_out else drawn
        if min(len(train), len(held_out), len(drawn)) < 2:
            raise DataError("near_copies needs at least 2 training rows, held-out rows and draws; hold out more rows")
        reference = np.concatenate([train, held_out])
        draws, seen, unseen = (points(X, is_category, reference) for X in (drawn, train, held_out))
        races = _race(draws, seen, unseen, evidence.seed, is_held_out)
        n_exact = int(_is_in(drawn, train).sum())
        measures = {"exact": share_measure(n_exact, len(drawn))} | _shares(races, evidence.seed)
        if fake is not evidence.fake:
            return measures
        copy = self._copy(seen, unseen, evidence.seed)
        return {part: _with_details(m, {"copy": copy[part]}) for part, m in measures.items()}

    def protocol(self, evidence: Evidence) -> str:
        """Rows, folds, distance and interval."""
        n, m, size = n_rows(evidence.fake), n_rows(evidence.held_out), n_rows(evidence.train)
        m = min(m, self.max_rows)
        return (
            f"{min(n, self.max_rows):,} draws (at most {self.max_rows:,}); {m:,} held-out rows against "
            f"{_n_folds(size, m)} disjoint samples of {min(size, m):,} training rows, mean over samples; rank distance "
            "for numbers, mismatch for categories; two-way clustered interval; exact: all training rows, Wilson's "
            "interval; floor: held-out rows in place of draws; a check on near-copies, not a proof of privacy"
        )

    def anchors(self, evidence: Evidence) -> tuple[Batch, Batch]:
        """The floor is the held-out rows: real ones that nobody can have copied."""
        return evidence.held_out, evidence.trivial

    def _copy(self, train: Points, held_out: Points, seed: int) -> dict[str, float]:
        """The numbers of a pure copy of training rows."""
        rows = numpy_generator(seed, "near_copies", "copy").permutation(len(train))[:COPY_ROWS]
        shares = _shares(_race(train.take(rows), train, held_out, seed), seed)
        return {"exact": 1.0} | {part: m.value for part, m in shares.items()}


def _with_details(m: Measure, details: dict[str, Any]) -> Measure:
    return Measure(m.value, m.low, m.high, m.n, m.details | details)


def _n_folds(n_train: int, n_held_out: int) -> int:
    return max(1, min(MAX_FOLDS, n_train // n_held_out))


def _race(drawn: Points, train: Points, held_out: Points, seed: int, is_held_out: bool = False) -> _Races:
    """Nearest held-out and nearest training row of every draw."""
    size = min(len(train), len(held_out))
    to_held_out, at = nearest(drawn, held_out, skip_self=is_held_out)
    order = numpy_generator(seed, "near_copies", "folds").permutation(len(train))
    to_train, numbers = [], []
    for k in range(_n_folds(len(train), len(held_out))):
        rows = order[k * size : (k + 1) * size - is_held_out]  # a row without itself has one neighbour fewer
        distance, number = nearest(drawn, train.take(rows))
        to_train.append(distance)
        numbers.append(rows[number])
    return _Races(to_held_out, np.stack(to_train), at, np.stack(numbers))


def _shares(races: _Races, seed: int) -> dict[str, Measure]:
    """`closer` over all draws and over the closest ones of each fold, ties in random order."""
    n_folds, n = races.to_train.shape
    jitter = numpy_generator(seed, "near_copies", "ties").random((n_folds, n)) * SAME
    last = max(1, round(TAIL * n)) - 1
    distance = races.closest + jitter
    is_tail = distance <= np.partition(distance, last, axis=1)[:, last : last + 1]
    steps = np.linspace(0, 1, 101)
    distances = {name: np.quantile(x, steps).tolist() for name, x in vars(races).items() if name.startswith("to_")}
    closer = _with_details(_share(races, np.ones_like(is_tail)), {"distance_quantiles": distances})
    return {"closer": closer, "closer_tail": _share(races, is_tail)}


def _share(races: _Races, chosen: np.ndarray) -> Measure:
    """Mean of the chosen races (F, B) with its two-way clustered interval."""
    win = races.win
    value = float(win[chosen].mean())
    excess = np.where(chosen, win - value, 0.0) / chosen.sum()  # (F, B)
    by_draw = excess.sum(0)  # (B,)
    by_held_out = np.bincount(races.held_out, weights=by_draw)
    by_train = np.bincount(races.train.ravel(), weights=excess.ravel())
    variance = sum(np.square(x).sum() for x in (by_held_out, by_train)) - np.square(excess).sum()
    n_draws = int(chosen.any(0).sum())
    return normal_measure(value, float(np.sqrt(max(variance, np.square(by_draw).sum()))), n_draws, 0, 1)


def _is_in(rows: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Whether each row (B, D) equals one of the reference rows, NaN equal to NaN."""
    known = set(_as_bytes(reference))
    return np.array([row in known for row in _as_bytes(rows)], dtype=bool)


def _as_bytes(X: np.ndarray) -> list[bytes]:
    """Rows as bytes that are equal when the rows are."""
    X = np.ascontiguousarray(np.where(np.isnan(X), np.nan, X + 0.0))  # one NaN; −0 becomes 0
    return X.view(f"V{X.itemsize * X.shape[1]}").ravel().tolist()
