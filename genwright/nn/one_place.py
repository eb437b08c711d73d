"""A Transformer's next place in NumPy, from the same weights and caches as `nn/transformer`.

Drawing reads one place at a time. Its matrices are then so thin that calling an operation costs more than the
operation, and NumPy's calls cost a fraction of torch's: four blocks of 128 units take 0.14 ms, not 0.3.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from threadpoolctl import ThreadpoolController
from torch import nn

from genwright.nn.attention import Cache
from genwright.nn.transformer import Block, RMSNorm

Array = np.ndarray
LOWEST, ONE = np.finfo(np.float32).min, np.float32(1)


@lru_cache(maxsize=1)
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


def as_many_threads_as_torch() -> AbstractContextManager[Any]:
    """NumPy's library with the threads that torch has: with more, small products wait for each other."""
    return _libraries().limit(limits=torch.get_num_threads(), user_api="blas")


@dataclass
class OnePlace:
    """Blocks and a last norm, reading a single place of B rows.

    Args:
        blocks: In order.
        norm: Behind the last one.
    """

    blocks: list[Block]
    norm: nn.Module
    _blocks: "list[_Block]" = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._blocks = [_Block(block) for block in self.blocks]
        self._norm = _Norm(self.norm)

    def __call__(self, x: Array, turn: tuple[Array, Array] | None, caches: list[Cache], mask: Array | None) -> Array:
        """The place's vectors (B, width) → what the head reads (B, width).

        Args:
            x: Embedded tokens.
            turn: Cosines and sines (d,) of the place; None: no rotary positions.
            caches: One a block; take the place in.
            mask: Which kept places each row sees (B, S), this one among them; None: all.
        """
        for block, cache in zip(self._blocks, caches, strict=True):
            x = block(x, turn, cache, mask)
        y = self._norm(x) * self._norm.gain
        return y if self._norm.shift is None else y + self._norm.shift


class _Norm:
    """RMS norm or layer norm, without its gain and shift."""

    def __init__(self, module: nn.Module):
        assert isinstance(module, (RMSNorm, nn.LayerNorm))
        self.is_rms = isinstance(module, RMSNorm)
        self.eps = np.float32(module.eps)
        self.gain = _array(module.weight)
        self.shift = None if isinstance(module, RMSNorm) else _array(module.bias)

    def __call__(self, x: Array) -> Array:
        if not self.is_rms:
            x = x - x.mean(-1, keepdims=True)
        square = np.vecdot(x, x)[:, None]  # (B, 1)
        square /= x.shape[-1]
        square += self.eps
        return x / np.sqrt(square, square)


class _Linear:
    """x Wᵀ + b, of what a norm left without gain and shift, where one stands before."""

    def __init__(self, module: nn.Linear, before: _Norm | None = None):
        weight = _array(module.weight).T  # (width in, width out)
        bias = None if module.bias is None else _array(module.bias)
        if before is not None and before.shift is not None:
            bias = before.shift @ weight if bias is None else bias + before.shift @ weight
        self.weight = np.ascontiguousarray(weight if before is None else before.gain[:, None] * weight)
        self.bias = bias

    def __call__(self, x: Array) -> Array:
        y = x @ self.weight
        return y if self.bias is None else y + self.bias


class _Block:
    """One layer; see `Block` and `Attention`."""

    def __init__(self, block: Block):
        attention, net = block.attention, block.net
        self.H, self.G, self.d = attention.n_heads, attention.n_kv_heads, attention.d
        self.has_unit_length, self.kind = attention.has_unit_length, net.kind
        self.norm_1, self.norm_2 = _Norm(block.norm_1), _Norm(block.norm_2)
        self.qkv, self.up = _Linear(attention.qkv, self.norm_1), _Linear(net.up, self.norm_2)
        self.out, self.down = _Linear(attention.out), _Linear(net.down)

    def __call__(self, x: Array, turn: tuple[Array, Array] | None, cache: Cache, mask: Array | None) -> Array:
        x = x + self.out(self._attended(self.norm_1(x), turn, cache, mask))
        return x + self.down(self._middle(self.up(self.norm_2(x))))

    def _attended(self, x: Array, turn: tuple[Array, Array] | None, cache: Cache, mask: Array | None) -> Array:
        B = len(x)
        heads = self.qkv(x).reshape(B, self.H + 2 * self.G, self.d)
        qk, v = heads[:, : self.H + self.G], heads[:, self.H + self.G :]
        if self.has_unit_length:
            qk = qk / np.sqrt(np.square(qk).mean(-1, keepdims=True) + np.finfo(np.float32).eps)
        qk = qk if turn is None else _turned(qk, *turn)
        keys, values = _put(cache, qk[:, self.H :], v)
        q = qk[:, : self.H].reshape(B, self.G, -1, self.d) * np.float32(self.d**-0.5)
        scores = q @ keys.swapaxes(-1, -2)  # (B, G, H / G, S)
        if mask is not None:
            scores = np.where(mask[:, None, None], scores, -np.inf)
        top = scores.max(-1, keepdims=True)
        scores -= top if mask is None else np.maximum(top, LOWEST)
        weights = np.exp(scores, scores)
        y = weights @ values  # (B, G, H / G, d)
        total = weights.sum(-1, keepdims=True)  # 1 or more, but 0 where a row sees nothing
        y /= total if mask is None else np.maximum(total, ONE)
        return y.reshape(B, -1)

    def _middle(self, h: Array) -> Array:
        if self.kind == "swiglu":
            n = h.shape[-1] // 2
            gate = h[..., :n]
            return gate / (1 + np.exp(-gate)) * h[..., n:]
        if self.kind == "relu2":
            return np.square(np.maximum(h, 0))
        return 0.5 * h * (1 + np.tanh(np.float32((2 / np.pi) ** 0.5) * (h + np.float32(0.044715) * h**3)))


def _put(cache: Cache, k: Array, v: Array) -> tuple[Array, Array]:
    """Takes a place into the cache; keys and values of all it keeps (B, G, S, d)."""
    if not cache.n:
        cache.put(torch.from_numpy(k[:, :, None].copy()), torch.from_numpy(v[:, :, None].copy()))
    else:
        at = cache.n % cache.window
        cache.k.numpy()[:, :, at], cache.v.numpy()[:, :, at] = k, v
        cache.n += 1
    n = min(cache.n, cache.window)
    return cache.k.numpy()[:, :, :n], cache.v.numpy()[:, :, :n]


def _turned(x: Array, cos: Array, sin: Array) -> Array:
    """See `rotary.rotate`."""
    half = x.shape[-1] // 2
    return x * cos + np.concatenate([x[..., half:], x[..., :half]], -1) * sin


def _array(x: torch.Tensor) -> Array:
    return x.detach().numpy()
