"""Exponential moving average of weights (Polyak and Juditsky, 1992, https://doi.org/10.1137/0330046).

θ̄ ← d θ̄ + (1 − d) θ,   d = min(decay, (1 + step) / (10 + step))
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class EMA:
    """The average of a network's weights and buffers.

    Args:
        net: The network.
        decay: d; 0 keeps the latest weights.
    """

    def __init__(self, net: nn.Module, decay: float):
        self.net, self.decay = net, decay
        self.mean = frozen(net.state_dict())

    @torch.no_grad()
    def update(self, step: int, k: int = 1) -> None:
        """Takes in the weights after a step, k steps after the last time."""
        d = min(self.decay, (1 + step) / (10 + step)) ** k
        state = self.net.state_dict()
        floats = [name for name, x in state.items() if x.is_floating_point()]
        if floats:
            torch._foreach_lerp_([self.mean[n] for n in floats], [state[n] for n in floats], 1 - d)
        for name in state.keys() - set(floats):
            self.mean[name].copy_(state[name])

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The network with the averaged weights, and its own again afterwards; nothing is copied."""
        pairs = [(x, self.mean[name]) for name, x in self.net.state_dict(keep_vars=True).items()]
        own = [x.data for x, _ in pairs]
        try:
            for x, mean in pairs:
                x.data = mean
            yield
        finally:
            for (x, _), data in zip(pairs, own, strict=True):
                x.data = data


def frozen(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A copy that training does not change."""
    return {name: x.detach().clone() for name, x in state.items()}
