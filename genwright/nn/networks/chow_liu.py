"""The tree that is most likely: a maximum spanning tree of mutual information (Chow and Liu 1968).

https://doi.org/10.1109/TIT.1968.1054142

    maximise  Σ_(a,b) in tree I(a; b)
"""

import numpy as np

from genwright.nn.networks.counts import FamilyCounts
from genwright.nn.networks.graph import Parents
from genwright.nn.networks.scores import mutual_information


def information(counts: FamilyCounts, max_table: int) -> np.ndarray:
    """Mutual information of every pair of columns (D, D) in nats; −inf where their table would be too large."""
    n_columns = len(counts.cards)
    found = np.full((n_columns, n_columns), -np.inf)
    for a in range(n_columns):
        for b in range(a + 1, n_columns):
            if counts.size((a, b)) <= max_table:
                found[a, b] = found[b, a] = mutual_information(counts.count_with([a], b))
    return found


def spanning_tree(weight: np.ndarray) -> Parents:
    """Parents in a maximum spanning tree of a symmetric matrix, by Prim's algorithm.

    The root is the column with the largest sum of weights; columns that no finite weight reaches are roots too.
    """
    n_columns = len(weight)
    parent = np.full(n_columns, -1)
    total = np.where(np.isfinite(weight), weight, 0.0).sum(1)
    least = weight.min(initial=0.0, where=np.isfinite(weight))
    best = least - 1 - (total[:, None] < total).sum(1)  # roots by their sums, after all else
    is_in = np.zeros(n_columns, bool)
    for _ in range(n_columns):
        v = int(np.where(is_in, -np.inf, best).argmax())
        is_in[v] = True
        nearer = ~is_in & (weight[v] > best)
        best[nearer], parent[nearer] = weight[v, nearer], v
    return tuple((int(p),) if p >= 0 else () for p in parent)
