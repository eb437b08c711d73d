"""The ratio against the closed form of two normal distributions."""

import numpy as np
import pytest
import torch

from genwright.core.errors import ConfigError, FitError
from genwright.core.space import Field, Real, Space
from genwright.nn.density_ratio import DensityRatio, likeliest

SPACE = Space({"x": Field(Real())})


def _rows(mean: float, n: int, seed: int) -> dict[str, torch.Tensor]:
    return {"x": torch.from_numpy(np.random.default_rng(seed).normal(mean, 1, n))}


@pytest.fixture(scope="module")
def ratio() -> DensityRatio:
    return DensityRatio(SPACE, "logistic").fit(_rows(1, 2_000, 0), _rows(0, 1_000, 1))


def test_two_normals(ratio):
    """log r = x − ½, whatever the numbers of rows; the AUC is Φ(1/√2)."""
    x = torch.linspace(-1, 2, 7, dtype=torch.float64)
    np.testing.assert_allclose(ratio({"x": x}), x.numpy() - 0.5, atol=0.35)
    assert abs(ratio.auc.value - 0.7602) < 4 * ratio.auc.error


def test_weighed_draws_have_the_real_mean(ratio):
    """E_drawn[r x] / E_drawn[r] = 1, and mean r = 1."""
    rows = _rows(0, 20_000, 2)
    weight = np.exp(ratio(rows))
    x = rows["x"].numpy()
    mean = (weight * x).sum() / weight.sum()
    error = np.sqrt((weight**2 * (x - mean) ** 2).sum()) / weight.sum()
    assert abs(mean - 1) < 4 * error + 0.1  # and the detector's own error on 2,000 rows
    assert abs(weight.mean() - 1) < 0.15


def test_equal_sides_are_not_told_apart():
    found = DensityRatio(SPACE, "boosting").fit(_rows(0, 500, 3), _rows(0, 500, 4))
    assert np.abs(found.unseen).mean() < 0.15  # a detector that overfits is not believed
    assert len(found.unseen) == 1_000


def test_seeded():
    one, again = (DensityRatio(SPACE, "logistic", 5).fit(_rows(0, 60, 0), _rows(1, 60, 1)) for _ in range(2))
    assert (one(_rows(0, 9, 9)) == again(_rows(0, 9, 9))).all()


def test_picks_are_weighed_and_different():
    """Two kinds of rows, r = 1 and 3, few are taken: the second kind comes three times as often."""
    log_ratio = np.log(np.repeat([1.0, 3.0], 20_000))
    rows = likeliest(log_ratio, 2_000, np.random.default_rng(0))
    assert len(np.unique(rows)) == 2_000
    share = (rows >= 20_000).mean()
    assert abs(share - 0.74) < 4 * np.sqrt(0.25 * 0.75 / 2_000) + 0.01
    assert (likeliest(log_ratio, 50_000, np.random.default_rng(0)) == np.arange(40_000)).all()


def test_too_few_rows_and_networks_are_refused():
    with pytest.raises(FitError, match="at least 20"):
        DensityRatio(SPACE, "logistic").fit(_rows(0, 10, 0), _rows(0, 100, 0))
    with pytest.raises(ConfigError, match="does not learn in one go"):
        DensityRatio(SPACE, "mlp").fit(_rows(0, 100, 0), _rows(1, 100, 0))
