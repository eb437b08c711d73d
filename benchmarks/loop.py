"""What the training loop costs beside a bare torch loop: a 784-512-16 VAE with batches of 100.

    python -m benchmarks.loop            # one thread, CPU seconds, best of five, both taking turns

Both loops see the same rows and call the same `loss`; the bare one has AdamW and nothing else, ours averages weights,
shortens gradients, watches a held-out loss and keeps the best. Binary pixels are made up: only time counts here.
"""

import time

import numpy as np
import torch

from genwright.core.dataset import Dataset
from genwright.core.rng import torch_generator
from genwright.core.space import Category, Field, Space
from genwright.models.vae import VAE, VAEConfig
from genwright.training.batches import Order, Rows
from genwright.training.budget import Budget
from genwright.training.config import TrainingConfig
from genwright.training.loop import train
from genwright.training.plan import Plan

N, STEPS, BATCH, TURNS = 6_000, 300, 100, 5


def _data() -> Dataset:
    pixels = np.random.default_rng(0).integers(0, 2, (N, 784))
    return Dataset(Space({"image": Field(Category(2), (784,))}), {"image": pixels})


def _model(data: Dataset) -> VAE:
    return VAE(data.space, VAEConfig(latent_dim=16, n_hidden=512, n_layers=1, n_embed=1, n_importance=1))


def bare(data: Dataset) -> float:
    """CPU seconds of a loop with nothing but the necessary."""
    model = _model(data)
    model.start(torch_generator(0))
    rows, order = Rows(model, data, np.arange(N)), Order(N, BATCH, 0)
    optimiser = torch.optim.AdamW(model.net.parameters(), lr=1e-3, fused=True)
    generator = torch_generator(0, "noise")
    started = time.process_time()
    for k in range(STEPS):
        optimiser.zero_grad(set_to_none=True)
        model.loss(rows.take(order.batch(k)), generator).mean().backward()
        optimiser.step()
    return time.process_time() - started


def ours(data: Dataset) -> float:
    """CPU seconds of the training loop, its evaluations included."""
    model = _model(data)
    config = TrainingConfig(batch_size=BATCH, learning_rate=1e-3, n_evaluations=3, n_validation=500, patience=0)
    started = time.process_time()
    train(model, data, Plan(config, Budget(steps=STEPS)), lambda done, line: None)
    return time.process_time() - started


def main() -> None:
    """Prints both and their ratio."""
    torch.set_num_threads(1)
    data = _data()
    pairs = [(bare(data), ours(data)) for _ in range(TURNS)]
    b, o = (min(p[i] for p in pairs) for i in (0, 1))
    print(f"bare {1000 * b / STEPS:.2f} ms a step, ours {1000 * o / STEPS:.2f} ms: {o / b - 1:+.1%}")


if __name__ == "__main__":
    main()
