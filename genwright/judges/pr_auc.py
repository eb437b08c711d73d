"""How pure the rows at the top of a ranking are: area under the precision-recall curve, as average precision.

    AP = Σ_i (R_i − R_{i−1}) P_i

with recall R_i and precision P_i among rows of the i highest different scores, without interpolation (Davis and
Goadrich, 2006, https://doi.org/10.1145/1143844.1143874, on why a straight line between points is too kind). Chance is
the share of the class, so that it tells more than the ROC curve where a class is rare. Of two classes it is that of the
second; of more, the mean of each against the rest. The best possible ranks rows by the shares of their equals.

`details["curves"]` holds ROC and precision-recall curves of a few classes, with the middle 95 % of the bootstrap's
curves at each place.
"""

from typing import Any

import numpy as np

from genwright.core.predictions import MetricJudge, Predictions, resamples

SHOWN = 4  # classes whose curves are kept, the most frequent ones
GRID = np.linspace(0, 1, 51)
MOST_CURVES = 200  # resamples of which curves are drawn


class PrAuc(MetricJudge):
    """Area under the precision-recall curve, with it and the ROC curve of a classifier's predictions."""

    name, unit, direction = "pr_auc", "AP", "higher"
    meaning = "How pure the top of a ranking by the class's probability is, averaged over how far down one looks."
    source = "Davis and Goadrich (2006): https://doi.org/10.1145/1143844.1143874"

    def values(self, y: np.ndarray, p: np.ndarray, W: np.ndarray) -> np.ndarray:
        """As `Metric.values`; over the classes that have rows on both sides."""
        there = [1] if p.shape[1] == 2 else range(p.shape[1])
        areas = [_average_precision(*_counts(p[:, k], y == k, W)) for k in there if 0 < (y == k).sum() < len(y)]
        if not areas:
            return np.full(len(W), np.nan)
        known = ~np.isnan(areas)
        return np.where(known, areas, 0).sum(0) / np.maximum(known.sum(0), 1)

    def best_of(self, rows: Predictions) -> np.ndarray:
        """Equal shares are ranked one group after the other, small ones first, which no ranking of groups beats."""
        _, group, n = np.unique(rows.groups, return_inverse=True, return_counts=True)
        rank = np.argsort(np.argsort(n, kind="stable"))[group]
        return rows.best - 1e-9 * rank[:, None] / len(rows)

    def details(self, rows: Predictions) -> dict[str, Any]:
        """Curves of the most frequent classes; of two classes, of the second."""
        K = rows.p.shape[1]
        n = np.bincount(rows.y[rows.y >= 0], minlength=K)
        shown = [1] if K == 2 else np.sort(np.argsort(-n, kind="stable")[:SHOWN]).tolist()
        return {"curves": [_curves(rows, k) for k in shown if 0 < n[k] < len(rows)]}


def _counts(s: np.ndarray, is_positive: np.ndarray, W: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the class, and others, among those with the i highest scores: twice (R, different scores)."""
    order = np.argsort(-s, kind="stable")
    last = np.flatnonzero(np.diff(s[order], append=np.nan) != 0)  # the last row of each score
    own, other = (np.cumsum(W[:, order] * m[order], 1)[:, last] for m in (is_positive, ~is_positive))
    return own, other


def _average_precision(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Average precision of each resample (R,); NaN without a row of the class."""
    n = own[:, -1]
    area = (np.diff(own, prepend=0, axis=1) * _precision(own, other)).sum(1)
    return np.divide(area, n, out=np.full(len(own), np.nan), where=n > 0)


def _precision(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    both = own + other
    return np.divide(own, both, out=np.ones_like(own), where=both > 0)


def _curves(rows: Predictions, k: int) -> dict[str, Any]:
    """Both curves of a class against the rest, with bands."""
    s, is_positive = rows.p[:, k], rows.y == k
    once = _on_grid(*_counts(s, is_positive, np.ones((1, len(rows)))))
    parts, n_drawn = [], 0
    for W in resamples(rows):
        parts.append(_on_grid(*_counts(s, is_positive, W[: MOST_CURVES - n_drawn])))
        n_drawn += parts[-1].shape[1]
        if n_drawn >= MOST_CURVES:
            break
    low, high = np.nanquantile(np.concatenate(parts, 1), [0.025, 0.975], axis=1)  # (2 curves, places)
    sides = {
        name: {"y": _rounded(once[i, 0]), "low": _rounded(low[i]), "high": _rounded(high[i])}
        for i, name in enumerate(("roc", "pr"))
    }
    return {"class": rows.name_of(k), "share": float(is_positive.mean()), "x": _rounded(GRID), **sides}


def _on_grid(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Heights of ROC and precision-recall curve at places of `GRID`: (2, R, places)."""
    found = np.full((2, len(own), len(GRID)), np.nan)
    precision = _precision(own, other)
    for r, (n, m) in enumerate(zip(own[:, -1], other[:, -1], strict=True)):
        if n and m:
            tpr, fpr = np.append(0.0, own[r] / n), np.append(0.0, other[r] / m)
            found[0, r] = np.interp(GRID, fpr, tpr)
            at = np.searchsorted(own[r], np.maximum(np.ceil(GRID * n - 1e-9), 1))  # the first that finds so many
            found[1, r] = precision[r, np.minimum(at, own.shape[1] - 1)]
    return found


def _rounded(x: np.ndarray) -> list[float]:
    return [round(float(value), 4) for value in x]
