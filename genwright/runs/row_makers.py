"""What makes rows of a class, how many, and which of them a detector keeps."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from genwright.core.dataset import Dataset, select
from genwright.core.rng import derive, numpy_generator
from genwright.core.space import Batch, Pixels, Space, Tokens
from genwright.nn.density_ratio import LEAST_ROWS, DensityRatio, likeliest
from genwright.nn.oversample import Between, Copies, Moved
from genwright.runs.augmentation import Way
from genwright.runs.class_draws import ClassDraws
from genwright.runs.lessons import Lesson
from genwright.training.taught import Teacher

PLAIN: Mapping[str, Callable[[Dataset, str], Any]] = {"copies": Copies, "smote": Between, "moved": Moved}


class Maker(Protocol):
    """What makes rows of a class."""

    def draw(self, counts: np.ndarray, rng: np.random.Generator) -> Batch:
        """counts[k] rows of class k."""
        ...


def counts(amount: float | str, y: np.ndarray, n_classes: int) -> np.ndarray:
    """How many rows of each class an amount is (K,); none of a class without rows."""
    n = np.bincount(y, minlength=n_classes)
    if amount == "double":
        return n
    if isinstance(amount, str):
        return np.where(n, np.maximum(0, int(n.max() * (1 if amount == "balance" else 0.5)) - n), 0)
    return np.round(n * amount).astype(np.int64)


def maker(name: str, lesson: Lesson, target: str, seed: int, teacher: Teacher | None = None) -> Maker:
    """Something that has learnt to make rows of a class."""
    if name in PLAIN:
        return PLAIN[name](lesson.train, target)
    return ClassDraws(name, lesson, target, seed, teacher or Teacher())


def made(way: Way, lesson: Lesson, target: str, seed: int, by: Maker | None = None) -> Batch:
    """The rows that a way adds to those of a lesson."""
    by = by or maker(way.maker, lesson, target, derive(seed, way.maker))
    rng = numpy_generator(seed, "draw", str(way))
    n = counts(way.amount, lesson.y, lesson.train.space[target].support.n)  # type: ignore[union-attr]
    if way.keep == 1 or n.sum() < LEAST_ROWS or len(lesson.y) < LEAST_ROWS:
        return by.draw(n, rng)
    pool = by.draw(np.ceil(n / way.keep).astype(np.int64), rng)
    ratio = DensityRatio(lesson.train.space, _detector(lesson.train.space), derive(seed, "detector"))
    ratio.fit(lesson.train.take(slice(None)), pool)
    log_ratio, y = ratio.unseen[len(lesson.y) :], pool[target].numpy()
    kept = [np.flatnonzero(y == k)[likeliest(log_ratio[y == k], int(m), rng)] for k, m in enumerate(n) if m]
    return select(pool, np.concatenate(kept))


def _detector(space: Space) -> str:
    """Trees are slow on hundreds of pixels and of words."""
    return "logistic" if any(isinstance(f.support, Pixels | Tokens) for f in space.values()) else "boosting"
