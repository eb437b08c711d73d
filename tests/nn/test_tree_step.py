"""One step by hand: the hole against distances by loops, slopes against the formula."""

import numpy as np
import pytest

from genwright.core.packing import Packer, Unpacker
from genwright.core.space import Category, Field
from genwright.nn.tree import Tree
from genwright.nn.tree_column import TreeColumn, learn_column
from genwright.nn.tree_leaves import Leaves, fill
from genwright.nn.tree_step import Donors, Step, score_of_coordinate
from tests.nn.worlds import real_column

N = 40
ROOT = Tree(np.array([-1], np.int32), np.zeros(1), np.array([-1], np.int32), np.array([-1], np.int32))


def _world(hole: int, n_donors: int = N, has_slope: bool = False) -> tuple[Step, Leaves, Donors, list[TreeColumn]]:
    """Columns: a number, a category, a number to be explained; one leaf with the first n_donors rows."""
    rng = np.random.default_rng(0)
    a, b, y = rng.normal(size=200), rng.integers(0, 3, 200), rng.normal(size=200)
    a[:3] = np.nan
    columns = [real_column(a), learn_column(Field(Category(3)), b), real_column(y)]
    codes = np.stack([c.code(x) for c, x in zip(columns, (a, b, y))], axis=1)
    donors = Donors.of(columns, codes)
    filled = fill(ROOT, np.zeros(n_donors, np.int32), np.arange(n_donors), codes[:n_donors, 2], columns[2])
    leaves = Leaves(ROOT, {}, **filled, slopes=np.array([[0.7, -0.2]]) if has_slope else np.zeros((1, 0)))
    maps = {1: np.array([-1.0, 0.5, 2.0])} if has_slope else {}
    slope_columns = np.array([0, 1]) if has_slope else np.zeros(0, np.int64)
    return Step(2, np.array([0, 1]), [leaves], hole, slope_columns, maps), leaves, donors, columns


@pytest.mark.parametrize("hole", [0, 1, 3])
def test_the_nearest_donors_are_passed_over(hole: int) -> None:
    step, leaves, donors, columns = _world(hole)
    rng = np.random.default_rng(1)
    where = np.stack([rng.random(30), rng.integers(0, 3, 30), np.zeros(30)], axis=1).astype(np.float32)
    for rows, candidates in step.candidates(leaves, where, donors, columns):
        for i in range(30)[rows]:
            distance = np.abs(donors.where[:N, 0] - where[i, 0]) + (donors.where[:N, 1] != where[i, 1])
            expected = donors.codes[np.argsort(distance)[hole:], 2]
            assert sorted(candidates.code[candidates.row == i]) == sorted(expected)


@pytest.mark.parametrize("hole", [1, 2])
def test_a_query_on_a_training_row_does_not_receive_its_donation(hole: int) -> None:
    step, leaves, donors, columns = _world(hole)
    for _, candidates in step.candidates(leaves, donors.where[3:N], donors, columns):  # the first three share a place
        for i in range(N - 3):
            assert donors.codes[i + 3, 2] not in candidates.code[candidates.row == i]


def test_donors_at_the_same_place_are_passed_over_one_at_a_time() -> None:
    step, leaves, donors, columns = _world(2)
    where = np.repeat(np.array([[-1.0, donors.where[0, 1], 0.0]], np.float32), 2, axis=0)
    for _, candidates in step.candidates(leaves, where, donors, columns):
        assert np.bincount(candidates.row).tolist() == [N - 2, N - 2]


def test_a_leaf_is_never_emptied_and_a_large_one_has_no_hole() -> None:
    for n_donors, n_left in ((2, 2), (3, 3), (4, 1), (64, 61), (100, 100)):
        step, leaves, donors, columns = _world(3, n_donors)
        for _, candidates in step.candidates(leaves, donors.where[:5], donors, columns):
            assert (np.bincount(candidates.row) == n_left).all()


def test_slopes_move_donors_to_where_the_row_would_have_had_them() -> None:
    step, leaves, donors, columns = _world(0, has_slope=True)
    where = donors.where[50:60]
    table = step.slope_maps[1]
    for _, candidates in step.candidates(leaves, where, donors, columns):
        for i in range(10):
            mine = np.array([score_of_coordinate(where[i, 0]), table[int(where[i, 1])]])
            expected = [
                np.array([0.7, -0.2]) @ (mine - np.array([donors.scores[m, 0], table[donors.codes[m, 1]]]))
                for m in leaves.members
            ]
            np.testing.assert_allclose(candidates.shift[candidates.row == i], expected, atol=1e-5)


def test_unpacking_undoes_packing() -> None:
    step, leaves, donors, columns = _world(1, has_slope=True)
    packer = Packer()
    step.pack(packer)
    again = Step.unpack(Unpacker(packer.tensors()))
    assert (again.t, again.hole, again.predictors.tolist()) == (2, 1, [0, 1])
    x = columns[2].values[:20] + 1e-3
    new_leaves = Leaves.unpack(Unpacker(_packed(leaves)))
    for a, b in zip(
        step.candidates(leaves, donors.where[:20], donors, columns),
        again.candidates(new_leaves, donors.where[:20], donors, columns),
    ):
        np.testing.assert_array_equal(a[1].prob(x), b[1].prob(x))


def _packed(leaves: Leaves) -> dict:
    packer = Packer()
    leaves.pack(packer)
    return packer.tensors()
