"""Rotary positions (Su et al., 2021): a query and a key meet by how far apart they stand.

https://arxiv.org/abs/2104.09864

    (a, b) ↦ (a cos tθ_i − b sin tθ_i,  b cos tθ_i + a sin tθ_i),   θ_i = base^(−2i/d),  t the position

The pair (a, b) of angle i are the dimensions i and i + d/2, as Llama's weights have it, not 2i and 2i + 1.
"""

import torch
from torch import Tensor


def angles(first: int, n: int, d: int, base: float = 10_000.0) -> tuple[Tensor, Tensor]:
    """Cosines and sines (n, d) of the positions first … first + n − 1, as `rotate` takes them."""
    theta = base ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)  # (d/2,)
    t = torch.arange(first, first + n, dtype=torch.float64)[:, None] * theta  # (n, d/2)
    cos, sin = t.cos().float(), t.sin().float()
    return torch.cat([cos, cos], 1), torch.cat([-sin, sin], 1)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Queries or keys (..., T, d) turned by their positions."""
    return x * cos + x.roll(x.shape[-1] // 2, -1) * sin
