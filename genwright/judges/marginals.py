"""Does each column alone look as it should? Kolmogorov–Smirnov distance for numbers, total variation for categories.

    KS = sup_x |F(x) − G(x)|          (Kolmogorov, 1933; Smirnov, 1948, https://doi.org/10.1214/aoms/1177730256)
    TV = ½ Σ_k |p_k − q_k|            (half the L1 distance of two histograms)

A missing number counts as a value above all others, so its share is compared as well. Both distances are a difference
of probabilities p(A) − q(A) of one set, the worst there is; the interval keeps these sets and lets the rows vary, all
columns of a row together. Sampling noise alone makes the distances positive: read them against the floor.
"""

from typing import Any, ClassVar

import numpy as np

from genwright.core.dataset import n_rows
from genwright.core.errors import DataError
from genwright.core.features import equal_size, matrix, sample_rows
from genwright.core.judge import Evidence, Judge, Measure, Part
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch
from genwright.core.statistics import Distance, kolmogorov_smirnov, mean_distance, normal_measure, total_variation


class Marginals(Judge):
    """Mean and largest distance of single columns."""

    parts: ClassVar[dict[str, Part]] = {
        "": Part("distance", "lower", "How far single columns are off on average, in shares of rows; 0 is identical."),
        "worst": Part("distance", "lower", "How far the column is off that is furthest off, in shares of rows."),
    }
    source = "Smirnov (1948), https://doi.org/10.1214/aoms/1177730256; total variation distance"
    max_rows = 100_000

    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """Mean and worst; `details["columns"]` has each column's distance."""
        rng = numpy_generator(evidence.seed, "marginals")
        real, is_category = matrix(sample_rows(evidence.held_out, self.max_rows, rng), evidence.space)
        drawn, _ = matrix(sample_rows(fake, equal_size(fake, evidence, self.max_rows), rng), evidence.space)
        if not len(real) or not len(drawn) or not len(is_category):
            raise DataError("marginals compares held-out rows with draws and found none, or no columns; pass some")
        columns = [_distance(x, y, bool(c)) for x, y, c in zip(real.T, drawn.T, is_category, strict=True)]
        named = dict(zip(evidence.space, (d.value for d in columns), strict=True))
        worst = max(named, key=lambda name: named[name])
        chosen = {"": columns, "worst": [columns[list(named).index(worst)]]}
        details: dict[str, dict[str, Any]] = {"": {"columns": named}, "worst": {"column": worst}}
        return {
            part: normal_measure(*mean_distance(distances), len(drawn), 0, 1, details[part])
            for part, distances in chosen.items()
        }

    def protocol(self, evidence: Evidence) -> str:
        """Rows, distances and interval."""
        n, m = equal_size(evidence.fake, evidence, self.max_rows), min(self.max_rows, n_rows(evidence.held_out))
        return (
            f"{n:,} draws against {m:,} held-out rows (at most {self.max_rows:,} a side); KS for numbers with missing "
            "ones as the highest value, total variation for categories; mean over columns, and the worst; linearised "
            "interval"
        )


def _distance(x: np.ndarray, y: np.ndarray, is_category: bool) -> Distance:
    """Distance of one column's real and drawn values."""
    if not is_category:
        return kolmogorov_smirnov(x, y)
    a, b = x.astype(np.int64), y.astype(np.int64)
    return total_variation(a, b, int(max(a.max(), b.max())) + 1)
