"""Orders of categories are optimal."""

import itertools

import numpy as np
import pytest

from genwright.nn.trees.orders import category_scores


def test_one_split_of_ordered_codes_is_the_best_of_all_splits() -> None:
    """Breiman's theorem: for two classes no split of the codes beats every cut of the order (by enumeration)."""
    rng = np.random.default_rng(3)
    code = rng.integers(0, 6, 3_000)
    y = (rng.random(3_000) < np.array([0.2, 0.7, 0.4, 0.9, 0.1, 0.5])[code]).astype(np.int64)

    def impurity(left: np.ndarray) -> float:
        parts = (y[left], y[~left])
        return sum(len(p) * p.mean() * (1 - p.mean()) for p in parts if len(p))

    score = category_scores(code, 6, y, 2)
    order = np.argsort(score)
    by_order = min(impurity(np.isin(code, order[:k])) for k in range(1, 6))
    subsets = itertools.chain.from_iterable(itertools.combinations(range(6), k) for k in range(1, 6))
    assert by_order == pytest.approx(min(impurity(np.isin(code, s)) for s in subsets))
