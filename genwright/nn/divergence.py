"""The divergence of a vector field, tr(∂v/∂x): exactly, or by Hutchinson's estimate (1990).

    tr J = Σ_i e_iᵀ J e_i                            D products with the Jacobian
    tr J = E εᵀ J ε,   ε = ±1 in each coordinate      one product, unbiased; variance 2 Σ_{i≠j} ((J_ij + J_ji) / 2)²

https://doi.org/10.1080/03610919008812866. Row b of a field may depend on row b of the points alone.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import vjp

VectorField = Callable[[Tensor], Tensor]  # (B, D) → (B, D)


def exact(field: VectorField, x: Tensor) -> tuple[Tensor, Tensor]:
    """The field at x (B, D) and its divergence (B,); costs about D + 1 evaluations."""
    value, pull = _with_pull(field, x)
    trace = torch.zeros(len(x), dtype=x.dtype)
    for i in range(x.shape[1]):
        unit = torch.zeros_like(x)
        unit[:, i] = 1
        trace += pull(unit)[0][:, i]
    return value, trace


def hutchinson(field: VectorField, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The field at x (B, D) and an unbiased estimate of its divergence (B,); costs about two evaluations."""
    sign = torch.randint(2, x.shape, generator=generator).to(x.dtype) * 2 - 1
    value, pull = _with_pull(field, x)
    return value, (sign * pull(sign)[0]).sum(1)


def _with_pull(field: VectorField, x: Tensor) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor]]]:
    """The field at x, and the products of vectors with its Jacobian."""
    value, pull = vjp(field, x)[:2]
    return value, pull
