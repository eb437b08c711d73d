"""Kernel distance against the sums it is defined by."""

import numpy as np
import pytest

from genwright.core.dataset import select
from genwright.core.errors import DataError
from genwright.judges.kid import Kid, kernel_distance
from tests.judges.picture_worlds import picture_world, with_fake


def direct(x: np.ndarray, y: np.ndarray) -> float:
    """The estimate by loops over pairs, with scikit-learn's kernel."""
    from sklearn.metrics.pairwise import polynomial_kernel

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float(polynomial_kernel(a[None], b[None], degree=3, gamma=1.0, coef0=1.0)[0, 0])

    n, m = len(x), len(y)
    within_x = sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within_y = sum(k(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return within_x + within_y - 2 * np.mean([k(a, b) for a in x for b in y])


def test_equals_the_sum_over_pairs_and_over_all_but_a_block() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(11, 3)), rng.normal(1, 2, (8, 3))
    value, left_out = kernel_distance(x, y, n_blocks=4)
    assert value == pytest.approx(direct(x, y), rel=1e-10)
    starts = np.linspace(0, 11, 5).astype(int)
    for b in range(4):
        rest = np.delete(x, slice(starts[b], starts[b + 1]), 0)
        assert left_out[b] == pytest.approx(direct(rest, y), rel=1e-10)


def test_is_unbiased_and_its_interval_is_as_wide_as_its_spread() -> None:
    """Over 200 pairs of samples of one distribution: the mean is 0, the claimed spread at least the true one."""
    rng = np.random.default_rng(1)
    values, claimed = [], []
    for _ in range(200):
        value, left_out = kernel_distance(*rng.normal(size=(2, 60, 4)) / 2, n_blocks=20)
        values.append(value)
        claimed.append(np.sqrt(19 / 20 * np.square(left_out - left_out.mean()).sum()))
    assert abs(np.mean(values)) < 4 * np.std(values) / 200**0.5
    assert 0.6 * np.std(values) < np.mean(claimed) < 1.6 * np.std(values)


def test_few_pictures_are_refused() -> None:
    with pytest.raises(DataError, match="at least 40"):
        Kid().scores(with_fake(select(picture_world().fake, slice(0, 30))))
