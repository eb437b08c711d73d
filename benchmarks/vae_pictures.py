"""vae on pictures of 28 × 28: what an epoch costs, and how many nats binary MNIST takes.

    python -m benchmarks.vae_pictures --epoch              # CPU seconds an epoch of 60,000, each trunk and bare torch
    python -m benchmarks.vae_pictures --minutes 30         # dynamically binarised MNIST, the 10,000 test pictures
    python -m benchmarks.vae_pictures --minutes 30 --set trunk=conv --set learning_rate=1e-3
    python -m benchmarks.vae_pictures --minutes 30 --peer dense   # pythae's VAE for the same CPU time; or conv

All on one thread, in CPU seconds of this process. `--minutes` counts training alone, without the bound at the end,
which takes S latents a picture (`--importance`, 64 unless said); it lies below log p and rises with S. Training
pictures are binarised anew each time they are seen; test pictures once, by seed 0, for every model alike. MNIST is read
from `$GENWRIGHT_DATA`/mnist/mnist.npz (default: `shared/data` beside the repository). For pythae, run
`bash benchmarks/environments.sh pythae` first.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from genwright.core.config import parse_settings
from genwright.core.dataset import Dataset
from genwright.core.rng import torch_generator
from genwright.core.space import Field, Pixels, Space
from genwright.models.vae import VAE, VAEConfig
from genwright.nn.pixel_head import binarised
from genwright.training.batches import Order, Rows
from genwright.training.budget import Budget
from genwright.training.config import TrainingConfig
from genwright.training.loop import train
from genwright.training.plan import Plan
from genwright.training.settings import divided

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("GENWRIGHT_DATA", HERE.parent.parent / "shared" / "data"))
PEERS = Path(os.environ.get("GENWRIGHT_PEERS", Path.home() / ".cache" / "genwright" / "peers"))
GREY = Space({"image": Field(Pixels(256), (1, 28, 28))})
BEST: dict[str, Any] = {  # settings for half an hour: a wide dense trunk sees MNIST a hundred times in it
    "pixels": "bernoulli",
    "trunk": "dense",
    "latent_dim": 40,
    "n_hidden": 512,
    "n_components": 128,
    "warmup": 0.02,
    "batch_size": 128,
    "learning_rate": 2e-3,
    "n_evaluations": 30,
    "weight_decay": 0.0,
    "clip": 20.0,
    "patience": 0,
}
TIMED = 40  # steps from which an epoch's cost and a budget's steps are told


def mnist() -> tuple[Dataset, torch.Tensor]:
    """60,000 grey pictures to learn from, and the 10,000 official test pictures, binarised once."""
    with np.load(DATA / "mnist" / "mnist.npz") as found:
        train_, test = found["x_train"][:, None], torch.from_numpy(found["x_test"][:, None])
    return Dataset(GREY, {"image": train_}), binarised(test, 256, torch_generator(0, "test"))


def timed(step: Callable[[int], None], n: int = TIMED) -> float:
    """CPU seconds a step, the first ones left out."""
    for k in range(5):
        step(k)
    started = time.process_time()
    for k in range(n):
        step(5 + k)
    return (time.process_time() - started) / n


def stepper(model: VAE, data: Dataset, config: TrainingConfig) -> Callable[[int], None]:
    """A bare step of a family."""
    model.start(torch_generator(0))
    model.net.train()
    rows, order = Rows(model, data, np.arange(len(data))), Order(len(data), config.batch_size, 0)
    optimiser = torch.optim.AdamW(model.net.parameters(), lr=config.learning_rate, fused=True)

    def step(k: int) -> None:
        optimiser.zero_grad(set_to_none=True)
        model.loss(rows.take(order.batch(k)), torch_generator(0, k)).mean().backward()
        optimiser.step()

    return step


class Bare(nn.Module):
    """The textbook's 784-512-16-512-784 in as few lines as torch needs."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(784, 512), nn.SiLU(), nn.Linear(512, 32))
        self.decoder = nn.Sequential(nn.Linear(16, 512), nn.SiLU(), nn.Linear(512, 784))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """−ELBO, a mean over pictures (B, 784)."""
        mu, log_s = self.encoder(x).chunk(2, 1)
        logits = self.decoder(mu + log_s.exp() * torch.randn(mu.shape))
        kl = ((mu.square() + (2 * log_s).exp() - 1) / 2 - log_s).sum(1)
        return kl.mean() + F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)


def bare_stepper(data: Dataset, batch_size: int) -> Callable[[int], None]:
    """A step of the bare net."""
    net, order = Bare(), Order(len(data), batch_size, 0)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, fused=True)
    pixels = torch.from_numpy(data.arrays["image"]).view(-1, 784)

    def step(k: int) -> None:
        optimiser.zero_grad(set_to_none=True)
        net(pixels[order.batch(k)].float() / 255).backward()
        optimiser.step()

    return step


def epochs() -> None:
    """CPU seconds an epoch of 60,000 pictures."""
    data, _ = mnist()
    textbook = VAEConfig(16, 512, 1, trunk="dense", pixels="bernoulli", binarise=False, prior="normal")
    kinds = {
        "conv, logistics": VAEConfig(),
        "conv, Bernoulli": VAEConfig(pixels="bernoulli"),
        "dense 784-512-16": textbook,
    }
    for name, config in kinds.items():
        for size in (128, 256):
            seconds = timed(stepper(VAE(GREY, config), data, TrainingConfig(batch_size=size)))
            print(f"{name}, batches of {size}: {seconds * 60_000 / size:.1f} CPU s an epoch", flush=True)
    for size in (128, 256):
        seconds = timed(bare_stepper(data, size))
        print(f"bare torch 784-512-16, batches of {size}: {seconds * 60_000 / size:.1f} CPU s an epoch", flush=True)


def told(done: float, line: str) -> None:
    print(f"{done:5.0%} {time.process_time():7.0f} CPU s  {line}", flush=True)


def nats(minutes: float, settings: dict[str, Any], n_importance: int, n_test: int, out: str) -> None:
    """Trains for CPU minutes and prints the bound."""
    data, test = mnist()
    asked = {**BEST, **settings, "n_importance": n_importance}
    of_model, of_training = divided(VAE, asked)
    each = timed(stepper(VAE(GREY, of_model), data, of_training))
    n_steps = max(1, int(60 * minutes / (each * 1.12)))  # the loop costs a tenth more
    model, started = VAE(GREY, of_model), time.process_time()
    train(model, data, Plan(of_training, Budget(steps=n_steps)), told)
    seconds = time.process_time() - started
    facts = {"settings": asked, "steps": n_steps, "epochs": n_steps * of_training.batch_size / len(data)}
    print(json.dumps({**facts, "cpu_seconds": round(seconds), **scores(model, test[:n_test])}), flush=True)
    if out:
        show(model, out)


def scores(model: VAE, test: torch.Tensor) -> dict[str, Any]:
    """Both bounds in nats, with standard errors over pictures."""
    tight = model.bound({"image": test}, torch_generator(0, "bound"))
    model.config = replace(model.config, n_importance=1)
    elbo = torch.stack([model.bound({"image": test}, torch_generator(i, "elbo")) for i in range(4)]).mean(0)
    error = len(test) ** -0.5
    return {
        "n_test": len(test),
        "nats": round(-float(tight.mean()), 3),
        "nats_error": round(float(tight.std()) * error, 3),
        "elbo_nats": round(-float(elbo.mean()), 3),
    }


def show(model: VAE, path: str) -> None:
    """100 draws, as mean brightness, on one picture."""
    from PIL import Image

    x = model.sample(100, {}, torch_generator(0, "show"))["image"].view(10, 10, 28, 28)
    Image.fromarray(x.permute(0, 2, 1, 3).reshape(280, 280).numpy()).resize((560, 560)).save(path)


def peer(net: str, minutes: float, n_importance: int, n_test: int) -> None:
    """pythae's VAE in its own environment, for the same CPU time, on the same pictures."""
    python = PEERS / "pythae" / "bin" / "python"
    if not python.exists():
        sys.exit(f"{python} is not there; run: bash benchmarks/environments.sh pythae")
    data, test = mnist()
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "pictures.npz"
        np.savez(pictures, train=data.arrays["image"][:, 0], test=test[:n_test, 0].numpy())
        script = [str(python), str(HERE / "peers" / "pythae_vae.py"), str(pictures), "--net", net]
        subprocess.run([*script, "--minutes", str(minutes), "--importance", str(n_importance)], check=True)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epoch", action="store_true", help="time an epoch")
    parser.add_argument("--minutes", type=float, help="CPU minutes of training on binary MNIST")
    parser.add_argument("--importance", type=int, default=64, help="latents a picture in the bound")
    parser.add_argument("--test", type=int, default=10_000, help="test pictures that count")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting")
    parser.add_argument("--out", default="", help="PNG file for 100 draws")
    parser.add_argument("--peer", choices=["dense", "conv"], help="pythae's VAE instead, with one of its stock nets")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.epoch:
        epochs()
    if asked.minutes and asked.peer:
        peer(asked.peer, asked.minutes, asked.importance, asked.test)
    elif asked.minutes:
        nats(asked.minutes, parse_settings(asked.set), asked.importance, asked.test, asked.out)


if __name__ == "__main__":
    main()
