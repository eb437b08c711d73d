"""Turned axes: the two numbers that matter, turned as a rotation turns them."""

import numpy as np

from genwright.core.packing import Packer, Unpacker
from genwright.core.space import Category, Field
from genwright.nn.trees.column import TreeColumn, learn_column
from genwright.nn.trees.donors import Donors
from genwright.nn.trees.target import Target
from genwright.nn.trees.turns import ANGLES, Turns, find_turns
from tests.nn.worlds import real_column

N = 2_000


def _target() -> tuple[Target, np.ndarray]:
    """A colour and three numbers, and a column that steps where the first and the last have a sum of 0."""
    rng = np.random.default_rng(0)
    colour, X = rng.integers(0, 3, N), rng.normal(size=(N, 3))
    y = np.sign(X[:, 0] + X[:, 2]) + 0.1 * rng.normal(size=N)
    values = [colour, *X.T, y]
    columns: list[TreeColumn] = [learn_column(Field(Category(3)), colour), *(real_column(x) for x in values[1:])]
    return Target.of(4, columns, Donors.of(columns, values)), X


def _found() -> tuple[Turns, Target, np.ndarray]:
    target, X = _target()
    turns = find_turns(target, np.arange(4), target.y)
    assert turns is not None
    return turns, target, X


def test_the_numbers_that_are_cut_most_often_are_turned() -> None:
    assert _found()[0].places.tolist() == [1, 3]


def test_axes_are_those_of_a_rotation() -> None:
    turns, target, X = _found()
    Z = (X[:, [0, 2]] - X[:, [0, 2]].mean(0)) / X[:, [0, 2]].std(0)
    turned = []
    for k in range(ANGLES):
        angle = np.pi * k / ANGLES
        R = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        if k not in (0, ANGLES // 2):  # the numbers themselves
            turned.append((Z @ R.T)[:, 0])
    np.testing.assert_allclose(turns(target.donors.where), np.stack(turned, axis=1), atol=1e-3)


def test_one_cut_along_a_turned_axis_tells_what_many_along_the_others_do_not() -> None:
    turns, target, _ = _found()
    side = target.y > np.median(target.y)
    z = turns(target.donors.where)
    right = [max(np.mean((x > np.median(x)) == side), np.mean((x <= np.median(x)) == side)) for x in z.T]
    alone = target.donors.where[:, [1, 3]]
    best_alone = max(np.mean((x > np.median(x)) == side) for x in alone.T)
    assert max(right) > 0.97
    assert best_alone < 0.8


def test_fewer_than_two_numbers_are_not_turned() -> None:
    target, _ = _target()
    assert find_turns(target, np.arange(2), target.y) is None


def test_saved_turns_are_the_same() -> None:
    turns, target, _ = _found()
    packer = Packer()
    turns.pack(packer)
    loaded = Turns.unpack(Unpacker(packer.tensors()), target.columns)
    assert np.array_equal(loaded(target.donors.where), turns(target.donors.where))
