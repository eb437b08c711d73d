"""Codes as points of real space: the bits of a code are coordinates, −1 for 0 and 1 for 1 (Chen et al., 2023).

https://arxiv.org/abs/2208.04202

    y = ±1 + u − ½ in each bit,  u uniform on [0, 1)

A code's points fill a cube of volume 1 around its corner, and no two cubes touch, so a density p(y) bounds the code's
probability without any constant:

    log P(code) = log ∫_{nearest corner is the code's} p(y) dy ≥ E_u log p(corner + u − ½)
"""

import torch
from torch import Tensor

from genwright.nn.code_groups import CodeGroups


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
