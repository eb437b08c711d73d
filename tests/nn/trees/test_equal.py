"""Columns whose numbers are those of earlier columns are found, and no others."""

import numpy as np

from genwright.nn.trees.column import TreeColumn
from genwright.nn.trees.equal import find_equals
from tests.nn.worlds import real_column

N = 4_000


def _found(values: list[np.ndarray]) -> list[TreeColumn]:
    columns = [real_column(x) for x in values]
    find_equals(columns, values, np.random.default_rng(0))
    return columns


def test_several_earlier_columns_are_found_with_their_shares() -> None:
    rng = np.random.default_rng(1)
    a, b, c = rng.normal(size=(3, N))
    which = rng.choice(3, N, p=[0.2, 0.05, 0.75])
    y = np.choose(which, [a, b, c + 10])
    columns = _found([a, b, y])
    assert columns[2].equals.tolist() == [0, 1]
    np.testing.assert_allclose(columns[2].equal_shares, [(which == 0).mean(), (which == 1).mean()])
    assert not len(columns[0].equals)
    assert not len(columns[1].equals)


def test_a_row_is_explained_once() -> None:
    """Three columns that are the same in some rows: the last one needs only one of the others."""
    rng = np.random.default_rng(2)
    a, other, last = rng.normal(size=(3, N))
    same = rng.random(N) < 0.3
    columns = _found([a, np.where(same, a, other), np.where(same, a, last)])
    assert columns[1].equals.tolist() == [0]
    assert len(columns[2].equals) == 1


def test_missing_numbers_and_atoms_do_not_count() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, N))
    gone = rng.random(N) < 0.5
    columns = _found([np.where(gone, np.nan, a), np.where(gone, np.nan, b)])
    assert not len(columns[1].equals)
    columns = _found([np.where(gone, 0.0, a), np.where(gone, 0.0, b)])
    assert not len(columns[1].equals)


def test_which_equal_names_the_first_number_that_it_is() -> None:
    column = real_column(np.concatenate([np.zeros(100), np.random.default_rng(4).random(400)]))
    numbers = np.array([[0.5, 0.5], [0.1, 0.7], [0.3, 0.4], [0.0, 0.2], [0.2, 0.2]])
    assert column.which_equal(np.array([0.5, 0.7, 0.9, 0.0, np.nan]), numbers).tolist() == [0, 1, -1, -1, -1]


def test_a_column_that_is_always_another_leaves_room_for_other_numbers() -> None:
    x = np.random.default_rng(5).normal(size=600)
    column = _found([x, x.copy()])[1]
    assert column.equal_shares.tolist() == [1.0]
    u = np.linspace(0, 1, 4_000, endpoint=False)
    numbers = np.full((len(u), 1), 0.25)
    with np.errstate(all="raise"):
        drawn = column.draw_beside(numbers, u, u, 1.0)
        p = column.prob_beside(np.full((2, 1), 0.25), np.array([0.25, 0.5]))
    rest = 0.5 / 600.5
    assert abs((drawn != 0.25).mean() - rest) < 1 / len(u)
    np.testing.assert_allclose(p, [1 - rest, rest * column.prob_alone(np.array([0.5]))[0]])
