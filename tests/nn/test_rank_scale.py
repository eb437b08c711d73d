"""The rank scale: values and ranks invert each other, and probabilities sum to one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genwright.core.space import Real
from genwright.nn.rank_scale import RankScale, score_of

distinct = st.lists(st.integers(-300, 300), min_size=2, max_size=40, unique=True).map(sorted)


def _scale(values: list[int], seed: int, step: float) -> RankScale:
    counts = np.random.default_rng(seed).choice([1, 1, 1, 2, 5], len(values))
    x = np.array(values) * (step or 0.37)
    support = Real(low=float(x[0]), high=float(x[-1]), step=step)
    return RankScale(support.on_step(x), counts, support)


@given(distinct, st.integers(0, 99), st.sampled_from([1.0, 0.01, 5.0]))
def test_mass_over_all_multiples_is_one(values: list[int], seed: int, step: float) -> None:
    scale = _scale(values, seed, step)
    line = scale.support.on_step(np.arange(values[0] - 3, values[-1] + 4) * step)
    first, last, density = scale.ranks(line)
    assert np.isnan(density).all()
    np.testing.assert_allclose((last - first)[3:-3].sum(), 1, atol=1e-9)
    np.testing.assert_allclose(last[3:-4], first[4:-3], atol=1e-9)  # nothing twice, nothing left out
    assert (last >= first).all()


@given(distinct, st.integers(0, 99), st.sampled_from([0.0, 1.0, 0.01]))
def test_a_rank_lies_in_the_ranks_of_its_value(values: list[int], seed: int, step: float) -> None:
    scale = _scale(values, seed, step)
    rank = np.random.default_rng(seed).random(200)
    x = scale.value(rank)
    assert ((x >= scale.values[0]) & (x <= scale.values[-1])).all()
    first, last, _ = scale.ranks(x)
    assert (first <= rank + 1e-9).all()
    assert (rank <= last + 1e-9).all()


@given(distinct, st.integers(0, 99))
def test_density_and_points_hold_all_probability(values: list[int], seed: int) -> None:
    scale = _scale(values, seed, 0.0)
    middle = (scale.values[1:] + scale.values[:-1]) / 2
    knots = np.unique(np.concatenate([scale.values, middle]))
    _, _, density = scale.ranks((knots[1:] + knots[:-1]) / 2)
    first, last, at_point = scale.ranks(scale.values)
    mass = np.where(np.isnan(at_point), last - first, 0).sum()
    np.testing.assert_allclose((density * np.diff(knots)).sum() + mass, 1, atol=1e-9)
    np.testing.assert_array_equal(np.isnan(at_point), scale.counts > 1)


def test_single_values_never_come_back_and_repeated_ones_do() -> None:
    rng = np.random.default_rng(0)
    values = np.sort(rng.normal(size=100))
    counts = np.where(np.arange(100) % 10 == 0, 4, 1)
    scale = RankScale(values, counts, Real())
    x = scale.value(rng.random(100_000))
    assert not np.isin(x, values[counts == 1]).any()
    share = np.isin(x, values[counts > 1]).mean()
    p = 40 / counts.sum()
    assert abs(share - p) < 5 * np.sqrt(p * (1 - p) / len(x))


def test_values_of_ranks_follow_the_order_statistics() -> None:
    x = np.arange(1.0, 102.0)
    scale = RankScale(x, np.ones(101, int), Real())
    np.testing.assert_allclose(scale.value(np.array([0.5])), 51.0, atol=1e-9)
    np.testing.assert_allclose(scale.owned(np.array([0, 100])), [[0, 100 / 101], [1 / 101, 1]])


def test_scores_are_normal_quantiles() -> None:
    from statistics import NormalDist

    rank = np.array([0.1, 0.5, 0.9])
    assert score_of(rank, 1000) == pytest.approx([NormalDist().inv_cdf(r) for r in rank])
    assert score_of(np.array([0.0, 1.0]), 100) == pytest.approx([-NormalDist().inv_cdf(0.9975)] * 2 * np.array([1, -1]))
