"""Screening: the columns that tell of the target are kept."""

import numpy as np

from genwright.core.space import Category, Field
from genwright.nn.trees.column import learn_column
from genwright.nn.trees.donors import Donors
from genwright.nn.trees.predictors import screen
from genwright.nn.trees.target import Target
from tests.nn.worlds import real_column


def test_the_related_columns_are_kept() -> None:
    """Numbers and categories of which three tell of the last column."""
    rng = np.random.default_rng(1)
    n, related = 2_000, [3, 10, 17]
    values: list[np.ndarray] = [rng.normal(size=n) if k % 2 else rng.integers(0, 6, n) for k in range(20)]
    y = values[3] + np.array([0, 2, 0, 2, 0, 1])[values[10].astype(int)] + values[17] + rng.normal(size=n)
    columns = [real_column(x) if k % 2 else learn_column(Field(Category(6)), x) for k, x in enumerate(values)]
    columns, values = [*columns, real_column(y)], [*values, y]
    target = Target.of(20, columns, Donors.of(columns, values))
    kept = screen(target, 3, np.random.default_rng(2))
    assert kept.tolist() == related
