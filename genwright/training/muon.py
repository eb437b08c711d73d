"""Muon for matrices, AdamW for the rest (Jordan et al., 2024; Loshchilov and Hutter, 2019).

https://kellerjordan.github.io/posts/muon/, https://arxiv.org/abs/1711.05101

    M ← μ M + G                        momentum of the gradient
    O = orthogonal factor of G + μ M   (its singular values become about 1, by Newton–Schulz steps)
    W ← W − η (λ W + O √max(1, rows / columns))

Matrices of one shape are stepped together: on a CPU, many small products cost more than a large one.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

# X ← a X + (b A + c A²) X with A = X Xᵀ: singular values end between about 0.7 and 1.2, which is near enough.
QUINTIC = (3.4445, -4.7750, 2.0315)
ROUNDS = 5


class Muon(torch.optim.Optimizer):
    """One optimiser for both kinds of parameters.

    Args:
        matrices: Hidden weights, two-dimensional.
        others: Embeddings, heads, biases, gains.
        lr: Learning rate of AdamW.
        muon_scale: Learning rate of Muon as a multiple of that.
        weight_decay: λ, of both.
        betas: Of AdamW.
        momentum: μ.
    """

    def __init__(
        self,
        matrices: Iterable[Tensor],
        others: Iterable[Tensor],
        lr: float,
        muon_scale: float = 10.0,
        weight_decay: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.95),
        momentum: float = 0.95,
    ):
        groups = [
            {"params": list(matrices), "is_muon": True, "scale": muon_scale},
            {"params": list(others), "is_muon": False, "scale": 1.0},
        ]
        defaults = {"lr": lr, "weight_decay": weight_decay, "betas": betas, "momentum": momentum}
        super().__init__([g for g in groups if g["params"]], defaults)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # no closure is called
        """One step, of all parameters that have a gradient."""
        for group in self.param_groups:
            known = [p for p in group["params"] if p.grad is not None]
            if known:
                work = self._step_muon if group["is_muon"] else self._step_adamw
                work(group, known, [p.grad for p in known])

    def _step_muon(self, group: dict[str, Any], known: list[Tensor], gradients: list[Tensor]) -> None:
        lr, mu = group["lr"] * group["scale"], group["momentum"]
        momenta = [self._state(p, "momentum") for p in known]
        torch._foreach_mul_(momenta, mu)
        torch._foreach_add_(momenta, gradients)
        ahead = torch._foreach_add(gradients, momenta, alpha=mu)
        if group["weight_decay"]:
            torch._foreach_mul_(known, 1 - lr * group["weight_decay"])
        by_shape: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for i, p in enumerate(known):
            by_shape[tuple(p.shape)].append(i)
        for (rows, columns), places in by_shape.items():
            made = orthogonal(torch.stack([ahead[i] for i in places]))
            step = -lr * max(1.0, rows / columns) ** 0.5
            torch._foreach_add_([known[i] for i in places], list(made), alpha=step)

    def _step_adamw(self, group: dict[str, Any], known: list[Tensor], gradients: list[Tensor]) -> None:
        lr, (beta_1, beta_2) = group["lr"] * group["scale"], group["betas"]
        first, second = ([self._state(p, name) for p in known] for name in ("exp_avg", "exp_avg_sq"))
        steps = [self.state[p].setdefault("step", torch.zeros(())) for p in known]
        torch._foreach_add_(steps, 1)
        torch._foreach_lerp_(first, gradients, 1 - beta_1)
        torch._foreach_mul_(second, beta_2)
        torch._foreach_addcmul_(second, gradients, gradients, 1 - beta_2)
        t = float(steps[0])
        below = torch._foreach_sqrt(torch._foreach_div(second, 1 - beta_2**t))
        torch._foreach_add_(below, 1e-8)
        torch._foreach_mul_(known, 1 - lr * group["weight_decay"])
        torch._foreach_addcdiv_(known, first, below, -lr / (1 - beta_1**t))

    def _state(self, p: Tensor, name: str) -> Tensor:
        if name not in self.state[p]:
            self.state[p][name] = torch.zeros_like(p)
        return self.state[p][name]


def orthogonal(G: Tensor) -> Tensor:
    """Nearly the orthogonal factors U Vᵀ of matrices G = U S Vᵀ, (k, m, n)."""
    is_tall = G.shape[1] > G.shape[2]
    X = G.mT if is_tall else G
    X = X / (X.norm(dim=(1, 2), keepdim=True) + 1e-7)
    a, b, c = QUINTIC
    for _ in range(ROUNDS):
        A = X @ X.mT
        X = a * X + (b * A + c * A @ A) @ X
    return X.mT if is_tall else X
