"""`logistic`, `boosting`, `knn` and `naive_bayes` beside scikit-learn's own on the same encoding."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from genwright.classifiers.boosting import Boosting, BoostingConfig
from genwright.classifiers.knn import KNN, KNNConfig
from genwright.classifiers.logistic import Logistic, LogisticConfig
from genwright.classifiers.naive_bayes import NaiveBayes, NaiveBayesConfig
from genwright.core.feature_view import Features

rng = np.random.default_rng(0)
CODES = rng.integers(0, 4, (300, 2)).astype(float)
NUMBERS = rng.normal(size=(300, 3)) * [1, 10, 0.1] + 5
X = np.column_stack([NUMBERS, CODES])
Y = (NUMBERS[:, 0] - 5 + (CODES[:, 0] == 2) + 0.5 * rng.normal(size=300) > 0.3).astype(int) + (CODES[:, 1] == 3)
IS_CATEGORY = np.array([False, False, False, True, True])
ENCODED = np.column_stack([StandardScaler().fit_transform(NUMBERS), OneHotEncoder().fit_transform(CODES).toarray()])


def test_logistic_without_hinges_is_scikit_learns() -> None:
    own = Logistic(LogisticConfig(n_knots=0, penalty=0.5, n_iter=1_000)).fit(X, Y, IS_CATEGORY)
    theirs = LogisticRegression(C=2.0, max_iter=1_000).fit(ENCODED, Y)
    np.testing.assert_allclose(own.predict_proba(X), theirs.predict_proba(ENCODED), atol=1e-4)


def test_boosting_is_scikit_learns() -> None:
    own = Boosting(BoostingConfig(n_iter=10)).fit(X, Y, IS_CATEGORY, seed=3)
    theirs = HistGradientBoostingClassifier(
        max_iter=10, categorical_features=IS_CATEGORY, early_stopping=False, random_state=3
    ).fit(X, Y)
    np.testing.assert_array_equal(own.predict_proba(X), theirs.predict_proba(X))


@pytest.mark.parametrize("is_weighted", [False, True])
def test_knn_is_scikit_learns(is_weighted: bool) -> None:
    own = KNN(KNNConfig(7, is_weighted)).fit(X[:200], Y[:200], IS_CATEGORY)
    scale = StandardScaler().fit(NUMBERS[:200])
    phi = np.column_stack([scale.transform(NUMBERS), ENCODED[:, 3:]])
    theirs = KNeighborsClassifier(7, weights="distance" if is_weighted else "uniform").fit(phi[:200], Y[:200])
    np.testing.assert_allclose(own.predict_proba(X[200:]), theirs.predict_proba(phi[200:]), atol=1e-12)


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
def test_naive_bayes_of_numbers_is_gaussian_nb(load: object) -> None:
    """On columns of one scale: theirs adds a share of the largest column's variance to all of them."""
    X, y = load(return_X_y=True)  # type: ignore[operator]
    own, z = NaiveBayes().fit(X, y, np.zeros(X.shape[1], bool)), StandardScaler().fit_transform(X)
    np.testing.assert_allclose(own.predict_proba(X), GaussianNB().fit(z, y).predict_proba(z), atol=1e-9)


def test_naive_bayes_does_not_hang_on_units() -> None:
    """Beside a moment in seconds, whose variance is 10¹⁵, a share of 0.1 more or less would tell nothing."""
    of = np.random.default_rng(1)
    y = np.arange(400) % 2
    x = np.column_stack([of.normal(0.3 * y, 0.1), of.uniform(0, 1e8, 400)])
    one, other = (NaiveBayes().fit(X, y, np.zeros(2, bool)).predict_proba(X) for X in (x, x / [0.1, 1e8]))
    np.testing.assert_allclose(one, other, atol=1e-9)
    assert (one.argmax(1) == y).mean() > 0.9


def test_naive_bayes_of_codes_is_categorical_nb() -> None:
    own = NaiveBayes(NaiveBayesConfig(pseudo_count=0.7)).fit(CODES, Y, np.ones(2, bool))
    theirs = CategoricalNB(alpha=0.7).fit(CODES, Y)
    np.testing.assert_allclose(own.predict_proba(CODES), theirs.predict_proba(CODES), atol=1e-12)


def test_naive_bayes_of_pixels_and_of_grams_are_bernoulli_and_multinomial_nb() -> None:
    from scipy import sparse

    pixels, y = load_digits(return_X_y=True)
    pixels, y = (pixels[:500] / 16).astype(np.float32), y[:500]
    nothing = Features.of(np.zeros((500, 0)), np.zeros(0, bool))
    counts = sparse.csr_matrix(rng.poisson(1 + 2 * pixels[:, 20:40]).astype(float))
    both = Features(nothing.X, nothing.is_category, pixels, counts, counts)
    own = NaiveBayes(NaiveBayesConfig(calibration="none"))
    own._learn(both, y, 0)
    bright = BernoulliNB(binarize=0.4999).fit(pixels, y)
    words = MultinomialNB().fit(counts, y)
    joint = bright.predict_joint_log_proba(pixels) + words.predict_joint_log_proba(counts) - words.class_log_prior_
    np.testing.assert_allclose(own._answer(both), softmax(joint, axis=1), atol=1e-9)


def test_naive_bayes_by_histograms_sees_what_a_normal_cannot() -> None:
    """Two classes with equal mean and variance: ±1, and a normal. The best accuracy is that of |x| near 1."""
    y = np.arange(2_000) % 2
    x = np.where(y == 1, np.sign(rng.normal(size=2_000)) * (1 + 0.1 * rng.normal(size=2_000)), rng.normal(size=2_000))
    accuracies = {}
    for numbers in ("normal", "histogram"):
        own = NaiveBayes(NaiveBayesConfig(numbers=numbers)).fit(x[:1_000, None], y[:1_000], np.zeros(1, bool))  # type: ignore[arg-type]
        accuracies[numbers] = (own.predict_proba(x[1_000:, None]).argmax(1) == y[1_000:]).mean()
    assert accuracies["histogram"] > 0.8 > 0.65 > accuracies["normal"]


def test_naive_bayes_reads_whether_a_number_is_missing() -> None:
    """By hand: 30 of 40 rows of class 1 are missing, 10 of 60 of class 0; pseudo-count 1."""
    y = np.repeat([0, 1], [60, 40])
    x = np.where(np.arange(100) % 60 < np.where(y == 1, 50, 10), np.nan, 1.0)[:, None]
    own = NaiveBayes().fit(x, y, np.zeros(1, bool))
    n_missing = [int(np.isnan(x[y == k]).sum()) for k in (0, 1)]
    joint = np.array([0.6 * (n_missing[0] + 1) / 62, 0.4 * (n_missing[1] + 1) / 42])
    np.testing.assert_allclose(own.predict_proba(np.array([[np.nan]]))[0], joint / joint.sum())
