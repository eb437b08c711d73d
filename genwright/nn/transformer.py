"""The Transformer's trunk: blocks of attention and a small network, each added to what it reads.

    x ← x + attention(norm x)
    x ← x + net(norm x)

Layer norm before, not behind, as in GPT-2 (Radford et al., 2019). The small network is GPT-2's (`gelu`), Llama's gated
one (`swiglu`, Shazeer 2020, https://arxiv.org/abs/2002.05202), or squared rectifiers (`relu2`, So et al., 2021,
https://arxiv.org/abs/2109.08668).
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genwright.nn.attention import Attention, Cache, Rows
from genwright.nn.dropout import dropout

Net = Literal["swiglu", "gelu", "relu2"]
Norm = Literal["rms", "layer"]


class RMSNorm(nn.Module):
    """x / √(mean x² + ε) · g (Zhang and Sennrich, 2019, https://arxiv.org/abs/1910.07467)."""

    def __init__(self, width: int, eps: float = 1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """(…, width) → (…, width)."""
        return F.rms_norm(x, x.shape[-1:], self.weight, self.eps)

    def reset(self, generator: torch.Generator) -> None:
        """Gains of 1."""
        nn.init.ones_(self.weight)


def norm(kind: Norm, width: int, eps: float = 1e-5) -> nn.Module:
    """A norm of this kind."""
    return RMSNorm(width, eps) if kind == "rms" else nn.LayerNorm(width, eps)


class FeedForward(nn.Module):
    """The small network of a block.

    Args:
        width: Of what it reads and writes.
        n_hidden: Units in its middle.
        kind: What happens there.
        has_bias: Whether its linear maps have one.
    """

    def __init__(self, width: int, n_hidden: int, kind: Net = "swiglu", has_bias: bool = False):
        super().__init__()
        self.kind = kind
        self.up = nn.Linear(width, n_hidden * (2 if kind == "swiglu" else 1), bias=has_bias)
        self.down = nn.Linear(n_hidden, width, bias=has_bias)

    def forward(self, x: Tensor) -> Tensor:
        """(…, width) → (…, width)."""
        h = self.up(x)
        if self.kind == "swiglu":
            gate, value = h.chunk(2, -1)
            return self.down(F.silu(gate) * value)
        if self.kind == "relu2":
            return self.down(F.relu(h).square())
        return self.down(F.gelu(h, approximate="tanh"))


class Block(nn.Module):
    """One layer.

    Args:
        attention: Of its first half.
        net: Of its second half.
        kind: Of its norms.
        width: Of what it reads and writes.
        dropout: Share of what each half adds that a training step leaves out.
        eps: ε of its norms.
    """

    def __init__(
        self, attention: Attention, net: FeedForward, kind: Norm, width: int, dropout: float = 0.0, eps: float = 1e-5
    ):
        super().__init__()
        self.norm_1, self.norm_2 = norm(kind, width, eps), norm(kind, width, eps)
        self.attention, self.net, self.dropout = attention, net, dropout

    def forward(
        self,
        x: Tensor,
        turn: tuple[Tensor, Tensor] | None,
        mask: Tensor | Sequence[Rows] | None = None,
        cache: Cache | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """x (B, T, width) → (B, T, width); see `Attention.forward`."""
        x = x + dropout(self.attention(self.norm_1(x), turn, mask, cache, generator), self.dropout, generator)
        return x + dropout(self.net(self.norm_2(x)), self.dropout, generator)

    def silence(self) -> None:
        """Weights with which it is the identity."""
        nn.init.zeros_(self.attention.out.weight)
        nn.init.zeros_(self.net.down.weight)
