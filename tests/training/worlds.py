"""Small models and tables for the tests of training."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from genwright.core.dataset import Dataset
from genwright.core.model import HasLoss, Model
from genwright.core.space import Batch, Category, Field, Real, Space
from genwright.models.vae import VAE, VAEConfig
from genwright.training.budget import Budget
from genwright.training.config import TrainingConfig
from genwright.training.plan import Plan


def table(n: int = 800, seed: int = 0) -> Dataset:
    """A category and a number that follows it."""
    rng = np.random.default_rng(seed)
    c = rng.integers(0, 4, n)
    x = np.clip(rng.normal(c, 0.5), -2, 6)
    support = Real(low=-2.0, high=6.0, quantiles=tuple(np.quantile(x, np.linspace(0, 1, 33))))
    return Dataset(Space({"c": Field(Category(4)), "x": Field(support)}), {"c": c, "x": x})


def small_vae(**settings: Any) -> VAE:
    return VAE(table(50).space, VAEConfig(**{"latent_dim": 2, "n_hidden": 16, "n_layers": 1, **settings}))


def plan(steps: int = 100, path: Path | None = None, resume: bool = False, seed: int = 0, **settings: Any) -> Plan:
    config = TrainingConfig(**{"batch_size": 64, "n_evaluations": 10, "checkpoint_seconds": 0.0, **settings})
    return Plan(config, Budget(steps=steps), seed, path, resume, {"data": "d"})


def weights(model: HasLoss) -> str:
    """A hash of a model's weights."""
    parts = (name.encode() + x.numpy().tobytes() for name, x in model.net.state_dict().items())
    return hashlib.sha256(b"".join(parts)).hexdigest()


class Line(Model, HasLoss):
    """loss = ‖w − target‖² a row; `poison` makes the loss of some steps infinite."""

    def __init__(self, space: Space, config: Any = None, poison: int = 0):
        super().__init__(space, config)
        self.net = nn.Linear(1, 1)
        self.n_calls, self.poison = 0, poison

    def start(self, generator: torch.Generator) -> None:
        with torch.no_grad():
            self.net.weight.fill_(1.0)
            self.net.bias.zero_()

    def loss(self, rows: Batch, generator: torch.Generator, phase: str = "model") -> Tensor:
        self.n_calls += torch.is_grad_enabled()
        loss = (self.net.weight.squeeze() - 3).square() + self.net.bias.square().sum() + 0 * rows["x"].float()
        return loss * torch.nan if torch.is_grad_enabled() and 20 <= self.n_calls < 20 + self.poison else loss

    def sample(self, n: int, given: Batch, generator: torch.Generator, temperature: float = 1.0) -> Batch:
        raise NotImplementedError

    def state(self) -> dict[str, Tensor]:
        return self.net.state_dict()

    def load_state(self, state: Any) -> None:
        self.net.load_state_dict(state)
