"""How good predicted probabilities are, each number between the best possible and the trivial guess.

    accuracy           share of rows whose likeliest class is theirs
    balanced_accuracy  the same for each class, averaged over classes
    cross_entropy      −log p(y | x), averaged, in nats
    brier              Σ_k (p_k − 1[y = k])², averaged (Brier, 1950), from 0 to 2
    roc_auc            P(a row of the class ranks above one that is not), averaged over classes (one against the rest)

Intervals are percentiles of the bootstrap (Efron, 1979, https://doi.org/10.1214/aos/1176344552): the number again on
rows drawn with replacement, as weights W (R, B), so that all R are one product of matrices.

A `Score`'s floor is the best that any function of the columns reaches on these rows: rows that agree in every column
cannot be told apart, and get the shares of their own classes. Its ceiling is the guess that does not look at the row:
the shares of the classes among the training rows.

A further metric is a class that derives from `MetricJudge`, a file in `judges/`.
"""

import abc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from genwright.core.errors import UnsupportedError
from genwright.core.judge import Direction, Evidence, Judge, Measure, Part, Score
from genwright.core.registry import JUDGES
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch, Space
from genwright.core.statistics import share_measure

LEAST_RANKED = 30  # rows of fewer of which an area is no sure sign
LEAST_ROWS = 6  # rows below which it has a chance of more than 5 % that all lie on one side: 2 · 2^−n
REPLICATES = 400  # R: resamples that an interval rests on
PLACES = 4_000_000  # entries of W that are held at a time
UNSEEN = -1  # the code of a class that the fit never saw
TINY = float(np.finfo(np.float64).eps)  # probabilities below it count as it, so that a logarithm stays finite


@dataclass(frozen=True)
class Predictions:
    """What a classifier said of labelled rows.

    Args:
        y: The true classes (B,), codes 0 … K−1 or `UNSEEN`.
        p: Probabilities (B, K).
        shares: Of the classes among the training rows (K,).
        groups: A number for each row (B,), equal where rows agree in every column that the classifier reads.
        classes: Names of the K classes.
        seed: Of the bootstrap.
        by: Column → its value in each row (B,), as words; of categories with few values that the classifier reads.
    """

    y: np.ndarray
    p: np.ndarray
    shares: np.ndarray
    groups: np.ndarray
    classes: Sequence[str] = ()
    seed: int = 0
    by: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.y)

    def name_of(self, k: int) -> str:
        """Class k as the data call it."""
        return self.classes[k] if k < len(self.classes) else str(k)

    @cached_property
    def trivial(self) -> np.ndarray:
        """The guess that does not look at the row (B, K)."""
        return np.tile(self.shares, (len(self), 1))

    @cached_property
    def best(self) -> np.ndarray:
        """Shares of the classes among rows that cannot be told apart (B, K)."""
        _, group = np.unique(self.groups, return_inverse=True)
        counts = np.zeros((group.max(initial=-1) + 1, self.p.shape[1]))
        known = self.y >= 0
        np.add.at(counts, (group[known], self.y[known]), 1)
        empty = counts.sum(1) == 0
        counts[empty] = self.shares  # only classes that nobody could foretell
        return (counts / counts.sum(1, keepdims=True))[group]


class Metric(abc.ABC):
    """One number of predictions."""

    name: ClassVar[str]
    unit: ClassVar[str]
    direction: ClassVar[Direction]
    meaning: ClassVar[str]  # one sentence for a reader who has never met it
    source: ClassVar[str]
    is_share: ClassVar[bool] = False  # a share of the rows, so that Wilson's interval fits where no resample differs

    @abc.abstractmethod
    def values(self, y: np.ndarray, p: np.ndarray, W: np.ndarray) -> np.ndarray:
        """The number under each row of weights: y (B,), p (B, K), W (R, B) → (R,); NaN where it makes no sense."""

    def best_of(self, rows: Predictions) -> np.ndarray:
        """Probabilities (B, K) that no function of the columns beats on these rows."""
        return rows.best

    def beside(self, rows: Predictions) -> dict[str, Any]:
        """What else a reader of the number needs, as plain JSON."""
        return {}


class Accuracy(Metric):
    """Share of rows whose likeliest class is theirs."""

    name, unit, direction = "accuracy", "share", "higher"
    meaning = "The share of rows whose likeliest class is the true one."
    source = "Share of hits"
    is_share = True

    def values(self, y: np.ndarray, p: np.ndarray, W: np.ndarray) -> np.ndarray:
        """As `Metric.values`."""
        return W @ (p.argmax(1) == y) / W.sum(1)


class BalancedAccuracy(Metric):
    """The same for each class, averaged over the classes."""

    name, unit, direction = "balanced_accuracy", "share", "higher"
    meaning = "The share of hits within each class, averaged, so that a rare class counts as much as a frequent one."
    source = "Brodersen et al. (2010): https://doi.org/10.1109/ICPR.2010.764"

    def values(self, y: np.ndarray, p: np.ndarray, W: np.ndarray) -> np.ndarray:
        """As `Metric.values`."""
        hit = p.argmax(1) == y
        codes = np.unique(y)
        n = np.stack([W[:, y == k].sum(1) for k in codes])  # (classes there, R)
        hits = np.stack([W[:, (y == k) & hit].sum(1) for k in codes])
        recall = np.divide(hits, n, out=np.zeros_like(hits, float), where=n > 0)
        return recall.sum(0) / np.maximum((n > 0).sum(0), 1)

    def best_of(self, rows: Predictions) -> np.ndarray:
        """Classes in proportion to how much a hit in them counts."""
        n = np.bincount(rows.y[rows.y >= 0], minlength=rows.p.shape[1])
        return rows.best / np.maximum(n, 1)


class CrossEntropy(Metric):
    """−log p(y | x)."""

    name, unit, direction = "cross_entropy", "nats", "lower"
    meaning = "How surprised the classifier is by the true class; confident mistakes cost most."
    source = "Good (1952): https://doi.org/10.1111/j.2517-6161.1952.tb00104.x"

    def values(self, y: np.ndarray, p: np.ndarray, W: np.ndarray) -> np.ndarray:
        """As `Metric.values`."""
        return W @ -np.log(np.clip(of_truth(y, p), TINY, 1)) / W.sum(1)

    def beside(self, rows: Predictions) -> dict[str, Any]:
        """How far it lies beyond the trivial guess: the middle 95 % of the difference, both on the same resamples.

        Of very few rows resamples tell too little: their interval has 0 in it.
        """
        more = resampled(self, rows) - resampled(self, replace(rows, p=rows.trivial))
        low, high = np.quantile(more, [0.025, 0.975]).tolist()
        return {"beyond_guess": [low, high] if len(rows) >= LEAST_ROWS else [min(low, 0.0), max(high, 0.0)]}


class Brier(Metric):
    """Squared distance between probabilities and what happened."""

    name, unit, direction = "brier", "squared", "lower"
    meaning = (
        "The squared distance between the probabilities and what turned out to be true; 0 is perfect, 2 the worst."
    )
    source = "Brier (1950): https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2"

    def values(self, y: np.ndarray, p: np.ndarray, W: np.ndarray) -> np.ndarray:
        """As `Metric.values`."""
        return W @ (np.square(p).sum(1) - 2 * of_truth(y, p) + 1) / W.sum(1)


class RocAuc(Metric):
    """Area under the ROC curve; of more than two classes, the mean of each against the rest."""

    name, unit, direction = "roc_auc", "AUC", "higher"
    meaning = "How often a row of a class is ranked above one of another class; 0.5 is chance."
    source = "Hanley and McNeil (1982): https://doi.org/10.1148/radiology.143.1.7063747"

    def values(self, y: np.ndarray, p: np.ndarray, W: np.ndarray) -> np.ndarray:
        """As `Metric.values`; over the classes that have rows on both sides."""
        there = [1] if p.shape[1] == 2 else range(p.shape[1])
        areas = [_areas(p[:, k], y == k, W) for k in there if 0 < (y == k).sum() < len(y)]
        if not areas:
            return np.full(len(W), np.nan)
        known = ~np.isnan(areas)
        return np.where(known, areas, 0).sum(0) / np.maximum(known.sum(0), 1)


METRICS: tuple[type[Metric], ...] = (Accuracy, BalancedAccuracy, CrossEntropy, Brier, RocAuc)


class PredictionJudge(Judge):
    """A judge of classifiers; those of draws pass over it, as it sees none of their columns."""

    needs = frozenset({"predictions"})

    @classmethod
    def sees(cls, space: Space) -> Space:
        """Nothing of draws."""
        return Space()

    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """Draws are not judged."""
        name = JUDGES.name_of(type(self))
        raise UnsupportedError(f"{name} judges predictions; use the judge() of a run that predicts")

    def protocol(self, evidence: Evidence) -> str:
        """Draws are not judged."""
        return ""

    @abc.abstractmethod
    def predicted(self, rows: Predictions) -> list[Score]:
        """Its scores of a classifier's predictions."""


class MetricJudge(PredictionJudge, Metric):
    """A judge that is one metric, a file in `judges/`; its judge's and its metric's name are the file's."""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.parts = {"": Part(cls.unit, cls.direction, cls.meaning)}

    def details(self, rows: Predictions) -> dict[str, Any]:
        """What a report draws, as plain JSON."""
        return {}

    def predicted(self, rows: Predictions) -> list[Score]:
        """The metric with interval, anchors and details; nothing where it makes no sense."""
        found = scores(rows, [type(self)])
        return [replace(s, details=s.details | self.details(rows)) for s in found]


def scores(rows: Predictions, metrics: Iterable[type[Metric]] = METRICS) -> list[Score]:
    """Every metric of the predictions that makes sense of them."""
    found = [score(metric(), rows) for metric in metrics] if len(rows) else []
    return [s for s in found if not np.isnan(s.value)]


def score(metric: Metric, rows: Predictions) -> Score:
    """A metric with its interval and anchors."""
    once = np.ones((1, len(rows)))
    value, best, trivial = (float(metric.values(rows.y, p, once)[0]) for p in _three(metric, rows))
    low, high = _interval(metric, rows, value)
    n_unseen = int((rows.y < 0).sum())
    unseen = f"; {n_unseen:,} rows of classes never seen count as wrong" if n_unseen else ""
    return Score(
        name=metric.name,
        value=value,
        low=low,
        high=high,
        n=len(rows),
        floor=best,
        ceiling=trivial,
        unit=metric.unit,
        direction=metric.direction,
        protocol=f"On {len(rows):,} rows not learnt from; 95 % interval of {REPLICATES} bootstrap resamples{unseen}.",
        source=metric.source,
        details={"n_unseen": n_unseen, **metric.beside(rows)},
    )


def beyond_guess(score: Score) -> tuple[float, float]:
    """Interval of how far a score lies above the trivial guess.

    The guess varies from resample to resample, and mostly along with the score, so that the two are compared on the
    same ones where that is known.
    """
    low, high = score.details.get("beyond_guess", (score.low - score.ceiling, score.high - score.ceiling))
    return float(low), float(high)


def ranking(scores: Iterable[Score]) -> str:
    """What is known where probabilities are no better than a guess: that they rank rows; else nothing."""
    auc = next((s for s in scores if s.name == "roc_auc"), None)
    is_sure = auc is not None and auc.n >= LEAST_RANKED and auc.low > auc.ceiling
    return f"It tells the classes apart (ROC AUC {auc.value:.2f})" if auc and is_sure else ""


def _three(metric: Metric, rows: Predictions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return rows.p, metric.best_of(rows), rows.trivial


def _interval(metric: Metric, rows: Predictions, value: float) -> tuple[float, float]:
    """The middle 95 % of the number on resampled rows."""
    values, n = resampled(metric, rows), len(rows)
    if metric.is_share and value in (0.0, 1.0):
        share = share_measure(value * n, n)
        return share.low, share.high
    low, high = np.nanquantile(values, [0.025, 0.975]) if not np.isnan(values).all() else (np.nan, np.nan)
    return min(float(low), value), max(float(high), value)  # rows that are drawn twice can make all resamples better


def resampled(metric: Metric, rows: Predictions) -> np.ndarray:
    """The number on each of the resamples (R,)."""
    return np.concatenate([metric.values(rows.y, rows.p, W) for W in resamples(rows)])


def resamples(rows: Predictions) -> Iterator[np.ndarray]:
    """Weights W (a part of R, B) of rows drawn with replacement, a few at a time."""
    rng, n = numpy_generator(rows.seed, "bootstrap"), len(rows)
    size = max(1, min(REPLICATES, PLACES // n))
    for start in range(0, REPLICATES, size):
        yield rng.multinomial(n, np.full(n, 1 / n), min(size, REPLICATES - start)).astype(np.float64)


def of_truth(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The probability of each row's own class (B,); 0 where that was never seen."""
    return np.where(y >= 0, p[np.arange(len(y)), np.maximum(y, 0)], 0.0)


def _areas(s: np.ndarray, is_positive: np.ndarray, W: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of scores s (B,) under each row of weights (R, B); ties count half."""
    order = np.argsort(s, kind="stable")
    starts = np.flatnonzero(np.diff(s[order], prepend=-np.inf))
    positive, negative = (np.add.reduceat(W[:, order] * m[order], starts, 1) for m in (is_positive, ~is_positive))
    below = np.cumsum(negative, 1) - negative / 2  # (R, different scores)
    pairs = positive.sum(1) * negative.sum(1)
    return np.divide((positive * below).sum(1), pairs, out=np.full(len(W), np.nan), where=pairs > 0)
