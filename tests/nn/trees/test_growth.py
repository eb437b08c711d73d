"""Growing: halves do not overlap, and there are more of them where rows are few."""

import warnings

import numpy as np
import pytest

from genwright.models.trees import TreesConfig
from genwright.nn.trees.donors import Donors
from genwright.nn.trees.growth import Plan, _halves, grow_step
from tests.nn.worlds import real_column


@pytest.mark.parametrize("n", [7, 100, 30_000])
def test_honest_halves_are_disjoint_and_both_ways(n: int) -> None:
    found = _halves(n, Plan(5, 1, is_honest=True), TreesConfig(), np.random.default_rng(0))
    assert len(found) % 2 == 0
    for half, other in zip(found[::2], found[1::2]):
        assert not set(half.grows) & set(half.fills)
        assert sorted([*half.grows, *half.fills]) == list(range(n))
        assert half.grows.tolist() == other.fills.tolist()
        assert half.fills.tolist() == other.grows.tolist()


def test_small_tables_are_halved_more_often() -> None:
    def n_trees(n: int) -> int:
        return len(_halves(n, Plan(5, 1, is_honest=True), TreesConfig(), np.random.default_rng(0)))

    assert n_trees(100) > n_trees(40_000) > n_trees(100_000) == 2


def test_numbers_near_the_end_of_floats_are_learnt_without_a_warning() -> None:
    """A sum that follows them, formulas and turned axes among what is tried."""
    rng, n = np.random.default_rng(0), 900
    a, b = rng.normal(size=(2, n))
    values = [a * 1e307, b * 1e307, a + b]
    columns = [real_column(x) for x in values]
    donors = Donors.of(columns, values)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        steps = [grow_step(t, columns, donors, TreesConfig(), rng) for t in range(3)]
        p = columns[0].prob_alone(values[0])
    assert all(step.trees for step in steps[1:])
    assert np.isfinite(np.log(p)).all()


def test_columns_with_one_number_and_holes_explain_without_a_formula() -> None:
    rng, n = np.random.default_rng(0), 900
    values = [np.where(rng.random(n) < 0.5, x, np.nan) for x in (5.0, 7.0)] + [rng.normal(size=n)]
    columns = [real_column(x) for x in values]
    step = grow_step(2, columns, Donors.of(columns, values), TreesConfig(), rng)
    assert step.trees
    assert step.formula is None
