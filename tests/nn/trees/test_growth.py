"""Growing: halves do not overlap, and there are more of them where rows are few."""

import numpy as np
import pytest

from genwright.models.trees import TreesConfig
from genwright.nn.trees.growth import Plan, _halves


@pytest.mark.parametrize("n", [7, 100, 30_000])
def test_honest_halves_are_disjoint_and_both_ways(n: int) -> None:
    found = _halves(n, Plan(5, 1, is_honest=True), TreesConfig(), np.random.default_rng(0))
    assert len(found) % 2 == 0
    for half, other in zip(found[::2], found[1::2]):
        assert not set(half.grows) & set(half.fills)
        assert sorted([*half.grows, *half.fills]) == list(range(n))
        assert half.grows.tolist() == other.fills.tolist()
        assert half.fills.tolist() == other.grows.tolist()


def test_small_tables_are_halved_more_often() -> None:
    def n_trees(n: int) -> int:
        return len(_halves(n, Plan(5, 1, is_honest=True), TreesConfig(), np.random.default_rng(0)))

    assert n_trees(100) > n_trees(40_000) > n_trees(100_000) == 2
