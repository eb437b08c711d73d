"""Euler's method (1768): one evaluation a step; the error falls in proportion to the step.

x(t + h) ≈ x + h v(x, t)
"""

from collections.abc import Callable

from torch import Tensor


def euler(velocity: Callable[[Tensor, float], Tensor], x: Tensor, t: float, to: float) -> Tensor:
    """x at time `to` from x (B, D) at time t."""
    return x + (to - t) * velocity(x, t)
