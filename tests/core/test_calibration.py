"""Platt's sigmoid beside SciPy's optimiser, folds, and margins of rows that no machine saw."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, softmax

from genwright.core.calibration import Calibration, coupled, folds, platt, unseen_margins


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_platt_is_the_minimum(scale: float) -> None:
    rng = np.random.default_rng(0)
    f = scale * rng.normal(size=500)
    is_class = rng.random(500) < expit(1.5 * f / scale - 1)
    n = int(is_class.sum())
    target = np.where(is_class, (n + 1) / (n + 2), 1 / (502 - n))

    def loss(w: np.ndarray) -> float:
        z = w[0] * f / scale + w[1]
        return float((np.logaddexp(0, z) - target * z).sum())

    found = minimize(loss, np.zeros(2), tol=1e-10).x
    np.testing.assert_allclose(platt(f, is_class) * [scale, 1], found, atol=1e-4)


def test_platt_of_parted_and_of_useless_margins() -> None:
    is_class = np.arange(10) >= 5
    a, b = platt(np.where(is_class, 1.0, -1.0), is_class)
    np.testing.assert_allclose(expit(a * np.array([1, -1]) + b), [6 / 7, 1 / 7], atol=1e-6)
    for useless in (np.full(10, 3.0), np.where(is_class, -1.0, 1.0)):  # all the same; the wrong way round
        a, b = platt(useless, is_class)
        assert (a, expit(b)) == (0, pytest.approx(0.5))


def test_steps_stay_between_platts_targets() -> None:
    steps = Calibration("isotonic").fit(np.eye(3)[[0, 1, 2] * 4] * 2 - 1, np.array([0, 1, 2] * 4))
    high, low = 5 / 6, 1 / 10  # of 4 rows, and of 8
    p = steps(np.array([[1.0, -1, -1], [-1, -1, -1], [1, 1, -1]]))
    expected = np.array([[high, low, low], [low, low, low], [high, high, low]])
    np.testing.assert_allclose(p, expected / expected.sum(1, keepdims=True))


def test_pairs_that_agree_are_undone_and_others_fitted_best() -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.full(5, 0.3), 200) * (1 - 1e-4) + 1e-4 / 5
    i, j = np.triu_indices(5, 1)
    np.testing.assert_allclose(coupled(p[:, i] / (p[:, i] + p[:, j])), p, atol=1e-6)
    r = rng.random(10)

    def off(logits: np.ndarray) -> float:
        q = softmax(logits)
        return float(np.square((1 - r) * q[i] - r * q[j]).sum())

    best = softmax(minimize(off, np.zeros(5), tol=1e-14).x)
    np.testing.assert_allclose(coupled(r[None])[0], best, atol=1e-4)


def test_a_curve_a_pair() -> None:
    """Margins of pairs that part the classes: the right one has most of the probability."""
    y = np.arange(60) % 3
    one = np.array([[1.0, 1, 0], [-1, 0, 1], [0, -1, -1]])  # (0, 1), (0, 2), (1, 2), above 0 for the first
    calibration = Calibration("platt", is_pairwise=True).fit(one[y], y)
    p = calibration(one)
    assert (p.argmax(1) == [0, 1, 2]).all()
    assert (p.max(1) > 0.8).all()
    np.testing.assert_allclose(p.sum(1), 1)


def test_classes_with_few_rows_stay_in_every_fold() -> None:
    y = np.repeat([0, 1, 2], [20, 10, 3])
    fold = folds(y, 5, seed=1)
    assert (fold[y == 2] == -1).all()
    for k, n in ((0, 4), (1, 2)):
        assert np.bincount(fold[y == k]).tolist() == [n] * 5
    assert (folds(y, 5, 1) == fold).all()
    assert (folds(y, 5, 2) != fold).any()
    assert (folds(np.arange(4), 5, 0) == -1).all()


@pytest.mark.parametrize("n_columns", [None, 3])
def test_margins_come_from_machines_that_did_not_see_the_row(n_columns: int | None) -> None:
    y = np.repeat([0, 1, 2], [20, 10, 3])
    asked_of: list[tuple[set[int], set[int]]] = []

    def margins_of(taught: np.ndarray, asked: np.ndarray) -> np.ndarray:
        asked_of.append((set(taught.tolist()), set(asked.tolist())))
        assert set(y[taught]) == {0, 1, 2}
        return asked.astype(float) if n_columns is None else np.tile(asked[:, None], (1, n_columns)).astype(float)

    found = unseen_margins(margins_of, y, 5, 0)
    np.testing.assert_array_equal(found if n_columns is None else found[:, 2], np.arange(33))
    few = {30, 31, 32}
    assert [asked for _, asked in asked_of if asked == few] == [few]
    assert all(not taught & asked for taught, asked in asked_of if asked != few)
