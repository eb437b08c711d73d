"""Kept draws of one normal distribution follow another; the share is what was asked for."""

import numpy as np
import pytest

from genwright.core.errors import ConfigError, UnknownNameError
from genwright.nn.acceptance import fitted

X = np.random.default_rng(0).normal(size=40_000)  # draws of N(0, 1)
LOG_RATIO = X - 0.5  # real rows: N(1, 1)


@pytest.mark.parametrize("method", ["reject", "importance"])
@pytest.mark.parametrize("keep", [0.01, 0.25, 0.9, 1.0])
def test_the_share_is_kept(method, keep):
    p = fitted(LOG_RATIO, keep, method)(LOG_RATIO)
    assert ((p >= 0) & (p <= 1)).all()
    assert p.mean() == pytest.approx(keep, abs=1e-6)
    assert (np.diff(p[np.argsort(X)]) >= -1e-12).all()  # likelier rows are kept with a higher probability


@pytest.mark.parametrize("method", ["reject", "importance"])
def test_few_kept_draws_have_the_real_distribution(method):
    """With a small share no probability reaches its end: mean 1 and variance 1, within their standard errors."""
    p = fitted(LOG_RATIO, 0.02, method)(LOG_RATIO)
    kept = X[np.random.default_rng(1).random(len(X)) < p]
    n = len(kept)
    assert abs(kept.mean() - 1) < 4 / np.sqrt(n)
    assert abs(kept.var() - 1) < 4 * np.sqrt(2 / n)


def test_without_a_shift_it_is_rejection_sampling():
    """γ = 0: r(x) / max r."""
    from genwright.nn.acceptance import Acceptance

    top = LOG_RATIO.max()
    p = Acceptance("reject", 1.0, top, 0.0)(LOG_RATIO)
    np.testing.assert_allclose(p, np.exp(LOG_RATIO - top), rtol=1e-3, atol=1e-6)


def test_half_the_strength_moves_draws_half_way():
    p = fitted(LOG_RATIO, 0.02, "importance", 0.5)(LOG_RATIO)
    assert (p * X).sum() / p.sum() == pytest.approx(0.5, abs=0.05)
    flat = fitted(LOG_RATIO, 0.3, "importance", 0.0)(LOG_RATIO)
    assert np.ptp(flat) == 0


def test_equal_ratios():
    assert fitted(np.zeros(50), 0.25)(np.zeros(50)) == pytest.approx(0.25)


def test_bad_settings():
    with pytest.raises(ConfigError, match="keep"):
        fitted(LOG_RATIO, 0.0)
    with pytest.raises(UnknownNameError, match="did you mean reject"):
        fitted(LOG_RATIO, 0.5, "rejct")  # type: ignore[arg-type]
