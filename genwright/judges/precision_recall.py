"""Are drawn pictures like real ones, and do they cover what real ones show? Precision, recall, density, coverage.

Kynkäänniemi et al. (2019), https://arxiv.org/abs/1904.06991 · Naeem et al. (2020), https://arxiv.org/abs/2002.09797

Around every real picture x_i is a ball that reaches to its k-th nearest other real picture, radius r(x_i); around every
draw y_j one that reaches to its k-th nearest other draw.

    precision = mean_j 1[∃ i: |y_j − x_i| < r(x_i)]          recall   = mean_i 1[∃ j: |x_i − y_j| < r(y_j)]
    density   = mean_j 1/k Σ_i 1[|y_j − x_i| < r(x_i)]       coverage = mean_i 1[min_j |x_i − y_j| < r(x_i)]

k = 5, distances between features of the small network that was trained on real pictures. Blurred pictures lie in the
midst of the others in pixels and would have a high precision there, so pixels are not asked.

Draws in a crowd have a high density, above 1, and no merit by it: read it beside coverage. One wild draw has a wide
ball and lifts recall; coverage has no such weakness and is the number to read for what is missing.
"""

from typing import ClassVar

import numpy as np

from genwright.core.errors import DataError
from genwright.core.judge import Evidence, Measure, Part
from genwright.core.picture_judge import PictureJudge
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch
from genwright.core.statistics import mean, share_measure
from genwright.nn.picture_features import counts, features_of, n_each, sampled, unlearnt

K = 5  # the neighbour that a ball reaches to
LEAST = 2 * K  # pictures a side


class PrecisionRecall(PictureJudge):
    """Shares of draws among real pictures, and of real pictures among draws."""

    parts: ClassVar[dict[str, Part]] = {
        f"{what}_{kind}": Part(unit, "higher", f"{meaning}, as {whose} sees them.")
        for kind, whose in (("net", "a small network trained on real pictures"), ("effnet", "EfficientNet"))
        for what, unit, meaning in (
            ("precision", "share", "Draws that lie among real pictures"),
            ("recall", "share", "Real pictures that lie among draws"),
            (
                "density",
                "ratio",
                "How many real pictures' surroundings a draw lies in, beside how many there should be",
            ),
            ("coverage", "share", "Real pictures that have a draw in their surroundings"),
        )
    }
    source = (
        "Kynkäänniemi et al. (2019), https://arxiv.org/abs/1904.06991; "
        "Naeem et al. (2020), https://arxiv.org/abs/2002.09797"
    )
    max_rows = 4_000

    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """All four, for each kind of features but pixels."""
        kinds = [kind for kind in features_of(evidence).kinds() if kind != "pixels"]
        return {f"{what}_{kind}": m for kind in kinds for what, m in self._of(kind, fake, evidence).items()}

    def anchors(self, evidence: Evidence) -> tuple[Batch, Batch]:
        """The floor is training pictures that features were not learnt from."""
        return unlearnt(evidence), evidence.trivial

    def protocol(self, evidence: Evidence) -> str:
        """Pictures, neighbours and intervals."""
        return (
            f"{counts(evidence, self.max_rows)} (at most {self.max_rows:,} a side); balls that reach to neighbour "
            f"{K}, the picture itself not counted; features of 64 dimensions; Wilson's interval, of precision over "
            "draws, of recall and coverage over held-out pictures; density: normal interval over draws"
        )

    def _of(self, kind: str, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        n = n_each(fake, evidence, self.max_rows)
        y, x = (
            sampled(kind, rows, n, evidence, numpy_generator(evidence.seed, "precision_recall"))
            for rows in (fake, evidence.held_out)
        )
        if min(len(x), len(y)) < LEAST:
            raise DataError(
                f"precision_recall needs at least {LEAST} held-out pictures and as many draws; hold out more"
            )
        found = balls(x, y, K)
        shares = {
            what: share_measure(float(found[what].sum()), len(found[what]))
            for what in ("precision", "recall", "coverage")
        }
        return shares | {"density": mean(found["density"]).measure(len(y), 0, np.inf)}


def distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Squared distances (n, m) of rows (n, d) and (m, d)."""
    return (np.square(x).sum(1)[:, None] + np.square(y).sum(1) - 2 * x @ y.T).clip(0)


def radii(x: np.ndarray, k: int) -> np.ndarray:
    """Squared distance of each row (n, d) to its k-th nearest other row (n,)."""
    among = distances(x, x)
    np.fill_diagonal(among, np.inf)
    return np.partition(among, k - 1, axis=1)[:, k - 1]


def balls(real: np.ndarray, fake: np.ndarray, k: int) -> dict[str, np.ndarray]:
    """Number → its term for each draw (m,) or each real row (n,), of which it is the mean."""
    across = distances(real, fake)  # (n, m)
    in_real = across < radii(real, k)[:, None]
    in_fake = across < radii(fake, k)
    return {
        "precision": in_real.any(0),
        "density": in_real.sum(0) / k,
        "recall": in_fake.any(1),
        "coverage": in_real.any(1),
    }
