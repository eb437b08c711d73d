"""Independent columns against counting."""

import numpy as np
import pytest
import torch

from genwright.core.dataset import Dataset
from genwright.core.errors import ConfigError
from genwright.core.rng import torch_generator
from genwright.core.space import Category, Field, Real, Space, Tokens, Vectors
from genwright.models.marginals import Marginals, MarginalsConfig
from tests.nn.sequences import token_rows
from tests.nn.worlds import assert_same_shares

N_DRAWS = 40_000


def _data() -> Dataset:
    rng = np.random.default_rng(0)
    size = np.where(rng.random(500) < 0.2, np.nan, rng.poisson(3.0, 500).clip(0, 8).astype(float))
    weight = np.where(rng.random(500) < 0.3, 0.0, rng.gamma(2.0, size=500).clip(0, 9))
    quantiles = tuple(np.quantile(weight, np.linspace(0, 1, 17)))
    space = Space(
        {
            "colour": Field(Category(4)),
            "size": Field(Real(0.0, 8.0, 1.0, (0.0, 3.0), tuple(np.arange(9.0)), has_missing=True)),
            "weight": Field(Real(0.0, float(weight.max()), 0.0, (0.0,), quantiles)),
        }
    )
    return Dataset(space, {"colour": rng.choice(3, 500, p=[0.6, 0.3, 0.1]), "size": size, "weight": weight})


def _fitted(pseudo_count: float = 0.5) -> Marginals:
    model = Marginals(_data().space, MarginalsConfig(pseudo_count))
    model.solve(_data(), torch_generator(0), lambda done, line: None)
    return model


@pytest.mark.parametrize("pseudo_count", [0.0, -1.0, np.nan, np.inf])
def test_every_cell_is_possible(pseudo_count: float) -> None:
    with pytest.raises(ConfigError, match="above 0"):
        MarginalsConfig(pseudo_count)


def test_probabilities_are_smoothed_shares() -> None:
    model, data = _fitted(), _data()
    count = np.bincount(data.arrays["colour"], minlength=4)
    p = np.exp(model.histograms.log_prob("colour", torch.arange(4)))
    np.testing.assert_allclose(p, (count + 0.5) / (500 + 4 * 0.5))
    line = np.append(np.arange(9.0), np.nan)
    p = np.exp(model.histograms.log_prob("size", torch.from_numpy(line)))
    missing = np.isnan(data.arrays["size"]).sum()
    assert p[-1] == pytest.approx((missing + 0.5) / (500 + 0.5 * model.histograms.cells["size"].n))
    assert p.sum() == pytest.approx(1)


def test_density_beside_an_atom_integrates_to_one() -> None:
    model = _fitted()
    high = model.space["weight"].support.high  # type: ignore[union-attr]
    edges = np.linspace(0, high, 200_001)
    density = np.exp(model.histograms.log_prob("weight", torch.from_numpy((edges[1:] + edges[:-1]) / 2)))
    atom = np.exp(model.histograms.log_prob("weight", torch.zeros(1, dtype=torch.float64)))[0]
    assert density.sum() * (edges[1] - edges[0]) + atom == pytest.approx(1, abs=1e-3)


def test_a_row_is_the_product_of_its_columns() -> None:
    model = _fitted()
    rows = _data().take(slice(0, 50))
    total = sum(model.histograms.log_prob(name, rows[name]) for name in rows)
    np.testing.assert_allclose(model.log_prob(rows).numpy(), total)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_tempered_shares(temperature: float) -> None:
    model = _fitted()
    rows = model.sample(N_DRAWS, {}, torch_generator(1), temperature)
    p = np.exp(model.histograms.log_p["colour"] / temperature)
    assert_same_shares(np.bincount(rows["colour"], minlength=4), p / p.sum())


def test_columns_are_drawn_independently() -> None:
    rows = _fitted().sample(N_DRAWS, {}, torch_generator(2))
    x = np.stack([rows["colour"].numpy(), rows["size"].nan_to_num(-1).numpy(), rows["weight"].numpy()])
    assert (np.abs(np.corrcoef(x) - np.eye(3)) < 5 / N_DRAWS**0.5).all()


def test_given_columns_weigh_what_they_are_worth() -> None:
    model = _fitted()
    given = {"colour": torch.tensor([0, 1, 2, 3])}
    rows, log_weight = model.propose(4, given, torch_generator(3))
    assert torch.equal(rows["colour"], given["colour"])
    np.testing.assert_allclose(log_weight.numpy(), model.histograms.log_prob("colour", given["colour"]))
    assert model.conditions_exactly(["weight", "size"])


def _with_sequences() -> tuple[Marginals, Dataset]:
    rng = np.random.default_rng(0)
    text, series = Tokens(4, 6), Vectors(3, 2)
    space = Space({"text": Field(text), "label": Field(Category(2)), "series": Field(series)})
    x = rng.normal(size=(80, 3, 2))
    x[:30, 2] = np.inf
    data = Dataset(space, {"text": token_rows(text, 80).numpy(), "label": rng.integers(0, 2, 80), "series": x})
    model = Marginals(space)
    model.solve(data, torch_generator(0), lambda done, line: None)
    return model, data


def test_a_row_with_sequences_is_the_product_of_its_columns() -> None:
    model, data = _with_sequences()
    rows = data.take(slice(None))
    expected = torch.from_numpy(model.histograms.log_prob("label", rows["label"]))
    for name in ("text", "series"):
        expected = expected + model.parts[name].log_prob(rows[name])
    torch.testing.assert_close(model.log_prob(rows), expected)


def test_known_sequences_stay_in_some_rows() -> None:
    model, data = _with_sequences()
    given = {name: x for name, x in data.take(slice(0, 4)).items() if name != "label"}
    known = {"text": torch.tensor([True, False, True, False]), "series": torch.tensor([False, False, True, True])}
    rows, _ = model.propose(4, given, torch_generator(1), known)
    assert model.space.check(rows) == 4
    assert torch.equal(rows["text"][[0, 2]], given["text"][[0, 2]])
    assert torch.equal(rows["series"][2:], given["series"][2:])
    assert list(model.sample(4, given, torch_generator(1))) == ["text", "label", "series"]
