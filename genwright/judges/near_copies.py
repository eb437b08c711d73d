"""Are draws copies, or near-copies, of training rows? A check on memorised rows, not a proof of privacy.

Platzer and Reutterer (2021), https://doi.org/10.3389/fdata.2021.679939: a draw should be as close to its nearest
training row as to its nearest row of an equally large held-out sample.

    closer = mean_i [ d(x_i, train) < d(x_i, held-out) ] + ½ [ = ],   d: distance to the nearest row

0.5 is ideal. Over all draws even a pure copy of the training rows stays near 0.6 where the training sample is
subsampled to the held-out one's size, because most originals are then out of sight; over the 5 % of draws that lie
closest to any real row (`closer_tail`) a copy stands out. The distance is that of `core/neighbours.py`.

The interval is that of `core/race.py`.
"""

from typing import Any, ClassVar

import numpy as np

from genwright.core.dataset import n_rows
from genwright.core.errors import DataError
from genwright.core.features import matrix, sample_rows
from genwright.core.judge import Evidence, Judge, Measure, Part, comparable
from genwright.core.neighbours import Points, nearest, points
from genwright.core.race import Races, n_folds, race, shares
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch, Space
from genwright.core.statistics import share_measure

COPY_ROWS = 2_000  # rows of the pure copy that shows what bad looks like


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
    looks_at = "two or more numbers or categories"

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
            f"{n_folds(size, m)} disjoint samples of {min(size, m):,} training rows, mean over samples; rank distance "
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


def _race(drawn: Points, train: Points, held_out: Points, seed: int, is_held_out: bool = False) -> Races:
    """Nearest held-out and nearest training row of every draw."""
    found = nearest(drawn, held_out, skip_self=is_held_out)
    rng = numpy_generator(seed, "near_copies", "folds")
    to_train = lambda rows: nearest(drawn, train.take(rows))  # noqa: E731
    return race(found, len(held_out), to_train, len(train), rng, is_held_out)


def _shares(races: Races, seed: int) -> dict[str, Measure]:
    return shares(races, numpy_generator(seed, "near_copies", "ties"))


def _is_in(rows: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Whether each row (B, D) equals one of the reference rows, NaN equal to NaN."""
    known = set(_as_bytes(reference))
    return np.array([row in known for row in _as_bytes(rows)], dtype=bool)


def _as_bytes(X: np.ndarray) -> list[bytes]:
    """Rows as bytes that are equal when the rows are."""
    X = np.ascontiguousarray(np.where(np.isnan(X), np.nan, X + 0.0))  # one NaN; −0 becomes 0
    return X.view(f"V{X.itemsize * X.shape[1]}").ravel().tolist()
