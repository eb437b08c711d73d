"""Groups of cells: few, along the line, of similar weight."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from genwright.nn.networks.discretise import gather, n_groups_for

counts = st.lists(st.integers(0, 50), min_size=1, max_size=40).map(lambda c: np.array(c, float))


@given(counts, st.integers(1, 12))
def test_groups_are_few_and_numbered_without_gaps(count: np.ndarray, n_groups: int) -> None:
    group = gather(count, n_groups)
    assert group.max() + 1 <= n_groups
    assert sorted(set(group)) == list(range(group.max() + 1))


@given(counts, st.integers(1, 12))
def test_a_cell_with_a_fair_share_stands_alone(count: np.ndarray, n_groups: int) -> None:
    group = gather(count, n_groups)
    weight = np.bincount(group, weights=count)
    for cell in np.flatnonzero(count > count.sum() / n_groups):
        assert weight[group[cell]] == count[cell]


def test_equal_cells_are_shared_out_equally() -> None:
    assert gather(np.ones(12), 4).tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3


def test_a_frequent_atom_leaves_the_other_groups_to_the_rest() -> None:
    count = np.array([5.0, 5, 900, 5, 5, 5, 5])
    assert gather(count, 4).tolist() == [0, 0, 1, 2, 2, 3, 3]


def test_few_values_keep_a_group_each_and_empty_cells_join_them() -> None:
    assert gather(np.array([3.0, 0, 4, 0]), 5).tolist() == [0, 0, 1, 1]


def test_more_rows_allow_more_groups() -> None:
    assert [n_groups_for(n) for n in (10, 600, 5_000, 10**6)] == [3, 4, 11, 20]
