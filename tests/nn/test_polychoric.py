"""Polychoric correlations against simulation and scipy's bivariate distribution functions."""

import numpy as np
import pytest
from scipy import stats

from genwright.nn.polychoric import N_PANELS, Correlation, _Table, polychoric


def _table(rho: float, u: np.ndarray, v: np.ndarray, n: int, seed: int) -> np.ndarray:
    z = np.random.default_rng(seed).multivariate_normal([0, 0], [[1, rho], [rho, 1]], n)
    at = np.searchsorted(stats.norm.ppf(u), z[:, 0]), np.searchsorted(stats.norm.ppf(v), z[:, 1])
    shape = (len(u) + 1, len(v) + 1)
    return np.bincount(np.ravel_multi_index(at, shape), minlength=shape[0] * shape[1]).reshape(shape)


def test_joint_distribution_function_is_the_bivariate_normal_one() -> None:
    u, v = np.array([0.03, 0.4, 0.9]), np.array([0.1, 0.6, 0.968])
    theta = -np.pi / 2 * np.cos(np.linspace(0, np.pi, N_PANELS + 1))
    joint = _Table(np.ones((4, 4)), u, v, np.inf).sweep(theta, np.maximum(0.0, u[:, None] + v - 1))
    for g in (8, 24, 40):
        law = stats.multivariate_normal([0, 0], [[1, np.sin(theta[g])], [np.sin(theta[g]), 1]])
        expected = [[law.cdf(stats.norm.ppf([a, b])) for b in v] for a in u]
        np.testing.assert_allclose(joint[g], expected, atol=1e-4)


@pytest.mark.parametrize("df", [2.0, 5.0, 50.0])
def test_joint_distribution_function_of_t_ends_at_equal_latents(df: float) -> None:
    u, v = np.array([0.03, 0.4, 0.9]), np.array([0.1, 0.6, 0.968])
    theta = -np.pi / 2 * np.cos(np.linspace(0, np.pi, N_PANELS + 1))
    joint = _Table(np.ones((4, 4)), u, v, df).sweep(theta, np.maximum(0.0, u[:, None] + v - 1))
    np.testing.assert_allclose(joint[-1], np.minimum(u[:, None], v), atol=1e-4)


@pytest.mark.parametrize("rho", [-0.9, -0.3, 0.0, 0.6, 0.95])
@pytest.mark.parametrize("shape", [(3, 2), (4, 3), (12, 12)])
def test_estimates_are_unbiased_and_know_their_error(rho: float, shape: tuple[int, int]) -> None:
    u, v = (np.linspace(0, 1, k + 1)[1:-1] ** power for k, power in zip(shape, (1.4, 0.8), strict=True))
    found = [polychoric(_table(rho, u, v, 2_000, seed), u, v) for seed in range(40)]
    rhos, errors = np.array([f.rho for f in found]), np.sqrt([f.var for f in found])
    assert abs(rhos.mean() - rho) < 5 * rhos.std() / 40**0.5 + 0.002
    assert rhos.std() == pytest.approx(np.median(errors), rel=5 / 80**0.5)


def test_a_constant_column_has_no_correlation() -> None:
    assert polychoric(np.array([[5, 7]]), np.zeros(0), np.array([0.4])) == Correlation()
    assert polychoric(np.array([[5, 7], [0, 0]]), np.array([0.9]), np.array([0.4])) == Correlation()


def test_perfect_agreement_reaches_one() -> None:
    u = np.array([0.2, 0.5, 0.8])
    assert polychoric(np.diag([20, 30, 30, 20]), u, u).rho > 0.999
    assert polychoric(np.diag([20, 30, 30, 20])[::-1], u, u).rho < -0.999
