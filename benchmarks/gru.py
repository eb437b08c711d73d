"""A training step of `rnn` beside a bare torch one: a GRU of 1,024 units over characters.

    python -m benchmarks.gru             # one thread, CPU seconds, best of several turns, both taking turns

65 characters, vectors of 256, batches of 64 windows of 100 places. Bare is what a tutorial has: embedding, `nn.GRU`,
linear map, cross entropy, AdamW. Ours is a step of the training loop, with windows at random places, shortened
gradients and averaged weights. Characters are made up: only time counts here.
"""

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from genwright.core.dataset import Dataset
from genwright.core.space import Field, Space, Tokens
from genwright.models.rnn import RNN, RNNConfig
from genwright.training.budget import Budget
from genwright.training.config import TrainingConfig
from genwright.training.loop import _Training
from genwright.training.plan import Plan

N_CHARACTERS, EMBED, HIDDEN, BATCH, PLACES = 65, 256, 1024, 64, 100
TURNS, STEPS = 5, 2
SPECIAL = 2  # padding and end


class Tutorial(nn.Module):
    """Embedding, GRU, linear map."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(N_CHARACTERS, EMBED)
        self.rnn = nn.GRU(EMBED, HIDDEN, batch_first=True)
        self.head = nn.Linear(HIDDEN, N_CHARACTERS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(self.embed(x))[0])


def bare(text: np.ndarray) -> Callable[[int], None]:
    """A step with nothing but the necessary."""
    net, rows = Tutorial(), torch.from_numpy(text)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, fused=True)

    def step(k: int) -> None:
        at = torch.arange(BATCH) + k
        x = rows[at % len(rows), : PLACES + 1]
        optimiser.zero_grad(set_to_none=True)
        logits = net(x[:, :-1])
        nn.functional.cross_entropy(logits.flatten(0, 1), x[:, 1:].flatten()).backward()
        optimiser.step()

    return step


def ours(text: np.ndarray) -> Callable[[int], None]:
    """A step of the training loop."""
    space = Space({"text": Field(Tokens(text.shape[1], N_CHARACTERS + SPECIAL, runs_on=True))})
    model = RNN(space, RNNConfig(n_hidden=HIDDEN, n_embed=EMBED, context=PLACES))
    plan = Plan(TrainingConfig(batch_size=BATCH, learning_rate=1e-3), Budget(steps=1000))
    training = _Training(model, Dataset(space, {"text": text + SPECIAL}), plan, lambda done, line: None)
    training.now.n_steps = 1000

    def step(k: int) -> None:
        training.now.step = k + 1
        training._step(k)
        training._average(is_due=False)

    return step


def seconds(step: Callable[[int], None], first: int) -> float:
    """CPU seconds of a step."""
    started = time.process_time()
    for k in range(first, first + STEPS):
        step(k)
    return (time.process_time() - started) / STEPS


def main() -> None:
    """Prints both and their ratio."""
    torch.set_num_threads(1)
    text = np.random.default_rng(0).integers(0, N_CHARACTERS, (300, 4 * PLACES))
    steps = [bare(text), ours(text)]
    for step in steps:
        step(0)  # warm
    times = [[seconds(step, 1 + STEPS * turn) for step in steps] for turn in range(TURNS)]
    b, o = np.min(times, axis=0)
    print(f"bare {b:.3f} s a step, ours {o:.3f} s: {o / b - 1:+.1%} (each turn: {np.round(times, 2).tolist()})")


if __name__ == "__main__":
    main()
