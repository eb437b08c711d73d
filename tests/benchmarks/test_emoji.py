"""Sheets of emoji put each draw beside the training picture that is nearest to it."""

import numpy as np
import pytest
import torch

from benchmarks import emoji
from genwright.core.dataset import Dataset
from genwright.core.space import Field, Pixels, Space
from genwright.nn.picture_features import PictureFeatures


def test_copies_stand_beside_what_they_are_copies_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emoji, "N_PAIRS", 6)
    x = np.random.default_rng(0).integers(0, 256, (40, 3, 8, 8)).astype(np.uint8)
    train = Dataset(Space({"image": Field(Pixels(256), (3, 8, 8))}), {"image": x})
    features = PictureFeatures.fit(train.space, train.take(slice(None)))
    rows = np.array([7, 3, 30, 12, 39, 0])
    found = emoji.pairs({"image": torch.from_numpy(x[rows])}, train, features)
    assert found.shape == (12, 3, 8, 8)
    assert (found[::2] == x[rows]).all()
    assert (found[1::2] == x[rows]).all()


def test_a_fifth_of_the_emoji_is_held_out() -> None:
    if not emoji.DATA.exists():
        pytest.skip(f"{emoji.DATA} is not there")
    train, held, names = emoji.data()
    assert (len(train), len(held), len(names)) == (1496, 374, 9)
    assert train.space.check(train.take(slice(0, 3))) == 3
