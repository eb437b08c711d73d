"""What pictures look like to a small network that was trained on the user's own pictures: 64 numbers each.

It learns to name the category beside the picture. Where there is none it learns how a picture was turned, which asks
for what is in it (Gidaris, Singh and Komodakis, 2018): https://arxiv.org/abs/1803.07728

    min E[ −log softmax(W silu(h(x)))_y ],   y: the label, or one of four turns;   h(x): the features

Compared with denoising and with components of pixels, the features of turned pictures told blurred, noisy and
incomplete draws from real ones about as well or better, at half of denoising's cost (see the log).

The number of steps has a ceiling, so that the cost hardly grows with the data.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import RLock

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genwright.core.rng import torch_generator
from genwright.nn.conv import ConvEncoder
from genwright.nn.mlp import initialise, untrained
from genwright.nn.picture_view import scaled

N_FEATURES = 64
WIDTH = 16  # channels at the first level
BATCH = 128
MOST_STEPS = 1_600
MOST_PLACES = MOST_STEPS * BATCH * 28 * 28  # places of all pictures of all steps: larger pictures get fewer steps
MOST_EPOCHS = 20
RATE = 6e-3  # highest learning rate
WARM_UP = 0.1  # share of the steps in which the rate rises
SHIFT = 1 / 14  # of the longer side: how far pictures with labels are moved while training, where they come back often
OFTEN = 5  # epochs
N_TURNS = 4
AT_ONCE = 500  # pictures that go through the network at once
_THREADS = RLock()


class FeatureNet:
    """A trained network.

    Args:
        shape: (C, H, W) of a picture.
        n_levels: Of a pixel.
        n_classes: Of the label; 0: there is none, and the network tells turns.
    """

    def __init__(self, shape: tuple[int, int, int], n_levels: int, n_classes: int = 0):
        self.shape, self.n_levels, self.n_classes = shape, n_levels, n_classes
        n_out = n_classes or N_TURNS
        self.net = untrained(
            lambda: nn.ModuleList(
                [ConvEncoder(shape, N_FEATURES, WIDTH, is_narrow=False), nn.Linear(N_FEATURES, n_out)]
            )
        )

    @classmethod
    def fit(cls, codes: Tensor, n_levels: int, labels: Tensor | None = None, n_classes: int = 0) -> "FeatureNet":
        """Of pictures (N, C, H, W) and their labels (N,), if they have any."""
        channels, height, width = codes.shape[1:]
        model = cls((channels, height, width), n_levels, n_classes if labels is not None else 0)
        generator = torch_generator(0, "feature_net")  # one data set, one network
        initialise(model.net, generator)
        with one_thread():
            model._learn(codes, labels, generator)
        return model

    def _learn(self, codes: Tensor, labels: Tensor | None, generator: torch.Generator) -> None:
        steps = n_steps(len(codes), self.shape)
        is_often = steps * BATCH > OFTEN * len(codes)
        optimiser = torch.optim.AdamW(self.net.parameters(), RATE, weight_decay=0.01)
        self.net.train()
        for i, rows in enumerate(_batches(len(codes), steps, generator)):
            for group in optimiser.param_groups:
                group["lr"] = RATE * _rate(i / steps)
            x, y = self._task(codes[rows], None if labels is None else labels[rows], is_often, generator)
            optimiser.zero_grad(set_to_none=True)
            F.cross_entropy(self._logits(x), y).backward()
            nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
            optimiser.step()
        self.net.eval()

    def _task(
        self, codes: Tensor, labels: Tensor | None, is_often: bool, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Pictures as the network sees them, and what it should say of each."""
        if labels is not None:
            x = scaled(codes, self.n_levels)
            return (shifted(x, generator) if is_often else x), labels.long()
        turn = torch.randint(N_TURNS, (len(codes),), generator=generator)
        return turned(scaled(codes, self.n_levels), turn), turn

    def _logits(self, x: Tensor) -> Tensor:
        encoder, head = self.net
        return head(F.silu(encoder(x)))

    @torch.no_grad()
    def __call__(self, codes: Tensor) -> Tensor:
        """Features (B, 64) of pictures (B, C, H, W)."""
        parts = [self.net[0](scaled(part, self.n_levels)) for part in codes.split(AT_ONCE)]
        return torch.cat(parts) if len(codes) else torch.zeros(0, N_FEATURES)

    @torch.no_grad()
    def classify(self, features: Tensor) -> Tensor:
        """The likeliest label (B,) by features (B, 64)."""
        return self.net[1](F.silu(features)).argmax(1)

    def state(self) -> dict[str, Tensor]:
        """The weights."""
        return dict(self.net.state_dict())

    @classmethod
    def from_state(
        cls, shape: tuple[int, int, int], n_levels: int, n_classes: int, state: Mapping[str, Tensor]
    ) -> "FeatureNet":
        """The inverse of `state`."""
        model = cls(shape, n_levels, n_classes)
        model.net.load_state_dict(dict(state))
        return model


@contextmanager
def one_thread() -> Iterator[None]:
    """Small networks learn on one thread, so that their weights are the same wherever they are asked for."""
    with _THREADS:  # the number is the whole process's: two who change it at once would leave it wrong
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def n_steps(n: int, shape: tuple[int, int, int]) -> int:
    """Steps that n pictures of a shape are trained for."""
    per_step = BATCH * shape[1] * shape[2]
    return max(1, min(MOST_STEPS, MOST_PLACES // per_step, math.ceil(MOST_EPOCHS * n / BATCH)))


def times_seen(n: int, shape: tuple[int, int, int]) -> float:
    """How often each of n pictures is learnt from."""
    return n_steps(n, shape) * min(BATCH, n) / n


def _batches(n: int, steps: int, generator: torch.Generator) -> list[Tensor]:
    """Row numbers of each step: epochs without repetition."""
    size = min(BATCH, n)
    per_epoch = n // size
    found: list[Tensor] = []
    while len(found) < steps:
        order = torch.randperm(n, generator=generator)
        found += [order[i * size : (i + 1) * size] for i in range(per_epoch)]
    return found[:steps]


def _rate(done: float) -> float:
    """Share of the highest learning rate: up along a line, down along a cosine."""
    if done < WARM_UP:
        return (done + 0.01) / (WARM_UP + 0.01)
    return 0.5 + 0.5 * math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP))


def shifted(x: Tensor, generator: torch.Generator) -> Tensor:
    """A batch moved by one random distance, its border repeated (B, C, H, W)."""
    reach = max(1, round(max(x.shape[2:]) * SHIFT))
    down, right = torch.randint(2 * reach + 1, (2,), generator=generator).tolist()
    padded = F.pad(x, (reach,) * 4, mode="replicate")
    return padded[:, :, down : down + x.shape[2], right : right + x.shape[3]]


def turned(x: Tensor, turn: Tensor) -> Tensor:
    """Pictures (B, C, H, W) turned by 0 … 3 quarters; those that are not square are mirrored instead."""
    ways = [x, x.flip(2), x.flip(3), x.flip((2, 3))]
    if x.shape[2] == x.shape[3]:
        ways = [x, x.transpose(2, 3).flip(2), x.flip((2, 3)), x.transpose(2, 3).flip(3)]
    return torch.stack(ways, 1)[torch.arange(len(x)), turn]
