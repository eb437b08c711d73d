"""Columns between their values and emissions: units, state, draws given some numbers of a step."""

import json

import numpy as np
import pytest
import torch
from scipy.stats import norm

from genwright.core.errors import FitError
from genwright.core.rng import torch_generator
from genwright.core.space import Tokens, Vectors
from genwright.nn.markov.columns import CodeColumn, Dice, EmissionSettings, NumberColumn
from genwright.nn.markov.gaussian import Gaussian
from genwright.nn.markov.mixture import Mixture
from genwright.nn.markov.numbers import Numbers


def dice(seed: int = 0) -> Dice:
    return Dice(torch_generator(seed))


def number_column(values: np.ndarray, **settings: object) -> tuple[NumberColumn, EmissionSettings]:
    how = EmissionSettings(**settings)  # type: ignore[arg-type]
    column = NumberColumn(Vectors(9, values.shape[1]), "x")
    column.learn(values, how)
    return column, how


def test_densities_are_in_the_columns_own_units() -> None:
    values = np.random.default_rng(0).normal([100, 0.001], [20, 1e-4], (500, 2))
    column, how = number_column(values)
    frames = Numbers(column.read(values))
    log_b = column.alike(frames.x, 1, how).log_b(frames)[0] - column.log_scale(values)
    expected = norm.logpdf(values, values.mean(0), values.std(0)).sum(1)
    np.testing.assert_allclose(log_b, expected, rtol=1e-9)
    half = np.where([True, False], values, np.nan)
    assert column.log_scale(half) == pytest.approx(np.log(values[:, 0].std()))


@pytest.mark.parametrize(
    "settings", [{}, {"covariance": "full"}, {"numbers": "mixture"}, {"numbers": "poisson"}], ids=str
)
def test_state_says_everything(settings: dict[str, object]) -> None:
    values = np.random.default_rng(0).poisson(5.0, (300, 2)).astype(float)
    column, how = number_column(values, **settings)
    frames = Numbers(column.read(values))
    gamma = np.random.default_rng(1).dirichlet(np.ones(2), 300).T
    emission = column.alike(frames.x, 2, how).updated(frames, gamma)
    state = {k: np.array(json.loads(json.dumps(x.tolist()))) for k, x in column.state(emission).items()}
    again = NumberColumn(column.support, "x")
    loaded = again.load(state, how)
    np.testing.assert_array_equal(loaded.log_b(Numbers(again.read(values))), emission.log_b(frames))
    states = np.array([0, 1, 1])
    drawn = [c.draw(e, states, None, dice()) for c, e in ((column, emission), (again, loaded))]
    np.testing.assert_array_equal(*drawn)
    assert drawn[0].shape == (3, 2)


def test_numbers_of_a_step_are_drawn_given_the_others() -> None:
    """Of a mixture within one state: the known number tells which component, the covariance the rest."""
    n, known = 40_000, 0.8
    share = np.array([[0.3, 0.7]])
    covar = np.array([[[1.0, 0.6], [0.6, 1.0]], [[0.5, -0.2], [-0.2, 2.0]]])
    mean = np.array([[0.0, 5.0], [2.0, -5.0]])
    emission = Mixture(share, Gaussian(mean, covar, "full"))
    column = NumberColumn(Vectors(1, 2), "x", np.zeros(2), np.ones(2))
    given = np.column_stack([np.full(n, known), np.full(n, np.nan)])
    x = column.draw(emission, np.zeros(n, int), given, dice())[:, 1]
    weight = share[0] * norm.pdf(known, mean[:, 0], np.sqrt(covar[:, 0, 0]))
    weight /= weight.sum()
    centre = mean[:, 1] + covar[:, 0, 1] / covar[:, 0, 0] * (known - mean[:, 0])
    var = covar[:, 1, 1] - covar[:, 0, 1] ** 2 / covar[:, 0, 0]
    for edge in (-6.0, -4.0, 0.0, 5.0, 6.0):
        p = float((weight * norm.cdf(edge, centre, np.sqrt(var))).sum())
        assert abs((x < edge).mean() - p) < 5 * np.sqrt(p * (1 - p) / n) + 1e-9


def test_codes_are_places_of_what_a_step_can_have() -> None:
    column, how = CodeColumn(Tokens(5, 7, missing=6)), EmissionSettings()
    assert column.n_codes == 4
    emission = column.alike(np.array([0, 0, 3, -1]), 2, how)
    assert emission.p[0, 0] == pytest.approx(2 / 3, abs=1e-3)
    drawn = column.draw(emission, np.zeros(2_000, int), None, dice())
    assert abs((drawn == 0).mean() - 2 / 3) < 5 * np.sqrt(2 / 9 / 2_000)
    cold = column.draw(emission, np.zeros(2_000, int), None, Dice(torch_generator(0), 0.1))
    assert (cold == 0).mean() > 0.99
    loaded = column.load(column.state(emission), how)
    np.testing.assert_array_equal(loaded.p, emission.p)
    assert torch.equal(torch.from_numpy(column.read(drawn)), torch.from_numpy(drawn))


def test_counts_that_are_none_are_told() -> None:
    with pytest.raises(FitError, match="holds -1; emissions = poisson"):
        number_column(np.array([[-1.0], [2.0]]), numbers="poisson")
