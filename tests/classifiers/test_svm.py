"""`svm` beside scikit-learn's machines on the same encoding, the four points of XOR, what approximations lose."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, load_iris
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from genwright.classifiers import svm
from genwright.classifiers.svm import SVM, SVMConfig, usual_gamma
from genwright.core.config import configure
from genwright.core.errors import ConfigError
from genwright.core.feature_view import Features

IRIS, SPECIES = load_iris(return_X_y=True)
NUMBERS = np.zeros(4, bool)
Z = StandardScaler().fit_transform(IRIS)
XOR = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([0, 1, 1, 0])


def accuracy(classifier: SVM, X: np.ndarray, y: np.ndarray) -> float:
    return float((classifier.predict_proba(X).argmax(1) == y).mean())


def overlapping(n_classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two columns of iris, their standardised values, and the species."""
    of = np.isin(SPECIES, np.arange(3)[-n_classes:])
    X = IRIS[of][:, :2]
    return X, StandardScaler().fit_transform(X), SPECIES[of]


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    ("settings", "peer"),
    [
        ({"kernel": "linear"}, LinearSVC(random_state=3, max_iter=2_000)),
        ({"kernel": "rbf"}, SVC(decision_function_shape="ovo")),
        ({"kernel": "rbf", "C": 7.0, "gamma": 0.03}, SVC(C=7.0, gamma=0.03, decision_function_shape="ovo")),
    ],
)
def test_margins_are_scikit_learns(settings: dict[str, object], peer: SVC, n_classes: int) -> None:
    X, z, y = overlapping(n_classes)
    own = SVM(configure(SVMConfig, settings)).fit(X, y, np.zeros(2, bool), seed=3)
    margins = own.margins(Features.of(X, np.zeros(2, bool)))
    np.testing.assert_allclose(margins, peer.fit(z, y).decision_function(z), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("settings", "peer", "n_classes"),
    [
        ({"kernel": "linear"}, LinearSVC(random_state=3, max_iter=2_000), 3),
        ({"kernel": "linear"}, LinearSVC(random_state=3, max_iter=2_000), 2),
        ({"kernel": "rbf"}, SVC(gamma=0.5), 2),  # 1 / 2 standardised columns
        ({"kernel": "rbf", "calibration": "isotonic"}, SVC(gamma=0.5), 2),
    ],
)
def test_probabilities_are_scikit_learns(settings: dict[str, object], peer: SVC, n_classes: int) -> None:
    """Two optimisers of the same Platt loss agree to 1e-3; steps stay between Platt's targets."""
    X, z, y = overlapping(n_classes)
    own = SVM(configure(SVMConfig, settings)).fit(X, y, np.zeros(2, bool), seed=3)
    is_steps = own.config.calibration == "isotonic"
    same = StratifiedKFold(5, shuffle=True, random_state=3)
    method = "isotonic" if is_steps else "sigmoid"
    theirs = CalibratedClassifierCV(peer, method=method, cv=same, ensemble=False).fit(z, y).predict_proba(z)
    bound = 1 / 52 if is_steps else 0
    atol = 5e-3 if is_steps else 1e-3  # between a cut corner and the next the line is another
    np.testing.assert_allclose(own.predict_proba(X), np.clip(theirs, bound, 1 - bound), atol=atol)


def test_the_exact_kernel_predicts_what_scikit_learn_does() -> None:
    """Coupled probabilities against votes of pairs, on pixels: the same class but for near ties."""
    X, y = load_digits(return_X_y=True)
    nothing, gray = Features.of(np.zeros((1_000, 0)), np.zeros(0, bool)), (X[:1_000] / 16).astype(np.float32)
    pictures = replace(nothing, pixels=gray)
    taught = replace(pictures, X=nothing.X[:400], pixels=gray[:400], weights=nothing.weights[:400])
    own = SVM(SVMConfig(kernel="rbf"))
    own._learn(taught, y[:400], 0)
    theirs = SVC().fit(gray[:400], y[:400]).predict(gray)
    found = own._answer(pictures).argmax(1)
    assert (found == theirs).mean() > 0.98
    assert (found == y[:1_000])[400:].mean() > (theirs == y[:1_000])[400:].mean() - 0.01


@pytest.mark.parametrize("how", ["nystroem", "fourier"])
def test_approximations_are_scikit_learns(how: str) -> None:
    family = {"nystroem": Nystroem, "fourier": RBFSampler}[how]
    own = SVM(SVMConfig(kernel="rbf", approximation=how, n_components=40)).fit(IRIS, SPECIES, NUMBERS, seed=5)
    phi = family(gamma=0.25, n_components=40, random_state=5).fit_transform(Z)
    theirs = LinearSVC(max_iter=2_000, random_state=5).fit(phi, SPECIES).decision_function(phi)
    np.testing.assert_allclose(own.margins(Features.of(IRIS, NUMBERS)), theirs, rtol=1e-5, atol=1e-6)


def test_gamma_is_scikit_learns_scale() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 5)) * [1, 2, 3, 4, 5]
    assert usual_gamma(X) == pytest.approx(SVC(gamma="scale").fit(X, np.arange(30) % 2)._gamma)
    assert usual_gamma(np.ones((3, 2))) == 1


def test_no_line_parts_the_four_points_of_xor_and_a_kernel_does() -> None:
    X, y = XOR
    is_category = np.zeros(2, bool)
    assert accuracy(SVM(SVMConfig(kernel="linear")).fit(X, y, is_category), X, y) <= 0.75
    bent = SVM(SVMConfig(kernel="rbf")).fit(X, y, is_category)
    assert accuracy(bent, X, y) == 1.0
    assert bent.predict_proba(X).max() < 0.8  # four rows make nothing certain: targets of Platt are 3/4 and 1/4


def test_nystroem_loses_little_on_digits() -> None:
    X, y = load_digits(return_X_y=True)
    is_taught = np.arange(len(y)) < 600
    space = np.zeros(64, bool)
    scores = {}
    for how in ("exact", "nystroem"):
        own = SVM(SVMConfig(kernel="rbf", approximation=how, n_components=200, n_folds=2))
        scores[how] = accuracy(own.fit(X[is_taught], y[is_taught], space), X[~is_taught], y[~is_taught])
    assert scores["exact"] > 0.92
    assert scores["nystroem"] > scores["exact"] - 0.05


def test_probabilities_are_calibrated() -> None:
    """log p beside that of the truth, p(y = 1 | x) = σ(2x): the excess is the KL divergence, small but not below 0."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3_000, 1))
    truth = 1 / (1 + np.exp(-2 * x[:, 0]))
    y = (rng.random(3_000) < truth).astype(int)
    own = SVM(SVMConfig(kernel="linear")).fit(x[:1_500], y[:1_500], np.zeros(1, bool))
    p = own.predict_proba(x[1_500:])[:, 1]
    assert np.abs(p - truth[1_500:]).mean() < 0.03


def test_settings_are_checked() -> None:
    for settings in ({"kernel": "poly"}, {"C": 0}, {"n_folds": 1}, {"approximation": "x"}, {"gamma": -1}):
        with pytest.raises(ConfigError):
            configure(SVMConfig, settings)


@pytest.mark.parametrize(("n_classes", "is_exact"), [(10, True), (20, False)])
def test_margins_of_all_pairs_of_many_classes_are_not_kept(
    n_classes: int, is_exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1,000 classes of two rows would have 10⁹ margins, 8 GB and more; here the limit is lower."""
    monkeypatch.setattr(svm, "MOST_MARGINS", 40 * 100)
    rng, y = np.random.default_rng(0), np.arange(40) % n_classes
    X = rng.normal(0, 9, (n_classes, 2))[y] + rng.normal(size=(40, 2)) / 9
    own = SVM(SVMConfig(n_folds=2)).fit(X, y, np.zeros(2, bool))
    assert (own.margins(Features.of(X, np.zeros(2, bool))).shape[1] == 45) == is_exact
    assert accuracy(own, X, y) > 0.8
