"""Equal numbers: columns whose number often is that of an earlier column, a bill that is paid in full.

A donor whose number is an earlier column's does not donate the number but that: the row gets its own number of the
earlier column.
"""

import numpy as np

from genwright.nn.trees.column import MAX_EQUALS, TreeColumn

MIN_SHARE, MIN_ROWS = 0.02, 10  # of a column's smooth numbers that must equal an earlier column's
TIMES_CHANCE = 3.0  # more often than independent columns would
SCREEN_ROWS, SCREENED = 2_000, 8  # rows in which pairs of columns are looked for, and pairs a column that are kept


def find_equals(columns: list[TreeColumn], values: list[np.ndarray], rng: np.random.Generator) -> None:
    """Sets for each column the earlier columns that its number often equals.

    Args:
        columns: All columns, in order.
        values: Their training values (N,) each.
        rng: Picks the rows in which pairs are looked for.
    """
    n = len(values[0])
    numbers = np.array([k for k, c in enumerate(columns) if not c.is_category], np.int64)
    if len(numbers) < 2:
        return
    rows = np.sort(rng.permutation(n)[:SCREEN_ROWS])
    for t, places in _screened(columns, numbers, values, rows).items():
        kept, shares = _often_equal(t, places, columns, values)
        columns[t].equals, columns[t].equal_shares = np.array(kept, np.int64), np.array(shares)


def _screened(
    columns: list[TreeColumn], numbers: np.ndarray, values: list[np.ndarray], rows: np.ndarray
) -> dict[int, np.ndarray]:
    """Columns with a smooth number → earlier columns that have the same one in some of the rows, often ones first."""
    X = np.stack([values[k][rows] for k in numbers], axis=1)
    order = np.argsort(X, axis=1, kind="stable")
    X = np.take_along_axis(X, order, 1)
    at, place = np.nonzero(X[:, 1:] == X[:, :-1])
    pair, count = np.unique(
        numbers[order[at, place]] * len(columns) + numbers[order[at, place + 1]], return_counts=True
    )
    by_count = np.argsort(-count, kind="stable")
    before, after = pair[by_count] // len(columns), pair[by_count] % len(columns)
    smooth = [int(t) for t in np.unique(after) if columns[t].smooth]
    return {t: before[after == t][:SCREENED] for t in smooth}


def _often_equal(
    t: int, places: np.ndarray, columns: list[TreeColumn], values: list[np.ndarray]
) -> tuple[list[int], list[float]]:
    """Those of the earlier columns that explain enough rows which the ones before do not, and the shares of rows."""
    column, x = columns[t], values[t]
    kept: list[int] = []
    shares: list[float] = []
    is_left = column.smooth_index[column.code(x)] >= 0
    enough = max(MIN_SHARE * is_left.sum(), MIN_ROWS)
    for k in places:
        is_equal = is_left & (x == values[k])
        if is_equal.sum() >= max(enough, TIMES_CHANCE * _chance(x[is_left], values[k])) and len(kept) < MAX_EQUALS:
            kept.append(int(k))
            shares.append(float(is_equal.mean()))
            is_left &= ~is_equal
    return kept, shares


def _chance(x: np.ndarray, other: np.ndarray) -> float:
    """Rows of x that would equal those of an independent column."""
    seen, count = np.unique(other[~np.isnan(other)], return_counts=True)
    if not len(seen):
        return 0.0
    at = np.searchsorted(seen, x).clip(0, len(seen) - 1)
    return float(count[at][seen[at] == x].sum() / len(other))
