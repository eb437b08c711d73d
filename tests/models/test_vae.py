"""The variational auto-encoder against closed forms."""

import math

import numpy as np
import pytest
import torch

from genwright.core.dataset import Dataset
from genwright.core.rng import torch_generator
from genwright.core.space import Category, Field, Real, Space
from genwright.models.vae import VAE, VAEConfig
from genwright.nn.mlp import initialise
from genwright.training.budget import Budget
from genwright.training.config import TrainingConfig
from genwright.training.loop import train
from genwright.training.plan import Plan


def silent(done: float, line: str) -> None:
    pass


def _numbers(X: np.ndarray, n_quantiles: int = 65) -> Dataset:
    """Continuous columns (N, D)."""
    fields, arrays = {}, {}
    for j in range(X.shape[1]):
        x = np.ascontiguousarray(X[:, j])
        q = tuple(np.quantile(x, np.linspace(0, 1, n_quantiles)))
        fields[f"x{j}"], arrays[f"x{j}"] = Field(Real(low=q[0], high=q[-1], quantiles=q)), x
    return Dataset(Space(fields), arrays)


def _ppca_log_likelihood(X: np.ndarray, n_latents: int) -> float:
    """Nats a row at the optimum of probabilistic principal components (Tipping and Bishop, 1999)."""
    d = X.shape[1]
    values, vectors = np.linalg.eigh(np.cov(X.T, bias=True))
    values, vectors = values[::-1], vectors[:, ::-1]
    var = values[n_latents:].mean()
    W = vectors[:, :n_latents] * np.sqrt(values[:n_latents] - var)
    C = W @ W.T + var * np.eye(d)
    return -0.5 * (
        d * math.log(2 * math.pi) + np.linalg.slogdet(C)[1] + np.trace(np.linalg.solve(C, np.cov(X.T, bias=True)))
    )


def test_a_linear_vae_reaches_probabilistic_pca() -> None:
    """Latents and noise linear and normal: the ELBO's optimum is the likelihood of the principal components."""
    rng = np.random.default_rng(0)
    n, d, k = 2_000, 6, 2
    X = rng.normal(size=(n, k)) @ rng.normal(size=(k, d)) * 1.5 + 0.5 * rng.normal(size=(n, d)) + 3
    data = _numbers(X)
    scale = np.array([f.support.scale for f in data.space.values()])  # noise is equal in scores
    best = _ppca_log_likelihood(X / scale, k) - np.log(scale).sum()
    config = VAEConfig(latent_dim=k, n_layers=0, n_hidden=d, head="gaussian", warmup=0.0)
    model = VAE(data.space, config)
    settings = TrainingConfig(learning_rate=0.02, n_validation=0, weight_decay=0.0, batch_size=500, n_evaluations=5)
    train(model, data, Plan(settings, Budget(steps=1500)), silent)
    rows = model.prepare(data.take(slice(None)))
    with torch.no_grad():
        losses = [model.loss(rows, torch_generator(i, "elbo")) for i in range(20)]
    elbo = -float(torch.stack(losses).mean())
    assert elbo == pytest.approx(best, rel=0.005)


def _tiny() -> VAE:
    """One latent, three categories of 12 possible rows, decisive random weights."""
    space = Space({"a": Field(Category(2)), "b": Field(Category(3)), "c": Field(Category(2))})
    model = VAE(space, VAEConfig(latent_dim=1, n_hidden=8, n_layers=1, n_importance=500))
    initialise(model.net, torch_generator(3, "tiny"))
    with torch.no_grad():
        model.net.head.codes.weight.mul_(30)
    return model


def _integrated(model: VAE, rows: dict) -> np.ndarray:
    """log p(row) by integrating over the latent."""
    ready = model.prepare(rows)
    z = torch.linspace(-8, 8, 4001).unsqueeze(1)
    log_prior = -0.5 * z.squeeze(1).square() - 0.5 * math.log(2 * math.pi)
    found = []
    with torch.no_grad():
        h = model.net.hidden(z, torch.zeros(len(z), 0))
        for i in range(len(ready["codes"])):
            one = {k: x[i : i + 1].expand(len(z), -1) for k, x in ready.items()}
            found.append(
                (model.net.head.log_prob(h, one).sum(1) + log_prior).double().logsumexp(0) + math.log(16 / 4000)
            )
    return torch.stack(found).numpy()


def _all_rows() -> dict[str, torch.Tensor]:
    grid = torch.cartesian_prod(torch.arange(2), torch.arange(3), torch.arange(2))
    return {name: grid[:, j] for j, name in enumerate("abc")}


def test_the_bound_nears_the_integral_from_below() -> None:
    model, rows = _tiny(), _all_rows()
    exact = _integrated(model, rows)
    assert np.exp(exact).sum() == pytest.approx(1, abs=1e-3)
    bound = model.bound(rows, torch_generator(0, "bound")).numpy()
    elbo = -model.loss(model.prepare(rows), torch_generator(0, "elbo")).detach().numpy()
    assert (bound < exact + 0.1).all()
    assert np.abs(bound - exact).mean() < 0.05
    assert elbo.mean() < exact.mean()


def test_draws_agree_with_the_integral() -> None:
    model, n = _tiny(), 50_000
    p = np.exp(_integrated(model, _all_rows()))
    drawn = model.sample(n, {}, torch_generator(0, "draws"))
    share = np.bincount(((drawn["a"] * 3 + drawn["b"]) * 2 + drawn["c"]).numpy(), minlength=12) / n
    assert (np.abs(share - p) < 5 * np.sqrt(p * (1 - p) / n) + 1e-4).all()


def test_weighted_proposals_agree_with_the_exact_conditional() -> None:
    model, n = _tiny(), 50_000
    p = np.exp(_integrated(model, _all_rows())).reshape(2, 3, 2)
    expected = (p[:, :, 1] / p[:, :, 1].sum()).ravel()
    rows, log_weight = model.propose(n, {"c": torch.ones(n, dtype=torch.int64)}, torch_generator(1, "given"))
    w = (log_weight - log_weight.max()).exp().numpy()
    assert (rows["c"] == 1).all()
    share = np.bincount((rows["a"] * 3 + rows["b"]).numpy(), weights=w, minlength=6) / w.sum()
    n_effective = w.sum() ** 2 / (w**2).sum()
    assert (np.abs(share - expected) < 5 * np.sqrt(expected * (1 - expected) / n_effective) + 1e-3).all()


def test_a_column_that_is_always_given_is_followed() -> None:
    """p(x | c) is learnt for each c, and c comes back as it was given."""
    rng = np.random.default_rng(0)
    c = rng.integers(0, 3, 1500)
    x = rng.normal(3.0 * c, 0.3)
    space = _numbers(x[:, None]).space
    space = Space({"c": Field(Category(3), is_given=True), "x": space["x0"]})
    model = VAE(space, VAEConfig(latent_dim=2, n_hidden=32))
    train(model, Dataset(space, {"c": c, "x": x}), Plan(budget=Budget(steps=300)), silent)
    given = {"c": torch.arange(3).repeat_interleave(400)}
    rows = model.sample(1200, given, torch_generator(0, "given"))
    assert torch.equal(rows["c"], given["c"])
    means = rows["x"].view(3, 400).mean(1)
    np.testing.assert_allclose(means, [0, 3, 6], atol=0.35)


def test_free_bits_keep_latents_alive() -> None:
    rng = np.random.default_rng(0)
    data = _numbers(rng.normal(size=(800, 3)))  # nothing for latents to say
    kl = {}
    for free in (0.0, 0.3):
        model = VAE(data.space, VAEConfig(latent_dim=2, n_hidden=16, n_layers=1, free_bits=free, warmup=0.0))
        outcome = train(model, data, Plan(TrainingConfig(patience=0), Budget(steps=200)), silent)
        kl[free] = outcome.log[-1]["kl"]
    assert kl[0.0] < 0.2
    assert kl[0.3] > 0.4
