"""Columns and distributions that several tests of trees share."""

from collections.abc import Callable

import numpy as np

from genwright.core.space import Field, Real
from genwright.nn.trees.column import TreeColumn, learn_column


def real_column(x: np.ndarray, step: float = 0.0) -> TreeColumn:
    """The column of numbers x (N,), with the range that they have."""
    known = x[~np.isnan(x)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (None, None)
    return learn_column(Field(Real(low=low, high=high, step=step, has_missing=len(known) < len(x))), x)


def jumps(column: TreeColumn) -> np.ndarray:
    """Sorted values at which a continuous column's density may jump: the values, and half-ways between light ones."""
    light = column.values[column.smooth_index[: len(column.values)] >= 0]
    return np.sort(np.concatenate([column.values, (light[1:] + light[:-1]) / 2]))


def integral(prob: Callable[[np.ndarray], np.ndarray], edges: np.ndarray, points: np.ndarray) -> np.ndarray:
    """∫ prob over each of the bins between sorted edges, split at sorted points where the density may jump.

    Each piece between neighbouring points is cut in four and taken at its middles, where no point has mass.
    """
    knots = np.unique(np.concatenate([edges, points[(points > edges[0]) & (points < edges[-1])]]))
    fine = np.interp(np.arange(4 * (len(knots) - 1) + 1) / 4, np.arange(len(knots)), knots)
    area = prob((fine[1:] + fine[:-1]) / 2) * np.diff(fine)
    which = np.searchsorted(edges, (fine[1:] + fine[:-1]) / 2) - 1
    return np.bincount(which, weights=area, minlength=len(edges) - 1)


def assert_same_shares(count: np.ndarray, p: np.ndarray, slack: float = 0.0) -> None:
    """Counts of independent draws agree with probabilities p within five of their standard errors."""
    n = count.sum()
    error = 5 * np.sqrt(p * (1 - p) / n) + 5 / n + slack
    worst = np.argmax(np.abs(count / n - p) - error)
    assert np.abs(count / n - p)[worst] < error[worst], (worst, count[worst] / n, p[worst])
