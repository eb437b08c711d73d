"""Can a classifier tell draws from real rows that the model has not seen? (Lopez-Paz and Oquab, 2017.)

https://arxiv.org/abs/1610.06545 (classifier two-sample test)

    AUC = P(s(fake) > s(real)) + ½ P(s(fake) = s(real)),   s(x) = p̂(fake | x), out of fold

0.5: no difference was found; 1: every draw is recognised. The real rows are held-out ones: against the training rows a
copy of them would score below 0.5, because each draw has a twin with the other label in the detector's own training
folds. Folds are random, not grouped by equal rows: where both samples come from one distribution, labels are
exchangeable and equal rows cannot help; where draws repeat themselves more than real rows do, that is a difference.

The interval is DeLong's, √2 wider: out-of-fold scores are not independent. A row helps to judge its neighbours and is
judged by them, so that what a detector finds by chance counts twice in the sum over pairs of rows, and its variance
doubles (samples of one distribution varied 1.27 to 1.36 times as much as DeLong's error says).
"""

from typing import ClassVar

import numpy as np

from genwright.core.dataset import n_rows
from genwright.core.errors import DataError
from genwright.core.features import equal_size, histogram_codes, matrix, sample_rows
from genwright.core.judge import Evidence, Judge, Measure, Part, comparable
from genwright.core.registry import CLASSIFIERS
from genwright.core.rng import derive, numpy_generator
from genwright.core.space import Batch, Space
from genwright.core.statistics import auc, normal_measure

N_FOLDS = 5
N_BINS = 50  # bins of a number in the one-column detectors
WIDENING = 2**0.5  # of the standard error, because each row is both judge and judged


class Detectability(Judge):
    """AUC of detectors that are trained to tell draws from held-out rows."""

    parts: ClassVar[dict[str, Part]] = {
        "boosting": Part("AUC", "half", "How well boosted trees tell draws from real rows; 0.5 is a coin toss."),
        "logistic": Part("AUC", "half", "The same for a logistic regression, which sees one column at a time."),
    }
    source = "Lopez-Paz and Oquab (2017), https://arxiv.org/abs/1610.06545"
    max_rows = 10_000
    looks_at = "two or more numbers or categories"

    @classmethod
    def sees(cls, space: Space) -> Space:
        """Numbers and categories; a single one beside sequences says too little of a row."""
        return comparable(space)

    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """Pooled out-of-fold AUC; `details["columns"]` has the AUC that each column allows alone."""
        X, is_category, is_fake, fold = self._task(fake, evidence)
        seed = derive(evidence.seed, "detectability", "classifier")
        columns = _column_aucs(X, is_category, is_fake, fold, list(evidence.space))
        measures = {}
        for part in self.parts:
            scores = _out_of_fold(part, X, is_category, is_fake, fold, seed)
            found = auc(scores, is_fake)
            measures[part] = normal_measure(found.value, WIDENING * found.error, len(X), 0, 1, {"columns": columns})
        return measures

    def protocol(self, evidence: Evidence) -> str:
        """Rows, folds and interval."""
        n = min(self._size(evidence.fake, evidence), n_rows(evidence.held_out))
        return (
            f"{n:,} draws against {n:,} held-out rows (at most {self.max_rows:,} a side), {N_FOLDS}-fold stratified "
            "cross-validation, out-of-fold scores pooled, DeLong's interval widened by √2"
        )

    def _size(self, fake: Batch, evidence: Evidence) -> int:
        return equal_size(fake, evidence, self.max_rows)

    def _task(self, fake: Batch, evidence: Evidence) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Rows (2n, D), which columns are categories (D,), which rows are draws (2n,), and the rows' folds (2n,)."""
        rng = numpy_generator(evidence.seed, "detectability")
        real = sample_rows(evidence.held_out, self._size(fake, evidence), rng)
        X_real, is_category = matrix(real, evidence.space)
        n = len(X_real)
        if n < 2 * N_FOLDS:
            raise DataError(
                f"detectability needs at least {2 * N_FOLDS} held-out rows and as many draws, found {n}; "
                "hold out more rows or draw more"
            )
        X_fake, _ = matrix(sample_rows(fake, n, rng), evidence.space)
        fold = np.concatenate([rng.permutation(n) % N_FOLDS for _ in range(2)])
        return np.concatenate([X_real, X_fake]), is_category, np.repeat([False, True], n), fold


def _out_of_fold(
    name: str, X: np.ndarray, is_category: np.ndarray, is_fake: np.ndarray, fold: np.ndarray, seed: int
) -> np.ndarray:
    """p̂(fake | x) (B,) of each row by a classifier that has not seen it."""
    scores = np.empty(len(X))
    for k in range(N_FOLDS):
        inside = fold == k
        classifier = CLASSIFIERS.get(name)().fit(X[~inside], is_fake[~inside], is_category, seed)
        scores[inside] = classifier.predict_proba(X[inside])[:, 1]
    return scores


def _column_aucs(
    X: np.ndarray, is_category: np.ndarray, is_fake: np.ndarray, fold: np.ndarray, names: list[str]
) -> dict[str, float]:
    """AUC of a histogram detector on each column alone."""
    found = {}
    for j, name in enumerate(names):
        codes = histogram_codes(X[:, j], X[:, j], bool(is_category[j]), N_BINS)
        found[name] = auc(_histogram_scores(codes, is_fake, fold), is_fake).value
    return found


def _histogram_scores(codes: np.ndarray, is_fake: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """(fake count + 1) / (count + 2) of each row's bin, counted in the other folds."""
    counts = np.zeros((2, N_FOLDS, N_BINS + 1))
    np.add.at(counts, (is_fake.astype(int), fold, codes), 1)
    others = counts.sum(1, keepdims=True) - counts  # (2, folds, bins)
    return ((others[1] + 1) / (others.sum(0) + 2))[fold, codes]
