"""What the laws of all registered models share: how a family is built and fitted, small and quickly."""

from typing import Any

import numpy as np
import pytest
import torch

from genwright.core.config import configure
from genwright.core.dataset import Dataset
from genwright.core.errors import UnsupportedError
from genwright.core.model import Conditions, HasLoss, Model
from genwright.core.registry import MODELS
from genwright.core.rng import torch_generator
from genwright.core.space import Batch, Category, Field, Pixels, Space
from genwright.training.budget import Budget
from genwright.training.learn import learn
from genwright.training.plan import Plan

STEPS = 60  # of gradient families
SMALL: dict[str, dict[str, Any]] = {  # families whose defaults are made for texts or pictures
    "gpt": {"width": 32, "n_heads": 2, "n_layers": 2},
    "rnn": {"n_hidden": 32, "n_embed": 16},
    "flow_matching": {"n_hidden": 64, "width": 16},
}


def silent(done: float, line: str) -> None:
    pass


def built(name: str, space: Space) -> Model:
    """A family for a space; the test is skipped where the family refuses it."""
    family = MODELS.get(name)
    try:
        return family(space, configure(family.Config, SMALL.get(name, {})))
    except UnsupportedError as refused:
        pytest.skip(str(refused))


def fitted(name: str, data: Dataset, seed: int = 0, steps: int = STEPS) -> Model:
    model = built(name, data.space)
    learn(model, data, Plan(budget=Budget(steps=steps) if isinstance(model, HasLoss) else Budget(), seed=seed), silent)
    return model


def draw(model: Model, n: int, seed: int = 1, given: Batch | None = None) -> Batch:
    return model.sample(n, given or {}, torch_generator(seed, "law"))


def equal(a: Batch, b: Batch) -> bool:
    return list(a) == list(b) and all(torch.equal(a[k].nan_to_num(-99), b[k].nan_to_num(-99)) for k in a)


def precision(model: Model) -> dict[str, float]:
    """How exact a likelihood is: networks count in float32, whose last digits depend on the shapes of a batch."""
    return {"rtol": 1e-5, "atol": 1e-4} if isinstance(model, HasLoss) else {"rtol": 1e-7, "atol": 1e-7}


def can_weigh(model: Model) -> bool:
    return isinstance(model, Conditions) and model.proposes


def picture_space(is_given: bool = False) -> Space:
    """Colour pictures of 7 × 6 and 256 levels, and whether they are bright above or below."""
    return Space({"image": Field(Pixels(), (3, 7, 6)), "label": Field(Category(2), is_given=is_given)})


def picture_rows(n: int = 400, seed: int = 0, is_given: bool = False) -> Dataset:
    """Bright above or below, in a colour and with a little noise."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    is_bright = (np.arange(7) < 3)[None, :] == (label == 0)[:, None]  # (n, H)
    colour = rng.choice([60.0, 160.0], (n, 3))
    x = 40 + is_bright[:, None, :, None] * colour[:, :, None, None] + rng.normal(0, 4, (n, 3, 7, 6))
    return Dataset(picture_space(is_given), {"image": x.round().clip(0, 255).astype(np.uint8), "label": label})


def tiny_picture_space() -> Space:
    """16 pictures in all, 2 × 2 and dark or bright."""
    return Space({"image": Field(Pixels(2), (1, 2, 2))})


def tiny_picture_rows(n: int = 400, seed: int = 0) -> Dataset:
    """Rows that are mostly alike."""
    rng = np.random.default_rng(seed)
    above = rng.random((n, 1, 1, 2)) < [0.8, 0.3]
    below = above ^ (rng.random((n, 1, 1, 2)) < 0.15)
    return Dataset(tiny_picture_space(), {"image": np.concatenate([above, below], 2).astype(np.uint8)})
