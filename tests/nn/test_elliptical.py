"""Normal and t vectors, component after component, against scipy."""

import numpy as np
import pytest
from scipy import stats

from genwright.nn.elliptical import Elliptical, sweep

R = np.array([[1.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 1.0]])


@pytest.mark.parametrize("df", [np.inf, 3.0])
def test_box_probability_is_unbiased(df: float) -> None:
    n, rng = 20_000, np.random.default_rng(0)
    box = np.array([[0.1, 0.5], [0.3, 1.0], [0.0, 0.4]])
    law = Elliptical(df)
    p = np.exp(sweep(R, law.ppf(np.repeat(box[:, :, None], n, axis=2)), rng.random((3, n)), law)[1])
    z = rng.multivariate_normal(np.zeros(3), R, 400_000)
    z = z if np.isinf(df) else z / np.sqrt(rng.chisquare(df, (len(z), 1)) / df)
    u = law.cdf(z)
    share = ((u > box[:, 0]) & (u < box[:, 1])).all(1).mean()
    error = np.hypot(p.std() / n**0.5, (share / len(z)) ** 0.5)
    assert abs(p.mean() - share) < 5 * error


@pytest.mark.parametrize("df", [np.inf, 3.0])
def test_points_have_the_joint_density(df: float) -> None:
    u = np.random.default_rng(0).random((3, 50))
    law = Elliptical(df)
    z, weight = sweep(R, law.ppf(np.stack([u, u], axis=1)), np.full((3, 50), 0.5), law)
    joint = stats.multivariate_normal(np.zeros(3), R) if np.isinf(df) else stats.multivariate_t(np.zeros(3), R, df=df)
    single = stats.norm if np.isinf(df) else stats.t(df)
    np.testing.assert_allclose(z, single.ppf(u), rtol=1e-8)
    np.testing.assert_allclose(weight, joint.logpdf(z.T) - single.logpdf(z).sum(0), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("df", [np.inf, 2.0, 200.0])
@pytest.mark.parametrize("low", [-np.inf, -200.0, 3.0, 50.0])
def test_draws_from_far_tails_stay_inside(df: float, low: float) -> None:
    high = -60.0 if low < 0 else np.inf
    x, log_p = Elliptical(df).between(np.full(3, low), np.full(3, high), np.array([1e-12, 0.5, 1 - 1e-12]), 2)
    assert ((x >= low) & (x <= high) & np.isfinite(x)).all()
    assert (np.isfinite(log_p) & (log_p < 0)).all()
