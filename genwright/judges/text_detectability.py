"""Can a classifier tell drawn texts from real ones that the model has not seen? A linear SVM.

Classifier two-sample test: Lopez-Paz and Oquab (2017), https://arxiv.org/abs/1610.06545; support vector machines on
n-grams of characters and pairs of words, weighted by how rare they are: Cortes and Vapnik (1995), https://doi.org/10.1007/BF00994018;
Sparck Jones (1972), https://doi.org/10.1108/eb026526

    AUC = P(s(fake) > s(real)) + ½ P(s(fake) = s(real)),   s(x) = w · tfidf(x), out of fold

0.5: no difference was found; 1: every draw is recognised. The interval is DeLong's, √2 wider, as in `detectability`.
Texts that are equal on both sides share a fold, one with one: a twin of the other label among the detector's own rows
would otherwise teach it the opposite of the truth. Texts are cut to one length; how long they are is not judged here.
Long ones are cut into pieces, which stay in one fold and vary together.

Where the unseen texts are about other things than those learnt from (the last chapters of a book), any draw is told
from them, and so are the training texts: the floor says so. `seen` is then the number to read: draws against a half of
the training texts, with their other half as the floor. A model that copies looks well by it; `copied_text` tells.
"""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from genwright.core.dataset import n_rows, select
from genwright.core.errors import DataError
from genwright.core.features import equal_size, sample_rows
from genwright.core.judge import Evidence, Measure, Part
from genwright.core.rng import derive, numpy_generator
from genwright.core.space import Batch
from genwright.core.statistics import auc, normal_measure
from genwright.core.text_judge import TextJudge
from genwright.core.texts import common_length, row_texts

if TYPE_CHECKING:
    from scipy import sparse

N_FOLDS = 5
PIECE = 300  # characters that the detector sees at a time: of whole pages it would know anything
LONGEST = 4  # characters of an n-gram
WORD = r"\w+|[^\w\s]"  # words and punctuation marks, of which pairs are looked at, too
N_FEATURES = 2**18  # places that n-grams of a kind are hashed to
WIDENING = 2**0.5  # of the standard error, because each text is both judge and judged


class TextDetectability(TextJudge):
    """AUC of a detector that is trained to tell drawn from held-out texts."""

    parts: ClassVar[dict[str, Part]] = {
        "unseen": Part("AUC", "half", "How well a linear SVM tells draws from real texts that the model has not seen."),
        "seen": Part(
            "AUC", "half", "The same against texts that it learnt from, where unseen ones are about other things."
        ),
    }
    source = "Lopez-Paz and Oquab (2017), https://arxiv.org/abs/1610.06545"
    max_rows = 600

    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """Pooled out-of-fold AUC against held-out texts, and against a half of the training texts."""
        half = n_rows(evidence.train) // 2
        order = numpy_generator(evidence.seed, "text_detectability", "halves").permutation(n_rows(evidence.train))
        seen, others = (select(evidence.train, rows) for rows in (order[:half], order[half:]))
        found = {"unseen": self._against(evidence.held_out, fake, evidence)}
        if half >= 2 * N_FOLDS:
            found["seen"] = self._against(seen, others if fake is evidence.train else fake, evidence)
        return found

    def protocol(self, evidence: Evidence) -> str:
        """Texts, features, folds and interval."""
        n = min(self._size(evidence.fake, evidence), n_rows(evidence.held_out))
        n_most = max(1, self.max_rows // max(n, 1))
        return (
            f"{n:,} draws against {n:,} held-out texts, and as many or fewer against a half of the training texts, "
            f"whose other half is their floor (at most {self.max_rows:,} a side); each cut to "
            f"{self._cut(evidence):,} characters and into pieces of {PIECE}, at most {n_most:,} of a text; linear SVM "
            f"on TF-IDF of 1 to {LONGEST} characters, words and their pairs, {N_FOLDS}-fold cross-validation, equal "
            "texts of both sides in one fold, out-of-fold scores pooled, DeLong's interval over texts widened by √2"
        )

    def _against(self, real_rows: Batch, fake: Batch, evidence: Evidence) -> Measure:
        """AUC of draws against some real texts."""
        rng = numpy_generator(evidence.seed, "text_detectability")
        real = row_texts(sample_rows(real_rows, self._size(fake, evidence), rng), evidence)
        drawn = row_texts(sample_rows(fake, len(real), rng), evidence)
        real = real[: len(drawn)]
        if len(real) < 2 * N_FOLDS:
            raise DataError(
                f"text_detectability needs at least {2 * N_FOLDS} held-out texts and as many draws, found {len(real)}; "
                "hold out more rows or draw more"
            )
        n, n_most = self._cut(evidence), max(1, self.max_rows // len(real))
        texts = [text[:n] for text in (*real, *drawn)]
        cut = [_pieces(text, n_most) for text in texts]
        row = np.repeat(np.arange(len(texts)), [len(pieces) for pieces in cut])  # (P,) of each piece
        is_fake, fold = row >= len(real), _folds(texts, len(real), rng)[row]
        features = _features([piece for pieces in cut for piece in pieces])
        found = auc(_out_of_fold(features, is_fake, fold, derive(evidence.seed, "svm")), is_fake)
        error = float(
            np.sqrt(np.square(np.bincount(row, weights=found.influence)).sum())
        )  # pieces of a text go together
        return normal_measure(found.value, WIDENING * error, len(texts), 0, 1)

    def _size(self, fake: Batch, evidence: Evidence) -> int:
        return equal_size(fake, evidence, self.max_rows)

    def _cut(self, evidence: Evidence) -> int:
        """Characters that texts are cut to."""
        rng = numpy_generator(evidence.seed, "text_detectability", "cut")
        sides = (row_texts(sample_rows(b, self.max_rows, rng), evidence) for b in (evidence.held_out, evidence.fake))
        return common_length(*([len(text) for text in side] for side in sides))


def _pieces(text: str, n: int) -> list[str]:
    """At most n pieces of a text, at least one; the last one may be short."""
    return [text[start : start + PIECE] for start in range(0, max(len(text), 1), PIECE)][:n]


def _folds(texts: list[str], n: int, rng: np.random.Generator) -> np.ndarray:
    """The fold of each text (2n,), n real ones and n draws: even on both sides, twins in one."""
    fold = np.concatenate([rng.permutation(n) % N_FOLDS for _ in range(2)])
    twins: dict[str, list[int]] = {}
    for i, text in enumerate(texts[:n]):
        twins.setdefault(text, []).append(i)
    for j, text in enumerate(texts[n:], start=n):
        if twins.get(text):
            fold[j] = fold[twins[text].pop()]
    return fold


def _features(texts: list[str]) -> "sparse.csr_matrix":
    """Weighted counts of n-grams (2n, 2 · N_FEATURES), a half for each kind; weights do not look at labels."""
    from scipy import sparse
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

    kinds = ({"analyzer": "char", "ngram_range": (1, LONGEST)}, {"token_pattern": WORD, "ngram_range": (1, 2)})
    halves = []
    for kind in kinds:
        counts = HashingVectorizer(n_features=N_FEATURES, lowercase=False, alternate_sign=False, norm=None, **kind)
        halves.append(TfidfTransformer(sublinear_tf=True).fit_transform(counts.transform(texts)))
    return sparse.hstack(halves, format="csr")


def _out_of_fold(X: "sparse.csr_matrix", is_fake: np.ndarray, fold: np.ndarray, seed: int) -> np.ndarray:
    """s(x) (B,) of each text by a detector that has not seen it."""
    from sklearn.svm import LinearSVC

    scores = np.zeros(len(is_fake))
    for k in range(N_FOLDS):
        inside = fold == k
        if inside.any() and len(np.unique(is_fake[~inside])) == 2:
            detector = LinearSVC(random_state=seed % 2**32).fit(X[~inside], is_fake[~inside])
            scores[inside] = detector.decision_function(X[inside])
    return scores
