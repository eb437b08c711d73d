"""Adaptive discretisation: the many fine cells of a number column gathered into a few groups of similar weight.

A cell that alone has a fair share of the rows, such as a value that repeats often, is a group of its own; a missing
value always is. The other cells are gathered along the line into groups with about equally many rows.
"""

import numpy as np


def n_groups_for(n_rows: int) -> int:
    """How many groups a column may have so that the table of a pair of columns still has some ten rows a cell."""
    return int(np.clip(round((n_rows / 10) ** 0.5 / 2), 3, 20))


def gather(count: np.ndarray, n_groups: int) -> np.ndarray:
    """Group of each cell of the line (cells,), numbered along the line.

    Args:
        count: Rows in each cell, in the order of the line.
        n_groups: Most groups there may be.
    """
    is_alone = count > 0 if (count > 0).sum() <= n_groups else count >= count.sum() / n_groups
    rest = np.where(is_alone, 0, count)
    n_rest = n_groups - int(is_alone.sum())
    if is_alone.any() and (n_rest < 1 or not rest.any()):
        return _joined(is_alone)
    middle = np.cumsum(rest) - rest / 2  # rows before the middle of each cell
    share = np.floor(n_rest * middle / max(rest.sum(), 1)).clip(0, n_rest - 1)
    return _numbered(np.where(is_alone, n_rest + np.arange(len(count)), share))


def _joined(is_alone: np.ndarray) -> np.ndarray:
    """Groups where each other cell joins the lone one before it, or the first."""
    return (np.cumsum(is_alone) - 1).clip(0)


def _numbered(key: np.ndarray) -> np.ndarray:
    """Keys (cells,) → 0, 1, … by first appearance."""
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]
