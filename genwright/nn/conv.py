"""Pictures ↔ vectors by convolutions, small enough for a CPU: the trunk that every family of pictures shares.

Each level halves height and width and doubles the channels, until the longer side has at most 8 places; one residual
block works at the coarsest level, with half the channels in its middle. The decoder is the mirror image.

    28 × 28 × 1  →  14 × 14 × w  →  7 × 7 × 2w  →  vector

Strided convolutions and their transposes take the place of pooling (Radford et al., 2016,
https://arxiv.org/abs/1511.06434). Sizes that are no multiples come out as they went in.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

COARSEST = 8  # places of the longer side at the last level


def n_levels(height: int, width: int) -> int:
    """How often a picture is halved: at least once."""
    return max(1, math.ceil(math.log2(max(height, width) / COARSEST)))


def sizes(height: int, width: int, levels: int) -> list[tuple[int, int]]:
    """Height and width at every level, the picture's own first (levels + 1)."""
    found = [(height, width)]
    for _ in range(levels):
        height, width = -(-height // 2), -(-width // 2)
        found.append((height, width))
    return found


class ResBlock(nn.Module):
    """x + two convolutions of it, channels kept.

    Args:
        channels: Of x.
        n_hidden: Channels between the two; as many where it is not given.
    """

    def __init__(self, channels: int, n_hidden: int | None = None):
        super().__init__()
        self.first = nn.Conv2d(channels, n_hidden or channels, 3, padding=1)
        self.second = nn.Conv2d(n_hidden or channels, channels, 3, padding=1)

    def reset(self, generator: torch.Generator) -> None:
        """Begins near the identity."""
        with torch.no_grad():
            self.second.weight.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the same."""
        return x + self.second(F.silu(self.first(F.silu(x))))


class ConvGrid(nn.Module):
    """A picture (B, C, H, W) → features on its coarsest grid (B, c, h, w).

    Args:
        shape: (C, H, W) of the picture.
        width: Channels at the first level, w; they double at each further one.
        levels: How often it is halved; None: until the longer side has at most 8 places.
        is_narrow: Whether the block has half the channels in its middle: quicker, for networks that see pictures often.
    """

    def __init__(self, shape: tuple[int, int, int], width: int = 32, levels: int | None = None, is_narrow: bool = True):
        super().__init__()
        channels, height, breadth = shape
        self.levels = n_levels(height, breadth) if levels is None else levels
        widths = [channels, *(width * 2**i for i in range(self.levels))]
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths))
        self.block = ResBlock(widths[-1], (widths[-1] + 1) // 2 if is_narrow else None)
        self.shape = (widths[-1], *sizes(height, breadth, self.levels)[-1])  # (c, h, w)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, c, h, w)."""
        x = x.contiguous(memory_format=torch.channels_last)
        for i, layer in enumerate(self.down):
            x = layer(F.silu(x) if i else x)
        return self.block(x)


class ConvEncoder(nn.Module):
    """A picture (B, C, H, W) → a vector (B, n_out)."""

    def __init__(self, shape: tuple[int, int, int], n_out: int, width: int = 32, is_narrow: bool = True):
        super().__init__()
        self.grid = ConvGrid(shape, width, is_narrow=is_narrow)
        self.out = nn.Linear(math.prod(self.grid.shape), n_out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, n_out)."""
        return self.out(F.silu(self.grid(x)).flatten(1))


class GridConv(nn.Module):
    """Features on a grid (B, c, h, w) → a picture's (B, n_out, H, W): the mirror image of `ConvGrid`.

    Args:
        n_out: Channels of the result, such as the parameters of a distribution a pixel.
        size: (H, W).
        width: Channels before the last level.
        levels: How often it is doubled; None: as often as `ConvGrid` halves.
    """

    def __init__(self, n_out: int, size: tuple[int, int], width: int = 32, levels: int | None = None):
        super().__init__()
        levels = n_levels(*size) if levels is None else levels
        self.sizes = sizes(*size, levels)[::-1][1:]
        widths = [*(width * 2**i for i in reversed(range(levels))), n_out]
        self.shape = (widths[0], *sizes(*size, levels)[-1])  # (c, h, w)
        self.block = ResBlock(widths[0], (widths[0] + 1) // 2)
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        """(B, c, h, w) → (B, n_out, H, W)."""
        x = self.block(x.contiguous(memory_format=torch.channels_last))
        for layer, (height, width) in zip(self.up, self.sizes):
            x = layer(F.silu(x))[:, :, :height, :width]
        return x


class ConvDecoder(nn.Module):
    """A vector (B, n_in) → a picture's (B, n_out, H, W)."""

    def __init__(self, n_in: int, n_out: int, size: tuple[int, int], width: int = 32):
        super().__init__()
        self.grid = GridConv(n_out, size, width)
        self.start = nn.Linear(n_in, math.prod(self.grid.shape))

    @property
    def last(self) -> nn.ConvTranspose2d:
        """The layer that tells the pixels."""
        layer = self.grid.up[-1]
        assert isinstance(layer, nn.ConvTranspose2d)
        return layer

    def forward(self, h: Tensor) -> Tensor:
        """(B, n_in) → (B, n_out, H, W)."""
        return self.grid(self.start(h).view(len(h), *self.grid.shape))
