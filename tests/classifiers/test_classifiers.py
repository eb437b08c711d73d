"""What is true of every classifier that reads plain matrices."""

import os
import subprocess
import sys

import numpy as np
import pytest

from genwright.classifiers.boosting import BoostedRegression
from genwright.core.classifier import MatrixClassifier
from genwright.core.config import configure
from genwright.core.errors import ConfigError, FitError
from genwright.core.registry import CLASSIFIERS
from genwright.core.statistics import auc

NAMES = [name for name in CLASSIFIERS.names() if issubclass(CLASSIFIERS.get(name), MatrixClassifier)]
every_classifier = pytest.mark.parametrize("name", NAMES)
IS_CATEGORY = np.array([False, False, True])


def rows(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Three columns of which the first, when known, and the third tell the label."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    X = np.column_stack([rng.normal(size=n) + 3 * y, rng.normal(size=n), (y + (rng.random(n) < 0.2)) % 2 * 3]).astype(
        float
    )
    X[rng.random(n) < 0.1, 0] = np.nan
    return X, y


def fitted(name: str, seed: int = 0) -> MatrixClassifier:
    X, y = rows(400, 0)
    return CLASSIFIERS.get(name)().fit(X, y, IS_CATEGORY, seed)


@every_classifier
def test_learns_what_can_be_learnt(name: str) -> None:
    X, y = rows(1000, 1)
    p = fitted(name).predict_proba(X)
    assert p.shape == (1000, 2)
    np.testing.assert_allclose(p.sum(1), 1)
    assert auc(p[:, 1], y == 1).value > 0.95


@every_classifier
def test_same_seed_same_probabilities(name: str) -> None:
    X, _ = rows(50, 2)
    np.testing.assert_array_equal(fitted(name, 3).predict_proba(X), fitted(name, 3).predict_proba(X))


@every_classifier
def test_labels_may_be_words_and_are_sorted(name: str) -> None:
    X, y = rows(300, 3)
    words = np.array(["yes", "no", "perhaps"])[y + (X[:, 1] > 1)]
    classifier = CLASSIFIERS.get(name)().fit(X, words, IS_CATEGORY)
    assert classifier.classes.tolist() == ["no", "perhaps", "yes"]
    assert classifier.predict_proba(X).shape == (300, 3)


@every_classifier
def test_a_single_class_is_certain_and_no_row_is_an_error(name: str) -> None:
    X, _ = rows(30, 4)
    classifier = CLASSIFIERS.get(name)()
    assert (classifier.fit(X, np.ones(30), IS_CATEGORY).predict_proba(X) == 1).all()
    with pytest.raises(FitError, match="at least one"):
        classifier.fit(X[:0], np.ones(0), IS_CATEGORY)


@every_classifier
def test_takes_unseen_codes_many_codes_and_wild_numbers(name: str) -> None:
    rng = np.random.default_rng(5)
    X = np.column_stack([rng.integers(0, 1000, 500), np.full(500, np.nan), rng.normal(size=500)]).astype(float)
    y = X[:, 2] > 0
    classifier = CLASSIFIERS.get(name)().fit(X, y, np.array([True, False, False]))
    p = classifier.predict_proba(np.array([[5000.0, 1e300, 1.0], [0.0, np.nan, -1.0], [3.0, -1e300, np.nan]]))
    assert np.isfinite(p).all()
    assert p[0, 1] > 0.5 > p[1, 1]


def test_boosted_regression_finds_the_mean_given_x() -> None:
    rng = np.random.default_rng(6)
    X = np.column_stack([rng.integers(0, 3, 3000), rng.random(3000)]).astype(float)
    y = X[:, 0] ** 2 + rng.normal(size=3000)
    found = BoostedRegression().fit(X, y, np.array([True, False])).predict(np.array([[0, 0.5], [1, 0.5], [2, 0.5]]))
    assert np.abs(found - [0, 1, 4]).max() < 0.6


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        *(("boosting", {k: v}) for k, v in (("n_iter", 0), ("learning_rate", 0.0), ("n_leaves", 1), ("min_leaf", 0))),
        *(("logistic", {k: v}) for k, v in (("penalty", 0.0), ("n_knots", -1), ("max_levels", 0), ("n_iter", -1))),
        ("logistic", {"penalty": float("nan")}),
        ("boosting", {"learning_rate": float("inf")}),
    ],
)
def test_settings_out_of_range_are_refused_before_anything_is_learnt(name: str, settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings))):
        configure(CLASSIFIERS.get(name).Config, settings)


TWO_AT_A_TIME = """
import scipy.linalg
from threading import Event, Thread
from threadpoolctl import threadpool_info
from genwright.core.classifier import one_thread

def of_blas():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

def first():
    with one_thread():
        is_in.set()
        may_leave.wait(30)

def second():
    with one_thread(), one_thread():
        inside.append(of_blas())
        may_leave.set()
        one.join(30)
        inside.append(of_blas())

before, inside, is_in, may_leave = of_blas(), [], Event(), Event()
one, other = Thread(target=first), Thread(target=second)
one.start()
is_in.wait(30)
other.start()
other.join(60)
assert inside == 2 * [[1] * len(before)], inside
assert of_blas() == before, (before, of_blas())
"""


def test_threads_of_libraries_come_back_whoever_leaves_last() -> None:
    """BLAS has one number of threads for the whole process: of two that overlap, the second had left it at one."""
    two = {**os.environ, "OPENBLAS_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}
    ended = subprocess.run([sys.executable, "-c", TWO_AT_A_TIME], env=two, capture_output=True, text=True, check=False)
    assert not ended.returncode, ended.stderr
