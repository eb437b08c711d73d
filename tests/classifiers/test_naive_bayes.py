"""`naive_bayes` beside texts: probabilities that are kept, though n-grams are not independent."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from scipy.special import log_softmax, logsumexp, softmax

from genwright.classifiers.naive_bayes import NaiveBayes, NaiveBayesConfig, log_odds
from genwright.core.config import configure
from genwright.core.errors import ConfigError
from genwright.core.feature_view import Features

REPEATS = 6  # times that every word is counted


def texts(n: int, seed: int, n_classes: int = 2) -> tuple[Features, np.ndarray]:
    """Words that tell a little of the class, each counted several times, as n-grams of characters are."""
    rng = np.random.default_rng(seed)
    y = rng.integers(n_classes, size=n)
    rate = 0.15 + 0.15 * (np.arange(30) % n_classes == y[:, None]) * (np.arange(30) < 18)  # (N, 30)
    counts = np.repeat(rng.poisson(rate), REPEATS, axis=1)
    nothing = Features.of(np.zeros((n, 0)), np.zeros(0, bool))
    grams = sparse.csr_matrix(counts.astype(float))
    return Features(nothing.X, nothing.is_category, np.zeros((n, 0), np.float32), grams, grams), y


def learnt(n_classes: int = 2, **settings: object) -> NaiveBayes:
    own = NaiveBayes(configure(NaiveBayesConfig, settings))
    own._learn(*texts(600, 0, n_classes), 0)
    return own


def surprise(own: NaiveBayes, n_classes: int) -> float:
    """Nats a row that was not seen, and what Bayes' rule with the true rates would pay."""
    rows, y = texts(3_000, 1, n_classes)
    return float(-np.log(own._answer(rows)[np.arange(len(y)), y]).mean())


def best(n_classes: int) -> float:
    """The same by Bayes' rule with the true rates, each word counted once."""
    rows, y = texts(3_000, 1, n_classes)
    words = rows.counts.toarray()[:, ::REPEATS]
    rates = 0.15 + 0.15 * (np.arange(30) % n_classes == np.arange(n_classes)[:, None]) * (np.arange(30) < 18)  # (K, 30)
    joint = words @ np.log(rates).T - rates.sum(1)
    return float(-log_softmax(joint, axis=1)[np.arange(len(y)), y].mean())


@pytest.mark.parametrize("n_classes", [2, 3])
def test_words_that_are_counted_several_times_do_not_make_it_too_sure(n_classes: int) -> None:
    least = best(n_classes)
    plain, kept = surprise(learnt(n_classes, calibration="none"), n_classes), surprise(learnt(n_classes), n_classes)
    assert least < kept < least + 0.1
    assert plain > np.log(n_classes) > kept


@pytest.mark.parametrize("n_classes", [2, 3])
def test_said_probabilities_are_the_shares_that_come_true(n_classes: int) -> None:
    """Of rows whose second class was said to have 60 to 80 %, so many have it, within four standard errors."""
    rows, y = texts(6_000, 2, n_classes)
    p = learnt(n_classes)._answer(rows)[:, 1]
    asked = (p > 0.6) & (p < 0.8)
    assert asked.sum() > 100
    hits = (y == 1)[asked]
    assert abs(hits.mean() - p[asked].mean()) < 4 * 0.5 / np.sqrt(len(hits)) + 0.03  # 600 rows were learnt from


def test_rows_without_texts_follow_bayes_rule() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 3)), rng.integers(3, size=200)
    own = NaiveBayes().fit(X + y[:, None], y, np.zeros(3, bool))
    rows = Features.of(X, np.zeros(3, bool))
    np.testing.assert_allclose(own._answer(rows), softmax(own.log_joint(rows), axis=1))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("calibration", ["auto", "none", "isotonic"])
def test_what_is_saved_says_the_same(calibration: str, n_classes: int) -> None:
    own, rows = learnt(n_classes, calibration=calibration), texts(50, 3, n_classes)[0]
    again = NaiveBayes(own.config)
    again.classes, again._shares, again._has_learnt = own.classes, own._shares, True
    again._load_state(own._state())
    assert np.array_equal(again._answer(rows), own._answer(rows))


def test_log_odds_are_those_of_the_softmax() -> None:
    joint = np.random.default_rng(0).normal(size=(9, 4)) * 5
    p = softmax(joint, axis=1)
    np.testing.assert_allclose(log_odds(joint), np.log(p) - np.log1p(-p))
    two = softmax(joint[:, :2], axis=1)
    np.testing.assert_allclose(log_odds(joint[:, :2]), np.log(two[:, 1]) - np.log(two[:, 0]))


def test_an_unknown_calibration_is_refused() -> None:
    with pytest.raises(ConfigError, match="calibration = 'temperature'; expected auto, none, platt or isotonic"):
        NaiveBayesConfig(calibration="temperature")  # type: ignore[arg-type]


@pytest.mark.parametrize("wild", [1e200, 1.7976931348623157e308, -1.7976931348623157e308])
def test_numbers_that_stand_for_no_data_leave_probabilities(wild: float) -> None:
    of = np.random.default_rng(2)
    y = np.arange(200) % 2
    X = np.column_stack([of.normal(3 * y, 1), np.where(of.random(200) < 0.2, wild, of.normal(size=200))])
    p = NaiveBayes().fit(X, y, np.zeros(2, bool)).predict_proba(X)
    assert np.isfinite(p).all()
    assert (p.argmax(1) == y).mean() > 0.85


def test_log_odds_are_those_of_each_class_against_the_rest() -> None:
    joint = np.random.default_rng(3).normal(0, 300, (50, 6))
    p = log_softmax(joint, axis=1)
    expected = [p[:, k] - logsumexp(np.delete(p, k, axis=1), axis=1) for k in range(6)]
    np.testing.assert_allclose(log_odds(joint), np.stack(expected, 1), rtol=1e-9)


def test_many_classes_take_little_memory() -> None:
    """A tenth of what all pairs of classes, or all rows for each class, would take."""
    of, n, K = np.random.default_rng(4), 4_000, 100
    X, y = of.normal(size=(n, 10)), np.arange(n) % K
    tracemalloc.start()
    log_odds(of.normal(size=(n, K)))
    NaiveBayes().fit(X, y, np.zeros(10, bool))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 0.1 * 8 * n * K * K
    assert most < 8 * n * K * 10
