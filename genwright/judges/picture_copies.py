"""Are drawn pictures copies, or near-copies, of training pictures? A check on memorised ones, not a proof of privacy.

Platzer and Reutterer (2021), https://doi.org/10.3389/fdata.2021.679939, as `near_copies` has it for tables:

    closer = mean_i [ d(x_i, train) < d(x_i, held-out) ] + ½ [ = ],   d: distance to the nearest picture

with Euclidean distances of the first 64 principal components of pixels, where a copy with some noise on it stays near.
One that was moved or mirrored does not: what is found is a lower bound of what was copied. The features of a network
are not asked: it has learnt from the training pictures and may see them differently from all others.

Exact copies and the closest pictures are looked for among all training pictures that are at hand, a piece at a time.
The race needs as many training pictures as held-out ones, and rests on samples.

`details["closest"]` lists the draws that lie nearest to a training picture, measured by how far that one lies from its
own nearest held-out picture: a plain picture has near neighbours, and no copy need be among them.
"""

import math
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from genwright.core.dataset import Dataset, n_rows
from genwright.core.errors import DataError
from genwright.core.judge import Evidence, Measure, Part
from genwright.core.picture_judge import PictureJudge
from genwright.core.race import Nearest, Races, n_folds, race, shares
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch
from genwright.core.statistics import share_measure
from genwright.nn.picture_features import feature_rows, features_of

N_CLOSEST = 24  # draws that are listed
AT_ONCE = 2_000_000  # distances held at a time
PIECE = 10_000_000  # numbers of training pictures looked at at a time
LEAST = 2  # pictures a side


class PictureCopies(PictureJudge):
    """Exact copies, and the race between training and held-out pictures for the place nearest to a draw."""

    parts: ClassVar[dict[str, Part]] = {
        "exact": Part("share", "lower", "Draws that equal a training picture in all pixels; unseen ones may as well."),
        "closer": Part("share", "half", "Draws closer to a training picture than to an unseen one; 0.5 is ideal."),
        "closer_tail": Part("share", "half", "The same among the 5 % of draws closest to any real one; 0.5 is ideal."),
    }
    source = "Platzer and Reutterer (2021), https://doi.org/10.3389/fdata.2021.679939"
    max_rows = 10_000

    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """All three shares; held-out pictures in place of draws are each compared with the other held-out ones.

        For the draws themselves, `details["closest"]` of `exact` lists draws with the numbers of their nearest training
        pictures (`train`: among those looked at, `row`: among all training rows, where that is known), and
        `details["copy"]` has the number of a copy.
        """
        train, held_out, drawn = (
            feature_rows("pixels", rows, evidence)[: self.max_rows]
            for rows in (evidence.train, evidence.held_out, fake)
        )
        is_held_out = fake is evidence.held_out
        held_out, drawn = held_out[: len(train)], drawn[: len(train)] if is_held_out else drawn
        if min(len(train), len(held_out), len(drawn)) < LEAST:
            raise DataError("picture_copies needs at least 2 training pictures, held-out ones and draws; hold out more")
        is_same = _is_in(fake, _every(evidence), features_of(evidence).columns)[: len(drawn)]
        measures = {"exact": share_measure(int(is_same.sum()), len(drawn))}
        measures |= _shares(_race(drawn, train, held_out, evidence.seed, is_held_out), evidence.seed)
        if fake is not evidence.fake:
            return measures
        copies = numpy_generator(evidence.seed, "picture_copies", "copy").permutation(len(train))[: len(drawn)]
        copy = _shares(_race(train[copies], train, held_out, evidence.seed), evidence.seed)
        as_copy = {"exact": 1.0} | {part: m.value for part, m in copy.items()}
        closest = {"closest": _closest(drawn, held_out, evidence)}
        details = {part: {"copy": as_copy[part]} | (closest if part == "exact" else {}) for part in measures}
        return {part: Measure(m.value, m.low, m.high, m.n, m.details | details[part]) for part, m in measures.items()}

    def protocol(self, evidence: Evidence) -> str:
        """Pictures, folds, distance and interval."""
        n, m, size = (min(self.max_rows, n_rows(r)) for r in (evidence.fake, evidence.held_out, evidence.train))
        m = min(m, size)
        return (
            f"{n:,} draws (at most {self.max_rows:,}); {m:,} held-out pictures against {n_folds(size, m)} disjoint "
            f"samples of {m:,} of {size:,} training pictures, mean over samples; distances of 64 components "
            f"of pixels; two-way clustered interval; exact: {_looked_at(evidence)}, Wilson's interval; floor: held-out "
            "pictures in place of draws; a check on near-copies, not a proof of privacy"
        )

    def anchors(self, evidence: Evidence) -> tuple[Batch, Batch]:
        """The floor is the held-out pictures: real ones that nobody can have copied."""
        return evidence.held_out, evidence.trivial


def nearest(x: np.ndarray, reference: np.ndarray, skip_self: bool = False) -> Nearest:
    """Distance of each row (B, d) to its nearest reference row (B,), and that row's number (B,)."""
    distance, index = np.empty(len(x), np.float32), np.empty(len(x), np.int64)
    square, step = np.square(reference).sum(1), max(1, AT_ONCE // len(reference))
    for start in range(0, len(x), step):
        part = x[start : start + step]
        block = square - 2 * part @ reference.T  # (b, R) but for |x|²
        if skip_self:
            block[np.arange(len(part)), start + np.arange(len(part))] = np.inf
        index[start : start + step] = block.argmin(1)
    distance[:] = np.sqrt(np.square(x - reference[index]).sum(1))
    return distance, index


def _race(drawn: np.ndarray, train: np.ndarray, held_out: np.ndarray, seed: int, is_held_out: bool = False) -> Races:
    found = nearest(drawn, held_out, skip_self=is_held_out)
    rng = numpy_generator(seed, "picture_copies", "folds")
    return race(found, len(held_out), lambda rows: nearest(drawn, train[rows]), len(train), rng, is_held_out)


def _shares(races: Races, seed: int) -> dict[str, Measure]:
    return shares(races, numpy_generator(seed, "picture_copies", "ties"))


def _closest(drawn: np.ndarray, held_out: np.ndarray, evidence: Evidence) -> list[dict[str, Any]]:
    """The draws nearest to a training picture, by d(x, train) / d(that picture, held-out), one for each picture."""
    distance, at, train = _nearest_of_all(drawn, evidence)
    usual, _ = nearest(train, held_out)
    to_held_out, unseen = nearest(drawn, held_out)
    relative = distance / np.maximum(usual, 1e-6)
    rows = evidence.train_rows if evidence.all_train is None else np.arange(len(evidence.all_train))
    order = np.argsort(relative, kind="stable")
    order = order[np.sort(np.unique(at[order], return_index=True)[1])]  # the first draw of each training picture
    return [
        {
            "draw": int(i),
            "train": int(at[i]),
            "row": None if rows is None else int(rows[at[i]]),
            "held_out": int(unseen[i]),
            "distance": float(distance[i]),
            "to_held_out": float(to_held_out[i]),
            "relative": float(relative[i]),
        }
        for i in order[:N_CLOSEST]
    ]


def _nearest_of_all(x: np.ndarray, evidence: Evidence) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each row (B, d) the nearest training picture: its distance (B,), number (B,) and features (B, d)."""
    features, start = features_of(evidence), 0
    distance, index, found = np.full(len(x), np.inf, np.float32), np.zeros(len(x), np.int64), np.zeros_like(x)
    for piece in _pieces(_every(evidence), features.columns):
        train = features.of("pixels", piece).numpy()
        apart, at = nearest(x, train)
        is_nearer = apart < distance
        distance[is_nearer], index[is_nearer] = apart[is_nearer], start + at[is_nearer]
        found[is_nearer] = train[at[is_nearer]]
        start += len(train)
    return distance, index, found


def _every(evidence: Evidence) -> Dataset:
    """All training rows that are at hand."""
    if evidence.all_train is not None:
        return evidence.all_train
    return Dataset(evidence.space, {name: x.numpy() for name, x in evidence.train.items()})


def _looked_at(evidence: Evidence) -> str:
    n = len(_every(evidence))
    return f"among {n:,} training pictures" if evidence.all_train is None else f"among all {n:,} training pictures"


def _pieces(data: Dataset, names: list[str]) -> Iterator[Batch]:
    """Columns of all rows, a piece at a time."""
    own = Dataset(data.space, {name: data.arrays[name] for name in names})
    return own.batches(max(1, PIECE // sum(math.prod(x.shape[1:]) for x in own.arrays.values())))


def _is_in(rows: Batch, reference: Dataset, names: list[str]) -> np.ndarray:
    """Whether each row's pictures (B,) are those of a reference row."""
    asked = _as_bytes(rows, names)
    wanted = set(asked)
    known = {row for piece in _pieces(reference, names) for row in _as_bytes(piece, names) if row in wanted}
    return np.array([row in known for row in asked], dtype=bool)


def _as_bytes(rows: Batch, names: list[str]) -> list[bytes]:
    return [b"".join(parts) for parts in zip(*([x.tobytes() for x in rows[name].numpy()] for name in names))]
