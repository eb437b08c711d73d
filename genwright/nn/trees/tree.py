"""Decision trees as plain arrays: grown by scikit-learn, kept, walked and saved without it.

Source:
    Classification and regression trees, Breiman et al. (1984). Honest leaves (a tree is grown on one half of the rows
    and its leaves are filled from the other half): Wager and Athey (2018), https://doi.org/10.1080/01621459.2017.1319839
"""

from dataclasses import dataclass

import numpy as np

MIN_BINNED = 1_000  # rows from which growing on bins is quicker


@dataclass
class Tree:
    """A binary tree; node 0 is the root, a row goes left where its feature is at most the threshold.

    Args:
        feature: Column each node looks at, −1 in a leaf (nodes,).
        threshold: What it is compared with (nodes,).
        left: Child for values at most the threshold (nodes,).
        right: The other child (nodes,).
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray

    def leaf_of(self, X: np.ndarray) -> np.ndarray:
        """The leaf of each row of X (B, D) → (B,) int32."""
        node = np.zeros(len(X), dtype=np.int32)
        active = np.arange(len(X))
        at = node
        feature = self.feature[at]
        keep = np.flatnonzero(feature >= 0)
        while len(keep):
            active, at, feature = active[keep], at[keep], feature[keep]
            goes_left = X[active, feature] <= self.threshold[at]
            at = np.where(goes_left, self.left[at], self.right[at])
            node[active] = at
            feature = self.feature[at]
            keep = np.flatnonzero(feature >= 0)
        return node

    def levels(self) -> list[np.ndarray]:
        """The inner nodes, one array a level, from the root down."""
        found = []
        nodes = np.zeros(1, dtype=np.int32)
        while len(nodes := nodes[self.feature[nodes] >= 0]):
            found.append(nodes)
            nodes = np.concatenate([self.left[nodes], self.right[nodes]])
        return found

    def prune(self, leaf: np.ndarray, min_fill: int) -> np.ndarray:
        """Makes leaves of the nodes with a child that fewer than `min_fill` of the filling rows reach.

        Args:
            leaf: Leaf of each filling row, before pruning (N,).
            min_fill: Rows that every leaf must hold.

        Returns:
            Leaf of each filling row, after it (N,).
        """
        count = np.bincount(leaf, minlength=len(self.feature))
        levels = self.levels()
        for nodes in reversed(levels):
            count[nodes] = count[self.left[nodes]] + count[self.right[nodes]]
        inner = self.feature >= 0
        is_thin = inner & (np.minimum(count[self.left], count[self.right]) < min_fill)
        self.feature = np.where(is_thin, -1, self.feature).astype(np.int32)
        leaf_above = np.arange(len(self.feature))
        for nodes in levels:
            is_below = (leaf_above[nodes] != nodes) | is_thin[nodes]
            for child in (self.left[nodes], self.right[nodes]):
                leaf_above[child] = np.where(is_below, leaf_above[nodes], child)
        return leaf_above[leaf]


def grow(X: np.ndarray, y: np.ndarray, *, is_category: bool, min_leaf: int, seed: int) -> Tree:
    """A tree that tells y apart.

    Args:
        X: Features (N, D) float32.
        y: Codes (N,) where `is_category`, else one or more numbers to be explained (N,) or (N, K).
        min_leaf: Rows that every leaf must hold.
        seed: Decides between equally good splits.
    """
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    family = DecisionTreeClassifier if is_category else DecisionTreeRegressor
    found = family(min_samples_leaf=min_leaf, random_state=seed % 2**31).fit(X, y).tree_
    is_leaf = found.children_left < 0
    return Tree(
        np.where(is_leaf, -1, found.feature).astype(np.int32),
        found.threshold.copy(),
        found.children_left.astype(np.int32),
        found.children_right.astype(np.int32),
    )


def grow_number(X: np.ndarray, y: np.ndarray, *, min_leaf: int, seed: int) -> Tree:
    """A tree that explains numbers, by the quicker of two ways; arguments as those of `grow`."""
    if y.ndim == 1 and len(y) >= MIN_BINNED:
        return grow_binned(X, y.astype(np.float64), min_leaf=min_leaf)
    return grow(X, y, is_category=False, min_leaf=min_leaf, seed=seed)


def grow_binned(X: np.ndarray, y: np.ndarray, *, min_leaf: int) -> Tree:
    """A tree that tells numbers, or two classes as 0 and 1, apart by cuts between 255 bins a feature: several times
    quicker.

    It is the first tree of histogram boosting at rate 1. Arguments as those of `grow`, y of one dimension.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    settings = {"max_iter": 1, "learning_rate": 1.0, "max_leaf_nodes": None, "early_stopping": False}
    found = HistGradientBoostingRegressor(**settings, min_samples_leaf=min_leaf, random_state=0).fit(X, y)
    nodes = found._predictors[0][0].nodes
    is_leaf = nodes["is_leaf"] > 0
    return Tree(
        np.where(is_leaf, -1, nodes["feature_idx"]).astype(np.int32),
        nodes["num_threshold"].copy(),
        np.where(is_leaf, -1, nodes["left"]).astype(np.int32),
        np.where(is_leaf, -1, nodes["right"]).astype(np.int32),
    )
