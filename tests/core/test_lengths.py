"""Lengths are counted by hand, and a budget pays for as many rows as it has steps."""

import pytest
import torch

from genwright.core.lengths import affordable_rows, lengths, total_lengths
from genwright.core.space import Field, Real, Space, Tokens, Vectors

ROWS = torch.tensor([[2, 3, 1, 0, 0], [1, 0, 0, 0, 0], [2, 2, 2, 2, 2], [2, 2, 2, 2, 1]])
TEXT = Tokens(5, 4)


def test_tokens_count_with_the_end_that_closes_them() -> None:
    assert lengths(ROWS, TEXT).tolist() == [3, 1, 5, 5]


def test_the_code_that_pads_may_be_the_one_that_ends() -> None:
    assert lengths(torch.tensor([[2, 0, 0], [0, 0, 0]]), Tokens(3, 4, pad=0, end=0)).tolist() == [2, 1]


def test_vectors_count_steps_that_are_there() -> None:
    inf, nan = float("inf"), float("nan")
    x = torch.tensor([[[1.0, nan], [2.0, 0.0], [inf, inf]], [[inf, inf]] * 3])
    assert lengths(x, Vectors(3, 2)).tolist() == [2, 0]


def test_a_row_is_as_long_as_all_its_sequences() -> None:
    space = Space({"a": Field(TEXT), "x": Field(Real()), "b": Field(TEXT)})
    assert total_lengths({"a": ROWS, "x": torch.zeros(4), "b": ROWS}, space).tolist() == [6, 2, 10, 10]


@pytest.mark.parametrize(("steps", "n"), [(1000, 50), (35, 10), (3.5, 2), (0, 2)])
def test_a_budget_pays_for_rows_of_mean_length(steps: float, n: int) -> None:
    assert affordable_rows({"a": ROWS}, Space({"a": Field(TEXT)}), 50, steps, least=2) == n  # 3.5 tokens a row


def test_numbers_cost_nothing() -> None:
    assert affordable_rows({"x": torch.zeros(3)}, Space({"x": Field(Real())}), 10_000, 0) == 10_000
