"""Can a classifier tell drawn pictures from real ones that the model has not seen? (Lopez-Paz and Oquab, 2017.)

https://arxiv.org/abs/1610.06545 (classifier two-sample test); support vector machines: Cortes and Vapnik (1995),
https://doi.org/10.1007/BF00994018

    AUC = P(s(fake) > s(real)) + ½ P(s(fake) = s(real)),   s(x): out of fold

0.5: no difference was found; 1: every draw is recognised. A linear SVM looks at features (see `nn/picture_features`),
a small convolutional network at pixels (see `nn/picture_detector`), which notices what an eye would not: a wrong noise,
a grid left by strides. Read the SVM for what pictures show.

The interval is DeLong's, √2 wider, as in `detectability`. Pictures that are equal on both sides share a fold.
"""

from typing import ClassVar

import numpy as np
import torch

from genwright.core.dataset import n_rows, select
from genwright.core.errors import DataError
from genwright.core.judge import Evidence, Measure, Part
from genwright.core.picture_judge import PictureJudge
from genwright.core.rng import derive, numpy_generator, torch_generator
from genwright.core.space import Batch
from genwright.core.statistics import auc, normal_measure
from genwright.nn.picture_detector import detector_scores
from genwright.nn.picture_features import counts, feature_rows, features_of, n_each, unlearnt

N_FOLDS = 4
N_HALVES = 2  # folds of the network, which takes longer
WIDENING = 2**0.5  # of the standard error, because each picture is both judge and judged
LEAST = 2 * N_FOLDS  # pictures a side


class PictureDetectability(PictureJudge):
    """AUC of detectors that are trained to tell draws from held-out pictures."""

    parts: ClassVar[dict[str, Part]] = {
        "svm_pixels": Part("AUC", "half", "How well a linear SVM on pixels tells draws from unseen real pictures."),
        "svm_net": Part("AUC", "half", "The same on what a small network sees that was trained on real pictures."),
        "convnet": Part("AUC", "half", "The same for a convolutional network, which notices what an eye would not."),
    }
    source = "Lopez-Paz and Oquab (2017), https://arxiv.org/abs/1610.06545"
    max_rows = 2_000

    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """Pooled out-of-fold AUC of each detector."""
        real_rows, fake_rows = self._rows(fake, evidence)
        is_fake = np.repeat([False, True], [len(real_rows), len(fake_rows)])
        fold = self._folds(real_rows, fake_rows, fake, evidence)
        found = {}
        for part in self.parts:
            if part == "convnet":
                scores = self._by_network(real_rows, fake_rows, fake, fold % N_HALVES, evidence)
            else:
                kind = part.removeprefix("svm_")
                sides = (feature_rows(kind, evidence.held_out, evidence)[real_rows], feature_rows(kind, fake, evidence))
                X = np.concatenate([sides[0], sides[1][fake_rows]]).astype(np.float64)
                scores = _by_svm(X, is_fake, fold, derive(evidence.seed, "svm"))
            area = auc(scores, is_fake)
            found[part] = normal_measure(area.value, WIDENING * area.error, len(is_fake), 0, 1)
        return found

    def anchors(self, evidence: Evidence) -> tuple[Batch, Batch]:
        """The floor is training pictures that features were not learnt from."""
        return unlearnt(evidence), evidence.trivial

    def protocol(self, evidence: Evidence) -> str:
        """Pictures, folds and interval."""
        return (
            f"{counts(evidence, self.max_rows)} (at most {self.max_rows:,} a side); SVM: {N_FOLDS} folds, network: "
            f"{N_HALVES}, begun as the one that learnt from training pictures; out-of-fold scores pooled, DeLong's "
            "interval widened by √2"
        )

    def _rows(self, fake: Batch, evidence: Evidence) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the held-out pictures and of the draws that are looked at, equally many."""
        n = n_each(fake, evidence, self.max_rows)
        if n < LEAST:
            raise DataError(
                f"picture_detectability needs at least {LEAST} held-out pictures and as many draws, found {n}; "
                "hold out more rows or draw more"
            )
        rng = numpy_generator(evidence.seed, "picture_detectability")
        return rng.permutation(n_rows(evidence.held_out))[:n], rng.permutation(n_rows(fake))[:n]

    def _folds(self, real_rows: np.ndarray, fake_rows: np.ndarray, fake: Batch, evidence: Evidence) -> np.ndarray:
        """The fold of each picture (2n,), held-out ones first; twins of both sides in one, one with one."""
        rng = numpy_generator(evidence.seed, "picture_detectability", "folds")
        n, names = len(real_rows), features_of(evidence).columns
        fold = np.concatenate([rng.permutation(n) % N_FOLDS for _ in range(2)])
        twins: dict[bytes, list[int]] = {}
        for i, row in enumerate(real_rows):
            twins.setdefault(_bytes(evidence.held_out, names, row), []).append(i)
        for j, row in enumerate(fake_rows, start=n):
            if same := twins.get(_bytes(fake, names, row)):
                fold[j] = fold[same.pop()]
        return fold

    def _by_network(
        self, real_rows: np.ndarray, fake_rows: np.ndarray, fake: Batch, fold: np.ndarray, evidence: Evidence
    ) -> np.ndarray:
        """Scores (2n,) of a network on the first column of pictures."""
        model = features_of(evidence)
        name = model.columns[0]
        sides = [select({name: evidence.held_out[name]}, real_rows), select({name: fake[name]}, fake_rows)]
        codes = torch.cat([side[name] for side in sides])  # (2n, C, H, W)
        is_fake = torch.arange(len(codes)) >= len(real_rows)
        scores = np.zeros(len(codes))
        for k in range(N_HALVES):
            inside = torch.from_numpy(fold == k)
            generator = torch_generator(evidence.seed, "picture_detectability", k)
            found = detector_scores(codes[~inside], is_fake[~inside], codes[inside], model.nets[name], generator)
            scores[inside.numpy()] = found.numpy()
        return scores


def _by_svm(X: np.ndarray, is_fake: np.ndarray, fold: np.ndarray, seed: int) -> np.ndarray:
    """Scores (2n,) of linear SVMs that have not seen the row, on features of variance 1."""
    from sklearn.svm import LinearSVC

    X = (X - X.mean(0)) / np.maximum(X.std(0), 1e-9)
    scores = np.zeros(len(X))
    for k in range(N_FOLDS):
        inside = fold == k
        if inside.any() and len(np.unique(is_fake[~inside])) == 2:
            svm = LinearSVC(C=0.01, dual=False, random_state=seed % 2**32).fit(X[~inside], is_fake[~inside])
            scores[inside] = svm.decision_function(X[inside])
    return scores


def _bytes(rows: Batch, names: list[str], i: int) -> bytes:
    return b"".join(rows[name][i].numpy().tobytes() for name in names)
