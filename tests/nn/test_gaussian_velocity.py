"""The velocity of normal rows against conditional expectations and its own flow."""

import numpy as np
import pytest
import torch

from genwright.nn.gaussian_velocity import GaussianVelocity
from genwright.samplers.heun import heun
from genwright.samplers.ode import solve, times


def rows(n: int = 4_000, d: int = 4) -> torch.Tensor:
    g = torch.Generator().manual_seed(0)
    return torch.randn(n, d, generator=g) @ torch.randn(d, d, generator=g) * 0.7 + torch.arange(float(d))


def fitted(x: torch.Tensor, n_axes: int | None = None) -> GaussianVelocity:
    found = GaussianVelocity(x.shape[1], n_axes)
    found.fit(x)
    return found


def covariance(found: GaussianVelocity) -> torch.Tensor:
    return (found.axes * found.var) @ found.axes.T


def test_mean_and_covariance_are_those_of_the_rows():
    x = rows()
    found = fitted(x)
    torch.testing.assert_close(found.mean, x.mean(0))
    expected = np.cov(x.numpy().T, bias=True)
    np.testing.assert_allclose(covariance(found), expected, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("t", [0.0, 0.3, 0.9, 1.0])
def test_it_is_the_conditional_expectation_of_normal_rows(t: float):
    """E[x_1 − x_0 | x_t] by the formula for jointly normal vectors."""
    found, x = fitted(rows()), rows(20)
    cov, eye = covariance(found), torch.eye(4)
    cross = t * cov - (1 - t) * eye  # Cov(x_1 − x_0, x_t)
    expected = found.mean + (x - t * found.mean) @ torch.linalg.solve((1 - t) ** 2 * eye + t**2 * cov, cross)
    torch.testing.assert_close(found(x, torch.full((20, 1), t)), expected, atol=1e-4, rtol=1e-4)


def test_its_flow_makes_normal_rows_of_noise():
    found = fitted(rows())
    noise = torch.randn(10, 4, generator=torch.Generator().manual_seed(1))
    end = solve(heun, lambda x, t: found(x, torch.full((10, 1), t)), noise, times(400))
    expected = found.mean + noise @ (found.axes * found.var.sqrt()) @ found.axes.T
    torch.testing.assert_close(end, expected, atol=2e-3, rtol=0)


def test_with_few_axes_the_rest_counts_as_independent():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(3_000, 1, generator=g) * torch.tensor([[3.0, 2.0, 0.0, 0.0]])
    x = x + torch.randn(3_000, 4, generator=g) * torch.tensor([0.0, 0.0, 0.5, 0.1])
    few, whole = fitted(x, 1), fitted(x)
    at = torch.randn(8, 4, generator=g)
    for t in (0.2, 0.8):
        when = torch.full((8, 1), t)
        torch.testing.assert_close(few(at, when)[:, 2:], whole(at, when)[:, 2:], atol=0.05, rtol=0)


@pytest.mark.parametrize(("n", "d"), [(9, 40), (60, 12)])
def test_few_axes_are_the_main_ones(n: int, d: int):
    """Against NumPy's decomposition of the points themselves."""
    x = rows(n, d)
    found, centred = fitted(x, 5), x.double().numpy() - x.double().numpy().mean(0)
    _, s, vt = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(found.var, 10 * n / (d + 10 * n) * s[:5] ** 2 / n, rtol=1e-4)
    np.testing.assert_allclose(np.abs((vt[:5] @ found.axes.numpy()).diagonal()), 1, atol=1e-4)
    np.testing.assert_allclose((found.axes.T @ found.axes), np.eye(5), atol=1e-4)


def test_fewer_rows_than_numbers_are_enough():
    for n_axes in (None, 6):
        found = fitted(rows(5, 12), n_axes)
        assert torch.isfinite(found(rows(3, 12), torch.full((3, 1), 0.5))).all()
        assert (found.var > 0).all()
