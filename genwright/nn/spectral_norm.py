"""Spectral normalisation (Miyato et al., 2018): a network's matrices are divided by their largest singular value.

https://arxiv.org/abs/1802.05957

    W̄ = W / σ(W),   σ(W) = uᵀ W v,   v ← Wᵀu / ‖Wᵀu‖,   u ← W v / ‖W v‖        (power iteration)

Kernels count as matrices (out, in · height · width). The weights stay what they are: the network is called with the
divided ones in their place. u is a buffer, so that a training that goes on after a kill goes on with the same bits, and
it moves when it is told to, once a step, so that several processes keep the same.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

FIRST = 20  # iterations at the start


class SpectralNorm(nn.Module):
    """The largest singular values of a network's linear layers and convolutions.

    Args:
        net: The network; it is not part of this one.
    """

    def __init__(self, net: nn.Module):
        super().__init__()
        kinds = (nn.Linear, nn.Conv2d)
        self.names = [f"{name}.weight" for name, m in net.named_modules() if isinstance(m, kinds) and m.weight.numel()]
        for i, name in enumerate(self.names):
            self.register_buffer(f"u{i}", torch.zeros(len(net.get_parameter(name))))

    def begin(self, net: nn.Module, generator: torch.Generator) -> None:
        """Random directions, then as many iterations as find the largest value."""
        for u in self.buffers():
            u.copy_(torch.randn(u.shape, generator=generator))
        for _ in range(FIRST):
            self.iterate(net)

    @torch.no_grad()
    def iterate(self, net: nn.Module) -> None:
        """One step of power iteration."""
        for name, u in zip(self.names, self.buffers(), strict=True):
            W = net.get_parameter(name).flatten(1)  # (out, in)
            u.copy_(F.normalize(W @ F.normalize(W.T @ u, dim=0), dim=0))

    def weights(self, net: nn.Module) -> dict[str, Tensor]:
        """The divided weights; gradients pass through the singular value too, not through its directions."""
        found = {}
        for name, u in zip(self.names, self.buffers(), strict=True):
            weight = net.get_parameter(name)
            W, u = weight.flatten(1), F.normalize(u.clone(), dim=0)  # averaged directions are no longer of length 1
            v = F.normalize(W.detach().T @ u, dim=0)
            found[name] = weight / (u @ W @ v).clamp(min=1e-12)
        return found

    def call(self, net: nn.Module, *inputs: Any) -> Any:
        """The network with the divided weights."""
        return functional_call(net, self.weights(net), inputs)
