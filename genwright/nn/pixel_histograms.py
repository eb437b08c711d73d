"""Pictures whose pixels know nothing of each other: the trivial baseline of pictures.

    p(x) = Π_d p_d(x_d),   p_d(v) = (c_d(v) + α) / (N + α n)

c_d(v): how many of N pictures have level v of n at place d (channel, row, column).
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from genwright.core.dataset import Dataset
from genwright.core.space import Field, Pixels

PLACES = 4_000_000  # pixels that are counted or drawn at once


class PixelHistograms:
    """A histogram for every pixel of a column of pictures.

    Args:
        field: The column: `Pixels` of event shape (C, H, W).
        pseudo_count: α, added to every count.
    """

    def __init__(self, field: Field, pseudo_count: float = 0.5):
        assert isinstance(field.support, Pixels)
        self.shape, self.n, self.pseudo_count = field.event_shape, field.support.n, pseudo_count
        self.n_pixels = int(np.prod(self.shape))  # D
        self.log_p = torch.zeros(0)  # (D, n) float32: a histogram of a large picture would be large

    @property
    def _rows_at_once(self) -> int:
        return max(1, PLACES // self.n_pixels)

    def count(self, data: Dataset, name: str) -> None:
        """Counts a column's levels."""
        counts = np.zeros(self.n_pixels * self.n, np.int64)
        start = np.arange(self.n_pixels) * self.n  # (D,) of each pixel's counts
        for batch in data.batches(self._rows_at_once):
            codes = batch[name].flatten(1).numpy()  # (B, D)
            counts += np.bincount((start + codes).ravel(), minlength=len(counts))
        weight = torch.from_numpy(counts.reshape(self.n_pixels, self.n)) + self.pseudo_count
        self.log_p = (weight / weight.sum(1, keepdim=True)).log().float()

    def log_prob(self, codes: Tensor) -> Tensor:
        """log p(x) of each picture (B, C, H, W) → float64 (B,)."""
        found = [self._log_prob(part) for part in codes.split(self._rows_at_once)]
        return torch.cat(found) if found else torch.zeros(0, dtype=torch.float64)

    def _log_prob(self, codes: Tensor) -> Tensor:
        index = codes.flatten(1).long().T  # (D, B)
        return self.log_p.gather(1, index).double().sum(0)

    def draw(self, n: int, generator: torch.Generator, temperature: float = 1.0) -> Tensor:
        """n pictures (n, C, H, W) uint8; the first ones are the same however many are drawn."""
        log_p = self.log_p.double() / temperature
        cdf = (log_p - log_p.max(1, keepdim=True).values).exp().cumsum(1)  # (D, n)
        parts = [self._drawn(min(self._rows_at_once, n - i), cdf, generator) for i in range(0, n, self._rows_at_once)]
        return torch.cat(parts) if parts else torch.zeros(0, *self.shape, dtype=torch.uint8)

    def _drawn(self, n: int, cdf: Tensor, generator: torch.Generator) -> Tensor:
        u = torch.rand(n, self.n_pixels, generator=generator, dtype=torch.float64)
        at = torch.searchsorted(cdf, (u * cdf[:, -1]).T.contiguous(), right=True)  # (D, n)
        return at.clamp(max=self.n - 1).T.to(torch.uint8).reshape(n, *self.shape)

    def state(self) -> dict[str, Tensor]:
        """Log probability of every level at every pixel."""
        return {"log_p": self.log_p}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        self.log_p = state["log_p"]
