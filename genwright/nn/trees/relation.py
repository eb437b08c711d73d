"""A linear relation, in normal scores, of a smooth target with the columns before it.

score(x_t) ≈ b · inputs(x_<t)
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from genwright.nn.rank_scale import score_of
from genwright.nn.trees.slope_columns import SlopeColumns
from genwright.nn.trees.slopes import global_slope
from genwright.nn.trees.target import Target


@dataclass(frozen=True)
class Relation:
    """The strongest columns of a ridge regression, over the rows with a smooth value.

    Args:
        columns: The columns it uses.
        rows: Training rows with a smooth value (R,).
        inputs: Scores of the columns in those rows (R, S).
        score: Score of the smooth value (R,).
        slope: Slope over all rows, b (S,).
    """

    columns: SlopeColumns
    rows: np.ndarray
    inputs: np.ndarray
    score: np.ndarray
    slope: np.ndarray

    @classmethod
    def find(cls, target: Target, predictors: np.ndarray, config: Any) -> "Relation | None":
        """Of a smooth target with its predictors; None where too few rows have a smooth value."""
        rows, score = _smooth_rows(target)
        if len(rows) < 4 * config.min_leaf_slope:
            return None
        every = SlopeColumns(predictors, _target_scores(target, predictors, rows, score))
        X = every.inputs(target.donors.where[rows]).astype(np.float64)
        strength = np.abs(global_slope(X, score, ridge=1e-2)) * X.std(0)
        top = np.argsort(-strength, kind="stable")[: config.n_slopes]
        kept, X = predictors[top], X[:, top]
        used = SlopeColumns(kept, {k: m for k, m in every.maps.items() if k in kept})
        return cls(used, rows, X, score, global_slope(X, score))

    def residual(self, y: np.ndarray) -> np.ndarray:
        """What trees explain beside a slope: the rank of what it leaves, and which rows are atoms (N,) or (N, 3)."""
        left = self.score - (self.inputs - self.inputs.mean(0)) @ self.slope
        rank = np.zeros(len(y))
        rank[self.rows[np.argsort(left, kind="stable")]] = np.arange(len(left)) / len(left) - 0.5
        if len(self.rows) >= 0.98 * len(y):
            return rank
        is_atom = np.ones(len(y))
        is_atom[self.rows] = 0
        value = np.where(is_atom > 0, y, 0.0)
        value[is_atom > 0] -= value[is_atom > 0].mean()
        return np.stack([rank, 0.6 * (is_atom - is_atom.mean()), value], axis=1)


def _smooth_rows(target: Target) -> tuple[np.ndarray, np.ndarray]:
    """Training rows that donate a smooth value, and its score (R,)."""
    scale = target.column.smooth
    assert scale is not None
    index = target.column.smooth_index[target.donated]
    rows = np.flatnonzero(index >= 0)
    first, last = scale.owned(index[rows])
    return rows, score_of((first + last) / 2, scale.n)


def _target_scores(
    target: Target, predictors: np.ndarray, rows: np.ndarray, score: np.ndarray
) -> dict[int, np.ndarray]:
    """For predictors that are categories: place → mean score of each code, shrunk, with unit spread over all rows."""
    found = {}
    for k in predictors:
        if target.columns[k].is_category:
            code, n_codes = target.donors.codes[:, k], len(target.columns[k].values)
            total = np.bincount(code[rows], weights=score - score.mean(), minlength=n_codes)
            mean = total / (np.bincount(code[rows], minlength=n_codes) + 5)
            found[int(k)] = mean / max(mean[code].std(), 1e-6)
    return found
