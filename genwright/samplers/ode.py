"""Times at which an ordinary differential equation dx/dt = v(x, t) is solved, and the way along them.

    u_i = 1 − (1 − i/n)^ρ,   t_i = u_i^σ / (u_i^σ + 1 − u_i),   i = 0 … n

ρ = σ = 1: even steps. ρ above 1: ever smaller ones towards the data at t = 1, where velocities change fast if data are
sharp. σ above 1: smaller ones towards the noise at t = 0.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

Velocity = Callable[[Tensor, float], Tensor]  # (x (B, D), t) → (B, D)


class Step(Protocol):
    """One step of a method."""

    def __call__(self, velocity: Velocity, x: Tensor, t: float, to: float) -> Tensor:
        """x at time `to` from x at time t."""
        ...


def times(n: int, power: float = 1.0, skew: float = 1.0) -> list[float]:
    """t_0 = 0 … t_n = 1."""
    u = 1 - (1 - torch.linspace(0, 1, n + 1, dtype=torch.float64)) ** power
    return (u**skew / (u**skew + 1 - u)).tolist()


def solve(step: Step, velocity: Velocity, x: Tensor, at: list[float], last: Step | None = None) -> Tensor:
    """x at the last of the times from x at the first of them.

    Args:
        step: The method.
        velocity: v(x, t).
        x: Points (B, D).
        at: Times, rising or falling.
        last: The method of the last step; None: the same.
    """
    for i, (t, to) in enumerate(pairwise(at)):
        is_last = i == len(at) - 2
        x = (last if last is not None and is_last else step)(velocity, x, t, to)
    return x
