"""Recurrent layers: the gated recurrent unit (Cho et al., 2014) and long short-term memory (Hochreiter et al., 1997).

https://arxiv.org/abs/1406.1078, https://doi.org/10.1162/neco.1997.9.8.1735; torch's own kernels compute

    GRU    r = σ(W_r x + b_r + U_r h + c_r),    z = σ(W_z x + b_z + U_z h + c_z)
           n = tanh(W_n x + b_n + r ⊙ (U_n h + c_n)),    h ← (1 − z) ⊙ n + z ⊙ h
    LSTM   i, f, o = σ(W x + b + U h + c),    g = tanh(W_g x + b_g + U_g h + c_g)
           c ← f ⊙ c + i ⊙ g,    h ← o ⊙ tanh(c)

with the gates stacked in the order r, z, n and i, f, g, o, and two biases a gate: of the GRU's n they are not one, as r
stands between them. Layers stand on each other; what passes from one to the next may be dropped out.

Sequences of different lengths are laid out step by step, all first steps, then all second ones, without those that a
short sequence does not have, so that nothing is computed for padding.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from genwright.nn.dropout import dropout

CELLS: dict[str, Callable[[int, int], nn.RNNBase]] = {"gru": nn.GRU, "lstm": nn.LSTM}
State = list[Tensor]  # of every layer h (B, H), then of every layer c (B, H) where the cell has one


@dataclass(frozen=True)
class Ragged:
    """Where the steps of B sequences lie, step by step.

    Args:
        lengths: Steps of each sequence (B,), 1 or more.
    """

    lengths: Tensor

    @cached_property
    def order(self) -> Tensor:
        """The sequences (B,), the longest first."""
        return self.lengths.argsort(descending=True, stable=True)

    @cached_property
    def sizes(self) -> Tensor:
        """Sequences that have a t-th step, for each t."""
        n = torch.arange(int(self.lengths.max()))
        return (self.lengths[:, None] > n).sum(0)

    @cached_property
    def at(self) -> tuple[Tensor, Tensor]:
        """Sequence and place of each step, (M,) and (M,)."""
        steps = torch.arange(len(self.sizes))
        is_there = self.lengths[self.order][None, :] > steps[:, None]
        place, rank = is_there.nonzero(as_tuple=True)
        return self.order[rank], place

    def summed(self, x: Tensor) -> Tensor:
        """Sums over each sequence of a number a step (M,) → (B,)."""
        return x.new_zeros(len(self.lengths)).index_add(0, self.at[0], x)


class Recurrent(nn.Module):
    """Stacked recurrent layers.

    Args:
        cell: One of `CELLS`.
        n_in: Width of the input.
        n_hidden: Units of each layer, H.
        n_layers: Layers.
        dropout: Share of the units between two layers that a training step leaves out.
    """

    def __init__(self, cell: str, n_in: int, n_hidden: int, n_layers: int = 1, dropout: float = 0.0):
        super().__init__()
        widths = [n_in] + [n_hidden] * (n_layers - 1)
        self._layers = [CELLS[cell](width, n_hidden) for width in widths]
        self.layers = nn.ModuleList(self._layers)
        self.n_hidden, self.dropout, self.has_cell = n_hidden, dropout, cell == "lstm"

    @torch.no_grad()
    def reset(self, generator: torch.Generator) -> None:
        """Orthogonal maps of the state, one a gate; N(0, 1/fan in) for the input; an LSTM forgets little at first.

        Source:
            Saxe et al. (2014), https://arxiv.org/abs/1312.6120; a forget gate's bias of 1: Jozefowicz et al. (2015)
        """
        for layer in self._layers:
            W, U, b, c = layer.parameters()
            W.copy_(torch.randn(W.shape, generator=generator) * W.shape[1] ** -0.5)
            for gate in U.chunk(len(U) // self.n_hidden):
                nn.init.orthogonal_(gate, generator=generator)
            b.zero_()
            c.zero_()
            if self.has_cell:
                b[self.n_hidden : 2 * self.n_hidden] = 1.0  # of i, f, g, o the second

    def zeros(self, n: int) -> State:
        """The state before the first step of n sequences."""
        return [torch.zeros(n, self.n_hidden) for _ in range(len(self.layers) * (1 + self.has_cell))]

    def forward(
        self, x: Tensor, ragged: Ragged, state: State | None = None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, State]:
        """Steps (M, n_in) → what the last layer says (M, H), and the state after each sequence.

        Args:
            x: The inputs, laid out step by step.
            ragged: How.
            state: Of the sequences before their first step; None: zeros.
            generator: Of the units that are dropped; None: none are.
        """
        before = self.zeros(len(ragged.lengths)) if state is None else state
        n, after = len(self.layers), [torch.empty(0)] * len(before)
        for k, layer in enumerate(self._layers):
            if k:
                x = dropout(x, self.dropout, generator)
            start = tuple(s[ragged.order].unsqueeze(0) for s in before[k::n])
            x, last = _run(layer, x, ragged.sizes, start)
            for i, s in enumerate(last):
                after[k + i * n] = torch.empty_like(s[0]).index_copy(0, ragged.order, s[0])
        return x, after

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step of B sequences (B, n_in) → what the last layer says (B, H), and the state after it."""
        n, after = len(self._layers), list(state)
        for k, layer in enumerate(self._layers):
            W, U, b, c = layer.parameters()
            if self.has_cell:
                after[k], after[n + k] = torch.lstm_cell(x, (state[k], state[n + k]), W, U, b, c)
            else:
                after[k] = torch.gru_cell(x, state[k], W, U, b, c)
            x = after[k]
        return x, after


def _run(layer: nn.Module, x: Tensor, sizes: Tensor, start: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
    """A layer over all steps; without packing where all sequences are of one length."""
    state = start if len(start) > 1 else start[0]
    if sizes[-1] == sizes[0]:
        h, last = layer(x.view(len(sizes), int(sizes[0]), -1), state)
        h = h.flatten(0, 1)
    else:
        packed, last = layer(PackedSequence(x, sizes), state)
        h = packed.data
    return h, last if len(start) > 1 else (last,)
