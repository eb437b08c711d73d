"""Elements side by side against one element at a time."""

import pytest
import torch

from genwright.nn.code_groups import CodeGroups

SIZES = [[2, 3, 9, 40], [5, 1, 2, 5, 4], [7], [3, 3, 3], [100, 2]]
B = 6


def _logits(groups: CodeGroups, seed: int = 0) -> torch.Tensor:
    return 3 * torch.randn(B, groups.n_padded, generator=torch.Generator().manual_seed(seed))


def _own(groups: CodeGroups, logits: torch.Tensor, j: int) -> torch.Tensor:
    """Logits of one element (B, size)."""
    start = int(groups.offsets[j])
    return logits[:, start : start + groups.sizes[j]]


@pytest.mark.parametrize("sizes", SIZES)
def test_no_two_elements_share_a_place_and_padding_is_below_twice(sizes: list[int]) -> None:
    groups = CodeGroups(sizes)
    taken = [int(groups.offsets[j]) + k for j, size in enumerate(sizes) for k in range(size)]
    assert len(set(taken)) == len(taken) == sum(sizes)
    assert max(taken) < groups.n_padded < 2 * sum(sizes) + 1
    assert sorted(taken) == torch.where(groups.mask == 0)[0].tolist()
    assert sorted(j for g in groups.groups for j in g.members) == list(range(len(sizes)))


@pytest.mark.parametrize("sizes", SIZES)
def test_log_probabilities_are_those_of_each_element_alone(sizes: list[int]) -> None:
    groups = CodeGroups(sizes)
    logits, generator = _logits(groups), torch.Generator().manual_seed(1)
    codes = torch.stack([torch.randint(size, (B,), generator=generator) for size in sizes], 1)
    expected = [_own(groups, logits, j).log_softmax(1).gather(1, codes[:, j : j + 1]) for j in range(len(sizes))]
    torch.testing.assert_close(groups.log_prob(logits, codes), torch.cat(expected, 1))


@pytest.mark.parametrize("sizes", SIZES)
def test_draws_invert_each_distribution_function(sizes: list[int]) -> None:
    groups = CodeGroups(sizes)
    logits = _logits(groups)
    u = torch.rand(B, len(sizes), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    codes = groups.draw(logits, u)
    for j in range(len(sizes)):
        cdf = _own(groups, logits, j).double().softmax(1).cumsum(1)
        expected = torch.searchsorted(cdf, u[:, j : j + 1].contiguous(), right=True)[:, 0].clamp(max=sizes[j] - 1)
        assert torch.equal(codes[:, j], expected)


@pytest.mark.parametrize("u", [0.0, 1 - 1e-16])
def test_the_ends_of_the_interval_are_codes(u: float) -> None:
    groups = CodeGroups([3, 5])
    codes = groups.draw(_logits(groups), torch.full((B, 2), u, dtype=torch.float64))
    assert (codes >= 0).all()
    assert (codes < torch.tensor([3, 5])).all()


def test_padding_has_no_gradient_and_no_probability() -> None:
    groups = CodeGroups([3, 5, 9])
    logits = _logits(groups).requires_grad_()
    groups.log_prob(logits, torch.zeros(B, 3, dtype=torch.int64)).sum().backward()
    assert logits.grad is not None
    assert (logits.grad[:, groups.mask < 0] == 0).all()
    assert (logits.grad[:, groups.mask == 0] != 0).all()
    assert all(torch.allclose(part.exp().sum(-1), torch.ones(())) for part in groups.log_softmax(logits.detach()))


def test_a_uniform_on_an_edge_belongs_to_the_code_above() -> None:
    u = torch.tensor([[0.25], [0.5], [0.75]], dtype=torch.float64)
    assert CodeGroups([4]).draw(torch.zeros(3, 4), u)[:, 0].tolist() == [1, 2, 3]


def test_rows_are_drawn_in_parts_and_each_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, groups = torch.Generator().manual_seed(0), CodeGroups([3, 70, 20, 5])
    logits = torch.randn(50, groups.n_padded, generator=generator)
    u = torch.rand(50, 4, generator=generator, dtype=torch.float64)
    whole = groups.draw(logits, u)
    monkeypatch.setattr("genwright.nn.code_groups.AT_ONCE", 7 * groups.n_padded)
    seen: list[int] = []
    own = groups._drawn
    monkeypatch.setattr(groups, "_drawn", lambda x, v: seen.append(len(x)) or own(x, v))
    assert (groups.draw(logits, u) == whole).all()
    assert max(seen) == 7
    assert groups.draw(logits[:0], u[:0]).shape == (0, 4)
