"""A table of combinations against counting and enumeration."""

import numpy as np
import pytest
import torch

from genwright.core.rng import torch_generator
from genwright.nn.joint_table import JointTable
from tests.nn.worlds import assert_same_shares

SIZES = (2, 3, 2)


def _table() -> tuple[JointTable, torch.Tensor]:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 2, 50)
    codes = torch.from_numpy(np.stack([a, (a + rng.integers(0, 2, 50)) % 3, rng.integers(0, 2, 50)], 1))
    table = JointTable(SIZES)
    table.count(codes)
    return table, codes


def _uniforms(n: int) -> torch.Tensor:
    return torch.rand(n, generator=torch_generator(0), dtype=torch.float64)


def test_shares_are_counts_and_a_little_of_independent_columns() -> None:
    table, codes = _table()
    p = table.log_p.exp().view(SIZES)
    assert p.sum() == pytest.approx(1, abs=1e-12)
    rows = list(map(tuple, codes.tolist()))
    n_kinds = len(set(rows))
    for cell in np.ndindex(SIZES):
        apart = np.prod(
            [((codes[:, j] == c).sum() + 0.5) / (50 + 0.5 * n) for j, (c, n) in enumerate(zip(cell, SIZES))]
        )
        expected = (rows.count(cell) + n_kinds / 2 * apart) / (50 + n_kinds / 2)
        assert p[cell] == pytest.approx(expected)


def test_what_is_not_fixed_is_summed_out() -> None:
    table, _ = _table()
    p = table.log_p.exp().view(SIZES)
    fixed = torch.tensor([[1, -1, 0], [-1, 2, -1], [-1, -1, -1], [0, 1, 1]])
    expected = torch.stack([p[1, :, 0].sum(), p[:, 2].sum(), p.sum(), p[0, 1, 1]])
    torch.testing.assert_close(table.log_prob(fixed).exp(), expected)


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_draws_keep_what_is_fixed_and_follow_the_rest(temperature: float) -> None:
    table, _ = _table()
    p = (table.log_p / temperature).softmax(0).view(SIZES).numpy()
    n = 20_000
    free = table.draw(torch.full((n, 3), -1), _uniforms(n), temperature=temperature)
    assert_same_shares(np.bincount(table.cell(free), minlength=12), p.ravel())
    fixed = torch.tensor([-1, 1, -1]).expand(n, 3)
    weight = torch.linspace(-1, 1, 12).double()
    some = table.draw(fixed, _uniforms(n), weight.expand(n, -1), temperature)
    assert (some[:, 1] == 1).all()
    p = (((table.log_p + weight) / temperature).exp().view(SIZES))[:, 1].numpy()
    assert_same_shares(np.bincount(some[:, 0] * 2 + some[:, 2], minlength=4), p.ravel() / p.sum())


def test_a_table_without_columns_has_one_cell() -> None:
    table = JointTable(())
    table.count(torch.zeros(5, 0, dtype=torch.int64))
    assert table.log_prob(torch.zeros(4, 0, dtype=torch.int64)).tolist() == [0, 0, 0, 0]
    assert table.draw(torch.zeros(4, 0, dtype=torch.int64), _uniforms(4)).shape == (4, 0)
