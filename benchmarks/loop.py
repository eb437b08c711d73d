"""What the training loop costs beside a bare torch loop: a 784-512-16 VAE with batches of 100.

    python -m benchmarks.loop            # one thread, CPU seconds, median of three
    python -m benchmarks.loop 10 5       # a tenth of a training, median of five

Both loops see the same rows and call the same `loss`; the bare one has AdamW and nothing else, ours averages weights,
shortens gradients, watches a held-out loss and keeps the best. Binary pixels are made up: only time counts here.

A training of usual length goes 60 times through 5,400 rows: 3,240 steps with 50 evaluations, one after every 64. What
is timed is a part of it, a third unless said, with as many evaluations as belong to it. Ours is timed whole, with its
setting up, the evaluation before the first step and what is done at the end: shorter parts make it look dearer.
"""

import sys
import time
from statistics import median

import numpy as np
import torch

from genwright.core.dataset import Dataset
from genwright.core.rng import torch_generator
from genwright.core.space import Category, Field, Space
from genwright.models.vae import VAE, VAEConfig
from genwright.training.batches import Order, Rows
from genwright.training.budget import DEFAULT_EPOCHS, Budget
from genwright.training.config import TrainingConfig
from genwright.training.loop import train
from genwright.training.plan import Plan

N, BATCH = 6_000, 100
USUAL = TrainingConfig()
N_LEARNT = N - min(N // 10, USUAL.n_validation)
EVERY = DEFAULT_EPOCHS * N_LEARNT // BATCH // USUAL.n_evaluations


def _data() -> Dataset:
    pixels = np.random.default_rng(0).integers(0, 2, (N, 784))
    return Dataset(Space({"image": Field(Category(2), (784,))}), {"image": pixels})


def _model(data: Dataset) -> VAE:
    return VAE(data.space, VAEConfig(latent_dim=16, n_hidden=512, n_layers=1, n_embed=1, n_importance=1))


class Bare:
    """A loop with nothing but the necessary, a few of its steps at a time."""

    def __init__(self, data: Dataset, n_steps: int):
        self.model = _model(data)
        self.model.start(torch_generator(0))
        self.rows, self.order = Rows(self.model, data, np.arange(N_LEARNT)), Order(N_LEARNT, BATCH, 0)
        self.optimiser = torch.optim.AdamW(self.model.net.parameters(), lr=1e-3, fused=True)
        self.generator = torch_generator(0, "noise")
        self.n_done, self.n_steps, self.seconds = 0, n_steps, 0.0

    def go_on(self) -> None:
        """As many steps as ours takes between two evaluations."""
        started = time.process_time()
        for k in range(self.n_done, min(self.n_done + EVERY, self.n_steps)):
            self.optimiser.zero_grad(set_to_none=True)
            self.model.loss(self.rows.take(self.order.batch(k)), self.generator).mean().backward()
            self.optimiser.step()
            self.n_done += 1
        self.seconds += time.process_time() - started


def seconds(data: Dataset, n_evaluations: int) -> tuple[float, float]:
    """CPU seconds a step of the bare loop and of ours, which take turns at every evaluation."""
    n_steps = EVERY * n_evaluations
    bare, model = Bare(data, n_steps), _model(data)
    config = TrainingConfig(batch_size=BATCH, learning_rate=1e-3, n_evaluations=n_evaluations, patience=0)
    started = time.process_time()
    train(model, data, Plan(config, Budget(steps=n_steps)), lambda done, line: bare.go_on())
    return bare.seconds / n_steps, (time.process_time() - started - bare.seconds) / n_steps


def main(part: int = 3, turns: int = 3) -> None:
    """Prints both and their ratio, the median of all turns."""
    torch.set_num_threads(1)
    data = _data()
    seconds(data, 1)  # imports and memory
    pairs = [seconds(data, max(1, USUAL.n_evaluations // part)) for _ in range(turns)]
    b, o = (1000 * median(p[i] for p in pairs) for i in (0, 1))
    print(f"bare {b:.2f} ms a step, ours {o:.2f} ms: {median(o / b - 1 for b, o in pairs):+.1%}")
    print("each turn: " + ", ".join(f"{o / b - 1:+.1%}" for b, o in pairs))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
