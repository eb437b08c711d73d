"""All pictures of a row → one vector, and a vector → the distribution of all of them.

Two trunks: the convolutions of `nn/conv`, or `dense`, as textbooks begin: pixels one beside the other, and one matrix.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from genwright.core.space import Batch, Pixels, Space
from genwright.nn.conv import ConvDecoder, ConvEncoder
from genwright.nn.picture_view import picture_shape, pictures, scaled, to_codes
from genwright.nn.pixel_head import FEW, PixelHead, PixelHeadName, pixel_head

Trunk = Literal["auto", "conv", "dense"]
Noise = Literal["auto", "draw", "mean"]  # of a drawn pixel: a draw, or the mean; auto: the mean where levels are many
SMALL = 12  # pixels of the longer side up to which `auto` is dense


def is_dense(trunk: Trunk, shape: tuple[int, int, int]) -> bool:
    """Whether a picture of (C, H, W) is read by one matrix."""
    return trunk == "dense" or (trunk == "auto" and max(shape[1:]) <= SMALL)


def n_levels(space: Space, name: str) -> int:
    """Levels of a column's pixels."""
    support = space[name].support
    assert isinstance(support, Pixels)
    return support.n


class PictureEncoder(nn.Module):
    """Prepared rows, pictures as codes under `pixels.` → (B, n_out).

    Args:
        space: Any; only its columns of pictures count.
        trunk: Kind of the networks.
        n_hidden: Numbers that a convolutional trunk makes of a picture.
        width: Its channels at the first level.
    """

    def __init__(self, space: Space, trunk: Trunk, n_hidden: int, width: int):
        super().__init__()
        self.levels = {name: n_levels(space, name) for name in pictures(space)}
        shapes = [picture_shape(space, name) for name in self.levels]
        self.nets = nn.ModuleList(
            nn.Flatten() if is_dense(trunk, shape) else ConvEncoder(shape, n_hidden, width) for shape in shapes
        )
        self.n_out = sum(math.prod(s) if is_dense(trunk, s) else n_hidden for s in shapes)

    def forward(self, rows: Batch, n: int) -> Tensor:
        """(n, n_out); nothing where there are no pictures."""
        parts = [
            net(scaled(rows[f"pixels.{name}"], levels))
            for net, (name, levels) in zip(self.nets, self.levels.items(), strict=True)
        ]
        return torch.cat(parts, 1) if parts else torch.zeros(n, 0)


class DenseDecoder(nn.Module):
    """A vector (B, n_in) → a picture's (B, n_out, H, W), by one matrix."""

    def __init__(self, n_in: int, n_out: int, size: tuple[int, int]):
        super().__init__()
        self.shape = (n_out, *size)
        self.last = nn.Linear(n_in, math.prod(self.shape))

    def forward(self, h: Tensor) -> Tensor:
        """(B, n_in) → (B, n_out, H, W)."""
        return self.last(h).view(-1, *self.shape)


class PictureDecoder(nn.Module):
    """A vector (B, n_hidden) → distributions of the pictures.

    Args:
        space: Any; only its columns of pictures count.
        trunk: Kind of the networks.
        n_hidden: Numbers of the vector.
        width: Channels of a convolutional trunk before the picture.
        pixels: Distribution of a pixel.
        n_mixture: Logistics a pixel.
    """

    def __init__(
        self,
        space: Space,
        trunk: Trunk,
        n_hidden: int,
        width: int,
        pixels: PixelHeadName | Literal["auto"],
        n_mixture: int,
    ):
        super().__init__()
        self.heads: dict[str, PixelHead] = {}
        self.sizes: dict[str, tuple[int, int]] = {}
        self.nets = nn.ModuleList()
        for name in pictures(space):
            channels, height, breadth = shape = picture_shape(space, name)
            head = pixel_head(pixels, channels, n_levels(space, name), n_mixture)
            self.heads[name], self.sizes[name] = head, (height, breadth)
            if is_dense(trunk, shape):
                self.nets.append(DenseDecoder(n_hidden, head.n_params, (height, breadth)))
            else:
                self.nets.append(ConvDecoder(n_hidden, head.n_params, (height, breadth), width))

    def reset(self, generator: torch.Generator) -> None:
        """Begins near each head's own beginning, the same for every pixel."""
        with torch.no_grad():
            for net, head in zip(self.nets, self.heads.values(), strict=True):
                assert isinstance(net, ConvDecoder | DenseDecoder)
                net.last.weight.mul_(0.3)
                assert net.last.bias is not None
                net.last.bias.view(head.n_params, -1).copy_(head.first().unsqueeze(1))

    def forward(self, h: Tensor) -> dict[str, Tensor]:
        """Column → parameters of its pixels (B, P, H, W)."""
        return {name: net(h).float() for name, net in zip(self.heads, self.nets, strict=True)}

    def log_prob(self, h: Tensor, rows: Batch) -> dict[str, Tensor]:
        """Column → log p of its pictures (B,)."""
        params = self(h)
        return {name: head.log_prob(params[name], rows[f"pixels.{name}"]) for name, head in self.heads.items()}

    def sample(self, h: Tensor, generator: torch.Generator, temperature: float, noise: Noise) -> Batch:
        """Column → pictures as codes, with as many random numbers whatever the noise is."""
        found = {}
        for name, params in self(h).items():
            head = self.heads[name]
            u = head.uniforms(len(h), self.sizes[name], generator)
            is_mean = noise == "mean" or (noise == "auto" and head.n > FEW)
            found[name] = to_codes(head.mean(params), head.n) if is_mean else head.sample(params, u, temperature)
        return found
