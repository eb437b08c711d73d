"""Flow matching against closed forms: without weights it is the flow of a normal distribution."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal, norm

from genwright.core.dataset import Dataset
from genwright.core.errors import ConfigError, UnsupportedError
from genwright.core.rng import torch_generator
from genwright.core.space import Category, Field, Pixels, Real, Space
from genwright.models.flow_matching import FlowMatching, FlowMatchingConfig
from genwright.nn.gaussian_velocity import GaussianVelocity
from genwright.nn.mlp import initialise
from genwright.training.budget import Budget
from genwright.training.config import TrainingConfig
from genwright.training.loop import train
from genwright.training.plan import Plan


def silent(done: float, line: str) -> None:
    pass


def numbers(x: np.ndarray) -> Dataset:
    """Continuous columns (N, D)."""
    fields, arrays = {}, {}
    for j, column in enumerate(x.T):
        q = tuple(np.quantile(column, np.linspace(0, 1, 65)))
        fields[f"x{j}"] = Field(Real(low=q[0], high=q[-1], quantiles=q))
        arrays[f"x{j}"] = np.ascontiguousarray(column)
    return Dataset(Space(fields), arrays)


def correlated(n: int = 4_000, d: int = 3) -> Dataset:
    rng = np.random.default_rng(0)
    return numbers(rng.normal(size=(n, d)) @ rng.normal(size=(d, d)))


def looked(data: Dataset, **settings) -> FlowMatching:
    """A model that has seen means and covariances, and learnt nothing."""
    model = FlowMatching(data.space, FlowMatchingConfig(n_hidden=8, n_layers=1, **settings))
    model.look(data)
    return model


def covariance(model: FlowMatching) -> np.ndarray:
    normal = model.net.normal
    return ((normal.axes * normal.var) @ normal.axes.T).double().numpy()


def normal_log_prob(model: FlowMatching, rows: dict[str, torch.Tensor]) -> np.ndarray:
    """Log density of rows whose scores are normal."""
    ready = model.prepare(rows)
    p = multivariate_normal(model.net.normal.mean.double().numpy(), covariance(model))
    return p.logpdf(ready["z"].numpy()) + ready["log_slope"].double().sum(1).numpy()


def test_without_weights_the_density_is_that_of_a_normal_distribution():
    data = correlated()
    model, rows = looked(data, n_bound_steps=60, n_importance=1), data.take(slice(0, 200))
    found = model.bound(rows, torch_generator(0, "bound")).numpy()
    np.testing.assert_allclose(found, normal_log_prob(model, rows), atol=0.02)


def test_the_densitys_error_falls_with_the_square_of_the_steps():
    data = correlated()
    rows, errors = data.take(slice(0, 50)), []
    for n in (10, 20, 40):
        model = looked(data, n_bound_steps=n, n_importance=1)
        found = model.bound(rows, torch_generator(0, "bound")).numpy()
        errors.append(np.abs(found - normal_log_prob(model, rows)).mean())
    assert errors[0] < 0.1
    assert (np.log2(errors[:-1]) - np.log2(errors[1:]) > 1.6).all()


def test_hutchinsons_bound_has_the_exact_ones_expectation():
    data = correlated()
    row = {name: x.expand(3_000) for name, x in data.take(slice(0, 1)).items()}
    exact = looked(data, n_importance=1).bound(row, torch_generator(0, "b"))
    guessed = looked(data, exact_dim=0).bound(row, torch_generator(0, "b"))
    error = float(guessed.std()) / math.sqrt(len(guessed))
    assert 0 < error < 0.05
    assert abs(float(guessed.mean() - exact.mean())) < 5 * error


def test_without_weights_the_loss_is_what_normal_rows_leave_open():
    """Var(x_1 − x_0 | x_t) = 1 / ((1 − t)² + t²) for standard normal rows; its mean over t is π / 2."""
    n = 40_000
    model = looked(numbers(np.random.default_rng(0).normal(size=(2_000, 2))))
    model.net.normal.mean.zero_()
    model.net.normal.var.fill_(1)
    z = torch.randn(n, 2, generator=torch_generator(0, "z"))
    rows = {key: torch.zeros(n, 2) for key in ("z_low", "z_high", "log_width", "log_slope")}
    with torch.no_grad():
        loss = model.loss({"codes": torch.zeros(n, 2, dtype=torch.int64), "z": z, **rows}, torch_generator(1, "loss"))
    error = float(loss.std()) / math.sqrt(n)
    assert abs(float(loss.mean()) - math.pi / 2) < 5 * error


@pytest.mark.parametrize("sampler", ["adams", "euler", "heun"])
def test_draws_of_normal_rows_have_their_covariance(sampler: str):
    data, n = correlated(), 4_000
    model = looked(data, sampler=sampler, n_calls=40)
    drawn = model.prepare(model.sample(n, {}, torch_generator(0, "draw")))["z"].numpy()
    expected, found = covariance(model), np.cov(drawn.T)
    error = np.sqrt((expected**2 + np.outer(np.diag(expected), np.diag(expected))) / n)
    assert (np.abs(found - expected) < 5 * error + 0.04 * np.abs(expected).max()).all()


@pytest.mark.parametrize(
    ("sampler", "n_calls", "seen"), [("adams", 10, 10), ("heun", 10, 9), ("heun", 9, 9), ("euler", 7, 7)]
)
def test_a_draw_takes_as_many_evaluations_as_are_allowed(sampler: str, n_calls: int, seen: int):
    model = looked(correlated(), sampler=sampler, n_calls=n_calls)
    calls: list[int] = []
    model.net.register_forward_hook(lambda *_: calls.append(1))
    model.sample(5, {}, torch_generator(0, "draw"))
    assert len(calls) == seen


def test_rows_are_their_latents():
    data = correlated()
    model, rows = looked(data, n_calls=199, n_bound_steps=100), data.take(slice(0, 50))
    latents = model.encode(rows)
    z = model.prepare(rows)["z"].double().numpy() - model.net.normal.mean.double().numpy()
    white = (latents.double().numpy() ** 2).sum(1)
    np.testing.assert_allclose(white, (z * np.linalg.solve(covariance(model), z.T).T).sum(1), rtol=0.03, atol=0.03)
    again = model.prepare(model.decode(latents, torch_generator(0, "decode")))["z"]
    torch.testing.assert_close(again, model.prepare(rows)["z"], atol=0.03, rtol=0)


def test_inpainted_cells_follow_the_known_ones():
    """Beside E and Var of a normal distribution's coordinate given another."""
    data, n = correlated(d=2), 1_500
    model = looked(data)
    row = {name: x.expand(n).clone() for name, x in data.take(slice(7, 8)).items()}
    known = {"x0": torch.ones(n, dtype=torch.bool), "x1": torch.zeros(n, dtype=torch.bool)}
    drawn = model.inpaint(row, known, torch_generator(0, "inpaint"), n_steps=30, n_turns=5)
    assert torch.equal(drawn["x0"], row["x0"])
    z = model.prepare(drawn)["z"]
    cov, mean = covariance(model), model.net.normal.mean
    expected = float(mean[1]) + cov[1, 0] / cov[0, 0] * float(z[0, 0] - mean[0])
    spread = math.sqrt(cov[1, 1] - cov[1, 0] ** 2 / cov[0, 0])
    assert abs(float(z[:, 1].mean()) - expected) < 0.2 * spread
    assert abs(float(z[:, 1].std()) / spread - 1) < 0.25


def test_of_large_pictures_fewer_rows_are_counted(monkeypatch: pytest.MonkeyPatch):
    """Their axes cost as many rows cubed."""
    x = np.zeros((4_100, 1, 33, 33), np.uint8)
    data, seen = Dataset(Space({"image": Field(Pixels(2), (1, 33, 33))}), {"image": x}), []
    monkeypatch.setattr(GaussianVelocity, "fit", lambda self, x: seen.append(x.shape))
    looked(data, width=8)
    assert seen == [(2_000, 33 * 33)]


def given_classes(n: int = 1_500) -> Dataset:
    rng = np.random.default_rng(0)
    c = rng.integers(0, 3, n)
    field = numbers(rng.normal(3.0 * c, 0.3)[:, None])
    space = Space({"c": Field(Category(3), is_given=True), "x": field.space["x0"]})
    return Dataset(space, {"c": c, "x": field.arrays["x0"]})


def small(data: Dataset, steps: int, **settings) -> FlowMatching:
    model = FlowMatching(data.space, FlowMatchingConfig(n_hidden=64, width=8, **settings))
    plan = Plan(TrainingConfig(n_validation=0, batch_size=128, learning_rate=3e-3), Budget(steps=steps))
    train(model, data, plan, silent)
    return model


def test_a_column_that_is_always_given_is_followed():
    model = small(given_classes(), 300)
    given = {"c": torch.arange(3).repeat_interleave(400)}
    rows = model.sample(1_200, given, torch_generator(0, "given"))
    assert torch.equal(rows["c"], given["c"])
    np.testing.assert_allclose(rows["x"].view(3, 400).mean(1), [0, 3, 6], atol=0.35)


def test_guidance_stands_between_what_is_hidden_and_what_is_told():
    data = given_classes()
    model = looked(data)
    initialise(model.net, torch_generator(0, "start"))
    known = model._known(model.prepare(data.take(slice(0, 6))), 6)
    x = torch.randn(6, 1, generator=torch_generator(0, "x"))
    with torch.no_grad():
        told, hidden, half, twice = (model._velocity(known, s)(x, 0.4) for s in (1.0, 0.0, 0.5, 2.0))
    assert float((told - hidden).abs().max()) > 1e-3
    torch.testing.assert_close(half, (told + hidden) / 2)
    torch.testing.assert_close(twice, 2 * told - hidden)


def lamps(n: int = 600) -> Dataset:
    """Pictures that are bright above where the category is 1 and below where it is 0, and how bright as a number."""
    rng = np.random.default_rng(0)
    label, bright = rng.integers(0, 2, n), rng.uniform(100, 200, n)
    x = np.zeros((n, 1, 6, 5))
    x[:, 0] = np.where((np.arange(6) < 3)[None, :, None] == (label == 1)[:, None, None], bright[:, None, None], 20)
    x = (x + rng.normal(0, 3, x.shape)).clip(0, 255).round().astype(np.uint8)
    fields = {
        "image": Field(Pixels(), (1, 6, 5)),
        "label": Field(Category(2)),
        "bright": numbers(bright[:, None]).space["x0"],
    }
    return Dataset(Space(fields), {"image": x, "label": label, "bright": bright})


@pytest.fixture(scope="module")
def lamp() -> FlowMatching:
    return small(lamps(), 150)


def test_pictures_and_other_columns_of_a_row_belong_together(lamp: FlowMatching):
    data, model = lamps(), lamp
    drawn = model.sample(200, {}, torch_generator(0, "draw"))
    assert data.space.check(drawn) == 200
    halves = drawn["image"].double().view(200, 2, 15).mean(2)
    is_above = halves[:, 0] > halves[:, 1]
    assert float((is_above == (drawn["label"] == 1)).double().mean()) > 0.9
    seen = halves.max(1).values
    assert np.corrcoef(seen, drawn["bright"])[0, 1] > 0.8


def test_known_pixels_stay_and_the_others_fit_them(lamp: FlowMatching):
    data, model = lamps(), lamp
    batch = data.take(slice(0, 40))
    known = {"image": torch.zeros(40, 6, 5, dtype=torch.bool), "bright": torch.zeros(40, dtype=torch.bool)}
    known["image"][:, :3] = True
    drawn = model.inpaint(batch, known, torch_generator(0, "inpaint"))
    assert torch.equal(drawn["label"], batch["label"])
    assert torch.equal(drawn["image"][:, :, :3], batch["image"][:, :, :3])
    error = (drawn["image"][:, :, 3:].double() - batch["image"][:, :, 3:].double()).abs().mean()
    assert float(error) < 30  # 65 where halves are mistaken for each other half of the time
    assert np.corrcoef(drawn["bright"], batch["bright"])[0, 1] > 0.5


def test_moved_pictures_are_foretold_as_well_as_pictures_with_the_same_edges():
    """What never changes at the edges of pictures does so in moved ones."""
    x = np.zeros((400, 1, 8, 8), np.uint8)
    x[:, :, 1:7, 1:7] = np.random.default_rng(0).integers(0, 17, (400, 1, 6, 6))
    data = Dataset(Space({"x": Field(Pixels(17), (1, 8, 8))}), {"x": x})
    model = looked(data, width=8, augment=("shift",))
    model.start(torch_generator(0))
    model.net.train()
    rows = model.prepare(data.take(slice(None)))
    losses = [float(model.loss(rows, torch_generator(k)).detach().max()) for k in range(5)]
    assert max(losses) < 10  # 54 to 82 where moved pictures count as normal rows of those that were not


def test_draws_show_no_augmentation():
    """Pictures that are bright on the left, mirrored while training: none is drawn bright on the right."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.integers(180, 256, (200, 1, 4, 2)), rng.integers(0, 60, (200, 1, 4, 2))], 3)
    data = Dataset(Space({"image": Field(Pixels(256), (1, 4, 4))}), {"image": x.astype(np.uint8)})
    model = small(data, 60, augment=("flip",))
    drawn = model.sample(100, {}, torch_generator(0))["image"].float()
    assert (drawn[..., :2].mean((1, 2, 3)) > drawn[..., 2:].mean((1, 2, 3)) + 60).all()


def test_the_network_is_told_how_pictures_were_changed(monkeypatch: pytest.MonkeyPatch):
    model = looked(lamps(20), width=8, augment=("flip",))
    seen, forward = [], model.net.forward
    monkeypatch.setattr(model.net, "forward", lambda *a: seen.append(a) or forward(*a))
    rows = model.prepare(lamps(20).take(slice(0, 20)))
    for is_training in (True, False):
        model.net.train(is_training)
        model.loss(rows, torch_generator(0))
    assert set(seen[0][4][:, 0].tolist()) == {0.0, 1.0}
    assert seen[1][4] is None
    assert looked(lamps(20), width=8).net.n_changes == 0


def test_times_lie_even_or_towards_the_middle():
    space = correlated().space
    even, middle, mixed = (
        FlowMatching(space, FlowMatchingConfig(time_sampling=how))._times(10_000, torch_generator(0, "t"))
        for how in ("uniform", "logit-normal", "mixed")
    )
    np.testing.assert_allclose(np.quantile(even, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.01)
    ends = 1 / (1 + math.exp(1.2816))
    np.testing.assert_allclose(np.quantile(middle, [0.1, 0.5, 0.9]), [ends, 0.5, 1 - ends], atol=0.01)
    below = 0.5 * ends + 0.5 * norm.cdf(math.log(ends / (1 - ends)))  # P(t < ends): half even, half logit-normal
    assert abs(float((mixed < ends).double().mean()) - below) < 5 * math.sqrt(below * (1 - below) / 10_000)
    spaces = {"tables": space, "pictures": lamps(20).space}
    usual = {name: FlowMatching(s)._times(10_000, torch_generator(0, "t")) for name, s in spaces.items()}
    assert torch.equal(usual["tables"], even)
    assert torch.equal(usual["pictures"], mixed)


@pytest.mark.parametrize(
    "settings",
    [
        {"width": 12},
        {"n_calls": 0},
        {"drop_given": 1.0},
        {"guidance_scale": -1.0},
        {"guidance_scale": math.inf},
        {"guidance_scale": 2.0, "drop_given": 0.0},
        {"time_power": 0.0},
        {"time_skew": 0.0},
        {"patch": -1},
    ],
)
def test_settings_out_of_range_are_refused(settings: dict):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        FlowMatchingConfig(**settings)


def test_pictures_that_are_given_are_refused_by_name():
    space = Space({"photo": Field(Pixels(), (1, 8, 8), is_given=True), "c": Field(Category(2))})
    with pytest.raises(UnsupportedError, match="photo"):
        FlowMatching(space)
