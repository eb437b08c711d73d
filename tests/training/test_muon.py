"""Muon against the singular value decomposition, its AdamW against torch's."""

import torch
from torch import nn

from genwright.training.muon import Muon, orthogonal


def _matrix(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_orthogonal_factor_keeps_directions_and_evens_out_sizes() -> None:
    for shape in ((3, 20, 8), (3, 8, 20)):
        G = _matrix(*shape)
        U, S, V = torch.linalg.svd(G, full_matrices=False)
        inside = U.mT @ orthogonal(G) @ V.mT  # diagonal in the singular vectors of G
        sizes = inside.diagonal(dim1=1, dim2=2)
        torch.testing.assert_close(inside, torch.diag_embed(sizes), rtol=0, atol=1e-4)
        assert ((sizes > 0.6) & (sizes < 1.3)).all()
        assert float(S.max() / S.min()) > 1.8  # what went in was not even


def test_a_first_step_moves_along_the_orthogonal_factor() -> None:
    weight, gradient = nn.Parameter(_matrix(6, 4)), _matrix(6, 4, seed=1)
    before = weight.detach().clone()
    weight.grad = gradient.clone()
    Muon([weight], [], lr=0.01, muon_scale=5.0).step()
    expected = before - 0.05 * (6 / 4) ** 0.5 * orthogonal(gradient[None])[0]
    torch.testing.assert_close(weight.detach(), expected)


def test_other_parameters_step_as_with_torchs_adamw() -> None:
    ours, theirs = nn.Parameter(_matrix(5)), nn.Parameter(_matrix(5))
    optimisers = (
        Muon([], [ours], lr=0.1, weight_decay=0.3),
        torch.optim.AdamW([theirs], lr=0.1, weight_decay=0.3, betas=(0.9, 0.95)),
    )
    for k in range(5):
        for p, optimiser in zip((ours, theirs), optimisers, strict=True):
            p.grad = _matrix(5, seed=k + 1) * p.detach()
            optimiser.step()
    torch.testing.assert_close(ours, theirs)
