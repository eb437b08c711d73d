"""Coverage against brute force, and on draws that lack a part of the real rows."""

import numpy as np
import pytest
import torch

from genwright.core.space import Category, Field, Pixels, Real, Space
from genwright.nn.coverage import coverage, points

SPACE = Space({"x": Field(Real()), "c": Field(Category(3)), "p": Field(Pixels(4), (1, 2, 2))})


def _rows(n: int, seed: int, most: int = 3) -> dict[str, torch.Tensor]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    x[rng.random(n) < 0.1] = np.nan
    c = rng.integers(0, most, n)
    pixels = torch.from_numpy(rng.integers(0, 4, (n, 1, 2, 2)).astype(np.uint8))
    return {"x": torch.from_numpy(x), "c": torch.from_numpy(c), "p": pixels}


def test_brute_force():
    real, fake = _rows(60, 0), _rows(40, 1)
    a, b = points(real, real, SPACE), points(fake, real, SPACE)
    among = np.linalg.norm(a[:, None] - a[None], axis=2)
    radius = np.sort(among, 1)[:, 5]  # the row itself stands first
    wanted = (np.linalg.norm(a[:, None] - b[None], axis=2).min(1) <= radius).mean()
    assert coverage(real, fake, SPACE) == pytest.approx(wanted)


def test_a_category_that_is_never_drawn_is_not_covered():
    space = Space({"x": SPACE["x"], "c": SPACE["c"]})
    real = _rows(400, 0)
    whole, partial = (coverage(real, _rows(400, 1, most), space) for most in (3, 2))
    assert whole > 0.9
    assert abs(partial - 2 / 3 * whole) < 5 * np.sqrt(2 / 9 / 400)


def test_nothing_to_measure():
    real = _rows(5, 0)
    assert np.isnan(coverage(real, real, SPACE))
    assert np.isnan(coverage({}, {}, Space()))
    assert coverage(_rows(50, 0), _rows(0, 0), SPACE) == 0


def test_many_categories_are_told_apart_by_those_that_real_rows_have():
    space = Space({"c": Field(Category(10**6))})
    real, fake = ({"c": torch.tensor(c)} for c in ([5, 5, 900_000, 5], [7, 999_999, 5]))
    a, b = points(real, real, space), points(fake, real, space)
    apart = np.linalg.norm(a[:, None] - b[None], axis=2)
    np.testing.assert_allclose(apart, real["c"][:, None] != fake["c"])
    np.testing.assert_allclose(np.linalg.norm(a[:, None] - a[None], axis=2), real["c"][:, None] != real["c"])
