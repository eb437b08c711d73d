"""Heun's method (1900): two evaluations a step; the error falls with the step's square.

x̂ = x + h v(x, t),    x(t + h) ≈ x + h/2 [v(x, t) + v(x̂, t + h)]
"""

from collections.abc import Callable

from torch import Tensor


def heun(velocity: Callable[[Tensor, float], Tensor], x: Tensor, t: float, to: float) -> Tensor:
    """x at time `to` from x (B, D) at time t."""
    first = velocity(x, t)
    second = velocity(x + (to - t) * first, to)
    return x + (to - t) / 2 * (first + second)
