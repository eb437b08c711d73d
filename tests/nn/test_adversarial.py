"""What two networks lose, against values worked out by hand."""

import math

import pytest
import torch
from torch import nn

from genwright.nn.adversarial import (
    discriminator_loss,
    generator_loss,
    n_penalised,
    slopes,
)

R, F = torch.tensor([0.0, 2.0, -1.0, 0.5]), torch.tensor([0.0, -3.0, 0.5, 1.5])


def _log1pexp(x: float) -> float:
    return math.log1p(math.exp(x))


@pytest.mark.parametrize(
    ("kind", "of_discriminator", "of_generator"),
    [
        ("non_saturating", lambda r, f: _log1pexp(f) + _log1pexp(-r), lambda r, f: _log1pexp(-f)),
        ("hinge", lambda r, f: max(0.0, 1 + f) + max(0.0, 1 - r), lambda r, f: -f),
        ("relativistic", lambda r, f: _log1pexp(f - r), lambda r, f: _log1pexp(r - f)),
    ],
)
def test_losses_are_those_of_the_papers(kind, of_discriminator, of_generator) -> None:  # type: ignore[no-untyped-def]
    pairs = list(zip(R.tolist(), F.tolist()))
    expected = torch.tensor([of_discriminator(r, f) for r, f in pairs])
    torch.testing.assert_close(discriminator_loss(kind, R, F), expected)
    expected = torch.tensor([of_generator(r, f) for r, f in pairs])
    torch.testing.assert_close(generator_loss(kind, R, F), expected)


@pytest.mark.parametrize("pack", [1, 2])
def test_slopes_of_a_quadratic_answer(pack: int) -> None:
    """D = Σ_rows xᵀ A x + b·v has ∇_x D = 2 A x and ∇_v D = b."""
    g = torch.Generator().manual_seed(0)
    A, b = torch.randn(3, 3, generator=g), torch.randn(2, generator=g)
    A = nn.Parameter(A + A.T)
    x, v = torch.randn(6, 3, generator=g), torch.randn(6, 2, generator=g)

    def judge(seen: list[torch.Tensor], known: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        answers = ((seen[0] @ A) * seen[0]).sum(1) + seen[1] @ b
        return answers.view(-1, pack).sum(1), known

    answers, _, slope = slopes(judge, [x, v], torch.zeros(6, 0))
    each = (2 * x @ A).square().sum(1) + b.square().sum()
    torch.testing.assert_close(slope, each.view(-1, pack).sum(1))
    torch.testing.assert_close(answers, judge([x, v], torch.zeros(6, 0))[0])
    slope.sum().backward()  # ∂/∂A of Σ ‖(A + Aᵀ) x‖², which second derivatives are needed for
    S = x.T @ x
    torch.testing.assert_close(A.grad, (4 * (A @ S + S @ A)).detach())


@pytest.mark.parametrize(("n", "share", "pack", "expected"), [(64, 0.25, 1, 16), (64, 0.25, 3, 18), (2, 0.1, 2, 2)])
def test_whole_packs_are_penalised(n: int, share: float, pack: int, expected: int) -> None:
    assert n_penalised(n, share, pack) == expected
