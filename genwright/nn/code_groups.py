"""Elements with different numbers of codes, side by side in few tensors.

Elements are put into groups of one width, the next power of two, so that a row of 20 columns is a handful of tensor
operations and not 20; no element is padded to more than twice its codes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

AT_ONCE = 1 << 22  # probabilities that are added up together


@dataclass(frozen=True)
class Group:
    """Elements that are padded to one width.

    Args:
        width: Codes of each element, padding included.
        members: Which of the J elements.
        start: Where they begin among the padded codes of all groups.
    """

    width: int
    members: tuple[int, ...]
    start: int

    @property
    def stop(self) -> int:
        """Where they end."""
        return self.start + self.width * len(self.members)


class CodeGroups(nn.Module):
    """The groups of J elements.

    Args:
        sizes: How many codes each element has (J,).
    """

    mask: Tensor
    offsets: Tensor

    def __init__(self, sizes: list[int]):
        super().__init__()
        self.sizes = list(sizes)
        by_width: dict[int, list[int]] = {}
        for j, size in enumerate(sizes):
            by_width.setdefault(1 << max(size - 1, 0).bit_length(), []).append(j)
        self.groups: list[Group] = []
        start = 0
        for width, members in sorted(by_width.items()):
            self.groups.append(Group(width, tuple(members), start))
            start = self.groups[-1].stop
        self.n_padded = start
        offsets = torch.zeros(len(sizes), dtype=torch.int64)
        mask = torch.full((start,), -1e9)
        for group in self.groups:
            for i, j in enumerate(group.members):
                offsets[j] = group.start + i * group.width
                mask[offsets[j] : offsets[j] + sizes[j]] = 0
        self.register_buffer("offsets", offsets, persistent=False)  # (J,) where each element's codes begin
        self.register_buffer("mask", mask, persistent=False)  # (P,) 0, or −10⁹ where nothing stands

    def split(self, padded: Tensor) -> list[Tensor]:
        """(B, P) → one (B, members, width) a group."""
        return [padded[:, g.start : g.stop].view(len(padded), len(g.members), g.width) for g in self.groups]

    def log_softmax(self, logits: Tensor) -> list[Tensor]:
        """Log probabilities of the codes, one tensor a group."""
        return [part.log_softmax(-1) for part in self.split(logits + self.mask)]

    def log_prob(self, logits: Tensor, codes: Tensor) -> Tensor:
        """log P of each element's code (B, J)."""
        found = codes.new_empty(codes.shape, dtype=logits.dtype)
        columns: list[int] = []
        parts: list[Tensor] = []
        for group, log_p in zip(self.groups, self.log_softmax(logits), strict=True):
            wanted = codes[:, group.members].unsqueeze(-1)  # (B, members, 1)
            parts.append(log_p.gather(-1, wanted).squeeze(-1))
            columns += group.members
        if columns == list(range(len(self.sizes))):
            return torch.cat(parts, 1) if parts else found
        order = torch.tensor(columns).argsort()
        return torch.cat(parts, 1)[:, order]

    def draw(self, logits: Tensor, u: Tensor) -> Tensor:
        """Codes (B, J) by inverting each distribution function at u in [0, 1), (B, J)."""
        size = max(1, AT_ONCE // max(self.n_padded, 1))
        return torch.cat([self._drawn(*some) for some in zip(logits.split(size), u.split(size), strict=True)])

    def _drawn(self, logits: Tensor, u: Tensor) -> Tensor:
        codes = torch.empty(u.shape, dtype=torch.int64)
        for group, log_p in zip(self.groups, self.log_softmax(logits), strict=True):
            members = list(group.members)
            cdf = log_p.double().exp().cumsum(-1)
            at = (u[:, members].unsqueeze(-1) * cdf[..., -1:] >= cdf).sum(-1)
            codes[:, members] = torch.minimum(at, torch.tensor([self.sizes[j] - 1 for j in members]))
        return codes
