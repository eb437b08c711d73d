"""Batches as steps: lengths, open places, missing ones, and back."""

import numpy as np
import pytest
import torch

from genwright.core.errors import SpaceMismatchError
from genwright.core.space import OPEN, Field, Space, Tokens, Vectors
from genwright.nn.markov.steps import emitted, read_steps, with_steps

CODES = Tokens(4, 6, pad=0, end=1, missing=5)
SPACE = Space({"a": Field(CODES), "x": Field(Vectors(4, 1, has_missing=True))})
OFF, HOLE, BEHIND = -np.inf, np.nan, np.inf


def _batch(a: list[list[int]], x: list[list[float]]) -> dict[str, torch.Tensor]:
    return {"a": torch.tensor(a), "x": torch.tensor(x, dtype=torch.float64)[:, :, None]}


def test_lengths_and_values() -> None:
    steps = read_steps(
        _batch(
            [[2, 3, 1, 0], [2, 5, 4, 2], [1, 0, 0, 0], [0, 0, 0, 0]],
            [[1, 2, BEHIND, BEHIND], [1, HOLE, 3, 4], [BEHIND] * 4, [7, 8, 9, BEHIND]],
        ),
        SPACE,
    )
    assert steps.lengths.tolist() == [2, 4, 0, 3]
    assert steps.is_settled.all()
    assert steps.is_known.all()
    assert steps.values["a"][1].tolist() == [0, -1, 2, 0]
    assert steps.values["a"][3].tolist() == [-1] * 4  # a row of pads says nothing
    assert np.isnan(steps.values["x"][1, 1, 0])


def test_open_ends() -> None:
    steps = read_steps(
        _batch([[2, OPEN, OPEN, OPEN], [OPEN, OPEN, 1, 0], [OPEN] * 4], [[OFF, 5, OFF, OFF], [OFF] * 4, [OFF] * 4]),
        SPACE,
    )
    assert steps.lengths.tolist() == [2, 2, 0]
    assert steps.is_settled.tolist() == [False, True, False]
    assert steps.values["a"][0].tolist() == [0, -1, -1, -1]


def test_rows_of_which_nothing_is_known() -> None:
    steps = read_steps(_batch([[0, 0, 0, 0]], [[HOLE] * 4]), SPACE)
    assert steps.is_known.tolist() == [False]
    alone = read_steps({"x": torch.full((1, 4, 1), HOLE)}, Space({"x": SPACE["x"]}))
    assert alone.lengths.tolist() == [4]  # four steps that are all missing
    assert alone.is_known.tolist() == [True]


def test_different_lengths_are_told() -> None:
    with pytest.raises(SpaceMismatchError, match="row 2 has 1 steps in column 'x' and 2 in 'a'"):
        read_steps(_batch([[1, 0, 0, 0], [2, 2, 1, 0]], [[BEHIND] * 4, [1, BEHIND, BEHIND, BEHIND]]), SPACE)


def test_a_column_that_was_cut_may_be_shorter() -> None:
    short = Space({"a": Field(CODES), "b": Field(Tokens(2, 6, pad=0, end=1, missing=5))})
    batch = {"a": torch.tensor([[2, 3, 4, 1]]), "b": torch.tensor([[2, 3]])}
    steps = read_steps(batch, short)
    assert steps.lengths.tolist() == [3]
    assert steps.values["b"].tolist() == [[0, 1, -1, -1]]
    with pytest.raises(SpaceMismatchError, match="equally long"):
        read_steps({**batch, "b": torch.tensor([[2, 1]])}, short)


def test_steps_become_rows_again() -> None:
    batch = _batch([[2, 3, 1, 0], [2, 4, 4, 2]], [[1, 2, BEHIND, BEHIND], [1, 2, 3, 4]])
    steps = read_steps(batch, SPACE)
    rows = with_steps(steps.values, steps.lengths, SPACE)
    assert (rows["a"] == batch["a"].numpy()).all()
    assert (rows["x"] == batch["x"].numpy()).all()
    assert emitted(CODES).tolist() == [2, 3, 4]
