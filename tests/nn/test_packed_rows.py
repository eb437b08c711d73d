"""Packed rows, written out by hand."""

import torch

from genwright.nn.packed_rows import packed
from genwright.nn.row_tokens import PAD, START

A, B, C = 5, 6, 7  # tokens of a text
END = START


def test_rows_stand_behind_each_other_by_their_length() -> None:
    p = packed(torch.tensor([[A, B, END, PAD], [END, PAD, PAD, PAD], [C, END, PAD, PAD], [B, END, PAD, PAD]]), 4, False)
    assert p.row.tolist() == [1, 2, 2, 3, 3, 0, 0, 0]
    assert p.place.tolist() == [0, 0, 1, 0, 1, 0, 1, 2]
    assert p.read.tolist() == [START, START, C, START, B, START, A, B]
    assert p.target.tolist() == [END, C, END, B, END, A, B, END]
    assert p.rows == [(1, 1, None), (2, 2, None), (1, 3, None)]


def test_a_row_longer_than_the_context_is_seen_through_a_band() -> None:
    p = packed(torch.tensor([[A, B, C, END]]), 2, False)
    assert [(some.n, some.length) for some in p.rows] == [(1, 4)]
    mask = p.rows[0].mask
    assert mask is not None
    assert mask[0, 0].int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]


def test_behind_a_short_sequence_stands_a_place_that_nothing_sees() -> None:
    """Where the next column's first token is foretold, padding is read."""
    p = packed(torch.tensor([[A, END, PAD, PAD, B, END]]), 6, True)
    assert p.place.tolist() == [0, 1, 2, 4, 5]
    assert p.read.tolist() == [START, A, END, PAD, B]
    assert p.target.tolist() == [A, END, PAD, B, END]
    mask = p.rows[0].mask
    assert mask is not None
    assert mask[0, 0, 3].tolist() == [True, True, True, False, False]
    assert mask[0, 0, 4].tolist() == [True, True, True, False, True]


def test_a_row_of_padding_alone_keeps_its_first_place() -> None:
    p = packed(torch.tensor([[PAD, PAD], [A, END]]), 2, False)
    assert p.row.tolist() == [0, 1, 1]
    assert p.target.tolist() == [PAD, A, END]
