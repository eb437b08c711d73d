"""Euler and Heun against a closed form, and the order in which their errors fall."""

import numpy as np
import pytest
import torch

from genwright.samplers.adams import adams
from genwright.samplers.euler import euler
from genwright.samplers.heun import heun
from genwright.samplers.ode import solve, times

START = torch.tensor([[1.0, -2.0], [0.3, 0.5]], dtype=torch.float64)
VAR = torch.tensor([0.25, 4.0], dtype=torch.float64)
MEAN = torch.tensor([1.0, -0.5], dtype=torch.float64)


def velocity(x: torch.Tensor, t: float) -> torch.Tensor:
    """Of straight paths from N(0, I) to N(m, diag s²)."""
    slope = (t * VAR - (1 - t)) / ((1 - t) ** 2 + t**2 * VAR)
    return MEAN + slope * (x - t * MEAN)


def error(step, n: int, power: float = 1.0, **more) -> float:
    """Of n steps, beside the closed form x_1 = m + s x_0."""
    end = solve(step, velocity, START, times(n, power), **more)
    return float((end - (MEAN + VAR.sqrt() * START)).abs().max())


@pytest.mark.parametrize(("step", "order"), [(euler, 1), (heun, 2)])
@pytest.mark.parametrize("power", [1.0, 2.0])
def test_the_order_of_convergence_is_the_methods(step, order: int, power: float):
    errors = [error(step, n, power) for n in (128, 256, 512)]
    orders = -np.diff(np.log2(errors))
    np.testing.assert_allclose(orders, order, atol=0.1)


def test_a_last_step_of_euler_keeps_the_order_of_heun():
    errors = [error(heun, n, last=euler) for n in (128, 256, 512)]
    np.testing.assert_allclose(-np.diff(np.log2(errors)), 2, atol=0.15)


@pytest.mark.parametrize("power", [0.8, 1.0, 2.0])
def test_two_steps_of_adams_have_the_order_of_heun_at_half_the_evaluations(power: float):
    exact, n_calls = MEAN + VAR.sqrt() * START, []

    def counted(x: torch.Tensor, t: float) -> torch.Tensor:
        n_calls.append(t)
        return velocity(x, t)

    errors = [float((adams(counted, START, times(n, power)) - exact).abs().max()) for n in (256, 512, 1024)]
    np.testing.assert_allclose(-np.diff(np.log2(errors)), 2, atol=0.15)
    assert len(n_calls) == 256 + 512 + 1024


def test_adams_is_exact_where_the_velocity_is_linear_in_time_from_its_second_step_on():
    at = [0.0, 1e-9, 0.3, 0.4, 1.0]
    end = adams(lambda x, t: torch.full_like(x, 2 * t + 1), START, at)
    torch.testing.assert_close(end, START + 2.0, atol=1e-8, rtol=0)


def test_backwards_leads_back():
    at = times(200)
    end = solve(heun, velocity, START, at)
    torch.testing.assert_close(solve(heun, velocity, end, at[::-1]), START, atol=1e-4, rtol=0)


def test_times_run_from_noise_to_data():
    at = times(8, 3.0)
    assert (at[0], at[-1], len(at)) == (0.0, 1.0, 9)
    steps = np.diff(at)
    assert (steps > 0).all()
    assert (np.diff(steps) < 0).all()
    np.testing.assert_allclose(np.diff(times(5)), 0.2)
    at = times(8, skew=1.5)
    assert (at[0], at[-1]) == (0.0, 1.0)
    assert at[4] == pytest.approx(0.5**1.5 / (0.5**1.5 + 0.5))
    assert np.diff(at)[0] == min(np.diff(at))


def test_steps_count_their_evaluations():
    seen: list[float] = []

    def told(x: torch.Tensor, t: float) -> torch.Tensor:
        seen.append(t)
        return x

    solve(heun, told, START, times(5), last=euler)
    assert len(seen) == 9
    assert seen[-1] == pytest.approx(0.8)  # never at t = 1


def test_adams_bears_times_that_stand_still():
    """Towards data, steps of a high power are smaller than floats can tell."""
    at = times(100, 10.0)
    assert at[-3] == at[-1] == 1.0
    moving = list(dict.fromkeys(at))
    torch.testing.assert_close(adams(lambda x, t: -x, START, at), adams(lambda x, t: -x, START, moving))
