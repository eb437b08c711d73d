"""Is a class that gets a probability of 80 % right in 80 of 100 rows? The expected calibration error.

    ECE = Σ_b n_b / n · |hits_b / n_b − mean confidence_b|

over 15 bins of rows with like confidence max_k p_k, about equally many in each (Naeini, Cooper and Hauskrecht, 2015,
https://doi.org/10.1609/aaai.v29i1.9602). A mean of absolute gaps is above 0 by chance alone, by about √(bins / n): the
floor is what probabilities that are exactly right would show on as many rows, and the interval, that of the basic
bootstrap 2 ECE − q, allows for it. The trivial guess is calibrated too: this number says nothing of how much is known.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from genwright.core.judge import Score
from genwright.core.predictions import MetricJudge, Predictions, resampled

BINS = 15


class CalibrationError(MetricJudge):
    """How far a classifier's confidence is from its share of hits, over 15 bins of equally many rows."""

    name, unit, direction = "calibration_error", "share", "lower"
    meaning = "How far confidence and the share of hits lie apart; the best possible is what chance alone gives."
    source = "Naeini, Cooper and Hauskrecht (2015): https://doi.org/10.1609/aaai.v29i1.9602"

    def values(self, y: np.ndarray, p: np.ndarray, W: np.ndarray) -> np.ndarray:
        """As `Metric.values`; bins are those of the rows as they are, whatever their weights."""
        bins, gap = bins_of(p.max(1)), (p.argmax(1) == y) - p.max(1)
        own = (bins[:, None] == np.unique(bins)) * gap[:, None]  # (B, bins)
        return np.round(np.abs(W @ own).sum(1) / W.sum(1), 12)  # an error of rounding is no gap

    def predicted(self, rows: Predictions) -> list[Score]:
        """With the floor and interval that the bias asks for."""
        return [self._unbiased(s, rows) for s in super().predicted(rows)]

    def _unbiased(self, s: Score, rows: Predictions) -> Score:
        low, high = np.quantile(resampled(self, rows), [0.025, 0.975])
        ends = max(0.0, 2 * s.value - float(high)), min(1.0, max(s.value, 2 * s.value - float(low)))
        protocol = f"{s.protocol} {BINS} bins of equally many rows; the interval is that of the basic bootstrap."
        return replace(s, floor=by_chance(rows.p), low=ends[0], high=ends[1], protocol=protocol)

    def details(self, rows: Predictions) -> dict[str, Any]:
        """Of each bin: rows, hits and mean confidence."""
        confidence, hit = rows.p.max(1), rows.p.argmax(1) == rows.y
        _, bins = np.unique(bins_of(confidence), return_inverse=True)
        n = np.bincount(bins)
        hits, mean = np.bincount(bins, hit), np.bincount(bins, confidence) / n
        return {"bins": [{"n": int(a), "hits": int(b), "confidence": float(c)} for a, b, c in zip(n, hits, mean)]}


def bins_of(confidence: np.ndarray) -> np.ndarray:
    """The bin of each row (B,); equal confidences share one."""
    edges = np.quantile(confidence, np.linspace(0, 1, BINS + 1)[1:-1])
    return np.searchsorted(edges, confidence)


def by_chance(p: np.ndarray) -> float:
    """What is expected where every confidence is exactly right, by the normal law: Σ_b √(2/π Σ c (1 − c)) / n."""
    c = p.max(1)
    var = np.bincount(bins_of(c), c * (1 - c))  # of the sum of gaps of each bin
    return float(np.sqrt(2 / np.pi * var.clip(0)).sum() / len(c))
