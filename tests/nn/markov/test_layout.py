"""Where steps lie: packed and unpacked, cut and whole."""

import numpy as np
import pytest

from genwright.nn.markov.layout import Layout, layout_for

LENGTHS = np.array([3, 0, 7, 1, 7])


@pytest.mark.parametrize("cut", [0, 1, 2, 3, 10])
def test_unpacking_undoes_packing(cut: int) -> None:
    layout = Layout(LENGTHS, cut)
    rows = np.arange(35).reshape(5, 7)
    inside = np.arange(7) < LENGTHS[:, None]
    frames = layout.pack(rows)
    assert layout.n_frames == LENGTHS.sum()
    assert sorted(frames) == sorted(rows[inside])
    assert (layout.unpack(frames, 7, -1) == np.where(inside, rows, -1)).all()


@pytest.mark.parametrize("cut", [0, 2])
def test_steps_of_a_piece_follow_each_other(cut: int) -> None:
    layout = Layout(LENGTHS, cut)
    assert all(a >= b for a, b in zip(layout.alive, layout.alive[1:], strict=False))
    for t in range(1, len(layout.alive)):
        now = np.arange(layout.start[t], layout.start[t + 1])
        before = np.arange(layout.start[t - 1], layout.start[t - 1] + layout.alive[t])
        assert (layout.row[now] == layout.row[before]).all()
        assert (layout.step[now] == layout.step[before] + 1).all()


def test_seams_join_pieces_in_order() -> None:
    layout = Layout(LENGTHS, 2)
    assert layout.piece_length.max() == 2
    first = layout.step[: layout.n_pieces]  # frames of step 0 are those of the pieces
    for before, now in layout.seams:
        assert (layout.owner[before] == layout.owner[now]).all()
        assert (first[now] == first[before] + layout.piece_length[before]).all()
    n_pieces = np.bincount(layout.owner, minlength=5)
    assert n_pieces.tolist() == [2, 0, 4, 1, 4]
    assert sum(len(now) for _, now in layout.seams) == (n_pieces[n_pieces > 0] - 1).sum()
    assert (layout.step[layout.firsts] == 0).all()
    assert layout.step[layout.ends[[0, 2, 3, 4]]].tolist() == [2, 6, 0, 6]
    assert layout.ends[1] == -1


def test_sums_are_by_sequence() -> None:
    layout = Layout(LENGTHS, 2)
    assert layout.per_row(np.ones(layout.n_frames)).tolist() == LENGTHS.tolist()
    assert Layout(np.zeros(3, int)).per_row(np.zeros(0)).tolist() == [0, 0, 0]


def test_few_long_sequences_are_cut_and_many_short_ones_are_not() -> None:
    assert layout_for(np.array([100_000]), 8).cut > 0
    assert layout_for(np.full(200, 500), 8).cut == 0
    assert layout_for(np.array([100_000]), 200).cut == 0  # matrices would cost more than steps
