import numpy as np
import pytest

from genwright.core.dataset import Dataset
from genwright.core.space import Batch, Field, Space, Tokens
from genwright.models.rnn import RNN, RNNConfig
from genwright.training import batches
from genwright.training.batches import Order, Rows, cut, divide


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


def test_rows_are_prepared_piece_by_piece_and_are_those_of_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    space = Space({"a": Field(Tokens(6, 9)), "b": Field(Tokens(5, 7))})
    data = Dataset(space, {"a": rng.integers(2, 9, (2_000, 6)), "b": rng.integers(2, 7, (2_000, 5))})
    model, index = RNN(space, RNNConfig(n_hidden=4, n_embed=2)), rng.permutation(2_000)[:1_500]
    expected = model.prepare(data.take(index))
    sizes, prepare = [], model.prepare

    def counted(batch: Batch) -> Batch:
        sizes.append(len(batch["a"]))
        return prepare(batch)

    monkeypatch.setattr(model, "prepare", counted)
    monkeypatch.setattr(batches, "PIECE", 22 * 100)
    rows = Rows(model, data, index)
    assert max(sizes[1:]) == 100
    taken = rows.take(np.arange(1_500))
    assert taken.keys() == expected.keys()
    assert all(x.equal(expected[name]) and x.dtype == expected[name].dtype for name, x in taken.items())


def rows_of(n: int, runs_on: bool = False) -> Dataset:
    return Dataset(Space({"text": Field(Tokens(3, 9, runs_on=runs_on))}), {"text": np.ones((n, 3), int)})


def test_watched_rows_are_not_learnt_from() -> None:
    learnt, watched = divide(rows_of(1000), 300, 0)
    assert len(watched) == 100
    assert sorted([*learnt, *watched]) == list(range(1000))


def test_of_a_running_text_one_stretch_is_watched_and_the_end_is_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MOST_WATCHED", 90)  # 30 rows of 3 tokens
    for seed in range(20):
        learnt, watched = divide(rows_of(1000, runs_on=True), 40, seed)
        assert sorted([*learnt, *watched]) == list(range(1000))
        assert len(watched) == 30
        assert (np.diff(watched) == 1).all()
        assert watched[-1] < 900
    assert np.diff(divide(rows_of(1000), 40, 0)[1]).max() > 1


def test_of_a_short_running_text_little_is_watched() -> None:
    assert len(divide(rows_of(9, runs_on=True), 40, 0)[1]) == 0
    assert len(divide(rows_of(10, runs_on=True), 40, 0)[1]) == 1
