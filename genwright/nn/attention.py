"""Attention (Vaswani et al., 2017) over the places that a mask allows, with a cache for drawing token by token.

https://arxiv.org/abs/1706.03762

    softmax(Q Kᵀ / √d) V,   Q = x W_q, K = x W_k, V = x W_v for each head

Options: fewer heads for keys and values than for queries (grouped queries, Ainslie et al., 2023), queries and keys of
unit length (Henry et al., 2020), rotary positions. In a decoder, a place sees itself and the `window − 1` places before
it, so that rows may be longer than what was trained on: the cache forgets what no later place can see. Rows of
different lengths may stand one behind the other without padding, each seen by itself alone.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genwright.nn.dropout import dropout
from genwright.nn.rotary import rotate


class Rows(NamedTuple):
    """Rows of one length that stand one behind the other."""

    n: int
    length: int  # places of each, T
    mask: Tensor | None = None  # which places see which (T, T) or (n, 1, T, T); None: themselves and those before


class Cache:
    """Keys and values of the last `window` places of B rows, in one layer.

    Args:
        window: Places that are kept, W.
    """

    def __init__(self, window: int):
        self.window = window
        self.n = 0  # places seen so far
        self.k = self.v = torch.empty(0)  # (B, H, W, d); place t stands at t mod W

    def put(self, k: Tensor, v: Tensor) -> None:
        """Takes in the keys and values (B, H, t, d) of the next t places."""
        if not self.n:
            shape = (*k.shape[:2], self.window, k.shape[3])
            self.k, self.v = k.new_zeros(shape), v.new_zeros(shape)
        t = k.shape[2]
        if t == 1:
            at = self.n % self.window
            self.k[:, :, at], self.v[:, :, at] = k[:, :, 0], v[:, :, 0]
        else:
            kept = min(t, self.window)
            slots = torch.arange(self.n + t - kept, self.n + t) % self.window
            self.k[:, :, slots], self.v[:, :, slots] = k[:, :, t - kept :], v[:, :, t - kept :]
        self.n += t

    def seen(self) -> tuple[Tensor, Tensor]:
        """Keys and values of what is kept (B, H, min(n, W), d), in no particular order."""
        n = min(self.n, self.window)
        return self.k[:, :, :n], self.v[:, :, :n]

    def places(self) -> Tensor:
        """The places of what is kept, in the order of `seen`."""
        n = min(self.n, self.window)
        slots = torch.arange(n)
        return slots + (self.n - 1 - slots) // self.window * self.window

    def keep(self, rows: Tensor) -> None:
        """Forgets all rows but these."""
        if self.n:
            self.k, self.v = self.k[rows], self.v[rows]


class Attention(nn.Module):
    """Multi-head attention.

    Args:
        width: Of the vectors it reads and writes.
        n_heads: Heads of queries, H.
        n_kv_heads: Heads of keys and values; a divisor of n_heads.
        has_bias: Whether its linear maps have one.
        has_unit_length: Queries and keys get root mean square 1.
        dropout: Share of the weights that a training step leaves out.
    """

    def __init__(
        self,
        width: int,
        n_heads: int,
        n_kv_heads: int | None = None,
        has_bias: bool = False,
        has_unit_length: bool = False,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.n_heads, self.n_kv_heads, self.d = n_heads, n_kv_heads or n_heads, width // n_heads
        self.has_unit_length, self.dropout = has_unit_length, dropout
        self.qkv = nn.Linear(width, (self.n_heads + 2 * self.n_kv_heads) * self.d, bias=has_bias)
        self.out = nn.Linear(self.n_heads * self.d, width, bias=has_bias)

    def forward(
        self,
        x: Tensor,
        turn: tuple[Tensor, Tensor] | None = None,
        mask: Tensor | Sequence[Rows] | None = None,
        cache: Cache | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """x (B, T, width) → (B, T, width).

        Args:
            x: What the T places hold.
            turn: Cosines and sines of their rotary positions; None: none.
            mask: Which places a place sees, True where it does, broadcast to (B, H, T, S) for the S places of the cache
                and of x; None: itself and those before it. Or whose the places of x (1, T, width) are, row by row.
            cache: Places before these; takes them in.
            generator: Of the weights that are dropped; None: none are.
        """
        B, T, _ = x.shape
        heads = self.qkv(x).view(B, T, -1, self.d).transpose(1, 2)  # (B, H + 2 G, T, d)
        q, k, v = heads.split([self.n_heads, self.n_kv_heads, self.n_kv_heads], 1)
        if self.has_unit_length:
            q, k = F.rms_norm(q, (self.d,)), F.rms_norm(k, (self.d,))
        if turn is not None:
            q, k = rotate(q, *turn), rotate(k, *turn)
        k, v = (k, v) if cache is None else _with_cache(k, v, cache)
        if mask is None or isinstance(mask, Tensor):
            y = self._weighed(q, k, v, mask, generator)
        else:
            y = self._row_by_row(q, k, v, mask, generator)
        return self.out(y.transpose(1, 2).reshape(B, T, -1))

    def _row_by_row(
        self, q: Tensor, k: Tensor, v: Tensor, rows: Sequence[Rows], generator: torch.Generator | None
    ) -> Tensor:
        """Values (1, H, N, d) of the N places of rows that stand one behind the other."""
        sizes = [some.n * some.length for some in rows]
        parts = zip(*(x[0].transpose(0, 1).split(sizes) for x in (q, k, v)), strict=True)  # (n T, H, d) each
        found = []
        for some, part in zip(rows, parts, strict=True):
            q, k, v = (x.unflatten(0, (some.n, some.length)).transpose(1, 2) for x in part)  # (n, H, T, d)
            y = self._weighed(q, k, v, some.mask, generator)
            found.append(y.transpose(1, 2).flatten(0, 1))
        return torch.cat(found).transpose(0, 1)[None]

    def _weighed(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, generator: torch.Generator | None
    ) -> Tensor:
        """Values (B, H, T, d) weighed by how queries (B, H, T, d) and keys (B, G, S, d) meet."""
        T = q.shape[2]
        is_causal = mask is None and T > 1
        if generator is not None and self.dropout:
            return self._dropped(q, k, v, places_before(T) if is_causal else mask, generator)
        is_grouped = self.n_kv_heads < self.n_heads
        return F.scaled_dot_product_attention(q, k, v, mask, is_causal=is_causal, enable_gqa=is_grouped)

    def _dropped(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, generator: torch.Generator) -> Tensor:
        """The same with some of the weights left out; torch's own kernel would draw them from the global state."""
        k, v = (x.repeat_interleave(self.n_heads // self.n_kv_heads, 1) for x in (k, v))
        scores = q @ k.mT * self.d**-0.5  # (B, H, T, S)
        if mask is None:
            weights = scores.softmax(-1)
        else:  # a place that sees nothing has no weights, as in torch's kernel
            weights = scores.masked_fill(~mask, torch.finfo(scores.dtype).min).softmax(-1).masked_fill(~mask, 0.0)
        return dropout(weights, self.dropout, generator) @ v


def _with_cache(k: Tensor, v: Tensor, cache: Cache) -> tuple[Tensor, Tensor]:
    """Keys and values of the cache and of the new places, which it takes in."""
    if k.shape[2] == 1:  # one place sees all that is kept, itself among it
        cache.put(k, v)
        return cache.seen()
    if not cache.n:
        cache.put(k, v)
        return k, v
    old = cache.seen()
    joined = torch.cat([old[0], k], 2), torch.cat([old[1], v], 2)
    cache.put(k, v)
    return joined


def places_before(T: int) -> Tensor:
    """Which of T places see which: themselves and all before, as a mask (T, T)."""
    return torch.ones(T, T, dtype=torch.bool).tril()


def band(queries: Tensor, keys: Tensor, window: int) -> Tensor:
    """Which places see which: themselves and the window − 1 before, as a mask (T, S)."""
    gap = queries[:, None] - keys[None, :]
    return (gap >= 0) & (gap < window)
