"""Slopes for every node of a tree, shrunk towards the slope of its parent: a hierarchical ridge regression.

    b_node = argmin_b  Σ_{i in node} (y_i − b·x_i)²  +  λ_node |b − b_parent|²      (x, y centred in the node)
    λ_node = s²_node / τ²

s² is the residual variance of the parent's slope in the node and τ the scale by which slopes may differ from their
parent's, so that small nodes keep what larger ones have learnt. With them a value drawn from a leaf is moved to where
its row would have had it: y_i + b·(x − x_i), the regression adjustment of Beaumont, Zhang and Balding (2002),
https://doi.org/10.1093/genetics/162.4.2025.
"""

from dataclasses import dataclass

import numpy as np

from genwright.nn.trees.tree import Tree

MIN_ROWS = 8  # a node with fewer keeps its parent's slope


@dataclass(frozen=True)
class Prior:
    """What is believed of a tree's slopes before its rows are seen.

    Args:
        slope: Slope above the root (P,).
        var: How far slopes may differ from their parent's, τ².
    """

    slope: np.ndarray
    var: float


def global_slope(X: np.ndarray, y: np.ndarray, ridge: float = 1e-3) -> np.ndarray:
    """Ridge regression of y (N,) on X (N, P), both centred → (P,)."""
    X = X - X.mean(0)
    return np.linalg.solve(X.T @ X + ridge * len(X) * np.eye(X.shape[1]), X.T @ (y - y.mean()))


def tree_slopes(tree: Tree, leaf: np.ndarray, X: np.ndarray, y: np.ndarray, prior: Prior) -> np.ndarray:
    """Slope of every node.

    Args:
        tree: The tree.
        leaf: Leaf of each row (N,).
        X: Explaining scores (N, P).
        y: Explained score (N,).
        prior: What the root starts from.

    Returns:
        (nodes, P)
    """
    moments = _moments(tree, leaf, np.column_stack([np.ones(len(X)), X, y]))
    slopes = np.tile(prior.slope, (len(tree.feature), 1))
    nodes, above = np.zeros(1, dtype=np.int32), prior.slope[None]
    while len(nodes):
        slopes[nodes] = _refine(moments[nodes], above, prior.var)
        inner = nodes[tree.feature[nodes] >= 0]
        nodes = np.concatenate([tree.left[inner], tree.right[inner]])
        above = np.concatenate([slopes[inner], slopes[inner]])
    return slopes


def _moments(tree: Tree, leaf: np.ndarray, V: np.ndarray) -> np.ndarray:
    """Σ v vᵀ of every node (nodes, P+2, P+2)."""
    order = np.argsort(leaf, kind="stable")
    sorted_leaf = leaf[order]
    total = np.zeros((len(tree.feature), V.shape[1], V.shape[1]))
    if len(order):
        first = np.flatnonzero(np.concatenate([[True], sorted_leaf[1:] != sorted_leaf[:-1]]))
        outer = V[order][:, :, None] * V[order][:, None, :]
        total[sorted_leaf[first]] = np.add.reduceat(outer, first, axis=0)
    for nodes in reversed(tree.levels()):
        total[nodes] = total[tree.left[nodes]] + total[tree.right[nodes]]
    return total


def _refine(moments: np.ndarray, above: np.ndarray, var: float) -> np.ndarray:
    """Slopes of some nodes (K, P) from their moments and the slopes above them."""
    slopes = above.copy()
    use = moments[:, 0, 0] >= MIN_ROWS
    if not use.any():
        return slopes
    m, b = moments[use], above[use]
    n = m[:, 0, 0]
    mean = m[:, 0, 1:] / n[:, None]
    cov = m[:, 1:, 1:] - n[:, None, None] * mean[:, :, None] * mean[:, None, :]
    xx, xy, yy = cov[:, :-1, :-1], cov[:, :-1, -1], cov[:, -1, -1]
    residual = yy - 2 * np.einsum("kp,kp->k", b, xy) + np.einsum("kp,kpq,kq->k", b, xx, b)
    weight = ((np.maximum(residual, 0) / n + 1e-6) / var)[:, None]
    eye = np.eye(b.shape[1])
    slopes[use] = np.linalg.solve(xx + weight[..., None] * eye, (xy + weight * b)[..., None])[..., 0]
    return slopes
