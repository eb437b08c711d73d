"""How long an encoded sequence is: the tokens before its end, the steps before what stands behind."""

import torch
from torch import Tensor

from genwright.core.space import Tokens


def n_tokens(codes: Tensor, support: Tokens) -> Tensor:
    """Tokens of each row before its end (B,); all T places where it was cut or runs on, none where it is missing.

    Args:
        codes: Encoded rows (B, T).
        support: Which codes are special.
    """
    is_end = codes == support.end
    return torch.where(is_end.any(1), is_end.int().argmax(1), (codes != support.pad).sum(1))


def is_missing(codes: Tensor, support: Tokens) -> Tensor:
    """Which rows (B,) of codes (B, T) are not known at all: pads alone, without an end."""
    return ((codes == support.pad) & (codes != support.end)).all(1)


def n_steps(x: Tensor) -> Tensor:
    """Steps of each row (B,) of vectors (B, T, D)."""
    return (x[..., 0] != float("inf")).sum(1)


def is_within(lengths: Tensor, n_places: int) -> Tensor:
    """Which places (B, T) lie before the end."""
    return torch.arange(n_places) < lengths[:, None]
