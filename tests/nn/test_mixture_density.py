"""The mixture density head against torch.distributions and its own draws."""

import math

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from genwright.core.rng import torch_generator
from genwright.nn.mixture_density import MixtureDensity, StepDensity
from genwright.nn.mlp import initialise, untrained

NAN, OPEN = math.nan, -math.inf


def _density(n: int = 5, has_missing: bool = True) -> StepDensity:
    head = untrained(lambda: MixtureDensity(6, 2, 3, has_missing))
    initialise(head, torch_generator(0))
    with torch.no_grad():
        return head(3 * torch.randn(n, 6, generator=torch_generator(1)), torch.float64)


def _mixture(d: StepDensity, dims: list[int]) -> MixtureSameFamily:
    parts = Independent(Normal(d.mu[:, :, dims], d.log_scale[:, :, dims].exp()), 1)
    return MixtureSameFamily(Categorical(logits=d.log_pi), parts)


def test_density_is_that_of_torchs_mixture() -> None:
    d = _density()
    x = torch.randn(5, 2, generator=torch_generator(2), dtype=torch.float64)
    m = d.missing.sigmoid()
    torch.testing.assert_close(d.log_prob(x), _mixture(d, [0, 1]).log_prob(x) + (1 - m).log().sum(1))
    x[:, 0] = NAN
    expected = _mixture(d, [1]).log_prob(x[:, 1:]) + m[:, 0].log() + (1 - m[:, 1]).log()
    torch.testing.assert_close(d.log_prob(x), expected)
    torch.testing.assert_close(d.log_prob(torch.full((5, 2), NAN).double()), m.log().sum(1))
    ends = d.log_end(torch.tensor([True] * 5)).exp() + d.log_end(torch.tensor([False] * 5)).exp()
    torch.testing.assert_close(ends, torch.ones(5, dtype=torch.float64))


def test_nothing_is_missing_where_nothing_can_be() -> None:
    d = _density(has_missing=False)
    x = torch.randn(5, 2, generator=torch_generator(2), dtype=torch.float64)
    torch.testing.assert_close(d.log_prob(x), _mixture(d, [0, 1]).log_prob(x))


def _draw(d: StepDensity, x: torch.Tensor, temperature: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch_generator(3)
    u = torch.rand(len(x), 4, generator=g, dtype=torch.float64)
    return d.draw(x, u, torch.randn(len(x), 2, generator=g, dtype=torch.float64), temperature)


def _many(d: StepDensity, n: int) -> StepDensity:
    """The first of some distributions n times."""
    parts = (d.log_pi, d.mu, d.log_scale, d.missing, d.end)
    return StepDensity(*(x[:1].expand(n, *x.shape[1:]) for x in parts))


def test_draws_have_the_moments_of_the_mixture() -> None:
    n = 40_000
    d = _density()
    x, is_end = _draw(_many(d, n), torch.full((n, 2), OPEN).double())
    for found, p in ((is_end, d.end[0].sigmoid()), *((x[:, j].isnan(), d.missing[0, j].sigmoid()) for j in (0, 1))):
        assert abs(found.double().mean() - p) < 5 * (p * (1 - p) / n) ** 0.5
    for j in (0, 1):
        known = x[:, j][~x[:, j].isnan()]
        own = _mixture(d, [j])
        error = known.std() / len(known) ** 0.5
        assert abs(known.mean() - own.mean[0, 0]) < 5 * error
        squares = (known - own.mean[0, 0]).square()
        assert abs(squares.mean() - own.variance[0, 0]) < 5 * squares.std() / len(known) ** 0.5


def test_what_is_known_of_a_step_tells_about_the_rest() -> None:
    """Draws of one number given the other have the conditional's mean: by Bayes over the parts."""
    n = 40_000
    d = _density(has_missing=False)
    given = torch.tensor([0.7, OPEN], dtype=torch.float64).expand(n, 2)
    x, is_end = _draw(_many(d, n), given)
    assert (x[:, 0] == 0.7).all()
    assert not is_end.any()
    weight = (
        d.log_pi[0] + Normal(d.mu[0, :, 0], d.log_scale[0, :, 0].exp()).log_prob(torch.tensor(0.7).double())
    ).softmax(0)
    assert abs(x[:, 1].mean() - (weight * d.mu[0, :, 1]).sum()) < 5 * x[:, 1].std() / n**0.5


@pytest.mark.parametrize("known", [[1.0, NAN], [NAN, NAN]])
def test_known_steps_stay(known: list[float]) -> None:
    given = torch.tensor([known] * 5, dtype=torch.float64)
    x, is_end = _draw(_density(), given)
    torch.testing.assert_close(x, given, equal_nan=True)
    assert not is_end.any()


def test_a_low_temperature_draws_near_the_means() -> None:
    n = 2000
    d = _density(has_missing=False)
    x, _ = _draw(_many(d, n), torch.full((n, 2), OPEN).double(), temperature=1e-4)
    k = d.log_pi[0].argmax()
    assert ((x - d.mu[0, k]).abs() < 0.1 * d.log_scale[0, k].exp()).all()
