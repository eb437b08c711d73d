"""A UNet (Ronneberger et al., 2015), small enough for a CPU: picture → picture, told by a vector what to do.

https://arxiv.org/abs/1505.04597

    28 × 28 × 1 → patches 14 × 14 × 4 → 14 × 14 × w ───── + ────→ 14 × 14 × w → patches → 28 × 28 × 1
                                            ↓                ↑
                                        7 × 7 × 2w ─ attention ─ 7 × 7 × 2w

Patches of 2 × 2 pixels are channels of the first grid where the picture is larger than 16 pixels, of 4 × 4 where it is
larger than 32. The vector (time, class, other columns of the row) scales and moves the channels inside every residual
block (Perez et al., 2018, https://arxiv.org/abs/1709.07871).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genwright.nn.attention import Attention
from genwright.nn.conv import ResBlock, n_levels

PATCHED = ((16, 1), (32, 2))  # up to so many pixels of the longer side, patches of so many a side
LARGEST_PATCH = 4  # of larger pictures
N_GROUPS = 8  # of channels that are normalised together


class ToldBlock(ResBlock):
    """x + two convolutions of it, between which a vector (B, n_told) scales and moves the channels."""

    def __init__(self, channels: int, n_told: int):
        super().__init__(channels)
        self.norm, self.inner = (nn.GroupNorm(N_GROUPS, channels) for _ in range(2))
        self.told = nn.Linear(n_told, 2 * channels)

    def forward(self, x: Tensor, told: Tensor | None = None) -> Tensor:
        """(B, C, H, W) → the same."""
        h = self.inner(self.first(F.silu(self.norm(x))))
        if told is not None:
            scale, shift = self.told(told)[:, :, None, None].chunk(2, 1)
            h = h * (1 + scale) + shift
        return x + self.second(F.silu(h))


class GridAttention(nn.Module):
    """Places of a grid look at each other; added to what they hold."""

    def __init__(self, channels: int, n_heads: int = 4):
        super().__init__()
        self.norm = nn.GroupNorm(N_GROUPS, channels)
        self.attention = Attention(channels, n_heads)

    def reset(self, generator: torch.Generator) -> None:
        """Begins near the identity."""
        with torch.no_grad():
            self.attention.out.weight.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the same."""
        places = self.norm(x).flatten(2).mT  # (B, HW, C)
        everywhere = torch.ones(places.shape[1], places.shape[1], dtype=torch.bool)
        return x + self.attention(places, mask=everywhere).mT.reshape(x.shape)


def usual_patch(side: int) -> int:
    """Pixels a side that are taken together in pictures with so many on their longer side: a step costs by patches."""
    return next((patch for most, patch in PATCHED if side <= most), LARGEST_PATCH)


class UNet(nn.Module):
    """Picture → picture in two halves, between which other parts of a row can be heard.

    Args:
        shape: (C, H, W) of the picture.
        n_told: Width of the vector that tells what to do.
        width: Channels of the first grid, w; they double at each coarser one. A multiple of 8.
        patch: Pixels a side that are channels of the first grid; 0: by the picture's size.
        has_attention: Whether places of the coarsest grid look at each other.
        n_beside: Channels that it reads beside the picture's own.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        n_told: int,
        width: int = 32,
        patch: int = 0,
        has_attention: bool = True,
        n_beside: int = 0,
    ):
        super().__init__()
        channels, height, breadth = shape
        self.shape, self.patch = shape, patch or usual_patch(max(height, breadth))
        levels = n_levels(-(-height // self.patch), -(-breadth // self.patch))
        self.unit = self.patch * 2**levels  # height and breadth are filled up to multiples of it
        widths = [width * 2**i for i in range(levels + 1)]
        self.enter = nn.Conv2d((channels + n_beside) * self.patch**2, width, 3, padding=1)
        self.fine = nn.ModuleList(ToldBlock(w, n_told) for w in widths[:-1])
        self.down = nn.ModuleList(nn.Conv2d(w, 2 * w, 3, stride=2, padding=1) for w in widths[:-1])
        self.coarse = ToldBlock(widths[-1], n_told)
        self.attention = GridAttention(widths[-1]) if has_attention else nn.Identity()
        self.middle = ToldBlock(widths[-1], n_told)
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 4, stride=2, padding=1) for w in reversed(widths[:-1]))
        self.back = nn.ModuleList(ToldBlock(w, n_told) for w in reversed(widths[:-1]))
        self.norm = nn.GroupNorm(N_GROUPS, width)
        self.leave = nn.Conv2d(width, channels * self.patch**2, 3, padding=1)
        self.n_coarse = widths[-1]  # channels of the coarsest grid

    def reset(self, generator: torch.Generator) -> None:
        """Says little at first."""
        with torch.no_grad():
            self.leave.weight.mul_(0.1)

    def descend(self, x: Tensor, told: Tensor) -> tuple[Tensor, list[Tensor]]:
        """A picture and what is beside it → its coarsest grid (B, c, h, w), and the finer ones on the way."""
        _, height, breadth = self.shape
        x = F.pad(x, (0, -breadth % self.unit, 0, -height % self.unit))
        x = self.enter(F.pixel_unshuffle(x, self.patch).contiguous(memory_format=torch.channels_last))
        finer = []
        for block, down in zip(self.fine, self.down):
            finer.append(x := block(x, told))
            x = down(x)
        return self.attention(self.coarse(x, told)), finer

    def ascend(self, grid: Tensor, finer: list[Tensor], told: Tensor) -> Tensor:
        """The inverse way (B, C, H, W)."""
        _, height, breadth = self.shape
        x = self.middle(grid, told)
        for up, block, beside in zip(self.up, self.back, reversed(finer)):
            x = block(up(x) + beside, told)
        x = F.pixel_shuffle(self.leave(F.silu(self.norm(x))), self.patch)
        return x[:, :, :height, :breadth]

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """(B, C + n_beside, H, W) → (B, C, H, W)."""
        return self.ascend(*self.descend(x, told), told)
