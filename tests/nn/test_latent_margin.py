"""Margins: value → interval → value, and probabilities that add up."""

import numpy as np
import pytest
import torch

from genwright.core.space import Category, Field, Real, Space
from genwright.nn.latent_margin import LatentMargin

QUANTILES = tuple(np.arange(0.0, 9.1, 0.5))
FIELDS = {
    "category": Field(Category(4)),
    "stepped": Field(Real(0.0, 9.0, 1.0, (0.0, 4.0), tuple(np.arange(10.0)), has_missing=True)),
    "smooth": Field(Real(0.0, 9.0, 0.0, (), QUANTILES)),
    "both": Field(Real(0.0, 9.0, 0.0, (0.0, 9.0), QUANTILES, has_missing=True)),
}


def _margin(name: str, n: int = 1_000) -> LatentMargin:
    margin = LatentMargin(FIELDS[name])
    counts = np.random.default_rng(0).uniform(1, 50, margin.n + margin.has_missing)
    margin.learn(counts, n)
    return margin


@pytest.mark.parametrize("name", FIELDS)
def test_a_value_lies_in_the_interval_of_the_latents_it_came_from(name: str) -> None:
    margin = _margin(name)
    u = np.random.default_rng(1).uniform(0.001, 0.999, (1 + margin.has_missing, 5_000))
    low, high = margin.intervals(margin.value(u)).transpose(1, 0, 2)
    assert ((u >= low - 1e-9) & (u <= high + 1e-9)).all()


@pytest.mark.parametrize("name", FIELDS)
def test_draws_lie_in_the_support(name: str) -> None:
    margin = _margin(name)
    u = np.random.default_rng(1).random((1 + margin.has_missing, 502))
    u[:, :2] = 1e-13, 1 - 1e-13
    assert Space({"x": FIELDS[name]}).check({"x": torch.from_numpy(margin.value(u))}) == 502


def test_masses_of_a_stepped_column_add_up_to_one() -> None:
    low, high = _margin("stepped").intervals(np.arange(10.0))[0]
    assert (high - low).sum() == pytest.approx(1)
    np.testing.assert_allclose(low[1:], high[:-1])


def test_density_and_atoms_add_up_to_one_but_for_the_tails() -> None:
    margin = _margin("smooth", n=100)
    middle = (np.arange(90_000) + 0.5) / 10_000
    assert np.exp(margin.log_density(middle)).mean() * 9 == pytest.approx(1 - 2 * 0.25 / 100, abs=1e-4)
    margin = _margin("both")
    low, high = margin.intervals(np.array([0.0, 9.0]))[0]
    assert np.exp(margin.log_density(middle)).mean() * 9 + (high - low).sum() == pytest.approx(1, abs=1e-4)


def test_a_missing_value_leaves_its_number_free() -> None:
    value, whether = _margin("both").intervals(np.array([np.nan, 2.0]))
    assert value[:, 0].tolist() == [0.0, 1.0]
    assert value[0, 1] == value[1, 1]
    assert whether[0, 0] == whether[1, 1]


@pytest.mark.parametrize("name", FIELDS)
def test_temperature_one_changes_nothing_and_others_keep_order(name: str) -> None:
    margin = _margin(name)
    assert margin.tempered(1.0) is margin
    cold = margin.tempered(0.5)
    order = np.argsort(margin.histograms[0].width / margin.size[margin.line])
    density = cold.histograms[0].width / margin.size[margin.line]
    for points in (margin.is_point[margin.line], ~margin.is_point[margin.line]):
        assert (np.diff(density[order][points[order]]) >= -1e-12).all()


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("temperature", [1e-3, 1e-9, 1e-300])
def test_cold_margins_have_one_code_of_each_kind(name: str, temperature: float) -> None:
    """However cold, what is likeliest is drawn, and nothing overflows or becomes evenly likely."""
    margin = _margin(name)
    cold = margin.tempered(temperature)
    assert np.isfinite(cold.histograms[0].edges).all()
    assert all(np.isfinite(h.width).all() for h in cold.histograms)
    rest = (~margin.is_point & (margin.step == 0))[margin.line]  # a density as a whole, which is spread inside
    density = margin.counts[: margin.n][margin.line] / margin.size[margin.line]
    for part in (rest, ~rest):
        width = cold.histograms[0].width[part]
        if width.sum() > 1e-6:
            assert np.isin(np.flatnonzero(width > 1e-6), np.flatnonzero(density[part] == density[part].max())).all()


@pytest.mark.parametrize(("low", "high", "step"), [(-(2.0**61), 2.0**61, 1.0), (0.0, 2e8, 1e-9), (0.0, 2.0**37, 1.0)])
@pytest.mark.parametrize("has_atom", [False, True])
def test_steps_finer_than_intervals_have_a_density(low: float, high: float, step: float, has_atom: bool) -> None:
    """Masses of cells add up to one, values come back from their latents, and none is not a number."""
    cuts = np.linspace(low, high, 33)
    field = Field(Real(low, high, step, (float(cuts[5]),) if has_atom else (), tuple(cuts)))
    margin = LatentMargin(field)
    margin.learn(np.random.default_rng(0).uniform(1, 50, margin.n), 1_000)
    u = np.random.default_rng(1).uniform(0.001, 0.999, (1, 5_000))
    x = margin.value(u)
    assert np.isfinite(x).all()
    below, above = margin.intervals(x)[0]
    assert (below == above).mean() > 0.9
    np.testing.assert_allclose(np.clip(u[0], below, above), u[0], atol=1e-9)
    middle = low + (np.arange(90_001) + 0.5) / 90_001 * (high - low)  # none of them the atom
    mass = np.exp(margin.log_density(middle)).mean() * (high - low) / step
    at = margin.intervals(cuts[5:6])[0] if has_atom else np.zeros((2, 1))
    assert mass + float(at[1, 0] - at[0, 0]) == pytest.approx(1, abs=2e-3)


def test_a_step_finer_than_rounding_is_a_density() -> None:
    """Numbers of 62 bits: an interval of one of them would have no width."""
    quantiles = tuple(np.linspace(0, 2.0**62, 129))
    margin = LatentMargin(Field(Real(0.0, 2.0**62, 1.0, (), quantiles)))
    margin.learn(np.full(margin.n, 8.0), 1_000)
    assert margin.is_smooth
    x = np.random.default_rng(0).integers(0, 2**62, 2_000).astype(np.float64)
    x[:2] = 0.0, 2.0**62
    u = margin.intervals(x)[0]
    assert (u[0] == u[1]).all()
    assert ((u > 0) & (u < 1)).all()
    np.testing.assert_allclose(margin.value(u[:1]), x, atol=2.0**62 * 1e-12)
    np.testing.assert_allclose(margin.log_density(x), np.log((1 - 2 * 0.25 / 1_000) / 2.0**62), atol=1e-6)
