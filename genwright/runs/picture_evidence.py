"""What judging pictures takes: how many are looked at, and what judges learn of them, once a run."""

import hashlib
from collections.abc import Mapping
from typing import Any

import torch

from genwright.core.dataset import Dataset
from genwright.core.errors import RunError
from genwright.core.judge import Judge
from genwright.core.picture_judge import PictureJudge
from genwright.core.rng import numpy_generator
from genwright.core.space import Space, pictures, row_shape
from genwright.nn.picture_features import PictureFeatures

JUDGED_PICTURES = 2_000  # draws, and held-out pictures, that judges look at unless asked for more
TRAIN_PICTURES = 10_000  # training pictures that judges look at, at most
TRAIN_PIXELS = 200_000_000  # numbers of these in all
LEARNT_PICTURES = 60_000  # training pictures that features are learnt from, at most
LEARNT_PIXELS = 100_000_000


def row_pixels(space: Space) -> int:
    """Numbers of all pictures of a row; 0 where there are none."""
    return sum(torch.Size(row_shape(f)).numel() for f in pictures(space).values())


def most_train(space: Space) -> int:
    """Training rows with pictures that judges look at, at most."""
    return min(TRAIN_PICTURES, max(1, TRAIN_PIXELS // max(row_pixels(space), 1)))


def needs_features(judges: Mapping[str, Judge], space: Space) -> bool:
    """Whether a judge will ask what pictures look like."""
    return any("features" in judge.needs and judge.sees(space) for judge in judges.values())


def is_readable(space: Space, state: Mapping[str, torch.Tensor]) -> bool:
    """Whether features that were kept are of this space and of this version's network."""
    try:
        PictureFeatures.from_state(PictureJudge.sees(space), state)
    except RunError:
        return False
    return True


def learnt(train: Dataset, shared: dict[Any, Any] | None) -> dict[str, torch.Tensor]:
    """What judges learn of training pictures; equal for equal rows, and kept in `shared` from one run to the next."""
    space = PictureJudge.sees(train.space)
    n = min(LEARNT_PICTURES, max(1, LEARNT_PIXELS // max(row_pixels(space), 1)))
    seen = Dataset(space, {name: train.arrays[name] for name in space})
    rows = seen.sample_rows(n, numpy_generator(0, "picture_features"))
    key = ("features", _digest(rows))
    if shared is not None and key in shared:
        return shared[key]
    found = PictureFeatures.fit(space, rows).state()
    if shared is not None:
        shared[key] = found
    return found


def _digest(rows: Mapping[str, torch.Tensor]) -> str:
    found = hashlib.sha256()
    for name, x in rows.items():
        found.update(repr((name, tuple(x.shape))).encode() + x.contiguous().numpy().tobytes())
    return found.hexdigest()
