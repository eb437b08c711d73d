"""The adversarial network against closed forms."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from genwright.core.dataset import Dataset
from genwright.core.rng import torch_generator
from genwright.core.space import Category, Field, Real, Space
from genwright.models.gan import GAN, GANConfig
from genwright.training.budget import Budget
from genwright.training.config import TrainingConfig
from genwright.training.loop import train
from genwright.training.plan import Plan


def _data(n: int = 1500) -> Dataset:
    """A category, and a number with a step that follows it."""
    rng = np.random.default_rng(0)
    c = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    x = np.clip(np.round(rng.normal(6.0 * c, 2.0)), -8, 20)
    support = Real(low=-8.0, high=20.0, step=1.0, quantiles=tuple(np.round(np.linspace(-8, 20, 29))))
    return Dataset(Space({"c": Field(Category(3)), "x": Field(support)}), {"c": c, "x": x})


def _model(**settings: Any) -> GAN:
    config = GANConfig(**{"n_hidden": 16, "n_layers": 0, "n_noise": 8, **settings})
    model = GAN(_data(100).space, config)
    model.start(torch_generator(0, "gan"))
    return model


@pytest.mark.parametrize("pack", [1, 3])
def test_a_discriminator_that_knows_nothing_loses_two_bits(pack: int) -> None:
    model = _model(pack=pack, loss="non_saturating")
    with torch.no_grad():
        for p in model.net.discriminator.parameters():
            p.zero_()
    rows = model.prepare(_data(100).take(slice(0, 31)))
    loss = model.loss(rows, torch_generator(1), "discriminator")
    torch.testing.assert_close(loss, torch.full((31,), 2 * math.log(2)))
    torch.testing.assert_close(model.loss(rows, torch_generator(1), "generator"), torch.full((31,), math.log(2)))


def test_r1_of_a_linear_discriminator_is_its_weights_squared() -> None:
    """∇_x (w·x + b) = w, so the term is γ/2 ‖w‖² for every row."""
    how = {"loss": "non_saturating", "fake_penalty": 0.0, "penalised": 1.0, "n_waves": 0}
    without, with_ = _model(gradient_penalty=0.0, **how), _model(gradient_penalty=3.0, **how)
    rows = with_.prepare(_data(100).take(slice(0, 40)))
    losses = [m.loss(rows, torch_generator(2), "discriminator") for m in (without, with_)]
    w = with_.net.discriminator.body[0].weight.detach()
    torch.testing.assert_close(losses[1] - losses[0], torch.full((40,), 1.5 * float(w.square().sum())))


def test_a_number_that_is_drawn_too_narrow_shows_in_the_mean_of_its_waves() -> None:
    """Of normal scores each wave is 0 on average; of scores in the middle the second is −1, and odd ones are 0."""
    critic = _model(n_waves=4).net.discriminator
    vector = torch.randn(100_000, 5, generator=torch_generator(0))
    error = 0.5**0.5 / 100_000**0.5
    assert critic._waves(vector).mean(0).abs().max() < 5 * error
    torch.testing.assert_close(critic._waves(torch.zeros(1, 5)), torch.tensor([[0.0, -1.0, 0.0, 1.0]]))


def test_steps_do_not_give_real_rows_away() -> None:
    """Real scores are spread evenly between those that come out as the same value."""
    model = _model()
    rows = model.prepare(_data(200).take(slice(None)))
    spread = model._spread(rows, torch_generator(3))
    is_smooth = rows["codes"][:, model.view.slots] == model.view.smooth_codes
    assert len(torch.unique(spread[is_smooth])) == int(is_smooth.sum())
    back = model.view.batch(rows["codes"], spread)
    assert torch.equal(back["x"], torch.from_numpy(_data(200).arrays["x"]))


def test_it_learns_shares_and_dependence() -> None:
    data = _data()
    model = GAN(data.space, GANConfig(n_hidden=64, n_layers=1, n_noise=8))
    settings = TrainingConfig(batch_size=256, learning_rate=2e-3, weight_decay=0.0)
    outcome = train(model, data, Plan(settings, Budget(steps=600)), lambda done, line: None)
    assert outcome.notes == []
    rows = model.sample(3000, {}, torch_generator(4))
    shares = np.bincount(rows["c"].numpy(), minlength=3) / 3000
    assert np.abs(shares - [0.5, 0.3, 0.2]).max() < 0.1
    means = [float(rows["x"][rows["c"] == k].mean()) for k in range(3)]
    assert means[0] + 2 < means[1] < means[2] - 2


def test_no_likelihood_is_claimed() -> None:
    assert not hasattr(_model(), "log_prob")
    assert not hasattr(_model(), "bound")


@pytest.mark.parametrize("n_layers", [0, 2])
def test_it_says_how_large_it_is(n_layers: int) -> None:
    model = _model(n_layers=n_layers)
    n_seen = model.shape.n_vector + model.config.n_waves
    widths = [n_seen, *[16] * n_layers, 1]
    n_critic = sum(a * b + b for a, b in pairwise(widths)) + 8  # one vector of given codes, though none are given
    found = model.describe()
    n_drawing = found.pop("parameters of the generator")
    assert n_drawing == sum(x.numel() for name, x in model.net.named_parameters() if name.startswith("generator."))
    assert found == {
        "parameters": n_drawing + n_critic,
        "parameters of the discriminator": n_critic,
        "latents": 8,
        "units": 16,
        "hidden layers": f"{n_layers + 1} in the generator, {n_layers} in the discriminator",
    }
