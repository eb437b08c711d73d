"""Judges who ask about the same rows share the work, and nobody gets another's answer."""

import torch

from genwright.runs.remembered import N_KEPT, Remembered


def counted() -> tuple[Remembered, list[int]]:
    asked: list[int] = []

    def total(rows: dict) -> torch.Tensor:
        asked.append(len(rows["x"]))
        return rows["x"].double().sum(1)

    return Remembered(total), asked


def test_equal_rows_are_worked_out_once() -> None:
    remembered, asked = counted()
    x = torch.arange(12).reshape(4, 3)
    for rows in (x, x.clone(), x.T.contiguous().T):
        assert remembered({"x": rows}).tolist() == [3, 12, 21, 30]
    assert asked == [4]


def test_rows_that_differ_in_value_type_shape_or_name_are_others() -> None:
    remembered, asked = counted()
    x = torch.zeros(4, 3)
    for rows in ({"x": x}, {"x": x + 1}, {"x": x.double()}, {"x": torch.zeros(3, 4)}, {"x": x, "y": x}):
        assert torch.equal(remembered(rows), rows["x"].double().sum(1))
    assert asked == [4, 4, 4, 3, 4]


def test_old_answers_are_let_go() -> None:
    remembered, asked = counted()
    for i in range(N_KEPT + 1):
        remembered({"x": torch.full((1, 1), i)})
    remembered({"x": torch.full((1, 1), 0)})
    assert len(asked) == N_KEPT + 2
