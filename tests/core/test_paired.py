"""Average precision against scikit-learn, the paired test against its own level, folds against what they promise."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import average_precision_score

from genwright.core.errors import UnknownNameError
from genwright.core.paired import AveragePrecision, dealt, fold_interval, metrics_for, p_value, paired_gain, value


def _noisy(n: int, strength: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.2).astype(int)
    s = 1 / (1 + np.exp(-strength * y - rng.normal(size=n)))
    return y, np.stack([1 - s, s], 1)


@pytest.mark.parametrize("digits", [1, 2, 9])
def test_average_precision_is_scikit_learns(digits):
    y, p = _noisy(300, 1.0, 0)
    p = p.round(digits)  # ties
    assert value(AveragePrecision(1), y, p) == pytest.approx(average_precision_score(y, p[:, 1]))
    assert value(AveragePrecision(0), y, p) == pytest.approx(average_precision_score(1 - y, p[:, 0]))


def test_weights_are_copies_of_rows():
    y, p = _noisy(60, 1.0, 1)
    W = np.random.default_rng(0).integers(0, 4, (5, 60)).astype(float)
    found = AveragePrecision(1).values(y, p, W)
    for w, x in zip(W, found):
        rows = np.repeat(np.arange(60), w.astype(int))
        assert x == pytest.approx(average_precision_score(y[rows], p[rows, 1]))
    assert np.isnan(AveragePrecision(1).values(np.zeros(4, int), p[:4], np.ones((1, 4)))[0])


def test_the_deciding_metric():
    assert [m.name for m in metrics_for(2, 1)] == ["pr_auc", "balanced_accuracy"]
    assert [m.name for m in metrics_for(2, 1, "balanced_accuracy")] == ["balanced_accuracy", "pr_auc"]
    assert [m.name for m in metrics_for(3, 1)] == ["balanced_accuracy"]
    with pytest.raises(UnknownNameError, match="balanced_accuracy"):
        metrics_for(3, 1, "pr_auc")


def test_a_better_classifier_gains_and_the_same_one_does_not():
    y, weak = _noisy(800, 0.5, 2)
    better = weak.copy()
    better[:, 1] = np.clip(weak[:, 1] + 0.3 * y, 0, 1)
    better[:, 0] = 1 - better[:, 1]
    gain = paired_gain(AveragePrecision(1), y, weak, better, 0)
    assert 0 < gain.low < gain.gain < gain.high
    assert gain.gain == pytest.approx(gain.after - gain.before)
    nothing = paired_gain(AveragePrecision(1), y, weak, weak, 0)
    assert nothing.low == nothing.gain == nothing.high == 0
    assert "800 rows" in str(gain)


def test_the_test_is_students_where_folds_do_not_overlap():
    gains = np.random.default_rng(0).normal(0.3, 1, 12)
    assert p_value(gains, 0.0) == pytest.approx(stats.ttest_1samp(gains, 0, alternative="greater").pvalue)
    assert p_value(gains, 0.25) > p_value(gains, 0.0)
    assert p_value(np.append(gains, np.nan), 0.25) == p_value(gains, 0.25)


def test_what_tells_nothing_is_no_gain():
    assert p_value(np.zeros(5), 0.25) == 1
    assert p_value(np.array([1.0]), 0.25) == 1
    assert p_value(-np.ones(5), 0.25) == 1


@pytest.mark.parametrize("noise", [0, 1e-16, 1e-9])
def test_equal_gains_are_believed_by_their_signs(noise):
    """Coins: two deals of three folds test the same rows twice, so that three throws count and not six."""
    rng = np.random.default_rng(0)
    for n, share, n_sets in [(4, 0.0, 4), (5, 0.25, 5), (10, 0.25, 5), (6, 0.5, 3), (4, 1.0, 2)]:
        gains = 0.1 + noise * rng.random(n)
        assert p_value(gains, share) == stats.binomtest(n_sets, n_sets, 0.5, alternative="greater").pvalue
    assert p_value(np.array([0.1, 0.1, 0.1, 0.10001]), 0.0) < 1e-6  # what varies has its t


def test_folds_hold_every_class():
    y = np.repeat([0, 1, 2, 3], [50, 7, 2, 1])
    fold = dealt(y, 5, np.random.default_rng(0))
    assert fold[-1] == -1  # a class of one row is always learnt from
    for k in range(5):
        assert set(y[fold != k]) == {0, 1, 2, 3}
    sizes = np.bincount(fold[:-1])
    assert sizes.max() - sizes.min() <= 1
    assert np.bincount(fold[:50]).min() == 10


def test_the_interval_over_folds_ends_where_the_test_does():
    """At the level at which the one-sided test just believes the gain, the interval of twice that level ends at 0."""
    gains = np.random.default_rng(0).normal(1, 1, 10)
    low, high = fold_interval(gains, 0.25)
    assert (low + high) / 2 == pytest.approx(gains.mean())
    assert p_value(gains - low, 0.25) == pytest.approx(0.025)
    assert fold_interval(np.append(gains, np.nan), 0.25) == (low, high)
    assert np.isnan(fold_interval(np.ones(1), 0.25)).all()


def test_intervals_of_both_sides_hold_their_numbers():
    y, p = _noisy(400, 0.3, 3)
    gain = paired_gain(AveragePrecision(1), y, p, p, 0)
    assert gain.before_range == gain.after_range
    assert gain.before_range[0] < gain.before < gain.before_range[1]
