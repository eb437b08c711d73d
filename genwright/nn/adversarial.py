"""The game of two networks: what each of them loses, and what keeps the discriminator's slope small.

r, f are the discriminator's answers to real and to drawn rows, paired one by one:

    loss            discriminator                        generator
    non_saturating  softplus(f) + softplus(−r)           softplus(−f)          Goodfellow et al., 2014
    hinge           max(0, 1 + f) + max(0, 1 − r)        −f                    Lim and Ye, 2017
    relativistic    softplus(f − r)                      softplus(r − f)       Jolicoeur-Martineau, 2019

https://arxiv.org/abs/1406.2661, https://arxiv.org/abs/1705.02894, https://arxiv.org/abs/1807.00734. The relativistic
pairs converge with both penalties, R1 of real and R2 of drawn rows (Mescheder et al., 2018,
https://arxiv.org/abs/1801.04406; Huang et al., 2024, https://arxiv.org/abs/2501.05441):

    R1 = γ/2 E ‖∇_x D(x)‖²,  x real          R2 = the same, x drawn

Second derivatives are dear, so that they may be taken of a share of each batch's rows, whose terms then count more.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

Seen = list[Tensor]  # what the discriminator sees of rows: pictures (B, C, H, W), and last a vector (B, n)
Judge = Callable[[Seen, Tensor], tuple[Tensor, Tensor]]  # rows, what is given (B, m) → answers (B / pack,), and more


def discriminator_loss(kind: str, real: Tensor, fake: Tensor) -> Tensor:
    """Of each pair of answers."""
    if kind == "relativistic":
        return F.softplus(fake - real)
    if kind == "hinge":
        return F.relu(1 + fake) + F.relu(1 - real)
    return F.softplus(fake) + F.softplus(-real)


def generator_loss(kind: str, real: Tensor | None, fake: Tensor) -> Tensor:
    """Of each pair of answers; only relativistic ones read those to real rows."""
    if kind == "relativistic":
        assert real is not None
        return F.softplus(real - fake)
    return -fake if kind == "hinge" else F.softplus(-fake)


def slopes(judge: Judge, seen: Seen, known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What is judged, and ‖∇_x D(x)‖² of each pack, summed over its rows (B / pack,); gradients pass through all."""
    leaves = [x.detach().requires_grad_() for x in seen]
    answers, more = judge(leaves, known)
    found = torch.autograd.grad(answers.sum(), leaves, create_graph=True, allow_unused=True)
    return answers, more, sum_of_squares([x for x in found if x is not None], len(answers))


def sum_of_squares(parts: list[Tensor], n: int) -> Tensor:
    """Of tensors whose first dimension is n times something: (n,)."""
    return torch.stack([x.reshape(n, -1).square().sum(1) for x in parts]).sum(0)


def n_penalised(n: int, share: float, pack: int) -> int:
    """How many of n rows the slope is taken of: whole packs, at least one."""
    return min(n, max(pack, math.ceil(share * n / pack) * pack))


def first(seen: Seen, n: int) -> Seen:
    """The first n rows."""
    return [x[:n] for x in seen]


def behind(seen: Seen, n: int) -> Seen:
    """The rows behind them."""
    return [x[n:] for x in seen]


def joined(a: Seen, b: Seen) -> Seen:
    """Rows one below the other."""
    return [torch.cat(pair) for pair in zip(a, b, strict=True)]
