"""Boosted regression trees as plain arrays, all of them walked at once by bit masks.

Grown by scikit-learn's histogram boosting (Friedman, 2001; Ke et al., 2017), kept, walked and saved without it. Walking
is that of QuickScorer (Lucchese et al., 2015), https://doi.org/10.1145/2766462.2767733: a tree's leaves are the bits of
a word, from the left. Every node whose test fails (x > threshold) strikes out the leaves on its left side; the first
leaf that is left is the one that the row falls into.

    F(x) = F_0 + Σ_m value_m[leaf_m(x)]
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from genwright.core.packing import Packer, Unpacker

MAX_LEAVES = 15  # bits of a word that are used
TESTS = 200_000  # node tests that are made together
EVERY = np.uint16(0xFFFF)  # no leaf is struck out
DE_BRUIJN = np.uint16(0x09AF)  # its product with a power of two has the power's place in the top 4 bits
PLACE = np.zeros(16, np.int64)
PLACE[(DE_BRUIJN * (np.uint16(1) << np.arange(16, dtype=np.uint16))) >> np.uint16(12)] = np.arange(16)


@dataclass(frozen=True)
class Forest:
    """Trees of at most `MAX_LEAVES` leaves; unused nodes never fail.

    Args:
        base: What every row starts from, F_0.
        feature: Column each node looks at (trees, nodes).
        threshold: A row's value fails where it is above (trees, nodes) float32.
        kept: Leaves that a failed test leaves (trees, nodes) uint16.
        value: Of each leaf (trees, MAX_LEAVES).
    """

    base: float
    feature: np.ndarray
    threshold: np.ndarray
    kept: np.ndarray
    value: np.ndarray

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """F of rows X (B, D) float32 → (B,); a row's does not depend on the rows beside it."""
        total = np.full(len(X), self.base)
        if not self.feature.size:
            return total
        columns = np.ascontiguousarray(X.T)
        size = max(1, TESTS // self.feature.size)
        for start in range(0, len(X), size):
            part = slice(start, start + size)
            for value, leaf in zip(self.value, self._leaves(columns[:, part]), strict=True):
                total[part] += value[leaf]
        return total

    def _leaves(self, columns: np.ndarray) -> np.ndarray:
        """Leaf of each row in each tree (trees, B), from columns (D, B)."""
        fails = columns[self.feature] > self.threshold[..., None]
        left = np.bitwise_and.reduce(np.where(fails, self.kept[..., None], EVERY), axis=1)
        return PLACE[((left & (~left + np.uint16(1))) * DE_BRUIJN) >> np.uint16(12)]

    def pack(self, packer: Packer) -> None:
        """Adds what `unpack` needs."""
        packer.add(
            forest_base=np.array([self.base]),
            forest_feature=self.feature,
            forest_threshold=self.threshold,
            forest_kept=self.kept.view(np.int16),
            forest_value=self.value,
        )

    @classmethod
    def unpack(cls, unpacker: Unpacker) -> "Forest":
        """The inverse of `pack`."""
        names = ("base", "feature", "threshold", "kept", "value")
        base, feature, threshold, kept, value = (unpacker.next(f"forest_{name}") for name in names)
        return cls(float(base[0]), feature, threshold, kept.view(np.uint16), value)


@dataclass(frozen=True)
class Rounds:
    """How a forest is boosted.

    Args:
        n: Trees.
        n_leaves: Leaves each has at most.
        rate: Share of each tree that is kept.
        min_leaf: Rows in a leaf.
    """

    n: int
    n_leaves: int = MAX_LEAVES
    rate: float = 0.1
    min_leaf: int = 20


def boost(X: np.ndarray, y: np.ndarray, rounds: Rounds, *, is_category: bool) -> Forest:
    """A forest that explains y.

    Args:
        X: Features (N, D) float32, none missing.
        y: 0 or 1 (N,) where `is_category`, and F is log-odds; else numbers, and F is their mean.
        rounds: How it is boosted.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    family = HistGradientBoostingClassifier if is_category else HistGradientBoostingRegressor
    settings = {"max_iter": rounds.n, "max_leaf_nodes": rounds.n_leaves, "learning_rate": rounds.rate}
    settings |= {"min_samples_leaf": rounds.min_leaf, "l2_regularization": 1.0, "early_stopping": False}
    found = family(**settings, random_state=0).fit(X, y)
    return _as_arrays(float(np.ravel(found._baseline_prediction)[0]), [p[0].nodes for p in found._predictors])


def _as_arrays(base: float, trees: list[Any]) -> Forest:
    """A forest from scikit-learn's node tables."""
    n_nodes = MAX_LEAVES - 1
    feature, threshold = np.zeros((len(trees), n_nodes), np.int32), np.full((len(trees), n_nodes), np.inf, np.float32)
    kept, value = np.full((len(trees), n_nodes), EVERY), np.zeros((len(trees), MAX_LEAVES))
    for m, nodes in enumerate(trees):
        leaves, struck = _from_the_left(nodes)
        inner = np.flatnonzero(nodes["is_leaf"] == 0)
        feature[m, : len(inner)] = nodes["feature_idx"][inner]
        threshold[m, : len(inner)] = _at_most(nodes["num_threshold"][inner])
        kept[m, : len(inner)] = [EVERY ^ np.uint16(struck[k]) for k in inner.tolist()]
        value[m, : len(leaves)] = nodes["value"][leaves]
    return Forest(base, feature, threshold, kept, value)


def _from_the_left(nodes: Any) -> tuple[list[int], dict[int, int]]:
    """The leaves in order, and for each inner node the bits of the leaves on its left side."""
    leaves: list[int] = []
    struck: dict[int, int] = {}
    stack = [(0, -1)]  # a node, and the number of leaves before it once its left side is done
    while stack:
        k, before = stack.pop()
        if nodes["is_leaf"][k]:
            leaves.append(k)
        elif before < 0:
            stack += [(k, len(leaves)), (int(nodes["left"][k]), -1)]
        else:
            struck[k] = (1 << len(leaves)) - (1 << before)
            stack.append((int(nodes["right"][k]), -1))
    return leaves, struck


def _at_most(threshold: np.ndarray) -> np.ndarray:
    """The highest float32 at most each threshold: no float32 falls on another side of it."""
    rounded = threshold.astype(np.float32)
    return np.where(rounded > threshold, np.nextafter(rounded, np.float32(-np.inf)), rounded)
