"""Does each column alone look as it should? Kolmogorov–Smirnov distance for numbers, total variation for categories.

    KS = sup_x |F(x) − G(x)|          (Kolmogorov, 1933; Smirnov, 1948, https://doi.org/10.1214/aoms/1177730256)
    TV = ½ Σ_k |p_k − q_k|            (half the L1 distance of two histograms)

A missing number counts as a value above all others, so its share is compared as well. Both distances are a difference
of probabilities p(A) − q(A) of one set, the worst there is; the interval keeps these sets and lets the rows vary, all
columns of a row together. Sampling noise alone makes the distances positive: read them against the floor.

A class that is never drawn may drown in that noise. Its rows do not: `missed` counts the held-out rows with a common
category, or with a number missing that is so commonly, that no draw has. Common is what ten of the draws should have:
independent rows of the same kind lack such a value with probability (1 − 10 / n)ⁿ < e⁻¹⁰. It has to be at least half as
common in the training rows: held-out values that these lack are all read as the least frequent one, which no model can
know to be common.
"""

from typing import Any, ClassVar

import numpy as np

from genwright.core.dataset import n_rows
from genwright.core.errors import DataError
from genwright.core.features import equal_size, matrix, sample_rows
from genwright.core.judge import Evidence, Judge, Measure, Part
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch
from genwright.core.statistics import (
    Distance,
    kolmogorov_smirnov,
    mean_distance,
    normal_measure,
    share_measure,
    total_variation,
)

COMMON = 10  # draws that a common value should have


class Marginals(Judge):
    """Mean and largest distance of single columns, and what is never drawn."""

    parts: ClassVar[dict[str, Part]] = {
        "": Part("distance", "lower", "How far single columns are off on average, in shares of rows; 0 is identical."),
        "worst": Part("distance", "lower", "How far the column is off that is furthest off, in shares of rows."),
        "missed": Part(
            "share", "lower", "Real rows with a common category, or number that is missing commonly, that no draw has."
        ),
    }
    source = "Smirnov (1948), https://doi.org/10.1214/aoms/1177730256; total variation distance"
    max_rows = 100_000

    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """Mean, worst and, where there are categories or missing numbers, the share of rows that are missed.

        `details["columns"]` has each column's distance, that of `missed` the columns where something is missed.
        """
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
        measures = {
            part: normal_measure(*mean_distance(distances), len(drawn), 0, 1, details[part])
            for part, distances in chosen.items()
        }
        has_values = bool(is_category.any() or np.isnan(real).any())
        if not has_values:
            return measures
        own = numpy_generator(evidence.seed, "marginals", "common")
        train, _ = matrix(sample_rows(evidence.train, self.max_rows, own), evidence.space)
        return measures | {"missed": _missed(real, drawn, train, is_category, list(evidence.space))}

    def protocol(self, evidence: Evidence) -> str:
        """Rows, distances and interval."""
        n, m = equal_size(evidence.fake, evidence, self.max_rows), min(self.max_rows, n_rows(evidence.held_out))
        return (
            f"{n:,} draws against {m:,} held-out rows (at most {self.max_rows:,} a side); KS for numbers with missing "
            "ones as the highest value, total variation for categories; mean over columns, and the worst; linearised "
            "interval, of missed rows Wilson's"
        )


def _missed(
    real: np.ndarray, drawn: np.ndarray, train: np.ndarray, is_category: np.ndarray, names: list[str]
) -> Measure:
    """Share of real rows (B, D) with a common category, or a missing number, that no drawn row has in its column."""
    sides = [
        [x if c else np.isnan(x) for x, c in zip(rows.T, is_category, strict=True)] for rows in (real, drawn, train)
    ]
    columns = zip(*sides, is_category, strict=True)
    is_missed = np.stack([_is_missed(*column) for column in columns], 1)
    by_column = {name: float(share) for name, share in zip(names, is_missed.mean(0), strict=True) if share}
    return share_measure(int(is_missed.any(1).sum()), len(real), {"columns": by_column})


def _is_missed(x: np.ndarray, y: np.ndarray, train: np.ndarray, is_category: bool) -> np.ndarray:
    """Real rows (B,) with a value that `COMMON` of the drawn ones (M,) should have, and none has; True is a hole."""
    values, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    seen, times = np.unique(train, return_counts=True)
    at = np.searchsorted(seen, values).clip(max=len(seen) - 1)
    learnt = np.where(seen[at] == values, times[at], 0)
    is_common = (counts * len(y) >= COMMON * len(x)) & (2 * learnt * len(y) >= COMMON * len(train))
    is_gone = is_common & ~np.isin(values, y)
    return (is_gone if is_category else is_gone & values)[place]


def _distance(x: np.ndarray, y: np.ndarray, is_category: bool) -> Distance:
    """Distance of one column's real and drawn values."""
    if not is_category:
        return kolmogorov_smirnov(x, y)
    a, b = x.astype(np.int64), y.astype(np.int64)
    return total_variation(a, b, int(max(a.max(), b.max())) + 1)
