"""Predictors: the columns before a target that are most related to it."""

import numpy as np

from genwright.nn.trees.target import Target

SCREEN_ROWS = 2_000  # rows by which predictors are screened


def screen(target: Target, n_kept: int, rng: np.random.Generator) -> np.ndarray:
    """Places of the columns before the target that are most related to it, by correlation (ratio) on some rows."""
    if target.place <= n_kept:
        return np.arange(target.place)
    rows = rng.permutation(len(target.y))[:SCREEN_ROWS]
    y = target.y[rows] - target.y[rows].mean()
    X = target.donors.where[rows][:, : target.place].astype(np.float64)
    X -= X.mean(0)
    strength = np.abs(X.T @ y) / np.sqrt(np.square(X).sum(0) + 1e-9)
    for k, column in enumerate(target.columns[: target.place]):
        if column.is_category and len(column.values) > 2:
            strength[k] = _strength_of_category(target.donors.codes[rows, k], y)
    return np.sort(np.argsort(-strength, kind="stable")[:n_kept])


def _strength_of_category(code: np.ndarray, y: np.ndarray) -> float:
    """How much of y (N,), centred, the means of the categories explain beyond chance, as |correlation| · |y|."""
    total, count = np.bincount(code, weights=y), np.maximum(np.bincount(code), 1)
    by_chance = (np.count_nonzero(total) - 1) * y.var()
    return np.sqrt(max((total**2 / count).sum() - by_chance, 0))
