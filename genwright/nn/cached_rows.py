"""Rows of tokens read place by place by a decoder Transformer that remembers keys and values, for drawing.

Single places go through NumPy (`nn/one_place`), longer pieces through torch.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from genwright.core.errors import UnsupportedError
from genwright.core.space import Tokens
from genwright.nn.attention import Cache, band
from genwright.nn.decoder_net import DecoderNet
from genwright.nn.one_place import OnePlace
from genwright.nn.row_tokens import PAD, Place


def seen(tokens: Tensor) -> Tensor:
    """Places that hold something (B, T)."""
    return tokens != PAD


def length(tokens: Tensor) -> Tensor:
    """Places up to the last that is no padding (B,)."""
    is_seen = seen(tokens)
    return torch.where(is_seen.any(1), tokens.shape[1] - is_seen.flip(1).int().argmax(1), 1)


class CachedRows:
    """Reads rows place by place, and remembers keys and values.

    Args:
        net: What reads.
        order: Places in the order in which they are read.
    """

    def __init__(self, net: DecoderNet, order: Tensor):
        self.net, self.order = net, order
        self.caches = [Cache(net.context) for _ in net.blocks]
        self.tokens: Tensor | None = None  # all that was read (B, t), where padding has to be told
        self.stepping: OnePlace | None = None

    def read(self, tokens: Tensor) -> Tensor:
        """The next places (B, T) → what the head reads (B, T, width)."""
        n, T = self.caches[0].n, tokens.shape[1]
        self._check_places(n + T)
        if self.net.layout.has_inner_padding:
            self.tokens = tokens if self.tokens is None else torch.cat([self.tokens, tokens], 1)
        parts = []
        for first in range(0, T, self.net.context):
            some = tokens[:, first : first + self.net.context]
            at = torch.arange(n + first, n + first + some.shape[1])
            x = self.net.embedded(some, self.order, at)
            parts.append(self._one(x) if len(at) == 1 else self.net(x, self._mask(len(at)), self.caches))
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)

    def _check_places(self, n: int) -> None:
        """Raises UnsupportedError where learned positions do not reach as far as the n-th place."""
        if self.net.embed_place is not None and n > self.net.context:
            raise UnsupportedError(
                f"positions = learned reach {self.net.context} places, and this row has more; fit with "
                f"context={max(n, self.net.layout.length)}, with shorter rows, or with rotary positions"
            )

    def _one(self, x: Tensor) -> Tensor:
        """A single place (B, 1, width)."""
        net, n, window = self.net, self.caches[0].n, self.caches[0].window
        x = x if net.embed_place is None else x + net.embed_place.weight[n]
        cos, sin = (y[0].numpy() for y in net.turn(torch.tensor([n])))
        turn = None if net.embed_place is not None else (cos, sin)
        mask = None
        if self.tokens is not None:
            kept = torch.arange(max(0, n + 1 - window), n + 1)
            mask = seen(self.tokens)[:, kept[(kept % window).argsort()]].numpy()
        if self.stepping is None:
            self.stepping = OnePlace(net._blocks, net.norm)
        h = self.stepping(x[:, 0].numpy(), turn, self.caches, mask)
        return torch.from_numpy(h)[:, None]

    def _mask(self, T: int) -> Tensor | None:
        cache = self.caches[0]
        if self.tokens is None and not cache.n:
            return None
        new = torch.arange(cache.n, cache.n + T)
        keys = torch.cat([cache.places(), new])
        mask = band(new, keys, cache.window)
        return mask if self.tokens is None else mask & seen(self.tokens)[:, None, None, keys]

    def keep(self, rows: Tensor) -> None:
        """Forgets all rows but these."""
        for cache in self.caches:
            cache.keep(rows)
        self.tokens = None if self.tokens is None else self.tokens[rows]


class ColumnStepper:
    """What `samplers/decode` asks for, in a column's own codes.

    Args:
        column: The sequence.
        n_before: Places that are read before it, which come as codes of the whole vocabulary.
        cached: Nothing read yet.
    """

    def __init__(self, column: Place, n_before: int, cached: CachedRows):
        self.column, self.n_before, self.cached = column, n_before, cached
        self.E = cached.net.rows_of_head(column)
        support = column.support
        assert isinstance(support, Tokens)
        inner = column.own.tolist()
        self.own_of_head = torch.tensor([support.end, *inner] if column.has_end else inner)
        self.n = support.n

    def start(self, codes: Tensor) -> Tensor:
        """Codes (B, t) that every row has → logits (B, n) of the next."""
        read = torch.cat([codes[:, : self.n_before], self.column.to_shared(codes[:, self.n_before :])], 1)
        return self._logits(self.cached.read(read)[:, -1])

    def step(self, codes: Tensor) -> Tensor:
        """The codes drawn last (B,) → logits (B, n) of the next."""
        return self._logits(self.cached.read(self.column.to_shared(codes[:, None]))[:, -1])

    def keep(self, rows: Tensor) -> None:
        """Forgets all rows but these."""
        self.cached.keep(rows)

    def _logits(self, h: Tensor) -> Tensor:
        logits = h.new_full((len(h), self.n), -torch.inf)
        logits[:, self.own_of_head] = F.linear(h, self.E)
        return logits
