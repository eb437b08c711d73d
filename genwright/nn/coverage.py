"""How much of the real rows' variety draws have: coverage (Naeem et al., 2020).

https://arxiv.org/abs/2002.09797

    coverage = share of real rows x with a draw nearer than the k-th nearest other real row

Rows are points: numbers by their mid-ranks among the real rows, categories and missing numbers by indicators, pixels as
they are; each column counts alike, each picture like one column a pixel's spread.
"""

import math

import numpy as np

from genwright.core.dataset import n_rows
from genwright.core.features import mid_ranks
from genwright.core.space import Batch, Category, Pixels, Real, Space

K = 5  # k


def coverage(real: Batch, fake: Batch, space: Space, k: int = K) -> float:
    """The share, in columns of numbers, categories and pictures; NaN without any, or with k real rows or fewer.

    It grows with the number of draws: compare equally many.
    """
    from sklearn.neighbors import NearestNeighbors

    x, z = points(real, real, space), points(fake, real, space)
    if not x.shape[1] or len(x) <= k:
        return float("nan")
    if not len(z):
        return 0.0
    radius = NearestNeighbors(n_neighbors=k).fit(x).kneighbors()[0][:, -1]  # each row itself left out
    return float((NearestNeighbors(n_neighbors=1).fit(z).kneighbors(x)[0][:, 0] <= radius).mean())


def points(rows: Batch, reference: Batch, space: Space) -> np.ndarray:
    """Rows as points (B, D), on the scale of reference rows."""
    parts = [np.zeros((n_rows(rows), 0))]
    for name, f in space.items():
        x = rows[name].numpy()
        if isinstance(f.support, Pixels):
            parts.append(x.reshape(len(x), math.prod(f.event_shape)) / (f.support.n - 1))
        elif isinstance(f.support, Category):
            parts.append(_indicators(x, reference[name].numpy()) / np.sqrt(2))
        elif isinstance(f.support, Real) and not f.event_shape:
            ranks = mid_ranks(x, reference[name].numpy())
            parts.append(np.stack([np.nan_to_num(ranks, nan=0.5), np.isnan(ranks)], 1))
    return np.concatenate(parts, 1)


def _indicators(codes: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Which of the codes of reference rows each row has, or none of them (B, codes there + 1)."""
    there = np.unique(reference)
    place = np.searchsorted(there, codes).clip(max=max(len(there) - 1, 0))
    is_there = there[place] == codes if len(there) else np.zeros(len(codes), bool)
    return np.eye(len(there) + 1)[np.where(is_there, place, len(there))]
