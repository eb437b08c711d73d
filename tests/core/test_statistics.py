import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, ks_2samp
from sklearn.metrics import r2_score, roc_auc_score

from genwright.core.statistics import (
    auc,
    average,
    kolmogorov_smirnov,
    mean,
    mean_distance,
    normal_measure,
    ratio,
    share_measure,
    total_variation,
)
from genwright.judges.utility import _r2

scores = st.lists(st.integers(0, 5), min_size=2, max_size=30)


@given(scores, scores)
def test_auc_is_sklearns_with_ties(positive: list[int], negative: list[int]) -> None:
    s = np.array(positive + negative, float)
    y = np.repeat([True, False], [len(positive), len(negative)])
    assert auc(s, y).value == pytest.approx(roc_auc_score(y, s))
    assert auc(-s, ~y).value == pytest.approx(auc(s, y).value)


@given(scores, scores)
def test_delong_is_its_own_double_sum(positive: list[int], negative: list[int]) -> None:
    m, n = len(positive), len(negative)
    wins = np.array([[(p > q) + 0.5 * (p == q) for q in negative] for p in positive])
    variance = wins.mean(1).var(ddof=1) / m + wins.mean(0).var(ddof=1) / n
    found = auc(np.array(positive + negative, float), np.repeat([True, False], [m, n]))
    assert found.error**2 == pytest.approx(variance, abs=1e-12)
    assert found.influence.sum() == pytest.approx(0, abs=1e-9)


def test_auc_of_exponentials_has_its_closed_form() -> None:
    """Rates 1 and 2: AUC = 2/3, and Hanley and McNeil's Q₁ = A/(2−A), Q₂ = 2A²/(1+A) are exact."""
    rng, m = np.random.default_rng(0), 4000
    found = auc(np.concatenate([rng.exponential(1, m), rng.exponential(0.5, m)]), np.repeat([True, False], m))
    a = 2 / 3
    variance = (a / (2 - a) + 2 * a * a / (1 + a) - 2 * a * a) / m
    assert abs(found.value - a) < 5 * variance**0.5
    assert found.error == pytest.approx(variance**0.5, rel=0.1)


def test_auc_without_a_class_is_not_a_number() -> None:
    assert np.isnan(auc(np.arange(3.0), np.ones(3, bool)).value)


@given(scores, scores)
def test_ks_is_scipys(x: list[int], y: list[int]) -> None:
    found = kolmogorov_smirnov(np.array(x, float), np.array(y, float))
    assert found.value == pytest.approx(ks_2samp(x, y).statistic)
    assert found.in_real.mean() - found.in_fake.mean() == pytest.approx(found.value)


@given(scores, scores, st.integers(0, 9), st.integers(1, 9))
def test_ks_takes_missing_as_the_highest_value(x: list[int], y: list[int], k: int, q: int) -> None:
    a, b = (np.array(v + [np.nan] * n, float) for v, n in ((x, k), (y, q)))
    expected = ks_2samp(np.nan_to_num(a, nan=1e9), np.nan_to_num(b, nan=1e9)).statistic
    assert kolmogorov_smirnov(a, b).value == pytest.approx(expected)


def test_ks_of_missing_values_only_is_zero() -> None:
    assert kolmogorov_smirnov(np.full(3, np.nan), np.full(4, np.nan)).value == 0


@given(scores, scores)
def test_total_variation_is_the_largest_difference_over_all_sets(x: list[int], y: list[int]) -> None:
    found = total_variation(np.array(x), np.array(y), 6)
    sets = ([k for k in range(6) if code >> k & 1] for code in range(64))
    assert found.value == pytest.approx(max(np.isin(x, s).mean() - np.isin(y, s).mean() for s in sets))
    assert found.in_real.mean() - found.in_fake.mean() == pytest.approx(found.value)


def test_error_of_a_mean_distance_is_that_of_repetition() -> None:
    """Two columns that always agree, three apart from the same three categories elsewhere: 400 repetitions."""
    rng, values, errors = np.random.default_rng(0), [], []
    for _ in range(400):
        x, y = rng.choice(3, 300, p=[0.6, 0.3, 0.1]), rng.choice(3, 500, p=[0.2, 0.3, 0.5])
        value, error = mean_distance([total_variation(x, y, 3), total_variation(2 - x, 2 - y, 3)])
        values.append(value)
        errors.append(error)
    spread = np.std(values)
    assert np.mean(errors) == pytest.approx(spread, abs=5 * spread / np.sqrt(2 * 400))


@given(st.integers(0, 40), st.integers(1, 40))
def test_share_has_wilsons_interval(k: int, n: int) -> None:
    k = min(k, n)
    found, expected = share_measure(k, n), binomtest(k, n).proportion_ci(0.95, "wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_combinations_agree_with_the_jackknife() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(3, 1, 200), rng.normal(5, 1, 200)
    assert average([mean(x), mean(y)]).value == pytest.approx((x.mean() + y.mean()) / 2)
    left_out = [np.delete(x, i).mean() / np.delete(y, i).mean() for i in range(200)]
    jackknife = np.sqrt(199 / 200 * np.square(left_out - np.mean(left_out)).sum())
    assert ratio(mean(x), mean(y)).error == pytest.approx(jackknife, rel=0.01)


def test_r2_and_its_error() -> None:
    rng = np.random.default_rng(2)
    y = rng.random(200)
    predicted = 0.6 * y + 0.2 * rng.random(200)
    found = _r2(y, predicted)
    assert found.value == pytest.approx(r2_score(y, predicted))
    left_out = [r2_score(np.delete(y, i), np.delete(predicted, i)) for i in range(200)]
    jackknife = np.sqrt(199 / 200 * np.square(left_out - np.mean(left_out)).sum())
    assert found.error == pytest.approx(jackknife, rel=0.03)


def test_intervals_are_cut_to_the_range() -> None:
    found = normal_measure(0.99, 0.1, 5, 0, 1)
    assert (found.high, found.value) == (1, 0.99)
    assert found.low == pytest.approx(0.794, abs=1e-3)
