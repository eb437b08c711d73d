"""Divergences against autograd's Jacobian and Hutchinson's variance."""

import math

import torch

from genwright.nn.divergence import exact, hutchinson


def field(x: torch.Tensor) -> torch.Tensor:
    """Something that mixes its numbers."""
    mixed = torch.stack([x[:, 0] * x[:, 1], x[:, 1].sin() + x[:, 2], x.square().sum(1)], 1)
    return mixed * x.norm(dim=1, keepdim=True)


def points(n: int) -> torch.Tensor:
    return torch.randn(n, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def jacobians(x: torch.Tensor) -> torch.Tensor:
    """(B, D, D) by autograd, one row at a time."""
    each = [torch.autograd.functional.jacobian(lambda y: field(y[None])[0], row) for row in x]
    return torch.stack(each)


def test_the_exact_divergence_is_the_trace_of_autograds_jacobian():
    x = points(7)
    value, trace = exact(field, x)
    torch.testing.assert_close(value, field(x))
    torch.testing.assert_close(trace, jacobians(x).diagonal(dim1=1, dim2=2).sum(1))


def test_no_gradient_is_needed_around_it():
    with torch.no_grad():
        assert not exact(field, points(2))[1].requires_grad


def test_hutchinsons_estimate_has_the_right_mean_and_variance():
    x, n = points(1), 40_000
    value, estimate = hutchinson(field, x.expand(n, -1), torch.Generator().manual_seed(1))
    jacobian = jacobians(x)[0]
    symmetric = (jacobian + jacobian.T) / 2
    var = 2 * float(symmetric.square().sum() - symmetric.diagonal().square().sum())
    torch.testing.assert_close(value[0], field(x)[0])
    assert abs(float(estimate.mean() - jacobian.trace())) < 5 * math.sqrt(var / n)
    assert abs(float(estimate.var()) / var - 1) < 0.05


def test_hutchinsons_estimate_is_seeded():
    first, again, other = (hutchinson(field, points(9), torch.Generator().manual_seed(s))[1] for s in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
