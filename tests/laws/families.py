"""What the laws of all registered models share: how a family is built and fitted, small and quickly."""

from typing import Any

import pytest
import torch

from genwright.core.config import configure
from genwright.core.dataset import Dataset
from genwright.core.errors import UnsupportedError
from genwright.core.model import Conditions, HasLoss, Model
from genwright.core.registry import MODELS
from genwright.core.rng import torch_generator
from genwright.core.space import Batch, Space
from genwright.training.budget import Budget
from genwright.training.learn import learn
from genwright.training.plan import Plan

STEPS = 60  # of gradient families
SMALL: dict[str, dict[str, Any]] = {  # families whose defaults are made for texts
    "gpt": {"width": 32, "n_heads": 2, "n_layers": 2},
    "rnn": {"n_hidden": 32, "n_embed": 16},
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
    return isinstance(model, Conditions) and type(model).propose is not Conditions.propose
