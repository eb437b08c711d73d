"""The two networks of a game: one makes rows out of noise, the other tells them from real ones.

Pictures go through the trunk that all families share, convolutions or one matrix; other columns stand beside them as
codes and scores. Without pictures both are multilayer perceptrons.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genwright.nn.adversarial import Seen
from genwright.nn.code_groups import CodeGroups
from genwright.nn.column_embed import ColumnEmbed
from genwright.nn.column_head import ColumnHead
from genwright.nn.conv import ConvDecoder, ConvGrid
from genwright.nn.mlp import ACTIVATIONS, MLP
from genwright.nn.row_view import RowView


@dataclass(frozen=True)
class Shape:
    """What both networks are built for."""

    view: RowView  # the modelled columns that are no pictures
    given: RowView  # the columns that are always known
    pictures: dict[str, tuple[int, int, int]]  # (C, H, W) of each column of pictures
    n_noise: int  # numbers that the generator begins with
    n_hidden: int  # units of a hidden layer
    n_layers: int  # hidden layers
    n_embed: int  # width of a code's vector
    pack: int  # rows that the discriminator sees together
    activation: str  # between dense layers
    width: int  # channels at the first level of convolutions; 0: pictures go through one matrix
    n_waves: int = 0  # cosines of each score that the discriminator reads besides
    has_std: bool = False  # the discriminator is told how much a batch's pictures differ
    has_classifier: bool = False  # and tells the given codes

    @property
    def n_vector(self) -> int:
        """Width of the other columns."""
        return CodeGroups(self.view.sizes).n_padded + self.view.n_scores

    @property
    def n_inner(self) -> int:
        """Hidden layers of what is common to a row's parts; beside pictures one stands at each of them."""
        return max(self.n_layers - 1, 0) if self.pictures else self.n_layers


class Generator(nn.Module):
    """Noise, and the given columns → what the row's parts are made of."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.embed_given = ColumnEmbed(shape.given, shape.n_embed)
        n_in = shape.n_noise + self.embed_given.n_out
        hidden = [shape.n_hidden] * shape.n_inner
        self.body = MLP(n_in, hidden, shape.n_hidden, shape.activation, norm=not shape.pictures)
        self.act = ACTIVATIONS[shape.activation]()
        self.head = ColumnHead(shape.view, shape.n_hidden, n_mixture=1)
        self.draw = nn.ModuleList(_drawing(shape, s) for s in shape.pictures.values())
        self.n_hidden_layers = len(hidden) + 1  # the body's last one is hidden, too

    def forward(self, z: Tensor, known: Tensor) -> Tensor:
        """What the head reads (B, n_hidden)."""
        return self.act(self.body(torch.cat([z, known], 1)))

    def pictures(self, h: Tensor) -> list[Tensor]:
        """In (−1, 1), each (B, C, H, W)."""
        return [draw(h).tanh() for draw in self.draw]


def _drawing(shape: Shape, size: tuple[int, int, int]) -> nn.Module:
    """n_hidden numbers → a picture, before the tanh."""
    channels, height, breadth = size
    if shape.width:
        return ConvDecoder(shape.n_hidden, channels, (height, breadth), shape.width)
    return nn.Sequential(nn.Linear(shape.n_hidden, math.prod(size)), nn.Unflatten(1, size))


class PictureReader(nn.Module):
    """A picture → features (B, n_hidden)."""

    def __init__(self, shape: Shape, size: tuple[int, int, int]):
        super().__init__()
        self.grid = ConvGrid(size, shape.width) if shape.width else None
        n_in = math.prod(self.grid.shape if self.grid else size)
        self.has_std = shape.has_std
        self.out, self.act = nn.Linear(n_in + self.has_std, shape.n_hidden), ACTIVATIONS[shape.activation]()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, n_hidden)."""
        h = (F.silu(self.grid(x)) if self.grid else x).flatten(1)
        if self.has_std:  # Karras et al., 2018, https://arxiv.org/abs/1710.10196
            h = torch.cat([h, (h.var(0, correction=0) + 1e-8).sqrt().mean().expand(len(h), 1)], 1)
        return self.act(self.out(h))


class Discriminator(nn.Module):
    """Rows, several at a time → how real they look."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.embed_given = ColumnEmbed(shape.given, shape.n_embed)
        self.pack = shape.pack
        self.read = nn.ModuleList(PictureReader(shape, s) for s in shape.pictures.values())
        self.n_scores, self.n_waves = shape.view.n_scores, shape.n_waves
        n_read = shape.n_vector + self.n_scores * self.n_waves
        n_seen = shape.pack * (len(self.read) * shape.n_hidden + n_read)
        n_known = shape.pack * self.embed_given.n_out
        n_least = int(len(self.read) + bool(shape.n_vector) > 1)  # parts that must go together meet in a hidden layer
        hidden = [shape.n_hidden] * (max(shape.n_inner, n_least) if shape.pictures else shape.n_inner)
        self.body = MLP(n_seen + n_known, hidden, 1, shape.activation)
        self.n_hidden_layers = len(hidden) + bool(self.read)  # a picture's features are one
        self.project = nn.Linear(n_known, n_seen) if shape.pictures and n_known else None
        self.codes = CodeGroups(shape.given.sizes)
        has_classifier = shape.has_classifier and n_known
        self.classify = nn.Linear(n_seen // shape.pack, self.codes.n_padded) if has_classifier else None

    def forward(self, seen: Seen, known: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures and vectors of rows, and what is given of them (B, m).

        Returns:
            One number a pack (B / pack,), and logits of the given codes (B, P), which the rows alone tell.
        """
        parts = [read(x) for read, x in zip(self.read, seen[:-1], strict=True)] + seen[-1:]
        if self.n_scores and self.n_waves:
            parts.append(self._waves(seen[-1]))
        n = len(known) // self.pack
        each = torch.cat(parts, 1)
        logits = torch.zeros(len(each), 0) if self.classify is None else self.classify(each)
        rows, known = each.reshape(n, -1), known.reshape(n, -1)
        answer = self.body(torch.cat([rows, known], 1)).squeeze(1)
        if self.project is not None:
            answer = answer + (self.project(known) * rows).sum(1) / rows.shape[1] ** 0.5
        return answer, logits

    def _waves(self, vector: Tensor) -> Tensor:
        """cos π k Φ(z), k = 1 …, of the scores z at the end of vectors (B, n): a column that is drawn too narrow, or in
        the wrong places, shows in their means."""
        ranks = torch.special.ndtr(vector[:, -self.n_scores :])
        k = math.pi * torch.arange(1, self.n_waves + 1)
        return (ranks.unsqueeze(-1) * k).cos().flatten(1)
