"""Small sequences that several tests share."""

import itertools

import numpy as np
import torch
from torch import Tensor

from genwright.core.space import Tokens


def row_of(tokens: tuple[int, ...] | list[int], support: Tokens) -> list[int]:
    """Tokens as an encoded row: closed and padded, or cut."""
    closed = [*tokens, support.end][: support.length]
    return closed + [support.pad] * (support.length - len(closed))


def all_token_rows(support: Tokens) -> Tensor:
    """Every row of a small space."""
    codes = [c for c in range(support.n) if c not in (support.pad, support.end)]
    lengths = range(support.length + 1)
    return torch.tensor([row_of(t, support) for k in lengths for t in itertools.product(codes, repeat=k)])


def token_rows(support: Tokens, n: int, seed: int = 0) -> Tensor:
    """n rows of a chain that likes to go on to the next code, of different lengths, or all full where they run on."""
    rng = np.random.default_rng(seed)
    codes = [c for c in range(support.n) if c not in (support.pad, support.end)]
    rows = []
    for _ in range(n):
        length = support.length if support.runs_on else int(rng.integers(0, support.length + 1))
        at = np.cumsum(rng.choice(len(codes), length, p=_steps(len(codes)))) % len(codes)
        rows.append(row_of([codes[i] for i in at], support))
    return torch.tensor(rows)


def _steps(n: int) -> np.ndarray:
    """Probabilities of going on by 0, 1, … codes."""
    weight = np.where(np.arange(n) == min(1, n - 1), 4.0, 1.0)
    return weight / weight.sum()
