"""Do draws teach what real rows teach? Train on synthetic, test on real (Esteban, Hyland and Rätsch, 2017).

https://arxiv.org/abs/1706.02633

For some columns in turn, boosted trees learn to predict the column from all others: once from the draws, for the floor
from equally many training rows, for the ceiling from independent columns. All are tested on the same held-out rows: a
category by the mean over classes of the one-against-rest AUC (Hand and Till, 2001), a number by R² of its rank among
the training rows, not below 0, which no single wild value can rule.

    ratio = gain(draws) / gain(real rows),   gain = AUC − ½ or R², of the first target
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from genwright.classifiers.boosting import BoostedRegression, Boosting, BoostingConfig
from genwright.core.dataset import n_rows
from genwright.core.errors import DataError
from genwright.core.features import equal_size, matrix, mid_ranks, sample_rows
from genwright.core.judge import Evidence, Judge, Measure, Part
from genwright.core.rng import derive, numpy_generator
from genwright.core.space import Batch
from genwright.core.statistics import Estimate, auc, average, ratio

MAX_TARGETS = 5
N_ITER = 50  # boosting rounds for two classes or a number; with 100 the real rows' AUC was no better on four tables
MAX_CLASSES = 20
MIN_CLASS = 50  # rows of a class worth predicting, or 5 % of all
MIN_VALUES = 10  # a number worth predicting has more values than this, none of them in most rows
MIN_TESTED = 5  # held-out rows a class needs on either side
MIN_GAIN = 0.02  # what real rows must teach before a ratio means anything


@dataclass(frozen=True)
class Target:
    """A column to be predicted.

    Args:
        name: Of the column.
        j: Its number.
        classes: The codes worth predicting; empty for a number.
    """

    name: str
    j: int
    classes: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Lesson:
    """What does not change from one set of teachers to the next."""

    train: np.ndarray  # (N, D) real rows that scale the ranks and stand for the floor
    test: np.ndarray  # (M, D) held-out rows
    is_category: np.ndarray  # (D,)
    seed: int


class Utility(Judge):
    """Predictions learnt from draws, tested on held-out rows."""

    parts: ClassVar[dict[str, Part]] = {
        "auc": Part("AUC", "higher", "How well categories of real rows are predicted by trees that saw draws only."),
        "r2": Part("R²", "higher", "How well numbers of real rows are predicted by trees that saw draws only."),
        "ratio": Part("share", "higher", "Share of what real rows teach about the main target that draws teach too."),
    }
    source = "Esteban, Hyland and Rätsch (2017), https://arxiv.org/abs/1706.02633"
    max_rows = 10_000

    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """Means over targets; `details["targets"]` has each one's number."""
        lesson, drawn = self._lesson(fake, evidence)
        targets = self.targets(evidence)
        found = {t.name: _score(t, drawn, lesson) for t in targets}
        measures = {}
        for part, is_number in (("auc", False), ("r2", True)):
            chosen = [found[t.name] for t in targets if (not t.classes) is is_number]
            kept = [e for e in chosen if e is not None]
            if kept:
                values = {t.name: e.value for t in targets if (e := found[t.name]) and (not t.classes) is is_number}
                measures[part] = average(kept).measure(len(lesson.test), 0, 1, {"targets": values})
        share = _share(targets, found, lesson, is_real=fake is evidence.train)
        return measures | ({"ratio": share} if share else {})

    def protocol(self, evidence: Evidence) -> str:
        """Rows, targets and interval."""
        n, m = equal_size(evidence.fake, evidence, self.max_rows), min(self.max_rows, n_rows(evidence.held_out))
        names = ", ".join(t.name for t in self.targets(evidence)) or "none"
        return (
            f"boosted trees fitted on {n:,} rows (at most {self.max_rows:,}), tested on {m:,} held-out rows; targets: "
            f"{names}; macro one-against-rest AUC, R² of ranks; linearised interval over held-out rows, trees as fitted"
        )

    def targets(self, evidence: Evidence) -> list[Target]:
        """The columns to be predicted: those asked for, else the last column and the cheapest others.

        Raises:
            UnknownNameError: a column asked for is not there.
        """
        train, is_category = matrix(evidence.train, evidence.space)
        for name in evidence.targets:
            evidence.space[name]  # raises for an unknown column
        names = list(evidence.space)
        if len(names) < 2:
            return []  # nothing to predict from
        found = [_target(name, j, train[:, j], bool(is_category[j])) for j, name in enumerate(names)]
        usable = [t for t in found if t is not None]
        if evidence.targets:
            return sorted(
                (t for t in usable if t.name in evidence.targets), key=lambda t: evidence.targets.index(t.name)
            )
        return sorted(usable, key=lambda t: (t.j != len(names) - 1, max(len(t.classes), 2), -t.j))[:MAX_TARGETS]

    def _lesson(self, fake: Batch, evidence: Evidence) -> tuple[_Lesson, np.ndarray]:
        """The fixed rows, and the rows to learn from."""
        n = equal_size(fake, evidence, self.max_rows)

        def rows(batch: Batch, cap: int) -> np.ndarray:
            return matrix(sample_rows(batch, cap, numpy_generator(evidence.seed, "utility")), evidence.space)[0]

        test = rows(evidence.held_out, self.max_rows)
        if not len(test) or not n:
            raise DataError("utility learns from draws and is tested on held-out rows, and found none; pass some")
        is_category = matrix(evidence.held_out, evidence.space)[1]
        seed = derive(evidence.seed, "utility", "trees")
        return _Lesson(rows(evidence.train, n), test, is_category, seed), rows(fake, n)


def _target(name: str, j: int, x: np.ndarray, is_category: bool) -> Target | None:
    """The column as a target, None where nothing is to be learnt about it."""
    codes, counts = np.unique(x[~np.isnan(x)], return_counts=True)
    if not is_category:
        return Target(name, j) if len(codes) > MIN_VALUES and counts.max() <= len(x) / 2 else None
    is_common = (counts >= MIN_CLASS) | (counts >= 0.05 * len(x))
    if not 2 <= is_common.sum() <= MAX_CLASSES or counts[is_common].sum() < 0.9 * len(x):
        return None
    return Target(name, j, tuple(int(c) for c in codes[is_common]))


def _score(target: Target, teacher: np.ndarray, lesson: _Lesson) -> Estimate | None:
    """How well trees grown on `teacher` predict held-out rows; None where these rows cannot tell."""
    return _class_score(target, teacher, lesson) if target.classes else _number_score(target, teacher, lesson)


def _class_score(target: Target, teacher: np.ndarray, lesson: _Lesson) -> Estimate | None:
    """Macro one-against-rest AUC; a class that the teacher never shows is predicted no better than by chance."""
    j, others = target.j, np.arange(teacher.shape[1]) != target.j
    taught = teacher[np.isin(teacher[:, j], target.classes)]
    asked = np.isin(lesson.test[:, j], target.classes)
    test = lesson.test[asked]
    config = BoostingConfig(n_iter=max(20, N_ITER // (len(target.classes) - 1)))
    classes, p = np.zeros(0), np.zeros((len(test), 0))
    if len(taught):
        trees = Boosting(config).fit(taught[:, others], taught[:, j], lesson.is_category[others], lesson.seed)
        classes, p = trees.classes, trees.predict_proba(test[:, others])
    found = []
    for code in target.classes:
        is_code = test[:, j] == code
        if min(is_code.sum(), (~is_code).sum()) >= MIN_TESTED:
            known = np.flatnonzero(classes == code)
            found.append(auc(p[:, known[0]] if len(known) else np.zeros(len(test)), is_code))
    return _spread(average(found), asked) if found else None


def _number_score(target: Target, teacher: np.ndarray, lesson: _Lesson) -> Estimate | None:
    """R² of the rank: 1 − Σ(y − ŷ)² / Σ(y − ȳ)², not below 0."""
    j, others = target.j, np.arange(teacher.shape[1]) != target.j
    y_taught, y_test = (mid_ranks(X[:, j], lesson.train[:, j]) for X in (teacher, lesson.test))
    taught, asked = ~np.isnan(y_taught), ~np.isnan(y_test)
    y = y_test[asked]
    if len(y) < 2 * MIN_TESTED or not y.var():
        return None
    predicted = np.full(len(y), 0.5)
    if taught.any():
        trees = BoostedRegression(BoostingConfig(n_iter=N_ITER)).fit(
            teacher[taught][:, others], y_taught[taught], lesson.is_category[others], lesson.seed
        )
        predicted = trees.predict(lesson.test[asked][:, others])
    return _spread(_r2(y, predicted), asked)


def _r2(y: np.ndarray, predicted: np.ndarray) -> Estimate:
    """R² and its influences: with a = (y − ŷ)², b = (y − ȳ)², d R² = −(da − (ā/b̄) db) / b̄."""
    a, b = (y - predicted) ** 2, (y - y.mean()) ** 2
    influence = -((a - a.mean()) - a.mean() / b.mean() * (b - b.mean())) / b.mean() / len(y)
    return Estimate(max(0.0, float(1 - a.mean() / b.mean())), influence)


def _spread(estimate: Estimate, asked: np.ndarray) -> Estimate:
    """The estimate as one over all held-out rows; those not asked have no influence."""
    influence = np.zeros(len(asked))
    influence[asked] = estimate.influence
    return Estimate(estimate.value, influence)


def _share(targets: list[Target], found: dict[str, Estimate | None], lesson: _Lesson, is_real: bool) -> Measure | None:
    """gain(draws) / gain(real rows) of the first target, None where real rows teach nothing about it."""
    first = found[targets[0].name] if targets else None
    if first is None:
        return None
    real = first if is_real else _score(targets[0], lesson.train, lesson)
    chance = 0.5 if targets[0].classes else 0.0
    if real is None or real.value - chance < MIN_GAIN:
        return None
    share = ratio(*(Estimate(e.value - chance, e.influence) for e in (first, real)))
    return share.measure(len(lesson.test), -np.inf, np.inf, {"target": targets[0].name, "real": real.value})
