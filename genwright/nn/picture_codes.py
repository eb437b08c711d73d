"""A picture ↔ codes on a grid: the tokenizer of van den Oord et al. (2017), on the trunk that families share.

https://arxiv.org/abs/1711.00937

    x (C, H, W)  →  convolutions  →  z (D, h, w)  →  nearest codes (h, w)  →  convolutions  →  p(x | codes)

The numbers of each place of z are brought to mean 0 and variance 1, so that codes cannot shrink or run away.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genwright.nn.conv import ConvGrid, GridConv
from genwright.nn.picture_view import scaled
from genwright.nn.pixel_head import PixelHeadName, pixel_head
from genwright.nn.quantise import Codebook


class PictureCodes(nn.Module):
    """Encoder, codebook and decoder.

    Args:
        shape: (C, H, W) of the picture.
        n: Levels of a pixel.
        book: The codes.
        width: Channels at the first level.
        levels: How often the picture is halved; None: until the longer side has at most 8 places.
        pixels: Distribution of a pixel.
        n_mixture: Logistics a pixel.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        n: int,
        book: Codebook,
        width: int = 32,
        levels: int | None = None,
        pixels: PixelHeadName | Literal["auto"] = "auto",
        n_mixture: int = 4,
    ):
        super().__init__()
        self.n, self.book = n, book
        self.head = pixel_head(pixels, shape[0], n, n_mixture)
        self.encoder = ConvGrid(shape, width, levels)
        channels, *size = self.encoder.shape
        self.size = (size[0], size[1])  # (h, w)
        self.to_book = nn.Conv2d(channels, book.dim, 1)
        self.from_book = nn.Conv2d(book.dim, channels, 1)
        self.decoder = GridConv(self.head.n_params, (shape[1], shape[2]), width, levels)

    @property
    def n_places(self) -> int:
        """Places of the grid, h · w."""
        return self.size[0] * self.size[1]

    def reset(self, generator: torch.Generator) -> None:
        """Begins near the head's own beginning, the same for every pixel."""
        last = self.decoder.up[-1]
        assert isinstance(last, nn.ConvTranspose2d)
        assert last.bias is not None
        with torch.no_grad():
            last.weight.mul_(0.3)
            last.bias.copy_(self.head.first())

    def vectors(self, pixels: Tensor) -> Tensor:
        """Pictures uint8 (B, C, H, W) → what is quantised (B · h · w, D)."""
        z = self.to_book(F.silu(self.encoder(scaled(pixels, self.n))))  # (B, D, h, w)
        return F.layer_norm(z.permute(0, 2, 3, 1).reshape(-1, self.book.dim), (self.book.dim,))

    def params(self, e: Tensor) -> Tensor:
        """Vectors of codes (B · h · w, D) → parameters of the pixels (B, P, H, W)."""
        grid = e.view(-1, *self.size, self.book.dim).permute(0, 3, 1, 2)
        return self.decoder(self.from_book(grid)).float()

    def forward(self, pixels: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """log p(picture | its codes) (B,), the squared distance of its vectors to the codes (B,), and those (B, h · w).

        Args:
            pixels: uint8 (B, C, H, W).
            generator: While learning, see `Codebook`.
        """
        e, code, distance = self.book(self.vectors(pixels), generator)
        log_p = self.head.log_prob(self.params(e), pixels)
        return log_p, distance.view(len(pixels), -1).sum(1), code.view(len(pixels), -1)

    def tokens(self, pixels: Tensor) -> Tensor:
        """Codes of pictures (B, h · w)."""
        return self.book.nearest(self.vectors(pixels)).view(len(pixels), -1)

    def from_tokens(self, codes: Tensor) -> Tensor:
        """Codes (B, h · w) → parameters of the pixels (B, P, H, W)."""
        return self.params(self.book.codes[codes.flatten()])
