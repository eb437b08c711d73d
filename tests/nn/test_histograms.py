"""Histograms against counting, integration and the binomial law."""

import numpy as np
import pytest
import torch

from genwright.core.dataset import Dataset
from genwright.core.rng import torch_generator
from genwright.core.space import Category, Field, Real, Space
from genwright.nn import histograms
from genwright.nn.histograms import Histograms

N = 2_000
QUANTILES = tuple(np.linspace(0.0, 4.0, 9))


def _data() -> Dataset:
    rng = np.random.default_rng(0)
    c = rng.choice(4, N, p=[0.5, 0.3, 0.2, 0.0])  # 3 never occurs
    x = rng.beta(2, 5, N) * 4
    x[:300] = 1.0  # an atom
    x[300:400] = np.nan
    support = Real(0.0, 4.0, atoms=(1.0,), quantiles=QUANTILES, has_missing=True)
    return Dataset(Space({"c": Field(Category(4)), "x": Field(support)}), {"c": c, "x": x})


def _counted(pseudo_count: float = 0.5) -> Histograms:
    found = Histograms(_data().space, pseudo_count)
    found.count(_data())
    return found


@pytest.mark.parametrize("pseudo_count", [0.5, 3.0])
def test_a_category_is_its_smoothed_frequency(pseudo_count: float) -> None:
    count = np.bincount(_data().arrays["c"], minlength=4)
    expected = np.log((count + pseudo_count) / (N + 4 * pseudo_count))
    np.testing.assert_allclose(_counted(pseudo_count).log_prob("c", torch.arange(4)), expected, rtol=1e-12)


def test_a_number_is_mass_at_its_atom_and_density_elsewhere() -> None:
    found, x = _counted(), _data().arrays["x"]
    n_cells = 8 + 1 + 1  # stretches, the atom, missing
    at = found.log_prob("x", torch.tensor([1.0, np.nan, 0.3], dtype=torch.float64))
    for log_p, count, width in zip(at, (300, 100, ((x > 0) & (x < 0.5)).sum()), (1, 1, 0.5), strict=True):
        assert np.exp(log_p) == pytest.approx((count + 0.5) / (N + 0.5 * n_cells) / width, rel=1e-9)


def test_the_density_integrates_to_one() -> None:
    found, step = _counted(), 4 / 40_000
    grid = (torch.arange(40_000, dtype=torch.float64) + 0.5) * step
    special = np.exp(found.log_prob("x", torch.tensor([1.0, np.nan], dtype=torch.float64))).sum()
    assert np.exp(found.log_prob("x", grid)).sum() * step + special == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_have_the_tempered_frequencies(temperature: float) -> None:
    found, n = _counted(), 20_000
    drawn = found.complete(n, {}, torch_generator(0), temperature)["c"]
    p = np.exp(found.log_p["c"] / temperature)
    p /= p.sum()
    assert (np.abs(np.bincount(drawn, minlength=4) / n - p) < 5 * np.sqrt(p * (1 - p) / n) + 1e-9).all()


def test_draws_of_a_number_keep_its_atom_its_holes_and_its_range() -> None:
    n = 20_000
    x = _counted().complete(n, {}, torch_generator(0))["x"]
    for share, expected in (((x == 1).double().mean(), 0.15), (x.isnan().double().mean(), 0.05)):
        assert abs(float(share) - expected) < 5 * np.sqrt(expected / n) + 1e-3
    assert 0 <= np.nanmin(x) < np.nanmax(x) <= 4


def test_given_columns_stay_and_change_no_other() -> None:
    found = _counted()
    free = found.complete(50, {}, torch_generator(0))
    given = found.complete(50, {"c": torch.full((50,), 3)}, torch_generator(0))
    assert (given["c"] == 3).all()
    assert torch.equal(given["x"].nan_to_num(-1), free["x"].nan_to_num(-1))


def test_counting_in_pieces_is_counting_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _counted()
    monkeypatch.setattr(histograms, "CHUNK", 7)
    assert all(np.array_equal(whole.log_p[name], p) for name, p in _counted().log_p.items())


def test_what_was_saved_draws_the_same() -> None:
    first, again = _counted(), Histograms(_data().space)
    again.load_state(first.state())
    a, b = (h.complete(100, {}, torch_generator(1)) for h in (first, again))
    assert torch.equal(a["c"], b["c"])
    assert torch.equal(a["x"].nan_to_num(), b["x"].nan_to_num())
