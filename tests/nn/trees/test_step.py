"""One step by hand: the hole against cells by loops, slopes against the formula."""

import numpy as np
import pytest
import torch

from genwright.core.packing import Packer, Unpacker
from genwright.core.space import Category, Field
from genwright.nn.trees.cells import Places
from genwright.nn.trees.column import TreeColumn, learn_column
from genwright.nn.trees.filling import Fallen, Grown, fill
from genwright.nn.trees.leaves import Leaves
from genwright.nn.trees.slope_columns import SlopeColumns, score_of_coordinate
from genwright.nn.trees.step import Step
from genwright.nn.trees.tree import Tree
from tests.nn.worlds import real_column

N = 40
ROOT = Tree(np.array([-1], np.int32), np.zeros(1), np.array([-1], np.int32), np.array([-1], np.int32))
SLOPE = np.array([0.7, -0.2])


def _world(hole: int, n_donors: int = N, has_slope: bool = False) -> tuple[Step, np.ndarray, np.ndarray, TreeColumn]:
    """Columns: a number, a category, a number to be explained; one leaf with the first n_donors rows.

    Returns:
        The step, the coordinates of all rows in the first two columns, their codes in the third, and that column.
    """
    rng = np.random.default_rng(0)
    a, b, y = rng.normal(size=200), rng.integers(0, 3, 200), rng.normal(size=200)
    a[:3] = np.nan
    b[:3] = b[0]
    columns = [real_column(a), learn_column(Field(Category(3)), b), real_column(y)]
    where = np.stack([columns[0].coordinate(a), columns[1].coordinate(b)], axis=1)
    codes = columns[2].code(y)
    slope_columns = SlopeColumns(np.array([0, 1]), {1: np.array([-1.0, 0.5, 2.0])}) if has_slope else SlopeColumns()
    grown = Grown(ROOT, {}, SLOPE[None] if has_slope else np.zeros((1, 0)))
    first = where[:n_donors]
    places = Places(first, np.array([False, True]))
    fallen = Fallen(np.zeros(n_donors, np.int32), places, codes[:n_donors], slope_columns.inputs(first))
    leaves = fill(columns[2], grown, fallen, hole)
    return Step(np.array([0, 1]), [leaves], slope_columns), where, codes, columns[2]


def _no_equals(n: int) -> np.ndarray:
    return np.zeros((n, 0))


@pytest.mark.parametrize("hole", [1, 2, 3])
def test_a_query_on_a_training_row_does_not_receive_its_donation(hole: int) -> None:
    step, where, codes, _ = _world(hole)
    rows = where[3:N]  # the first three share a place
    for _, candidates in step.candidates(step.trees[0], rows, _no_equals(len(rows))):
        assert np.bincount(candidates.row).tolist() == [N - hole] * len(rows)
        for i in range(len(rows)):
            assert codes[i + 3] not in candidates.code[candidates.row == i]


@pytest.mark.parametrize("hole", [1, 3])
def test_draws_pass_over_what_probabilities_pass_over(hole: int) -> None:
    step, where, *_ = _world(hole)
    rng = np.random.default_rng(1)
    leaves = step.trees[0]
    cell = leaves.cell_of(where[3:N])
    picked = np.stack([leaves.pick(cell, rng.random(len(cell))) for _ in range(2_000)])
    for _, candidates in step.candidates(leaves, where[3:N], _no_equals(N - 3)):
        for i in range(N - 3):
            assert sorted(set(picked[:, i])) == candidates.place[candidates.row == i].tolist()


def test_donors_at_one_place_are_passed_over_one_at_a_time() -> None:
    step, where, codes, _ = _world(2)
    for _, candidates in step.candidates(step.trees[0], where[:1], _no_equals(1)):
        assert len(candidates.code) == N - 2
        assert len(set(codes[:3]) & set(candidates.code)) == 1


def test_a_leaf_is_never_emptied_and_a_large_one_has_no_hole() -> None:
    for n_donors, n_left in ((2, 2), (3, 3), (4, 1), (64, 61), (100, 100)):
        step, where, _, _ = _world(3, n_donors)
        for _, candidates in step.candidates(step.trees[0], where[:5], _no_equals(5)):
            assert (np.bincount(candidates.row) == n_left).all()


def test_slopes_move_donors_to_where_the_row_would_have_had_them() -> None:
    step, where, codes, column = _world(0, has_slope=True)
    table = step.slope_columns.maps[1]

    def inputs(row: np.ndarray) -> np.ndarray:
        return np.array([score_of_coordinate(row[0]), table[int(row[1])]])

    own = column.owned_scores.mean(0)
    for _, candidates in step.candidates(step.trees[0], where[50:60], _no_equals(10)):
        at, stretches = candidates._all_stretches()
        middle = (stretches.core[0] + stretches.core[1]) / 2
        width = stretches.whole[1] - stretches.whole[0]
        assert len(at) == 10 * N
        for i in range(10):
            mine = candidates.row == i
            expected = {c: own[c] + SLOPE @ (inputs(where[50 + i]) - inputs(where[m])) for m, c in enumerate(codes[:N])}
            moved = np.array([expected[c] for c in candidates.code[mine]])
            inside = np.abs(moved) < 5
            assert (np.abs(middle[mine] - moved) < width[mine])[inside].all()
            np.testing.assert_allclose(candidates.recipients.shift[i], SLOPE @ inputs(where[50 + i]), atol=1e-6)


def test_unpacking_undoes_packing() -> None:
    step, where, _, column = _world(1, has_slope=True)
    packer = Packer()
    step.pack(packer)
    again = Step.unpack(Unpacker(packer.tensors()), [column], 0)
    assert again.predictors.tolist() == [0, 1]
    x = column.values[:20] + 1e-3
    both = (s.candidates(s.trees[0], where[:20], _no_equals(20)) for s in (step, again))
    for (_, a), (_, b) in zip(*both, strict=True):
        np.testing.assert_array_equal(a.prob(x), b.prob(x))


@pytest.mark.parametrize("n_sizes", [1, 2])
def test_runs_of_older_versions_have_no_score_or_formula(n_sizes: int) -> None:
    step, where, _, column = _world(1)
    packer = Packer()
    step.pack(packer)
    state = packer.tensors()
    state["step"], state["step.shapes"] = state["step"][:n_sizes], torch.tensor([[n_sizes]])
    again = Step.unpack(Unpacker(state), [column], 0)
    assert again.score is again.formula is None
    assert len(again.trees) == 1
    assert again.seen(where) is where


def test_leaves_unpack_alone() -> None:
    step, where, _, column = _world(2)
    packer = Packer()
    step.trees[0].pack(packer)
    again = Leaves.unpack(Unpacker(packer.tensors()), column)
    u = np.random.default_rng(0).random(30)
    cell = again.cell_of(where[:30])
    np.testing.assert_array_equal(again.pick(cell, u), step.trees[0].pick(cell, u))
