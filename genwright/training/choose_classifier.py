"""Which classifier suits the rows: the one that foretells best on folds of the training rows, among few fast ones."""

import numpy as np

from genwright.core.classifier import Classifier, MatrixClassifier
from genwright.core.dataset import Dataset
from genwright.core.errors import GenwrightError
from genwright.core.model import Progress
from genwright.core.registry import CLASSIFIERS
from genwright.core.rng import numpy_generator
from genwright.core.space import Pixels, Support, Tokens

OF_TABLES: tuple[str, ...] = ("logistic", "boosting", "naive_bayes", "svm")
OF_TEXTS: tuple[str, ...] = ("svm", "naive_bayes", "logistic")
OF_PICTURES: tuple[str, ...] = ("svm", "knn", "logistic")
FEW = 2_000  # training rows above which svm, whose kernel grows with their square, is not tried on tables
MOST_ROWS = 3_000  # rows that candidates are compared on
N_FOLDS = 3
CONV_ROWS, CONV_SIDE = 500, 12  # training pictures, and pixels of their longer side, from which convolutions are taken
LEAST_P = 1e-6  # probabilities count as at least this, so that one certain mistake does not decide


def choose_classifier(data: Dataset, target: str, seed: int, progress: Progress) -> tuple[str, str]:
    """The family for these rows, and why in one line.

    Args:
        data: Rows to learn from, whose class is known.
        target: Their class.
        seed: Of the folds.
        progress: Called with (fraction done, a line).
    """
    names, kind = _candidates(data, target)
    if len(names) == 1:
        return names[0], kind
    rows = data if len(data) <= MOST_ROWS else data.subset(_some(len(data), seed))
    fold = _folds(np.asarray(rows.arrays[target]), seed)
    found: dict[str, float] = {}
    for i, name in enumerate(names):
        progress(i / len(names), f"comparing classifiers: {name}")
        loss = _cross_entropy(CLASSIFIERS.get(name), rows, target, fold, seed)
        if loss is not None:
            found[name] = loss
    if not found:
        return names[0], kind
    ranked = sorted(found, key=lambda name: found[name])
    told = ", ".join(f"{name} {found[name]:.3g}" for name in ranked)
    return ranked[0], f"{kind}; cross-entropy on {fold.max() + 1} folds of {len(rows):,} training rows: {told}"


def _candidates(data: Dataset, target: str) -> tuple[list[str], str]:
    """Families worth a trial, and what kind of rows these are."""
    others = {name: f for name, f in data.space.items() if name != target}
    supports = [f.support for f in others.values()]
    sides = [max(f.event_shape[1:]) for f in others.values() if isinstance(f.support, Pixels)]
    if sides and max(sides) > CONV_SIDE and len(data) >= CONV_ROWS:
        return ["convnet"], f"{len(data):,} pictures: convolutions know what lies beside what"
    if sides:
        names, kind = OF_PICTURES, "few or small pictures"
    elif any(isinstance(s, Tokens) for s in supports):
        names, kind = OF_TEXTS, "texts"
    else:
        names, kind = OF_TABLES, f"{len(others)} columns"
        names = names if len(data) <= FEW else tuple(name for name in names if name != "svm")
    there = [n for n in names if n in CLASSIFIERS.names() and _reads(CLASSIFIERS.get(n), supports)]
    return there or ["mlp"], kind


def _reads(family: type[Classifier], supports: list[Support]) -> bool:
    return issubclass(family, MatrixClassifier) and all(isinstance(s, family.supports) for s in supports)


def _some(n: int, seed: int) -> np.ndarray:
    return np.sort(numpy_generator(seed, "choose").choice(n, MOST_ROWS, replace=False))


def _folds(y: np.ndarray, seed: int) -> np.ndarray:
    """The fold of each row (N,): each class is dealt out in turn, so that all folds have their share of it."""
    order = numpy_generator(seed, "folds").permutation(len(y))
    by_class = order[np.argsort(y[order], kind="stable")]
    fold = np.empty(len(y), np.int64)
    fold[by_class] = np.arange(len(y)) % min(N_FOLDS, max(len(y), 1))
    return fold


def _cross_entropy(family: type[Classifier], data: Dataset, target: str, fold: np.ndarray, seed: int) -> float | None:
    """Mean of −log p(y | x) on folds not learnt from; None where the family cannot learn from the others."""
    y, total = np.asarray(data.arrays[target]), 0.0
    for k in range(fold.max() + 1):
        inside = np.flatnonzero(fold == k)
        classifier = family().bind(data.space, target)
        assert isinstance(classifier, MatrixClassifier)
        try:
            classifier.fit_rows(data.subset(np.flatnonzero(fold != k)), seed)
            p = classifier.predict_rows(data.take(inside))
        except GenwrightError:
            return None
        total -= float(np.log(np.maximum(p[np.arange(len(inside)), y[inside]], LEAST_P)).sum())
    return total / len(y)
