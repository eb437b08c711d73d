"""The two-step method of Adams and Bashforth (1883): one evaluation a step; the error falls with the step's square.

    x(t + h) ≈ x + h [v + h/(2 h') (v − v')]        h', v': the step before and its velocity

The first step is Euler's. Beside Heun's method it pays for half as many evaluations with the same number of steps.
"""

from itertools import pairwise

from torch import Tensor

from genwright.samplers.ode import Velocity


def adams(velocity: Velocity, x: Tensor, at: list[float]) -> Tensor:
    """x (B, D) at the last of the times from x at the first of them; they rise or fall, and may stand still."""
    before, last = 0.0, None
    for t, to in pairwise(at):
        if to == t:
            continue
        h, v = to - t, velocity(x, t)
        x = x + h * (v if last is None else v + h / (2 * before) * (v - last))
        before, last = h, v
    return x
