"""The variational auto-encoder on pictures: integrals over a latent, gradients of bounds, what is given, draws."""

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

import genwright as gw
from genwright.core.dataset import Dataset
from genwright.core.errors import ConfigError, UnsupportedError
from genwright.core.rng import torch_generator
from genwright.core.space import Category, Field, Pixels, Real, Space
from genwright.models.vae import VAE, VAEConfig
from genwright.nn.latent_prior import LatentPrior
from genwright.nn.mlp import initialise, untrained
from genwright.training.budget import Budget
from genwright.training.config import TrainingConfig
from genwright.training.gain import gain_over_marginals
from genwright.training.loop import train
from genwright.training.plan import Plan
from tests.pictures import shapes


def silent(done: float, line: str) -> None:
    pass


def _tiny(**settings) -> VAE:
    """One latent, 16 pictures beside a category of three, decisive random weights."""
    space = Space({"image": Field(Pixels(2), (1, 2, 2)), "a": Field(Category(3))})
    model = VAE(space, VAEConfig(latent_dim=1, n_hidden=8, n_layers=1, n_components=3, n_importance=500, **settings))
    initialise(model.net, torch_generator(3, "tiny"))
    with torch.no_grad():
        model.net.pictures.nets[0].last.weight.mul_(12)
        model.net.head.codes.weight.mul_(30)
    return model


def _all_rows() -> dict[str, torch.Tensor]:
    grid = torch.cartesian_prod(*[torch.arange(2)] * 4, torch.arange(3))
    return {"image": grid[:, :4].reshape(48, 1, 2, 2).to(torch.uint8), "a": grid[:, 4]}


def _integrated(model: VAE, rows: dict[str, torch.Tensor]) -> np.ndarray:
    """log p(row) by integrating over the latent."""
    ready, z = model.prepare(rows), torch.linspace(-9, 9, 3001).unsqueeze(1)
    known, found = torch.zeros(len(z), 0), []
    with torch.no_grad():
        log_prior = model.net.prior.log_prob(z, known)
        for i in range(len(rows["a"])):
            one = {k: x[i : i + 1].expand(len(z), *x.shape[1:]) for k, x in ready.items()}
            each = model.net.log_likelihood(z, known, one) + log_prior
            found.append(each.double().logsumexp(0) + math.log(18 / 3000))
    return torch.stack(found).numpy()


@pytest.mark.parametrize("prior", ["normal", "mixture"])
def test_the_bound_nears_the_integral_from_below_and_draws_follow_it(prior: str) -> None:
    model, rows, n = _tiny(prior=prior), _all_rows(), 30_000
    exact = _integrated(model, rows)
    assert np.exp(exact).sum() == pytest.approx(1, abs=1e-3)
    bounds = torch.stack([model.bound(rows, torch_generator(i, "bound")) for i in range(8)]).numpy()
    error = bounds.std(0, ddof=1) / 8**0.5
    assert (bounds.mean(0) < exact + 5 * error).all()
    assert np.abs(bounds.mean(0) - exact).mean() < 0.06
    elbos = np.stack([-model.loss(model.prepare(rows), torch_generator(i, "elbo")).detach() for i in range(50)])
    assert (elbos.mean(0) < exact + 5 * elbos.std(0) / 50**0.5).all()
    assert elbos.mean() < bounds.mean()
    drawn = model.sample(n, {}, torch_generator(0, "draws"))
    code = drawn["image"].flatten(1).long() @ torch.tensor([24, 12, 6, 3]) + drawn["a"]
    share, p = np.bincount(code.numpy(), minlength=48) / n, np.exp(exact)
    assert (np.abs(share - p) < 5 * np.sqrt(p * (1 - p) / n) + 1e-4).all()


def test_weighted_proposals_agree_with_the_exact_conditional() -> None:
    """p(image | a = 1), and p(a | image)."""
    model, n = _tiny(), 30_000
    p = np.exp(_integrated(model, _all_rows())).reshape(16, 3)
    rows, log_weight = model.propose(n, {"a": torch.ones(n, dtype=torch.int64)}, torch_generator(1, "given"))
    w = (log_weight - log_weight.max()).exp().numpy()
    code = rows["image"].flatten(1).long() @ torch.tensor([8, 4, 2, 1])
    _agree(np.bincount(code.numpy(), weights=w, minlength=16), p[:, 1], w)
    image = torch.tensor([1, 0, 0, 1], dtype=torch.uint8).view(1, 1, 2, 2).expand(n, -1, -1, -1)
    rows, log_weight = model.propose(n, {"image": image}, torch_generator(2, "given"))
    assert torch.equal(rows["image"], image)
    w = (log_weight - log_weight.max()).exp().numpy()
    _agree(np.bincount(rows["a"].numpy(), weights=w, minlength=3), p[0b1001], w)


def _agree(weight: np.ndarray, p: np.ndarray, w: np.ndarray) -> None:
    p, share, n_effective = p / p.sum(), weight / w.sum(), w.sum() ** 2 / (w**2).sum()
    assert (np.abs(share - p) < 5 * np.sqrt(p * (1 - p) / n_effective) + 1e-3).all()


def test_the_tight_bound_has_the_gradient_of_its_mean() -> None:
    """Tucker et al.'s estimate beside autograd through the bound itself, within five standard errors of many draws."""
    model = _tiny(prior="mixture", n_train_importance=3, warmup=0.0)
    one = {k: x[7:8] for k, x in model.prepare(_all_rows()).items()}
    weight = model.net.encoder[0].bias, model.net.decoder[0].bias, model.net.prior.mean
    n = 20_000
    rows = {k: x.expand(n, *x.shape[1:]) for k, x in one.items()}
    parts: dict[str, list[torch.Tensor]] = {"theirs": [], "plain": []}
    for i in range(12):
        g = torch_generator(i, "gradient")
        parts["theirs"].append(_flat(torch.autograd.grad(model.loss(rows, g).mean(), weight)))
        parts["plain"].append(_flat(torch.autograd.grad(_plain_bound(model, rows, g).mean(), weight)))
    mean = {k: torch.stack(v).mean(0) for k, v in parts.items()}
    error = sum(torch.stack(v).var(0) / len(v) for v in parts.values()).sqrt()
    assert float(mean["plain"].abs().max()) > 20 * float(error.max())  # there is something to tell
    assert ((mean["theirs"] - mean["plain"]).abs() < 5 * error + 1e-5).all()


def _flat(parts: tuple[torch.Tensor, ...]) -> torch.Tensor:
    return torch.cat([p.flatten() for p in parts])


def _plain_bound(model: VAE, rows: dict[str, torch.Tensor], g: torch.Generator) -> torch.Tensor:
    mu, log_s = model.net.posterior(rows, known := torch.zeros(len(rows["codes"]), 0))
    q = torch.distributions.Normal(mu, log_s.exp())
    log_w = []
    for _ in range(3):
        z = mu + log_s.exp() * torch.randn(mu.shape, generator=g)
        log_ratio = model.net.prior.log_prob(z, known) - q.log_prob(z).sum(1)
        log_w.append(log_ratio + model.net.log_likelihood(z, known, rows))
    return -(torch.stack(log_w).logsumexp(0) - math.log(3))


def test_the_learnt_prior_is_the_mixture_that_torch_knows() -> None:
    prior, known = untrained(lambda: LatentPrior(3, 4, 2)), torch.randn(6, 2, generator=torch_generator(0))
    initialise(prior, torch_generator(1))
    with torch.no_grad():
        prior.log_scale.copy_(0.4 * torch.randn(4, 3, generator=torch_generator(2)))
        prior.weights.weight.mul_(20)
    D = torch.distributions
    parts = D.Independent(D.Normal(prior.mean, prior.log_scale.exp()), 1)
    z = torch.randn(6, 3, generator=torch_generator(3))
    n = 40_000
    for i in range(2):
        mixture = D.MixtureSameFamily(D.Categorical(logits=prior.weights(known[i]) + prior.bias), parts)
        torch.testing.assert_close(prior.log_prob(z, known)[i], mixture.log_prob(z[i]))
        drawn = prior.sample(n, known[i : i + 1].expand(n, -1), torch_generator(4))
        error = (mixture.variance / n) ** 0.5
        assert ((drawn.mean(0) - mixture.mean).abs() < 5 * error).all()
        torch.testing.assert_close(drawn.var(0), mixture.variance, rtol=0.05, atol=0)


def _digits(is_given: bool = True) -> Dataset:
    found = load_digits()
    space = Space({"image": Field(Pixels(17), (1, 8, 8)), "label": Field(Category(10), is_given=is_given)})
    return Dataset(space, {"image": found.images.astype(np.uint8)[:, None], "label": found.target.astype(np.int64)})


def _of_digits(**settings) -> VAE:
    data = _digits()
    model = VAE(data.space, VAEConfig(n_hidden=128, n_layers=1, n_importance=8, **settings))
    train(model, data, Plan(TrainingConfig(batch_size=128, n_evaluations=5), Budget(steps=300)), silent)
    return model


@pytest.fixture(scope="module")
def digits() -> VAE:
    return _of_digits(latent_dim=16, n_mixture=1)


def test_draws_of_a_class_are_told_for_that_class() -> None:
    data, model = _digits(), _of_digits(latent_dim=4, pixels="bernoulli", binarise=False)
    flat = data.arrays["image"].reshape(len(data), -1) / 16.0
    judge = LogisticRegression(max_iter=200).fit(flat, data.arrays["label"])
    label = torch.arange(10).repeat(30)
    rows = model.sample(300, {"label": label}, torch_generator(0, "class"))
    assert torch.equal(rows["label"], label)
    assert (judge.predict(rows["image"].flatten(1).numpy() / 16.0) == label.numpy()).mean() > 0.9


def test_latents_bring_a_picture_back(digits: VAE) -> None:
    batch = _digits().take(slice(0, 100))
    again = digits.decode(digits.encode(batch), torch_generator(0), {"label": batch["label"]})["image"]
    x, y = (b.flatten(1).float() for b in (batch["image"], again))
    assert (torch.cdist(y, x).argmin(1) == torch.arange(100)).float().mean() > 0.6  # 0.01 by chance, 0.1 by class


def test_a_picture_has_a_higher_bound_than_a_shuffled_one(digits: VAE) -> None:
    batch = _digits().take(slice(0, 60))
    mixed = batch["image"].flatten(1)[:, torch.randperm(64, generator=torch_generator(0))].view_as(batch["image"])
    own, other = (digits.bound({**batch, "image": x}, torch_generator(1)) for x in (batch["image"], mixed))
    assert (own > other + 20).float().mean() > 0.95


def _grey(**settings) -> VAE:
    model = VAE(Space({"image": Field(Pixels(256), (1, 14, 14))}), VAEConfig(n_hidden=16, width=4, **settings))
    model.start(torch_generator(0))
    return model


def test_grey_pictures_are_drawn_as_asked() -> None:
    drawn = {
        noise: _grey(pixels="bernoulli", noise=noise).sample(20, {}, torch_generator(0))["image"]
        for noise in ("auto", "mean", "draw")
    }
    assert torch.equal(drawn["auto"], drawn["mean"])
    assert set(drawn["draw"].unique().tolist()) == {0, 255}
    assert ((drawn["mean"] > 20) & (drawn["mean"] < 235)).any()
    share = (drawn["draw"] == 255).float().mean()
    assert float(share) == pytest.approx(float(drawn["mean"].float().mean()) / 255, abs=5 * (0.25 / 3920) ** 0.5)


def test_bounds_say_what_they_are_of() -> None:
    for model, word, is_of_rows in (
        (_grey(pixels="bernoulli"), "made binary", False),
        (_grey(pixels="bernoulli", binarise=False), "grey taken for a probability", False),
        (_grey(), "ELBO", True),
        (_tiny(), "ELBO", True),
    ):
        assert word in model.bound_name
        assert model.bounds_rows == is_of_rows


@pytest.mark.parametrize("binarise", [True, False])
def test_numbers_of_binary_pictures_are_compared_with_none_of_grey_ones(binarise: bool) -> None:
    """Theirs are far smaller, whatever a model has learnt."""
    frame = shapes(60)
    settings = {"pixels": "bernoulli", "binarise": binarise, "n_hidden": 16, "n_importance": 2}
    run = gw.fit(frame, model="vae", steps=4, settings=settings, given="label", judge=False)
    watched = np.arange(4)
    assert gain_over_marginals(run.model, run.train, watched, watched, 0) is None
    assert gw.reconstruct(run, list(frame["image"][:2])).bits_per_dim is None
    with pytest.raises(UnsupportedError, match="bits_per_dim asks for the likelihood of rows, and this model has none"):
        run.judge(judges=["bits_per_dim"])
    with pytest.raises(UnsupportedError, match="no likelihood of these rows; its bound is an importance-weighted"):
        run.log_prob(frame)
    assert run.model.bound(run.train.take(watched), torch_generator(0)).shape == (4,)


def test_protocols_name_the_bound() -> None:
    run = gw.fit(shapes(60), model="vae", steps=4, settings={"n_hidden": 16, "n_importance": 2}, judge=False)
    assert {"(importance-weighted ELBO)" in s.protocol for s in run.judge(judges=["bits_per_dim"])} == {True}


def test_draws_show_no_augmentation() -> None:
    """Pictures that are bright on the left, mirrored while training: none is drawn bright on the right."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.integers(180, 256, (400, 1, 6, 3)), rng.integers(0, 60, (400, 1, 6, 3))], 3)
    space = Space({"image": Field(Pixels(256), (1, 6, 6))})
    config = VAEConfig(latent_dim=2, n_hidden=32, n_layers=1, augment=("flip",), pixels="bernoulli", binarise=False)
    model, settings = VAE(space, config), TrainingConfig(n_evaluations=5, batch_size=100, learning_rate=5e-3)
    train(model, Dataset(space, {"image": x.astype(np.uint8)}), Plan(settings, Budget(steps=150)), silent)
    drawn = model.sample(200, {}, torch_generator(0))["image"].float()
    assert (drawn[..., :3].mean((1, 2, 3)) > drawn[..., 3:].mean((1, 2, 3)) + 60).all()


def test_the_textbook_net_has_the_textbook_weights() -> None:
    space = Space({"image": Field(Pixels(256), (1, 28, 28))})
    textbook = {"trunk": "dense", "latent_dim": 16, "n_hidden": 512, "n_layers": 1, "prior": "normal"}
    model = VAE(space, VAEConfig(pixels="bernoulli", binarise=False, **textbook))
    own = (model.net.encoder, model.net.decoder, model.net.pictures)
    n = sum(p.numel() for net in own for p in net.parameters())
    assert n == (784 * 512 + 512) + (512 * 32 + 32) + (16 * 512 + 512) + (512 * 784 + 784)


def test_pictures_and_numbers_of_one_row_are_modelled_together() -> None:
    """How bright a picture is stands beside it as a number."""
    rng = np.random.default_rng(0)
    bright = rng.uniform(20, 230, 600)
    x = (bright[:, None, None, None] + rng.normal(0, 5, (600, 1, 4, 4))).round().clip(0, 255).astype(np.uint8)
    q = tuple(np.quantile(bright, np.linspace(0, 1, 33)))
    space = Space({"image": Field(Pixels(256), (1, 4, 4)), "bright": Field(Real(low=q[0], high=q[-1], quantiles=q))})
    model = VAE(space, VAEConfig(latent_dim=2, n_hidden=32, n_layers=1, n_mixture=1))
    settings = TrainingConfig(n_evaluations=5, batch_size=64, learning_rate=5e-3)
    train(model, Dataset(space, {"image": x, "bright": bright}), Plan(settings, Budget(steps=250)), silent)
    rows = model.sample(400, {}, torch_generator(0))
    assert (
        np.corrcoef(rows["image"].float().mean((1, 2, 3)).numpy(), rows["bright"].numpy())[0, 1] > 0.5
    )  # 0.05 by chance


def test_refusals_say_why() -> None:
    with pytest.raises(UnsupportedError, match="cannot be given pictures"):
        VAE(Space({"image": Field(Pixels(), (1, 8, 8), is_given=True), "a": Field(Category(2))}))
    with pytest.raises(ConfigError, match="n_train_importance"):
        VAEConfig(n_train_importance=0)
