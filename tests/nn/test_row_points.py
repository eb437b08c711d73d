"""Rows as points: each of a row's points leads back to it, and their volume is what a bound needs."""

import math

import numpy as np
import torch
from scipy.stats import truncnorm

from genwright.core.dataset import select
from genwright.core.space import Batch, Category, Field, Pixels, Real, Space
from genwright.nn.row_points import RowPoints

WHOLE = Real(low=0.0, high=9.0, step=1.0, atoms=(4.0,), quantiles=tuple(np.repeat(np.arange(10.0), 2)))
SMOOTH = Real(low=-4.0, high=4.0, quantiles=tuple(np.linspace(-4, 4, 17)), has_missing=True)


def space() -> Space:
    fields = {"colour": Field(Category(5)), "image": Field(Pixels(7), (2, 3, 4)), "size": Field(WHOLE)}
    return Space({**fields, "weight": Field(SMOOTH)})


def rows(n: int = 300) -> Batch:
    rng = np.random.default_rng(0)
    weight = rng.uniform(-4, 4, n)
    weight[:50] = np.nan
    size = rng.integers(0, 10, n).astype(float)
    image = rng.integers(0, 7, (n, 2, 3, 4)).astype(np.uint8)
    arrays = {"colour": rng.integers(0, 5, n), "image": image, "size": size, "weight": weight}
    return {name: torch.from_numpy(x) for name, x in arrays.items()}


def test_every_point_of_a_row_leads_back_to_it():
    points, batch = RowPoints(space()), rows()
    ready = points.rows(batch)
    for x in (points.spread(ready, torch.Generator().manual_seed(0)), points.centre(ready)):
        assert x.shape == (300, 24 + 3 + 1 + 1 + 2) == (300, points.n)  # pixels, bits of 5, 2 and 2 codes, two scores
        again = points.batch(x)
        assert torch.equal(again["image"], batch["image"])
        assert torch.equal(again["colour"], batch["colour"])
        assert torch.equal(again["size"], batch["size"])
        torch.testing.assert_close(again["weight"], batch["weight"], equal_nan=True, atol=1e-5, rtol=1e-5)


def test_the_volume_is_that_of_the_cells():
    """Pixels, bits, a step's width in scores, a smooth number's slope, a normal density where no score counts."""
    points, batch = RowPoints(space()), rows()
    ready = points.rows(batch)
    x = points.spread(ready, torch.Generator().manual_seed(0))
    vector, bits = points.split(x)[1], truncnorm(-3, np.inf, loc=1, scale=1 / 3)
    cells = 24 * math.log(2 / 6)
    normal = 0.5 * x[:, -2:].square() + 0.5 * math.log(2 * math.pi)
    whole, smooth = (place.number for place in points.view.places if place.number is not None)
    for i in range(0, 300, 7):
        size, weight = float(batch["size"][i]), float(batch["weight"][i])
        low, high = (np.interp(size + half, whole._x, whole._z) for half in (-0.5, 0.5))
        expected = cells - float(bits.logpdf(vector[i, :5].abs().double()).sum())
        expected += float(normal[i, 0]) if size == 4 else math.log(high - low)
        expected += float(normal[i, 1]) if math.isnan(weight) else float(smooth.log_slope(np.array([weight]))[0])
        assert abs(float(points.log_volume(select(ready, slice(i, i + 1)), x[i : i + 1])) - expected) < 1e-4


def test_what_is_known_of_columns_is_known_of_their_numbers():
    points, n = RowPoints(space()), 3
    known = {"image": torch.zeros(n, 3, 4, dtype=torch.bool), "size": torch.tensor([True, False, True])}
    known["image"][:, 0] = True
    mask = points.mask(known, n)
    shown, vector = points.split(mask)
    assert torch.equal(shown[0], known["image"].unsqueeze(1).expand(n, 2, 3, 4))
    assert vector[0].all()
    assert int((~vector[1]).sum()) == 2  # the bit of its code, and its score
    assert points.mask({}, n).all()


def test_pictures_alone_and_tables_alone_are_rows_too():
    for name in ("image", "colour", "weight"):
        one = Space({name: space()[name]})
        points, batch = RowPoints(one), {name: rows(20)[name]}
        x = points.spread(points.rows(batch), torch.Generator().manual_seed(0))
        torch.testing.assert_close(points.batch(x)[name], batch[name], equal_nan=True)
