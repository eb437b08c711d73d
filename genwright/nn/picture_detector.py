"""A small network that learns to tell two sets of pictures apart.

    min E[ −log σ(± w · silu(h(x))) ],   + for one set, − for the other

It begins as the network that was trained on real pictures (see `feature_net`), which knows what to look for, and is
trained further for a few epochs, all of it.
"""

import copy
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genwright.nn.feature_net import AT_ONCE, BATCH, MOST_PLACES, N_FEATURES, FeatureNet, one_thread
from genwright.nn.mlp import initialise, untrained
from genwright.nn.picture_view import scaled

N_EPOCHS = 8
LEAST_STEPS = 100  # with few pictures
RATE = 2e-3  # highest learning rate
SHARE = 0.12  # of what the feature net may cost at most, for one training


def n_steps(n: int, shape: tuple[int, ...]) -> int:
    """Steps for n pictures (C, H, W)."""
    affordable = int(SHARE * MOST_PLACES) // (BATCH * shape[-2] * shape[-1])
    return max(1, min(affordable, max(LEAST_STEPS, math.ceil(N_EPOCHS * n / BATCH))))


def detector_scores(
    codes: Tensor, is_fake: Tensor, others: Tensor, start: FeatureNet, generator: torch.Generator
) -> Tensor:
    """log odds of being fake (B,) of other pictures (B, C, H, W).

    Args:
        codes: Pictures to learn from (N, C, H, W).
        is_fake: Of each (N,).
        others: Pictures to be told apart.
        start: First weights; it stays as it is.
        generator: Of all randomness.
    """
    head = untrained(lambda: nn.Linear(N_FEATURES, 1))
    initialise(head, generator)
    net = nn.Sequential(copy.deepcopy(start.net[0]), nn.SiLU(), head)
    with one_thread():
        _learn(net, codes, is_fake.float(), start.n_levels, generator)
        with torch.no_grad():
            return torch.cat([net(scaled(part, start.n_levels))[:, 0] for part in others.split(AT_ONCE)])


def _learn(net: nn.Module, codes: Tensor, y: Tensor, n_levels: int, generator: torch.Generator) -> None:
    steps, size = n_steps(len(codes), tuple(codes.shape[1:])), min(BATCH, len(codes))
    optimiser = torch.optim.AdamW(net.parameters(), RATE, weight_decay=0.01)
    net.train()
    order = torch.randperm(len(codes), generator=generator)
    for i in range(steps):
        if len(order) < size:
            order = torch.randperm(len(codes), generator=generator)
        rows, order = order[:size], order[size:]
        for group in optimiser.param_groups:
            group["lr"] = RATE * (1 - i / steps)
        optimiser.zero_grad(set_to_none=True)
        F.binary_cross_entropy_with_logits(net(scaled(codes[rows], n_levels))[:, 0], y[rows]).backward()
        optimiser.step()
    net.eval()
