"""The network of a decoder Transformer: embedding, blocks, head (Vaswani et al., 2017).

https://arxiv.org/abs/1706.03762

    p(w_t | w_<t) = softmax(E norm(h_t)),    h = blocks(E w)

What a place reads is the sum of the vectors of its token, of its column, of the column to come and, where a picture is
read pixel by pixel, of the line, the column and the channel of the pixel to come.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from genwright.nn.attention import Attention, Cache, Rows
from genwright.nn.rotary import angles
from genwright.nn.row_tokens import START, Place, RowTokens
from genwright.nn.transformer import Block, FeedForward, Net, Norm, norm


class DecoderSettings(Protocol):
    """What the network is told; `GPTConfig` says what each of them means."""

    @property
    def n_layers(self) -> int: ...  # noqa: D102
    @property
    def width(self) -> int: ...  # noqa: D102
    @property
    def n_heads(self) -> int: ...  # noqa: D102
    @property
    def n_kv_heads(self) -> int: ...  # noqa: D102
    @property
    def hidden(self) -> int: ...  # noqa: D102
    @property
    def net(self) -> Net: ...  # noqa: D102
    @property
    def norm(self) -> Norm: ...  # noqa: D102
    @property
    def positions(self) -> str: ...  # noqa: D102
    @property
    def has_unit_length(self) -> bool: ...  # noqa: D102
    @property
    def has_bias(self) -> bool: ...  # noqa: D102
    @property
    def norm_eps(self) -> float: ...  # noqa: D102
    @property
    def rotary_base(self) -> float: ...  # noqa: D102
    @property
    def is_tied(self) -> bool: ...  # noqa: D102
    @property
    def dropout(self) -> float: ...  # noqa: D102


class DecoderNet(nn.Module):
    """Embedding, blocks, head.

    Args:
        config: Settings.
        layout: How rows are tokens.
        context: Places that attention reaches back, C.
    """

    def __init__(self, config: DecoderSettings, layout: RowTokens, context: int):
        super().__init__()
        self.config, self.layout, self.context = config, layout, context
        self.embed = nn.Embedding(layout.n, config.width)
        n_columns = 0 if layout.is_single else len(layout.columns)
        self.embed_column = nn.Embedding(n_columns + 1, config.width) if n_columns else None  # last: before the row
        self.embed_next = nn.Embedding(n_columns, config.width) if n_columns else None
        self.embed_pixel = nn.Embedding(layout.n_grid, config.width) if layout.n_grid else None  # line, column, channel
        self.embed_place = nn.Embedding(context, config.width) if config.positions == "learned" else None
        self._blocks = [self._block(config) for _ in range(config.n_layers)]
        self.blocks = nn.ModuleList(self._blocks)
        self.norm = norm(config.norm, config.width, config.norm_eps)
        self.head = None if config.is_tied else nn.Linear(config.width, layout.n, bias=False)

    @staticmethod
    def _block(c: DecoderSettings) -> Block:
        attention = Attention(c.width, c.n_heads, c.n_kv_heads, c.has_bias, c.has_unit_length, c.dropout)
        net = FeedForward(c.width, c.hidden, c.net, c.has_bias)
        return Block(attention, net, c.norm, c.width, c.dropout, c.norm_eps)

    def reset(self, generator: torch.Generator) -> None:
        """Each block begins as the identity, and every token as equally likely."""
        for block in self._blocks:
            block.silence()
        for embedding in (self.embed, self.embed_column, self.embed_next, self.embed_pixel, self.embed_place):
            if embedding is not None:
                embedding.weight.mul_(0.02 if self.config.is_tied or embedding is not self.embed else 1.0)
        if self.head is not None:
            nn.init.zeros_(self.head.weight)

    @property
    def head_weight(self) -> Tensor:
        """E (V, width)."""
        return self.embed.weight if self.head is None else self.head.weight

    def embedded(self, read: Tensor, order: Tensor, at: Tensor) -> Tensor:
        """Vectors of the places read (B, T, width): their token, their column, the column to come and, in a picture,
        the pixel to come.

        Args:
            read: Tokens (B, T).
            order: Places of the layout in the order in which they are read (L,).
            at: How far behind the start the places stand (T,).
        """
        x = self.embed(read)
        if self.embed_column is not None:
            assert self.embed_next is not None
            column = torch.cat([torch.tensor([len(self.layout.columns)]), self.layout.column_of[order]])
            x = x + self.embed_column(column[at])
            x = x + self.embed_next(column[(at + 1).clamp(max=len(order))])
        if self.embed_pixel is not None:
            pixel = self.layout.grid[order[at.clamp(max=len(order) - 1)]]  # (T, 3)
            x = x + self.embed_pixel(pixel).sum(1)
        return x

    def rows_of_head(self, column: Place) -> Tensor:
        """The rows of E that a column's tokens have: the end of a sequence first, where it is predicted."""
        E = self.head_weight
        if not column.has_end:
            return E[column.first : column.last]
        if column.first == START + 1:
            return E[START : column.last]
        return torch.cat([E[START : START + 1], E[column.first : column.last]])

    def forward(
        self,
        x: Tensor,
        mask: Tensor | Sequence[Rows] | None = None,
        caches: list[Cache] | None = None,
        places: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Embedded places (B, T, width) → what the head reads (B, T, width).

        Args:
            x: The next T places.
            mask: Which places see which; None: themselves and those before. Or whose they are, see `Attention.forward`.
            caches: One a block, with the places before these.
            places: Which ones they are (T,); None: those behind the cache's.
            generator: Of the units that are dropped; None: none are.
        """
        if places is None:
            first = caches[0].n if caches else 0
            places = torch.arange(first, first + x.shape[1])
        if self.embed_place is not None:
            x = x + self.embed_place(places)
        turn = self.turn(places) if self.config.positions == "rotary" else None
        for i, block in enumerate(self._blocks):
            x = block(x, turn, mask, caches[i] if caches else None, generator)
        return self.norm(x)

    def turn(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Rotary angles of places; those of the first ones are worked out once."""
        n = int(places.max()) + 1
        known = getattr(self, "_angles", None)
        if known is None or len(known[0]) < n:
            d = self.config.width // self.config.n_heads
            known = self._angles = angles(0, 2 * max(self.context, n), d, self.config.rotary_base)
        return known[0][places], known[1][places]
