"""Columns that give the class away: a copy of the target, or what alone tells the class of every row.

Of a category, the share of rows that the most frequent class of their value foretells; of a number, the same for the
stretches between which, in the order of its values, the class changes. Values that are all different tell nothing.
"""

import numpy as np

from genwright.core.dataset import Dataset
from genwright.core.rng import numpy_generator
from genwright.core.space import Category, Real

ALMOST = 0.995  # share of rows foretold from which a column is named
FEWEST = 20  # rows below which chance does it
MOST_ROWS = 20_000  # rows that are looked at


def leaks(data: Dataset, target: str, seed: int = 0) -> list[str]:
    """A sentence for each column that gives the class away, by name.

    Args:
        data: Encoded rows; the target among their columns.
        target: The class.
        seed: Of the rows that are looked at, where there are very many.
    """
    rows = data.sample_rows(MOST_ROWS, numpy_generator(seed, "leakage"))
    y = np.unique(rows[target].numpy(), return_inverse=True)[1]
    largest = np.bincount(y).max() / len(y) if len(y) else 1.0
    if len(y) < FEWEST or largest > ALMOST:
        return []
    found = []
    for name, f in data.space.items():
        if name == target or f.event_shape or not isinstance(f.support, Real | Category):
            continue
        x = rows[name].numpy()
        cells = _cells(x, y) if isinstance(f.support, Real) else np.unique(x, return_inverse=True)[1]
        share = _foretold(cells, y)
        if share >= ALMOST:
            found.append(_told(name, target, cells, y, share))
    return found


def _told(name: str, target: str, cells: np.ndarray, y: np.ndarray, share: float) -> str:
    is_copy = _foretold(y, cells) >= ALMOST
    what = f"is {target!r} under another name" if is_copy else f"alone tells {target!r}"
    of = "every row" if share == 1 else f"{share:.1%} of the rows"
    advice = (
        'if it is not known before the class is, leave it out: kinds={"'
        + name
        + '": "omitted"}, --kind '
        + f"{name}=omitted"
    )
    return f"column {name!r} {what} in {of} (leakage?); {advice}"


def _foretold(cells: np.ndarray, y: np.ndarray) -> float:
    """Share of rows that have the most frequent class of their cell, among cells of two rows or more.

    Where these hold less than half of the rows, nothing is told.
    """
    _, cells = np.unique(cells, return_inverse=True)
    table = np.zeros((cells.max() + 1, y.max() + 1))
    np.add.at(table, (cells, y), 1)
    sizes = table.sum(1)
    n = sizes[sizes > 1].sum()
    return float(table.max(1)[sizes > 1].sum() / n) if 2 * n >= len(y) else 0.0


def _cells(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Stretches of a number's values (N,): as few as keep equal values together and change where the class does."""
    order = np.argsort(x, kind="stable")  # NaN stands last
    _, value = np.unique(x[order], return_inverse=True)
    low, high = np.full(value.max() + 1, y.max()), np.zeros(value.max() + 1, np.int64)
    np.minimum.at(low, value, y[order])
    np.maximum.at(high, value, y[order])
    kind = np.where(low == high, low, -1 - np.arange(len(low)))  # a value with several classes is a cell of its own
    cell = np.cumsum(np.diff(kind, prepend=kind[0]) != 0)
    if cell[-1] + 1 > 2 * (y.max() + 1):  # many stretches: each class lies scattered, and any data can be cut so
        cell = np.zeros_like(cell)
    found = np.empty(len(x), np.int64)
    found[order] = cell[value]
    return found
