"""Emissions and EM steps against hmmlearn, SciPy and, for missing numbers, marginals of whole Gaussians."""

import warnings

import numpy as np
import pytest
from scipy.stats import multivariate_normal, poisson

from genwright.nn.markov.categorical import Categorical, categorical_of
from genwright.nn.markov.chain import Chain, everything
from genwright.nn.markov.em import Learning, fit_em
from genwright.nn.markov.gaussian import COVARIANCES, Gaussian, gaussian_like
from genwright.nn.markov.hidden import Hidden, sequences
from genwright.nn.markov.mixture import Mixture
from genwright.nn.markov.numbers import Numbers
from genwright.nn.markov.poisson import Poisson
from tests.nn.markov.worlds import random_chain

hmm = pytest.importorskip("hmmlearn.hmm", reason="hmmlearn is not installed")
LENGTHS = np.array([40, 1, 25, 60])
N_STATES = 3


def _rows(n_dims: int = 2, seed: int = 0) -> np.ndarray:
    """Padded rows (N, T, D) from three well-mixed clusters."""
    rng = np.random.default_rng(seed)
    z = rng.integers(0, N_STATES, (len(LENGTHS), LENGTHS.max()))
    return rng.normal(size=(N_STATES, n_dims))[z] * 2 + rng.normal(size=(*z.shape, n_dims))


def _flat(rows: np.ndarray) -> np.ndarray:
    """One below the other, as hmmlearn has them."""
    return np.concatenate([row[:length] for row, length in zip(rows, LENGTHS, strict=True)])


def _covar(covariance: str, seed: int = 3) -> np.ndarray:
    half = np.random.default_rng(seed).normal(size=(N_STATES, 2, 2))
    full = half @ half.transpose(0, 2, 1) + np.eye(2)
    diag = np.diagonal(full, axis1=1, axis2=2)
    return {"full": full, "diag": diag.copy(), "tied": full[0], "spherical": diag[:, 0].copy()}[covariance]


def _peer(cls: type, chain: Chain, **parameters: object) -> object:
    names = {"covariance_type", "n_mix"}
    options = {k: v for k, v in parameters.items() if k in names}
    if cls is hmm.GaussianHMM:
        options |= {"covars_prior": 0, "covars_weight": 0, "min_covar": 0}
    if cls is hmm.GMMHMM:
        options |= {"covars_prior": 0, "covars_weight": 0, "min_covar": 0, "weights_prior": 1}
    peer = cls(N_STATES, n_iter=1, init_params="", **options)
    peer.startprob_, peer.transmat_ = chain.start, chain.move
    for name, value in parameters.items():
        if name not in names:
            setattr(peer, name, value)
    return peer


def _one_step(emission: object, rows: np.ndarray, chain: Chain) -> tuple[Hidden, float]:
    """The model after one EM step, and the log likelihood before it."""
    data = sequences(LENGTHS, {"x": rows}, N_STATES)
    fitted = fit_em(Hidden(chain, {"x": emission}), data, Learning(everything(N_STATES), n_iter=1))  # type: ignore[dict-item]
    return fitted.hidden, fitted.log_prob


def _fit(peer: object, x: np.ndarray) -> float:
    """hmmlearn's log likelihood before the one step that it then makes."""
    before = peer.score(x, LENGTHS)  # type: ignore[attr-defined]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer.fit(x, LENGTHS)  # type: ignore[attr-defined]
    return before


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_gaussian_step_equals_hmmlearn(covariance: str) -> None:
    chain, rows = random_chain(N_STATES), _rows()
    mean = np.random.default_rng(5).normal(size=(N_STATES, 2))
    found, log_prob = _one_step(Gaussian(mean, _covar(covariance), covariance), rows, chain)
    peer = _peer(hmm.GaussianHMM, chain, covariance_type=covariance, means_=mean, covars_=_covar(covariance))
    assert log_prob == pytest.approx(_fit(peer, _flat(rows)), abs=1e-9)
    after = found.emissions["x"]
    np.testing.assert_allclose(found.chain.move, peer.transmat_, atol=1e-9)  # type: ignore[attr-defined]
    np.testing.assert_allclose(found.chain.start, peer.startprob_, atol=1e-9)  # type: ignore[attr-defined]
    np.testing.assert_allclose(after.mean, peer.means_, atol=1e-9)  # type: ignore[attr-defined]
    theirs = peer._covars_  # type: ignore[attr-defined]
    np.testing.assert_allclose(after.covar, theirs.mean(1) if covariance == "spherical" else theirs, atol=1e-9)


def test_categorical_step_equals_hmmlearn() -> None:
    chain, rng = random_chain(N_STATES), np.random.default_rng(1)
    codes, p = rng.integers(0, 5, (len(LENGTHS), LENGTHS.max())), rng.dirichlet(np.ones(5), N_STATES)
    found, log_prob = _one_step(Categorical(p, np.zeros(5)), codes, chain)
    peer = _peer(hmm.CategoricalHMM, chain, emissionprob_=p, n_features=5)
    assert log_prob == pytest.approx(_fit(peer, _flat(codes[:, :, None])), abs=1e-9)
    np.testing.assert_allclose(found.emissions["x"].p, peer.emissionprob_, atol=1e-9)  # type: ignore[attr-defined]


def test_poisson_step_equals_hmmlearn() -> None:
    chain, rng = random_chain(N_STATES), np.random.default_rng(1)
    counts, rate = rng.poisson(4.0, (len(LENGTHS), LENGTHS.max(), 2)).astype(float), rng.uniform(1, 7, (N_STATES, 2))
    found, log_prob = _one_step(Poisson(rate), counts, chain)
    peer = _peer(hmm.PoissonHMM, chain, lambdas_=rate)
    assert log_prob == pytest.approx(_fit(peer, _flat(counts).astype(int)), abs=1e-9)
    np.testing.assert_allclose(found.emissions["x"].rate, peer.lambdas_, atol=1e-9)  # type: ignore[attr-defined]


@pytest.mark.parametrize("covariance", ["diag", "full"])
def test_mixture_step_equals_hmmlearn(covariance: str) -> None:
    chain, rows, rng = random_chain(N_STATES), _rows(), np.random.default_rng(2)
    share, mean = rng.dirichlet(np.ones(2), N_STATES), rng.normal(size=(N_STATES, 2, 2))
    covar = np.stack([_covar(covariance, seed) for seed in (1, 2)], axis=1)  # (K, M, …)
    parts = Gaussian(mean.reshape(6, 2), covar.reshape(6, *covar.shape[2:]), covariance)
    found, log_prob = _one_step(Mixture(share, parts), rows, chain)
    peer = _peer(hmm.GMMHMM, chain, n_mix=2, covariance_type=covariance, weights_=share, means_=mean, covars_=covar)
    assert log_prob == pytest.approx(_fit(peer, _flat(rows)), abs=1e-9)
    after = found.emissions["x"]
    np.testing.assert_allclose(after.share, peer.weights_, atol=1e-9)  # type: ignore[attr-defined]
    np.testing.assert_allclose(after.parts.mean.reshape(mean.shape), peer.means_, atol=1e-9)  # type: ignore[attr-defined]


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_missing_numbers_are_integrated_out(covariance: str) -> None:
    emission = Gaussian(np.random.default_rng(5).normal(size=(N_STATES, 2)), _covar(covariance), covariance)
    x = np.array([[0.3, np.nan], [np.nan, -1.0], [np.nan, np.nan], [0.5, 0.6]])
    log_b = emission.log_b(Numbers(x))
    for k in range(N_STATES):
        for f, row in enumerate(x):
            known = ~np.isnan(row)
            sigma = emission.full[k][np.ix_(known, known)]
            expected = multivariate_normal(emission.mean[k][known], sigma).logpdf(row[known]) if known.any() else 0.0
            assert log_b[k, f] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_em_climbs_with_missing_numbers(covariance: str) -> None:
    rows = _rows()
    rows[np.random.default_rng(0).random(rows.shape) < 0.3] = np.nan
    data = sequences(LENGTHS, {"x": rows}, N_STATES)
    mean = np.random.default_rng(5).normal(size=(N_STATES, 2))
    start = Hidden(random_chain(N_STATES), {"x": Gaussian(mean, _covar(covariance), covariance)})
    fitted = fit_em(start, data, Learning(everything(N_STATES), n_iter=25, tolerance=-1.0))
    assert len(fitted.trace) == 25
    assert fitted.trace[-1] > fitted.trace[0] + 1
    assert fitted.fall < 1e-9 * abs(fitted.trace[-1])


def test_em_climbs_with_a_prior() -> None:
    codes = np.random.default_rng(0).integers(0, 6, (len(LENGTHS), LENGTHS.max()))
    emission = categorical_of(codes.ravel(), 6, N_STATES, weight=3.0)
    start = Categorical(np.random.default_rng(1).dirichlet(np.ones(6), N_STATES), emission.prior)
    data = sequences(LENGTHS, {"x": codes}, N_STATES)
    how = Learning(everything(N_STATES), pseudo=0.5, n_iter=20, tolerance=-1.0)
    fitted = fit_em(Hidden(random_chain(N_STATES), {"x": start}), data, how)
    assert fitted.trace[-1] > fitted.trace[0] + 1
    assert fitted.fall < 1e-9 * abs(fitted.trace[-1])


@pytest.mark.parametrize("covariance", ["diag", "full", "tied", "spherical"])
def test_a_floor_is_kept(covariance: str) -> None:
    emission = gaussian_like(np.ones((10, 2)), 2, covariance, 0.01)
    after = emission.updated(Numbers(np.ones((10, 2))), np.full((2, 10), 0.5))
    assert np.linalg.eigvalsh(after.full).min() == pytest.approx(0.01)
    assert after.at_floor() == [0, 1]


def test_draws_have_the_moments_of_their_state() -> None:
    n, rng = 20_000, np.random.default_rng(0)
    emission = Gaussian(np.array([[1.0, -2.0]]), np.array([[[2.0, 0.7], [0.7, 1.0]]]), "full")
    x = emission.draw(np.zeros(n, int), rng.normal(size=(n, 2)))
    assert (np.abs(x.mean(0) - [1, -2]) < 5 * np.sqrt(np.array([2, 1]) / n)).all()
    assert abs(np.cov(x.T)[0, 1] - 0.7) < 5 * np.sqrt((2 * 1 + 0.7**2) / n)
    codes = Categorical(np.array([[0.2, 0.8]]), np.zeros(2)).draw(np.zeros(n, int), rng.random(n))
    assert abs(codes.mean() - 0.8) < 5 * np.sqrt(0.16 / n)
    counts = Poisson(np.array([[3.0]])).draw(np.zeros(n, int), rng.random((n, 1)))
    assert abs(counts.mean() - 3) < 5 * np.sqrt(3 / n)


@pytest.mark.parametrize("temperature", [1e-3, 1e-9])
def test_cold_codes_are_the_likeliest_of_their_state(temperature: float) -> None:
    """Where no code is likely its power is 0, and so are those of all."""
    p = np.array([[0.2, 0.5, 0.3], [0.4, 0.35, 0.25]])
    drawn = Categorical(p, np.zeros(3)).draw(np.arange(20) % 2, np.random.default_rng(0).random(20), temperature)
    assert drawn.tolist() == [1, 0] * 10


@pytest.mark.parametrize("temperature", [0.1, 0.5, 4.0])
def test_counts_are_tempered(temperature: float) -> None:
    n, rates = 20_000, np.array([[0.3, 20.0], [5.0, 3_000.0]])
    states = np.arange(n) % 2
    x = Poisson(rates).draw(states, np.random.default_rng(0).random((n, 2)), temperature)
    for k, d in np.ndindex(2, 2):
        every = np.arange(6_000)
        p = poisson.logpmf(every, rates[k, d]) / temperature
        p = np.exp(p - p.max())
        p /= p.sum()
        own = x[states == k, d]
        mean = p @ every
        var = p @ (every - mean) ** 2
        assert abs(own.mean() - mean) < 5 * np.sqrt(var / len(own)) + 1e-9
        edge = np.searchsorted(p.cumsum(), 0.3)
        below = p[: edge + 1].sum()
        assert abs((own <= edge).mean() - below) < 5 * np.sqrt(below * (1 - below) / len(own)) + 1e-9


@pytest.mark.parametrize("temperature", [1e-300, 1e-9, 1e9, 1e300])
def test_any_temperature_gives_counts(temperature: float) -> None:
    emission = Poisson(np.array([[0.3, 3_000.5]]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = emission.draw(np.zeros(50, int), np.random.default_rng(0).random((50, 2)), temperature)
    assert ((x >= 0) & (x == np.round(x))).all()
    if temperature < 1:
        assert (x == [0, 3_000]).all()


def test_shares_of_a_mixture_are_tempered() -> None:
    n, share = 20_000, np.array([[0.2, 0.8]])
    emission = Mixture(share, Gaussian(np.array([[-5.0], [5.0]]), np.full((2, 1), 1e-4)))
    x = emission.draw(np.zeros(n, int), np.zeros((n, 1)), np.random.default_rng(0).random(n), None, 0.5)
    p = 0.2**2 / (0.2**2 + 0.8**2)
    assert abs((x < 0).mean() - p) < 5 * np.sqrt(p * (1 - p) / n)
