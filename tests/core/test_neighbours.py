import numpy as np
import pytest

from genwright.core.features import mid_ranks
from genwright.core.neighbours import nearest, points


def rows(n: int, seed: int, n_codes: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.normal(size=n), rng.integers(0, 4, n), rng.integers(0, n_codes, n), rng.integers(0, 2, n)])
    X[rng.random(n) < 0.2, 0] = np.nan
    return X


IS_CATEGORY = np.array([False, False, True, True])


def slow_distance(a: np.ndarray, b: np.ndarray, reference: np.ndarray) -> float:
    """The definition, one pair at a time."""
    total = 0.0
    for j, is_code in enumerate(IS_CATEGORY):
        if is_code:
            total += a[j] != b[j]
            continue
        ranks = [float(np.nan_to_num(mid_ranks(x[j : j + 1], reference[:, j])[0], nan=0.5)) for x in (a, b)]
        total += abs(ranks[0] - ranks[1]) + (np.isnan(a[j]) != np.isnan(b[j]))
    return total


@pytest.mark.parametrize("n_codes", [3, 200])
def test_nearest_is_exact(n_codes: int) -> None:
    A, B = rows(40, 0, n_codes), rows(60, 1, n_codes)
    reference = np.concatenate([A, B])
    distance, index = nearest(points(A, IS_CATEGORY, reference), points(B, IS_CATEGORY, reference))
    every = np.array([[slow_distance(a, b, reference) for b in B] for a in A])
    np.testing.assert_allclose(distance, every.min(1), atol=1e-5)
    np.testing.assert_allclose(every[np.arange(40), index], every.min(1), atol=1e-5)


def test_nearest_in_blocks_and_without_self(monkeypatch: pytest.MonkeyPatch) -> None:
    B = rows(50, 2)
    places = points(B, IS_CATEGORY, B)
    assert (nearest(places, places)[0] == 0).all()
    whole = nearest(places, places, skip_self=True)
    assert (whole[1] != np.arange(50)).all()
    monkeypatch.setattr("genwright.core.neighbours._CELLS", 350)  # 7 rows a block
    for a, b in zip(nearest(places, places, skip_self=True), whole, strict=True):
        np.testing.assert_array_equal(a, b)


def test_more_columns_than_a_byte_can_count() -> None:
    X = np.stack([np.zeros(300), np.ones(300)])
    is_category = np.ones(300, bool)
    found = nearest(points(X[:1], is_category, X), points(X[1:], is_category, X))
    assert found[0][0] == 300
