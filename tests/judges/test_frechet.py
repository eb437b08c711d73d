"""Fréchet distance against SciPy and closed forms."""

import numpy as np
import pytest
import scipy.linalg

from genwright.core.dataset import select
from genwright.core.errors import DataError
from genwright.judges.frechet import Frechet, frechet_distance, moments
from tests.judges.picture_worlds import blurred, picture_world, with_fake, without


def samples(n: int, m: int, d: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)
    return x, rng.normal(size=(m, d)) @ rng.normal(size=(d, d))


@pytest.mark.parametrize(("n", "m", "d"), [(50, 80, 1), (200, 100, 7), (500, 400, 40)])
def test_equals_scipys_root(n: int, m: int, d: int) -> None:
    x, y = samples(n, m, d)
    a, b = np.atleast_2d(np.cov(x.T)), np.atleast_2d(np.cov(y.T))
    root = np.real(scipy.linalg.sqrtm(a @ b))
    shift = x.mean(0) - y.mean(0)
    expected = shift @ shift + np.trace(a + b - 2 * root)
    assert frechet_distance(moments(x), moments(y)) == pytest.approx(expected, rel=1e-8)


def test_equals_the_closed_form_of_gaussians_with_common_axes() -> None:
    """d² = |μ − m|² + Σ_k (σ_k − s_k)²."""
    rng = np.random.default_rng(1)
    axes = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    sigma, s = rng.uniform(0.1, 2, 6), rng.uniform(0.1, 2, 6)
    mean = rng.normal(size=6)
    a, b = (axes * sigma**2) @ axes.T, (axes * s**2) @ axes.T
    expected = mean @ mean + np.square(sigma - s).sum()
    assert frechet_distance((mean, a), (np.zeros(6), b)) == pytest.approx(expected, rel=1e-10)


def test_fewer_rows_than_dimensions_have_a_distance() -> None:
    x, y = samples(5, 6, 20)
    assert np.isfinite(frechet_distance(moments(x), moments(y)))
    assert frechet_distance(moments(x), moments(x)) == pytest.approx(0, abs=1e-5)


def test_weights_count_rows_several_times() -> None:
    x, _ = samples(20, 20, 3)
    weights = np.random.default_rng(0).integers(0, 3, 20)
    for found, expected in zip(moments(x, weights), moments(np.repeat(x, weights, 0)), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_intervals_cover_the_spread_of_draws() -> None:
    """The standard deviation over independent draws is that of the interval, within a factor."""
    evidence = picture_world()
    halves = [select(evidence.train, slice(i * 200, (i + 1) * 200)) for i in range(4)]
    found = [Frechet().measure(rows, with_fake(rows))["pixels"] for rows in halves]
    claimed = np.mean([(m.high - m.low) / 3.92 for m in found])
    spread = np.std([m.value for m in found], ddof=1)
    assert spread < 2.5 * claimed  # 2.5: χ² of 3 degrees of freedom, 5 standard errors off


def test_blurred_pictures_and_a_missing_class_are_further_away() -> None:
    evidence = picture_world()
    real = Frechet().measure(evidence.fake, evidence)
    assert list(real) == ["pixels", "net"]
    for worse in (blurred(evidence.fake), without(evidence.fake, (0, 1, 2))):
        found = Frechet().measure(worse, with_fake(worse))
        for kind, m in found.items():
            assert m.value - real[kind].value > 2 * np.hypot(*((x.high - x.low) / 3.92 for x in (m, real[kind])))


def test_few_pictures_are_refused() -> None:
    with pytest.raises(DataError, match="at least 4"):
        Frechet().scores(with_fake(select(picture_world().fake, slice(0, 3))))


def test_scores_name_their_features_and_say_how_many() -> None:
    evidence = picture_world()
    scores = Frechet().scores(evidence)
    assert [s.name for s in scores] == ["frechet_pixels", "frechet_net"]
    assert scores[0].protocol.startswith("400 draws against 400 held-out pictures")
    assert "'label'" in scores[0].protocol
