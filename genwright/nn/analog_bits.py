"""Codes as points of real space: the bits of a code are coordinates, −1 for 0 and 1 for 1 (Chen et al., 2023).

https://arxiv.org/abs/2208.04202

    y = ±1 · (1 + σ n) in each bit,  n ~ N(0, 1) cut where y would change its sign,  σ = 1/3

A code's points lie around its corner and nearer to it than to any other, so a density p(y) bounds its probability.
Noise without edges is what a smooth density can follow:

    log P(code) = log ∫_{nearest corner is the code's} p(y) dy ≥ E_n [log p(y) − log q(y | code)]
"""

import math

import torch
from torch import Tensor

from genwright.nn.code_groups import CodeGroups

SCALE = 1 / 3  # σ
CUT = float(torch.special.ndtr(torch.tensor(-1 / SCALE, dtype=torch.float64)))  # share of the noise that is cut


class AnalogBits:
    """Codes of J elements ↔ their corners.

    Args:
        sizes: How many codes each element has (J,).
    """

    def __init__(self, sizes: list[int]):
        self.groups = CodeGroups(sizes)
        self._corners = [_corners(group.width) for group in self.groups.groups]  # (w, log₂ w) a group
        self.n = sum(len(g.members) * c.shape[1] for g, c in zip(self.groups.groups, self._corners))

    def encode(self, codes: Tensor) -> Tensor:
        """Codes (B, J) → corners (B, n), each coordinate −1 or 1."""
        parts = [c[codes[:, g.members]].flatten(1) for g, c in zip(self.groups.groups, self._corners)]
        return torch.cat(parts, 1) if parts else torch.zeros(len(codes), 0)

    def around(self, codes: Tensor, u: Tensor) -> Tensor:
        """Points of each code by uniform numbers u in [0, 1), both (B, n)."""
        noise = torch.special.ndtri(CUT + (1 - CUT) * u.double()).float().clamp(min=-0.999 / SCALE, max=5)
        return self.encode(codes) * (1 + SCALE * noise)

    def log_q(self, codes: Tensor, y: Tensor) -> Tensor:
        """log q(y | code), summed over the bits of a row (B,), float64."""
        noise = (self.encode(codes) * y - 1).double() / SCALE
        constant = math.log(SCALE * math.sqrt(2 * math.pi) * (1 - CUT))
        return (-0.5 * noise.square() - constant).sum(1)

    def spread(self, each: Tensor) -> Tensor:
        """Something of each element (B, J), for each of its bits (B, n)."""
        parts = [each[:, g.members].repeat_interleave(c.shape[1], 1) for g, c in zip(self.groups.groups, self._corners)]
        return torch.cat(parts, 1) if parts else each.new_zeros(len(each), 0)

    def decode(self, y: Tensor) -> Tensor:
        """Points (B, n) → the codes (B, J) of the nearest corners that are codes."""
        codes = torch.zeros(len(y), len(self.groups.sizes), dtype=torch.int64)
        start = 0
        for group, corners in zip(self.groups.groups, self._corners):
            n_bits = corners.shape[1]
            part = y[:, start : start + len(group.members) * n_bits].view(len(y), len(group.members), n_bits)
            mask = self.groups.mask[group.start : group.stop].view(-1, group.width)
            codes[:, list(group.members)] = (part @ corners.T + mask).argmax(-1)
            start += len(group.members) * n_bits
        return codes


def _corners(width: int) -> Tensor:
    """The bits of codes 0 … width − 1 as −1 and 1 (width, log₂ width)."""
    places = torch.arange(width.bit_length() - 1)
    return ((torch.arange(width).unsqueeze(1) >> places) & 1).float() * 2 - 1
