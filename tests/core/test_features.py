import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from genwright.core.errors import UnsupportedError
from genwright.core.features import histogram_codes, matrix, mid_ranks, sample_rows
from genwright.core.space import Category, Field, Real, Space

numbers = st.lists(st.integers(-4, 4).map(float), min_size=1, max_size=30).map(np.array)


def test_matrix_keeps_missing_numbers_and_codes() -> None:
    space = Space({"a": Field(Real()), "b": Field(Category(3))})
    X, is_category = matrix({"b": torch.tensor([2, 0]), "a": torch.tensor([1.5, torch.nan])}, space)
    assert X.dtype == np.float64
    assert is_category.tolist() == [False, True]
    np.testing.assert_array_equal(X, [[1.5, 2], [np.nan, 0]])


def test_matrix_refuses_pictures_by_name() -> None:
    space = Space({"face": Field(Real(), event_shape=(1, 8, 8))})
    with pytest.raises(UnsupportedError, match="face"):
        matrix({"face": torch.zeros(3, 1, 8, 8)}, space)


@given(numbers)
def test_mid_ranks_are_average_ranks(x: np.ndarray) -> None:
    np.testing.assert_allclose(mid_ranks(x, x), (rankdata(x) - 0.5) / len(x))
    assert np.isnan(mid_ranks(np.array([np.nan]), x)[0])


@given(numbers, st.integers(2, 6))
def test_bins_keep_order_and_give_frequent_values_their_own(x: np.ndarray, n_bins: int) -> None:
    codes = histogram_codes(x, x, False, n_bins)
    assert (np.diff(codes[np.argsort(x)]) >= 0).all()
    assert codes.max() < n_bins
    values, counts = np.unique(x, return_counts=True)
    for value in values[counts > 2 * len(x) / n_bins]:
        assert len(set(x[codes == codes[x == value][0]])) == 1
    assert histogram_codes(np.array([np.nan]), x, False, n_bins)[0] == n_bins


def test_rare_and_unseen_categories_share_the_last_code() -> None:
    train = np.repeat([0.0, 1.0, 2.0, 7.0], [5, 1, 9, 4])
    codes = histogram_codes(np.array([0.0, 1.0, 2.0, 7.0, 99.0]), train, True, 3)
    assert codes.tolist() == [0, 3, 1, 2, 3]


def test_sample_rows_draws_without_replacement() -> None:
    rows = {"a": torch.arange(10)}
    taken = sample_rows(rows, 6, np.random.default_rng(0))["a"].tolist()
    assert len(set(taken)) == 6
    assert len(sample_rows(rows, 99, np.random.default_rng(0))["a"]) == 10
