"""How far are drawn pictures from real ones, as two Gaussians of features? Fréchet distance (Heusel et al., 2017).

https://arxiv.org/abs/1706.08500; the distance: Dowson and Landau (1982), https://doi.org/10.1016/0047-259X(82)90077-X

    d² = |μ − m|² + tr(Σ + S − 2 (S^½ Σ S^½)^½)

with mean μ and covariance Σ of draws' features, m and S of held-out pictures' ones. The features are named in the
score (see `nn/picture_features`) and scaled so that training pictures have a total variance of 1. None of them is
Inception's: these numbers compare with each other on one data set, and with no "FID".

The estimate is too large, by about 1/n: draws, floor and ceiling have equally many pictures. A distance sees means and
covariances only; draws may differ in everything else.
"""

from typing import ClassVar

import numpy as np

from genwright.core.judge import Evidence, Measure, Part
from genwright.core.picture_judge import PictureJudge
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch
from genwright.core.statistics import normal_measure
from genwright.nn.picture_features import beside_held_out, counts, features_of, unlearnt

N_RESAMPLES = 50  # bootstrap draws behind an interval
LEAST = 4  # pictures a side
Moments = tuple[np.ndarray, np.ndarray]  # mean (d,), covariance (d, d)


class Frechet(PictureJudge):
    """Fréchet distance of draws to held-out pictures."""

    parts: ClassVar[dict[str, Part]] = {
        "pixels": Part("share of variance", "lower", "How far means and covariances of the draws' pixels are off."),
        "net": Part(
            "share of variance", "lower", "The same of what a small network sees that was trained on real pictures."
        ),
        "effnet": Part("share of variance", "lower", "The same of what EfficientNet sees, trained on photographs."),
    }
    joint = "_"
    source = "Heusel et al. (2017), https://arxiv.org/abs/1706.08500"
    max_rows = 10_000

    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """A distance for each kind of features."""
        return {kind: self._distance(kind, fake, evidence) for kind in features_of(evidence).kinds()}

    def anchors(self, evidence: Evidence) -> tuple[Batch, Batch]:
        """The floor is training pictures that features were not learnt from."""
        return unlearnt(evidence), evidence.trivial

    def protocol(self, evidence: Evidence) -> str:
        """Pictures, features and interval."""
        return (
            f"{counts(evidence, self.max_rows)} (at most {self.max_rows:,} a side); features of 64 dimensions, scaled "
            "to a total variance of 1; the distance is too large by about 1/n, on all sides alike; interval over "
            f"draws, from {N_RESAMPLES} bootstrap resamples, ± 1.96 of their standard deviations"
        )

    def _distance(self, kind: str, fake: Batch, evidence: Evidence) -> Measure:
        x, y = beside_held_out("frechet", kind, fake, evidence, self.max_rows, LEAST)
        real = moments(y)
        rng = numpy_generator(evidence.seed, "frechet", "bootstrap")
        weights = rng.multinomial(len(x), np.full(len(x), 1 / len(x)), N_RESAMPLES)  # (R, n)
        again = [frechet_distance(moments(x, w), real) for w in weights]
        return normal_measure(frechet_distance(moments(x), real), float(np.std(again, ddof=1)), len(x), 0)


def moments(x: np.ndarray, weights: np.ndarray | None = None) -> Moments:
    """Mean and unbiased covariance of rows (n, d), each counted `weights` (n,) times; in float64."""
    w = np.ones(len(x)) if weights is None else weights
    mean = w @ x / w.sum()
    centred = x - mean
    return mean, (centred.T * w) @ centred / (w.sum() - 1)


def frechet_distance(a: Moments, b: Moments) -> float:
    """d² of two Gaussians; the trace of the root is the sum of roots of eigenvalues, which are those of Σ S."""
    values, vectors = np.linalg.eigh(b[1])
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T  # (d, d) S^½
    cross = np.sqrt(np.linalg.eigvalsh(root @ a[1] @ root).clip(0)).sum()
    shift = a[0] - b[0]
    return float(max(0.0, shift @ shift + np.trace(a[1]) + np.trace(b[1]) - 2 * cross))
