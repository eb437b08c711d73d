import numpy as np
import pytest

from genwright.training.batches import Order, cut, divide


@pytest.mark.parametrize(("n", "n_shards"), [(100, 1), (100, 4), (10, 3), (11, 4), (3, 3)])
def test_shards_are_those_of_numpy(n: int, n_shards: int) -> None:
    rows = np.arange(n)
    ours, theirs = [rows[s].tolist() for s in cut(n, n_shards)], np.array_split(rows, n_shards)
    assert ours == [part.tolist() for part in theirs]


def test_every_epoch_sees_every_row_once_but_those_left_over() -> None:
    order = Order(23, 5, 0)
    for epoch in range(3):
        seen = np.concatenate([order.batch(4 * epoch + k) for k in range(4)])
        assert len(set(seen.tolist())) == 20
    assert order.batch(1).tolist() == Order(23, 5, 0).batch(1).tolist() != Order(23, 5, 1).batch(1).tolist()


def test_watched_rows_are_not_learnt_from() -> None:
    learnt, watched = divide(1000, 300, 0)
    assert len(watched) == 100
    assert sorted([*learnt, *watched]) == list(range(1000))
