"""Histograms of pixels against counting."""

import itertools

import numpy as np
import pytest
import torch

from genwright.core.config import configure
from genwright.core.dataset import Dataset
from genwright.core.errors import UnsupportedError
from genwright.core.rng import torch_generator
from genwright.core.space import Category, Field, Pixels, Real, Space
from genwright.models.marginals import Marginals
from genwright.nn.pixel_histograms import PixelHistograms

SHAPE = (1, 2, 2)
FIELD = Field(Pixels(3), SHAPE)


def pictures(n: int = 200, seed: int = 0) -> np.ndarray:
    """Made-up pictures whose pixels depend on each other (n, 1, 2, 2)."""
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 3, (n, 1, 1, 1))
    return np.where(rng.random((n, *SHAPE)) < 0.7, base, rng.integers(0, 2, (n, *SHAPE))).astype(np.uint8)


def counted(x: np.ndarray) -> PixelHistograms:
    found = PixelHistograms(FIELD)
    found.count(Dataset(Space({"x": FIELD}), {"x": x}), "x")
    return found


def test_probabilities_are_smoothed_shares_of_each_pixel() -> None:
    x = pictures()
    p = counted(x).log_p.exp().numpy()
    for d, (i, j) in enumerate(itertools.product(range(2), range(2))):
        expected = (np.bincount(x[:, 0, i, j], minlength=3) + 0.5) / (200 + 3 * 0.5)
        np.testing.assert_allclose(p[d], expected, rtol=1e-6)


def test_log_prob_sums_to_one_over_all_pictures() -> None:
    every = torch.tensor(list(itertools.product(range(3), repeat=4)), dtype=torch.uint8).view(-1, *SHAPE)
    assert float(counted(pictures()).log_prob(every).exp().sum()) == pytest.approx(1, abs=1e-5)


def test_draws_follow_the_shares_and_pixels_are_independent() -> None:
    model, n = counted(pictures()), 20_000
    draws = model.draw(n, torch_generator(1)).flatten(1).long()
    for d in range(4):
        p = model.log_p[d].double().exp().numpy()
        share = np.bincount(draws[:, d].numpy(), minlength=3) / n
        assert (np.abs(share - p) < 5 * np.sqrt(p * (1 - p) / n)).all()
    assert (np.abs(np.corrcoef(draws.numpy().T) - np.eye(4)) < 5 / n**0.5).all()


def test_the_first_draws_are_the_same_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genwright.nn.pixel_histograms.PLACES", 4 * 7)
    model = counted(pictures())
    few, many = (model.draw(n, torch_generator(2)) for n in (10, 33))
    assert few.dtype == torch.uint8
    assert torch.equal(few, many[:10])


def _rows() -> Dataset:
    space = Space({"picture": FIELD, "label": Field(Category(2))})
    return Dataset(space, {"picture": pictures(), "label": np.arange(200) % 2})


def test_marginals_of_pictures_and_labels_are_the_product() -> None:
    data = _rows()
    model = Marginals(data.space)
    model.solve(data, torch_generator(0), lambda done, line: None)
    rows = data.take(slice(0, 20))
    expected = counted(data.arrays["picture"]).log_prob(rows["picture"]) + torch.from_numpy(
        model.histograms.log_prob("label", rows["label"])
    )
    torch.testing.assert_close(model.log_prob(rows), expected)
    given = {"label": rows["label"]}
    drawn = model.sample(20, given, torch_generator(0))
    assert torch.equal(drawn["label"], given["label"])
    assert data.space.check(drawn) == 20


def test_saved_equals_loaded() -> None:
    data = _rows()
    model = Marginals(data.space)
    model.solve(data, torch_generator(0), lambda done, line: None)
    again = Marginals(data.space, configure(Marginals.Config, {}))
    again.load_state(model.state())
    rows = data.take(slice(0, 20))
    assert torch.equal(model.log_prob(rows), again.log_prob(rows))
    drawn, drawn_again = (m.sample(9, {}, torch_generator(3)) for m in (model, again))
    assert torch.equal(drawn["picture"], drawn_again["picture"])


def test_arrays_that_are_no_pictures_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="'x', an array that is no picture"):
        Marginals(Space({"x": Field(Real(), (2, 2))}))
