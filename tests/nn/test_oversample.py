"""Rows between neighbours lie between them; copies are rows."""

import numpy as np
import pytest

from genwright.core.dataset import Dataset
from genwright.core.space import Category, Field, Real, Space
from genwright.nn.oversample import Between, Copies


def _data(n: int = 60, n_rare: int = 6) -> Dataset:
    rng = np.random.default_rng(0)
    y = (np.arange(n) < n_rare).astype(np.int64)
    x = rng.normal(size=n) + 10 * y
    space = Space(
        {"x": Field(Real()), "whole": Field(Real(step=1.0)), "c": Field(Category(3)), "y": Field(Category(2))}
    )
    return Dataset(space, {"x": x, "whole": np.round(5 * x), "c": rng.integers(0, 3, n), "y": y})


@pytest.mark.parametrize("maker", [Copies, Between])
def test_counts_space_and_seed(maker):
    data = _data()
    rows, again, other = (maker(data, "y").draw(np.array([5, 40]), np.random.default_rng(s)) for s in (1, 1, 2))
    data.space.check(rows)
    assert list(rows) == list(data.space)
    assert np.bincount(rows["y"]).tolist() == [5, 40]
    assert (rows["x"] == again["x"]).all()
    assert (rows["x"] != other["x"]).any()


def test_copies_are_rows_of_the_class():
    data = _data()
    rows = Copies(data, "y").draw(np.array([0, 40]), np.random.default_rng(0))
    assert set(rows["x"].tolist()) <= set(data.arrays["x"][:6].tolist())


def test_points_between_are_new_and_inside():
    data = _data()
    rows = Between(data, "y").draw(np.array([0, 200]), np.random.default_rng(0))
    rare = data.arrays["x"][:6]
    x = rows["x"].numpy()
    assert ((x >= rare.min()) & (x <= rare.max())).all()
    assert np.isin(x, rare).mean() < 0.1
    assert (rows["whole"] % 1 == 0).all()
    assert set(rows["c"].tolist()) <= set(data.arrays["c"][:6].tolist())


def test_neighbours_are_near():
    """Two clusters of one class: no point lies between them."""
    x = np.concatenate([np.linspace(0, 1, 20), np.linspace(100, 101, 20)])
    space = Space({"x": Field(Real(quantiles=(0.0, 1.0, 50.0, 100.0, 101.0))), "y": Field(Category(1))})
    rows = Between(Dataset(space, {"x": x, "y": np.zeros(40, np.int64)}), "y").draw(
        np.array([300]), np.random.default_rng(0)
    )
    assert not ((rows["x"] > 1) & (rows["x"] < 100)).any()


def test_a_missing_number_and_a_class_of_one_row():
    data = _data()
    data.arrays["x"][0] = np.nan
    assert len(Between(data, "y").draw(np.array([0, 30]), np.random.default_rng(0))["x"]) == 30
    one = data.subset(np.array([1, *range(10, 20)]))
    rows = Between(one, "y").draw(np.array([0, 3]), np.random.default_rng(0))
    assert (rows["x"] == one.arrays["x"][0]).all()


def test_neighbours_are_those_of_brute_force_however_many_categories():
    rng, n = np.random.default_rng(3), 300
    c, d = rng.integers(0, 5, n) * 200_000, rng.integers(0, 3, n)
    x, y = rng.normal(size=(2, n))
    space = Space(
        {
            "x": Field(Real()),
            "y": Field(Real()),
            "c": Field(Category(10**6)),
            "d": Field(Category(3)),
            "k": Field(Category(1)),
        }
    )
    data = Dataset(space, {"x": x, "y": y, "c": c, "d": d, "k": np.zeros(n, np.int64)})
    base = np.arange(n)[::-1]
    near = Between(data, "k")._neighbours(data.take(slice(None)), base)
    penalty = np.median([x.std(), y.std()]) ** 2
    apart = (x[:, None] - x) ** 2 + (y[:, None] - y) ** 2
    apart += penalty * ((c[:, None] != c).astype(int) + (d[:, None] != d))
    np.fill_diagonal(apart, np.inf)
    assert near.shape == (n, 5)
    assert (np.sort(near, 1) == np.sort(apart[base].argsort(1)[:, :5], 1)).all()


def test_categories_alone_have_neighbours():
    c, d = np.repeat([0, 1], 20), np.tile([0, 0, 0, 1], 10)
    space = Space({"c": Field(Category(2)), "d": Field(Category(2)), "y": Field(Category(1))})
    data = Dataset(space, {"c": c, "d": d, "y": np.zeros(40, np.int64)})
    near = Between(data, "y")._neighbours(data.take(slice(None)), np.arange(40))
    assert (c[near] == c[:, None]).all()
    rows = Between(data, "y").draw(np.array([50]), np.random.default_rng(0))
    assert len(rows["c"]) == 50
