"""The adversarial network on pictures."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from genwright.core.dataset import Dataset
from genwright.core.errors import ConfigError, UnsupportedError
from genwright.core.rng import torch_generator
from genwright.core.space import Category, Field, Pixels, Real, Space
from genwright.models.gan import GAN, GANConfig, _rounded
from genwright.training.budget import Budget
from genwright.training.config import TrainingConfig
from genwright.training.loop import train
from genwright.training.plan import Plan

SMALL = {"width": 4, "n_hidden": 16, "n_layers": 1, "n_noise": 8, "auxiliary": 0.0}


def _data(n: int = 300) -> Dataset:
    """8 × 8 pictures with a bar: the label, given, tells its row, the side its half, and a number how bright it is."""
    rng = np.random.default_rng(0)
    label, side, bright = rng.integers(0, 2, n), rng.integers(0, 2, n), rng.integers(150, 250, n)
    x = rng.integers(0, 20, (n, 1, 8, 8))
    is_bar = (np.arange(8)[:, None] // 4 == label[:, None, None]) & (np.arange(8) // 4 == side[:, None, None])
    x[is_bar[:, None]] = bright.repeat(16)
    support = Real(low=150.0, high=249.0, step=1.0, quantiles=tuple(np.linspace(150, 249, 33).round()))
    space = Space(
        {
            "image": Field(Pixels(256), (1, 8, 8)),
            "label": Field(Category(2), is_given=True),
            "side": Field(Category(2)),
            "bright": Field(support),
        }
    )
    arrays = {"image": x.astype(np.uint8), "label": label, "side": side, "bright": bright.astype(float)}
    return Dataset(space, arrays)


def _only(data: Dataset, *names: str) -> Dataset:
    return Dataset(Space({n: data.space[n] for n in names}), {n: data.arrays[n] for n in names})


def _model(data: Dataset, **settings: Any) -> GAN:
    model = GAN(data.space, GANConfig(**{**SMALL, **settings}))
    model.start(torch_generator(0, "gan"))
    return model


def _loss(model: GAN, phase: str, n: int = 32) -> torch.Tensor:
    rows = model.prepare(_only(_data(), *model.space).take(slice(0, n)))
    return model.loss(rows, torch_generator(1, "loss"), phase)


@pytest.mark.parametrize("trunk", ["conv", "dense"])
@pytest.mark.parametrize(
    ("loss", "of_discriminator", "of_generator"),
    [("non_saturating", 2 * math.log(2), math.log(2)), ("hinge", 2.0, 0.0), ("relativistic", math.log(2), math.log(2))],
)
def test_a_discriminator_that_knows_nothing(trunk, loss, of_discriminator, of_generator) -> None:  # type: ignore[no-untyped-def]
    model = _model(_data(), trunk=trunk, loss=loss)
    with torch.no_grad():
        for p in model.net.discriminator.parameters():
            p.zero_()
    torch.testing.assert_close(_loss(model, "discriminator"), torch.full((32,), of_discriminator))
    torch.testing.assert_close(_loss(model, "generator"), torch.full((32,), of_generator))


def test_a_share_of_the_rows_is_penalised_and_counts_more() -> None:
    """The terms of the first half are twice those of a training that penalises all rows."""
    settings = {"penalised": 1.0, "gradient_penalty": 2.0, "fake_penalty": 3.0}
    data = _data()
    without = _loss(_model(data, gradient_penalty=0.0, fake_penalty=0.0), "discriminator")
    whole = _loss(_model(data, **settings), "discriminator") - without
    half = _loss(_model(data, **{**settings, "penalised": 0.5}), "discriminator") - without
    assert (whole > 1e-6).all()
    torch.testing.assert_close(half[:16], 2 * whole[:16], rtol=1e-4, atol=1e-5)
    assert half[16:].abs().max() < 1e-5


def test_both_penalties_are_of_their_own_rows() -> None:
    """R1 and R2 of the same rows, drawn ones put in the place of real ones, are equal."""
    model = _model(_only(_data(), "image"), gradient_penalty=2.0, fake_penalty=0.0, penalised=1.0)
    rows = model.prepare(_only(_data(), "image").take(slice(0, 8)))
    real, known = model._real(rows, torch_generator(0, "r")), torch.zeros(8, 0)
    losses = {}
    for r1, r2 in ((0.0, 0.0), (2.0, 0.0), (0.0, 2.0)):
        model.config = replace(model.config, gradient_penalty=r1, fake_penalty=r2)
        losses[r1, r2] = model._of_pairs(real, real, known)[0]
    torch.testing.assert_close(losses[2.0, 0.0], losses[0.0, 2.0])
    assert (losses[2.0, 0.0] > losses[0.0, 0.0]).all()


def test_the_discriminator_sees_of_a_draw_what_will_be_drawn() -> None:
    x = torch.linspace(-0.99, 0.99, 50).view(1, 1, 5, 10).requires_grad_()
    seen = _rounded(x, 17)
    codes = (seen.detach() + 1) * 8
    torch.testing.assert_close(codes, codes.round())
    assert float((seen - x).detach().abs().max()) <= 1 / 16 + 1e-6
    seen.sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x))


def test_the_dense_trunk_is_the_textbooks() -> None:
    """100 → 256 → 784 with a tanh, and 784 → 256 → 1."""
    space = Space({"image": Field(Pixels(256), (1, 28, 28))})
    model = GAN(space, GANConfig(n_noise=100, n_hidden=256, n_layers=1, trunk="dense", activation="relu"))
    shapes = [
        sorted(tuple(p.shape) for p in model.parameters(phase) if p.dim() > 1 and p.numel() > 8)
        for phase in model.phases
    ]
    assert shapes == [[(1, 256), (256, 784)], [(256, 100), (784, 256)]]


@pytest.mark.parametrize("trunk", ["conv", "dense"])
def test_colours_and_odd_sizes(trunk: str) -> None:
    space = Space({"a": Field(Pixels(4), (3, 9, 5)), "b": Field(Pixels(2), (1, 4, 4))})
    model = GAN(space, GANConfig(**SMALL, trunk=trunk))  # type: ignore[arg-type]
    model.start(torch_generator(0, "gan"))
    rows = model.sample(10, {}, torch_generator(1, "draw"))
    assert space.check(rows) == 10
    assert rows["a"].dtype == torch.uint8
    for phase in model.phases:
        assert model.loss(model.prepare(rows), torch_generator(2, "loss"), phase).shape == (10,)


def test_it_learns_pictures_with_what_stands_beside_them() -> None:
    data = _only(_data(800), "image", "label", "side")
    model = GAN(data.space, GANConfig(width=8, n_hidden=32, n_noise=8))
    settings = TrainingConfig(batch_size=64, learning_rate=2e-3, weight_decay=0.0, n_evaluations=10, ema=0.99)
    outcome = train(model, data, Plan(settings, Budget(steps=200)), lambda done, line: None)
    last = outcome.log[-1]
    assert last["distance"] < 0.25 < outcome.log[0]["distance"]
    assert last["variety"] > 0.5
    label = torch.arange(400) % 2
    rows = model.sample(400, {"label": label}, torch_generator(4, "draw"))
    assert torch.equal(rows["label"], label)
    quarters = rows["image"][:, 0].float().unflatten(1, (2, 4)).unflatten(3, (2, 4)).mean((2, 4))  # (400, 2, 2)
    assert float((quarters.sum(2).argmax(1) == label).float().mean()) > 0.95
    agrees = float((quarters.sum(1).argmax(1) == rows["side"]).float().mean())
    assert agrees > 0.5 + 5 * 0.5 / 400**0.5  # they are drawn together, not each for itself


class Killed(Exception):
    pass


@pytest.mark.parametrize("settings", [{"spectral_norm": True, "loss": "hinge"}, {"augment": ("flip", "shift")}])
def test_a_training_that_goes_on_ends_with_the_same_bits(settings: dict[str, Any], tmp_path: Path) -> None:
    data = _data()
    config = TrainingConfig(batch_size=16, n_evaluations=5, checkpoint_seconds=0.0)
    plan = Plan(config, Budget(steps=20), checkpoint=tmp_path / "c")

    def kill(done: float, line: str) -> None:
        if line.startswith("step 12 "):
            raise Killed

    whole, cut = (GAN(data.space, GANConfig(**SMALL, **settings)) for _ in range(2))
    train(whole, data, replace(plan, checkpoint=None), lambda done, line: None)
    with pytest.raises(Killed):
        train(cut, data, plan, kill)
    again = GAN(data.space, GANConfig(**SMALL, **settings))
    train(again, data, replace(plan, resume=True), lambda done, line: None)
    assert all(torch.equal(x, again.state()[name]) for name, x in whole.state().items())


def test_directions_of_spectral_normalisation_follow_the_weights_and_are_saved() -> None:
    data = _data()
    model = GAN(data.space, GANConfig(**SMALL, spectral_norm=True))
    train(model, data, Plan(TrainingConfig(batch_size=16), Budget(steps=20)), lambda done, line: None)
    spectral = model.net.spectral
    assert spectral is not None
    assert any(name.startswith("spectral.") for name in model.state())
    model.net.train()
    for _ in range(100):
        model.anneal(0.0)
    for weight in spectral.weights(model.net.discriminator).values():
        assert abs(float(torch.linalg.svdvals(weight.detach().flatten(1))[0]) - 1) < 0.01
    before = [u.clone() for u in spectral.buffers()]
    model.net.eval()
    model.anneal(0.0)
    assert all(torch.equal(a, b) for a, b in zip(before, spectral.buffers(), strict=True))


def test_two_time_scales() -> None:
    """The first step of Adam is as long as the learning rate, whatever the gradient."""
    data = _data()
    model = GAN(data.space, GANConfig(**SMALL, discriminator_rate=3.0))
    model.start(torch_generator(0, "start"))
    before = {p: [x.detach().clone() for x in model.parameters(p)] for p in model.phases}
    config = TrainingConfig(batch_size=16, learning_rate=1e-4, lr_warmup=0.0, weight_decay=0.0, ema=0.0)
    train(model, data, Plan(config, Budget(steps=1)), lambda done, line: None)
    moved = {
        p: max(float((a - b).abs().max()) for a, b in zip(before[p], model.parameters(p), strict=True))
        for p in model.phases
    }
    assert abs(moved["generator"] - 1e-4) < 2e-6
    assert abs(moved["discriminator"] - 3e-4) < 6e-6


def test_the_discriminator_is_told_how_much_pictures_differ() -> None:
    model = _model(_only(_data(), "image"), minibatch_std=True)
    rows = model.prepare(_only(_data(), "image").take(slice(0, 16)))
    real = model._real(rows, torch_generator(0, "r"))
    alike = [x[:1].expand_as(x) for x in real]
    apart = [float(model._judged(x, torch.zeros(16, 0))[0][0]) for x in (real, alike)]
    assert apart[0] != apart[1]
    plain = _model(_only(_data(), "image"))
    same = [float(plain._judged(x, torch.zeros(16, 0))[0][0]) for x in (real, alike)]
    assert abs(same[0] - same[1]) < 1e-5


@pytest.mark.parametrize("penalised", [0.5, 1.0])
def test_a_classifier_that_knows_nothing_adds_the_logarithm_of_the_classes(penalised: float) -> None:
    plain, watched = (_model(_data(), auxiliary=a, penalised=penalised) for a in (0.0, 2.0))
    watched.net.load_state_dict({**watched.net.state_dict(), **plain.net.state_dict()})
    with torch.no_grad():
        for p in watched.net.discriminator.classify.parameters():  # type: ignore[union-attr]
            p.zero_()
    for phase in plain.phases:
        more = _loss(watched, phase) - _loss(plain, phase)
        torch.testing.assert_close(more, torch.full((32,), 2 * math.log(2)), rtol=1e-4, atol=1e-4)


def test_what_is_left_open_is_chosen_by_the_columns() -> None:
    data = _data()
    of_pictures, settings = GAN.suited(GANConfig(), data, None)
    assert settings["batch_size"] < 512
    of_tables, settings = GAN.suited(GANConfig(), _only(data, "label", "bright"), None)
    assert (of_pictures.auxiliary, of_tables.auxiliary) == (0.2, 0.0)
    assert settings == {}
    assert GAN.suited(GANConfig(auxiliary=0.0), data, None)[0].auxiliary == 0.0


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="penalised"):
        GANConfig(penalised=1.5)
    with pytest.raises(ConfigError, match="fake_penalty"):
        GANConfig(fake_penalty=-1.0)
    with pytest.raises(UnsupportedError, match="picture 'image'"):
        GAN(_data().space.given(["image"]))


@pytest.mark.parametrize("names", [("image",), ("image", "label", "side", "bright")])
@pytest.mark.parametrize("n_layers", [0, 1, 3])
@pytest.mark.parametrize("trunk", ["conv", "dense"])
def test_it_says_how_large_it_is(trunk: str, n_layers: int, names: tuple[str, ...]) -> None:
    """Hidden layers are as many as rows pass activations; of dense networks nothing is said of channels."""
    how = {"activation": "tanh", "loss": "non_saturating", "spectral_norm": True}
    model = _model(_only(_data(), *names), trunk=trunk, n_layers=n_layers, **how)
    passed: list[str] = []
    for side in model.phases:
        for part in getattr(model.net, side).modules():
            if isinstance(part, torch.nn.Tanh):
                part.register_forward_hook(lambda *_, side=side: passed.append(side))
    _loss(model, "generator")
    found = model.describe()
    depths = f"{passed.count('generator')} in the generator, {passed.count('discriminator')} in the discriminator"
    assert found["hidden layers"] == depths
    assert found["parameters"] == sum(p.numel() for p in model.net.parameters())
    assert found["parameters"] == sum(found[f"parameters of the {side}"] for side in model.phases)
    assert (found["latents"], found["units"]) == (8, 16)
    assert found["trunk"] == trunk
    assert found.get("channels at the first level") == (4 if trunk == "conv" else None)
