"""Nearest rows of a mixed table, exactly.

The distance of two rows is the sum over columns of: a difference of mid-ranks for numbers (0 … 1), a mismatch (0 or 1)
for categories, and a mismatch where only one of two numbers is missing (a missing number stands at rank ½). This is
Gower's distance (1971, https://doi.org/10.2307/2528823) on ranks, times the number of columns.
"""

from dataclasses import dataclass

import numpy as np

from genwright.core.features import mid_ranks

_CELLS = 100_000  # distances held at a time: small enough for a processor's cache


@dataclass(frozen=True)
class Points:
    """Rows, ready to be compared.

    Args:
        ranks: float32 (B, D_numbers) mid-ranks.
        codes: int32 (B, D_codes): categories, and whether a number is missing.
    """

    ranks: np.ndarray
    codes: np.ndarray

    def __len__(self) -> int:
        return len(self.ranks)

    def take(self, rows: np.ndarray) -> "Points":
        """Some of the rows."""
        return Points(self.ranks[rows], self.codes[rows])


def points(X: np.ndarray, is_category: np.ndarray, reference: np.ndarray) -> Points:
    """Rows of a matrix in the scale of reference rows (both as `features.matrix` makes them)."""
    numbers, missing = X[:, ~is_category], np.isnan(X[:, ~is_category])
    ranks = np.empty(numbers.shape, np.float32)
    for j, values in enumerate(reference[:, ~is_category].T):
        ranks[:, j] = np.nan_to_num(mid_ranks(numbers[:, j], values), nan=0.5)
    can_miss = np.isnan(reference[:, ~is_category]).any(0)
    codes = np.concatenate([X[:, is_category], missing[:, can_miss]], 1).astype(np.int32)
    return Points(ranks, codes)


def nearest(rows: Points, reference: Points, skip_self: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The distance to the nearest reference row (B,), and its number (B,).

    Args:
        rows: Rows to be looked up.
        reference: Where to look.
        skip_self: `rows` and `reference` are the same rows, and none is its own neighbour.
    """
    small = np.int8 if not rows.codes.size or max(rows.codes.max(), reference.codes.max()) < 128 else np.int32
    a_codes, b_codes = (np.ascontiguousarray(p.codes.T.astype(small)) for p in (rows, reference))
    a_ranks, b_ranks = (np.ascontiguousarray(p.ranks.T) for p in (rows, reference))
    distance, index = np.empty(len(rows), np.float32), np.empty(len(rows), np.int64)
    step = max(1, _CELLS // len(reference))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        block = _distances(a_ranks[:, part], a_codes[:, part], b_ranks, b_codes)  # (b, R)
        if skip_self:
            here = np.arange(len(block))
            block[here, start + here] = np.inf
        index[part] = block.argmin(1)
        distance[part] = block[np.arange(len(block)), index[part]]
    return distance, index


def _distances(a_ranks: np.ndarray, a_codes: np.ndarray, b_ranks: np.ndarray, b_codes: np.ndarray) -> np.ndarray:
    """All distances (b, R) between columns-first rows."""
    shape = (a_ranks.shape[1], b_ranks.shape[1])
    n_different = np.zeros(shape, np.uint8 if len(a_codes) < 256 else np.uint16)
    is_different, difference = np.empty(shape, bool), np.empty(shape, np.float32)
    for a, b in zip(a_codes, b_codes, strict=True):
        np.not_equal(a[:, None], b, out=is_different)
        np.add(n_different, is_different.view(np.uint8), out=n_different)
    total = n_different.astype(np.float32)
    for a, b in zip(a_ranks, b_ranks, strict=True):
        np.subtract(a[:, None], b, out=difference)
        np.abs(difference, out=difference)
        np.add(total, difference, out=total)
    return total
