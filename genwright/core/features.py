"""Encoded rows as a plain matrix, for everything that is not a generative model: classifiers, distances, histograms.

A number's distance to another means little in its own unit beside other columns; its mid-rank among reference values
does (the share of values below, plus half the share of equal ones):

    r(x) = (#{x_i < x} + #{x_i ≤ x}) / 2n

Mid-ranks lie in [0, 1], keep equal values equal, and give a value that repeats a place of its own.
"""

from typing import TYPE_CHECKING

import numpy as np

from genwright.core.dataset import n_rows, select
from genwright.core.errors import UnsupportedError
from genwright.core.space import Batch, Category, Real, Space

if TYPE_CHECKING:
    from genwright.core.judge import Evidence


def matrix(batch: Batch, space: Space) -> tuple[np.ndarray, np.ndarray]:
    """One column of a matrix a column of the space.

    Returns:
        X: float64 (B, D); categories as their codes, missing numbers as NaN.
        is_category: bool (D,).

    Raises:
        UnsupportedError: a column holds sequences or arrays.
    """
    for name, field in space.items():
        if not isinstance(field.support, Real | Category) or field.event_shape:
            kind = type(field.support).__name__.lower()
            raise UnsupportedError(
                f"column {name!r} ({kind} of shape {field.event_shape or '(length,)'}) is no single number or category "
                "a row; leave it out of this comparison"
            )
    columns = [batch[name].detach().cpu().numpy().astype(np.float64) for name in space]
    is_category = np.array([isinstance(f.support, Category) for f in space.values()], dtype=bool)  # (D,)
    return (np.stack(columns, 1) if columns else np.zeros((n_rows(batch), 0))), is_category  # (B, D)


def mid_ranks(x: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """r(x) in [0, 1] among the known values of `reference`; NaN stays NaN."""
    known = np.sort(reference[~np.isnan(reference)])
    if not len(known):
        return np.where(np.isnan(x), np.nan, 0.5)
    below = np.searchsorted(known, x, "left") + np.searchsorted(known, x, "right")
    return np.where(np.isnan(x), np.nan, below / (2 * len(known)))


def histogram_codes(x: np.ndarray, reference: np.ndarray, is_category: bool, n_bins: int) -> np.ndarray:
    """A column as int64 codes 0 … n_bins: what the bins are is learnt from `reference`.

    Numbers fall into bins of equal mid-rank, so that a value with a large share gets a bin of its own, and missing ones
    into the last code. Of categories the n_bins most frequent keep a code, the others share the last.
    """
    if not is_category:
        position = np.minimum(np.floor(mid_ranks(x, reference) * n_bins), n_bins - 1)
        return np.where(np.isnan(position), n_bins, position).astype(np.int64)
    values, counts = np.unique(reference, return_counts=True)
    kept = np.sort(values[np.lexsort((values, -counts))[:n_bins]])
    place = np.minimum(np.searchsorted(kept, x), len(kept) - 1)
    return np.where(kept[place] == x, place, n_bins).astype(np.int64)


def sample_rows(batch: Batch, n: int, rng: np.random.Generator) -> Batch:
    """n different rows in random order; all of them when there are no more than n."""
    return select(batch, rng.permutation(n_rows(batch))[:n])


def equal_size(fake: Batch, evidence: "Evidence", cap: int) -> int:
    """How many draws to look at, so that draws, floor and ceiling are measured on equally many rows."""
    return min(cap, *(n_rows(rows) for rows in (fake, evidence.fake, evidence.train, evidence.trivial)))
