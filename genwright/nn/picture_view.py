"""The pictures of a row as networks see them: brightness from −1, dark, to 1, bright.

x = 2 code / (n − 1) − 1,   code 0 … n − 1
"""

import torch
from torch import Tensor

from genwright.core.space import Batch, Pixels, Space
from genwright.core.space import pictures as pictures


def without_pictures(space: Space) -> Space:
    """Its other columns."""
    return Space({name: f for name, f in space.items() if not isinstance(f.support, Pixels)})


def picture_shape(space: Space, name: str) -> tuple[int, int, int]:
    """(C, H, W) of a column of pictures."""
    channels, height, width = space[name].event_shape
    return channels, height, width


def scaled(codes: Tensor, n: int) -> Tensor:
    """Codes 0 … n−1 → float32 in [−1, 1]."""
    return codes.float() * (2 / (n - 1)) - 1


def to_codes(x: Tensor, n: int) -> Tensor:
    """The inverse of `scaled`: the nearest codes, uint8."""
    return ((x.clamp(-1, 1) + 1) * ((n - 1) / 2)).round().to(torch.uint8)


def merged(x: Tensor, drawn: Tensor, known: Tensor) -> Tensor:
    """A column's known parts beside drawn ones; of pictures (B, C, H, W), what is known may be pixels (B, H, W)."""
    mask = known.unsqueeze(1) if x.dim() == 4 and known.dim() == 3 else known
    return torch.where(mask.view(*mask.shape, *[1] * (x.dim() - mask.dim())), x, drawn)


def prepared(batch: Batch, space: Space) -> Batch:
    """A batch's pictures, codes as they are, under `pixels.` and their column's name."""
    return {f"pixels.{name}": batch[name] for name in pictures(space)}
