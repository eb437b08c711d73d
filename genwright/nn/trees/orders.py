"""Orders of categories: where each code of a predictor stands, so that one cut of the order is the best split.

For one number or two classes that is the order of the means (Breiman et al. 1984); for several classes, the first axis
of correspondence analysis.
"""

import numpy as np

from genwright.nn.trees.target import Target


def find_orders(target: Target, predictors: np.ndarray, rows: np.ndarray) -> dict[int, np.ndarray]:
    """For each predictor with more than two categories, by its position: where each code stands, learnt from rows."""
    found = {}
    for k, place in enumerate(predictors):
        column = target.columns[place]
        if column.is_category and len(column.values) > 2:
            code = target.donors.codes[rows, place]
            score = category_scores(code, len(column.values), target.y[rows], target.n_classes)
            order = np.empty(len(score), np.float32)
            order[np.argsort(score, kind="stable")] = np.arange(len(score))
            found[k] = order
    return found


def category_scores(code: np.ndarray, n_codes: int, y: np.ndarray, n_classes: int) -> np.ndarray:
    """A number for each code by which splitting the codes is best (n_codes,).

    Args:
        code: Codes of rows (N,).
        n_codes: How many there may be.
        y: The target in those rows (N,).
        n_classes: Its classes; 0 where it is a number.
    """
    if not n_classes:
        return (np.bincount(code, weights=y, minlength=n_codes) + y.mean()) / (np.bincount(code, minlength=n_codes) + 1)
    table = np.bincount(code * n_classes + y, minlength=n_codes * n_classes).reshape(n_codes, n_classes)
    share = table.sum(0) / table.sum()
    rows = table.sum(1, keepdims=True)
    excess = ((table + 0.5 * share) / (rows + 0.5) - share) / np.sqrt(share + 1e-9)
    weighted = np.sqrt(rows / len(code)) * excess
    return excess @ np.linalg.eigh(weighted.T @ weighted)[1][:, -1]
