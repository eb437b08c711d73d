"""How far are drawn pictures from real ones, without assuming Gaussians? Kernel distance (Bińkowski et al., 2018).

https://arxiv.org/abs/1801.01401; the maximum mean discrepancy: Gretton et al. (2012), https://jmlr.org/papers/v13/gretton12a.html

    MMD² = mean_{i≠j} k(x_i, x_j) + mean_{i≠j} k(y_i, y_j) − 2 mean_{i,j} k(x_i, y_j),   k(x, y) = (x · y + 1)³

over draws x and held-out pictures y. Features are those of `nn/picture_features`, of total variance 1, which makes this
the usual kernel (x · y / d + 1)³ for features of variance 1 in each of d dimensions. The estimate is unbiased: it is 0
on average where both sides have one distribution, whatever n, and may be below 0.

Its interval leaves out a block of draws at a time (Quenouille, 1949; Tukey, 1958): of B = 20 blocks

    var = (B − 1) / B Σ_b (MMD²_(b) − mean)²
"""

from typing import ClassVar

import numpy as np

from genwright.core.judge import Evidence, Measure, Part
from genwright.core.picture_judge import PictureJudge
from genwright.core.space import Batch
from genwright.core.statistics import jackknife_error, normal_measure
from genwright.nn.picture_features import beside_held_out, counts, features_of, unlearnt

N_BLOCKS = 20
LEAST = 2 * N_BLOCKS  # pictures a side


class Kid(PictureJudge):
    """Squared maximum mean discrepancy of draws and held-out pictures."""

    parts: ClassVar[dict[str, Part]] = {
        "pixels": Part("MMD²", "lower", "How far the distribution of the draws' pixels is off; 0 is ideal."),
        "net": Part("MMD²", "lower", "The same of what a small network sees that was trained on real pictures."),
        "effnet": Part("MMD²", "lower", "The same of what EfficientNet sees, trained on photographs."),
    }
    joint = "_"
    source = "Bińkowski et al. (2018), https://arxiv.org/abs/1801.01401"
    max_rows = 4_000

    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """A distance for each kind of features."""
        return {kind: self._distance(kind, fake, evidence) for kind in features_of(evidence).kinds()}

    def anchors(self, evidence: Evidence) -> tuple[Batch, Batch]:
        """The floor is training pictures that features were not learnt from."""
        return unlearnt(evidence), evidence.trivial

    def protocol(self, evidence: Evidence) -> str:
        """Pictures, kernel and interval."""
        return (
            f"{counts(evidence, self.max_rows)} (at most {self.max_rows:,} a side); features of 64 dimensions, scaled "
            "to a total variance of 1; kernel (x · y + 1)³, unbiased; interval over draws, a jackknife that leaves out "
            f"one of {N_BLOCKS} blocks"
        )

    def _distance(self, kind: str, fake: Batch, evidence: Evidence) -> Measure:
        x, y = beside_held_out("kid", kind, fake, evidence, self.max_rows, LEAST)
        value, left_out = kernel_distance(x, y)
        return normal_measure(value, jackknife_error(left_out), len(x))


def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """k (n, m) of rows (n, d) and (m, d)."""
    return (x @ y.T + 1) ** 3


def kernel_distance(x: np.ndarray, y: np.ndarray, n_blocks: int = N_BLOCKS) -> tuple[float, np.ndarray]:
    """MMD² of rows (n, d) and (m, d), and the same without each block of x in turn (B,)."""
    k_xx, k_xy, k_yy = kernel(x, x), kernel(x, y), kernel(y, y)
    np.fill_diagonal(k_xx, 0.0)
    m = len(y)
    among_y = (k_yy.sum() - np.trace(k_yy)) / (m * (m - 1))
    starts = np.linspace(0, len(x), n_blocks + 1).astype(int)[:-1]
    size = np.diff(np.append(starts, len(x)))  # (B,)
    rows = np.add.reduceat(k_xx, starts, 0)  # (B, n)
    inside = np.diagonal(np.add.reduceat(rows, starts, 1))  # (B,) of pairs within a block
    lost = 2 * rows.sum(1) - inside  # (B,) of pairs with at least one row in it
    across = np.add.reduceat(k_xy.sum(1), starts)  # (B,)

    def distance(within: np.ndarray, between: np.ndarray, n: np.ndarray) -> np.ndarray:
        return within / (n * (n - 1)) + among_y - 2 * between / (n * m)

    whole = distance(k_xx.sum(), k_xy.sum(), np.array(len(x), float))
    left_out = distance(k_xx.sum() - lost, k_xy.sum() - across, (len(x) - size).astype(float))
    return float(whole), left_out
