"""A few categories as one table: the probability of every combination of their codes.

    p(c) = (n(c) + αR Π_j p_j(c_j)) / (N + αR)

n(c) of N rows have the combination c, R different ones were seen: combinations that were not seen share a part of the
mass, in proportion to what independent columns give them (Witten and Bell, 1991, https://doi.org/10.1109/18.87000).
"""

import numpy as np
import torch
from torch import Tensor

from genwright.nn.unigram import inverted

PSEUDO_COUNT = 0.5  # α, also added to every count of a single column


class JointTable:
    """p(c) for codes c of J columns.

    Args:
        sizes: Codes of each column (J,); none at all make a table with one cell.
    """

    def __init__(self, sizes: tuple[int, ...]):
        self.sizes = sizes
        self.n_cells = int(np.prod(sizes, dtype=np.int64))
        grid = np.indices(sizes).reshape(len(sizes), self.n_cells) if sizes else np.zeros((0, 1))
        self.codes = torch.from_numpy(grid.astype(np.int64)).T.contiguous()  # of each cell (cells, J)
        self.log_p = torch.zeros(self.n_cells, dtype=torch.float64)

    def cell(self, codes: Tensor) -> Tensor:
        """Number of the cell of some codes (B, J) → (B,)."""
        at = torch.zeros(len(codes), dtype=torch.int64)
        for j, size in enumerate(self.sizes):
            at = at * size + codes[:, j]
        return at

    def count(self, codes: Tensor) -> None:
        """Counts rows (N, J)."""
        n = torch.bincount(self.cell(codes), minlength=self.n_cells).double()
        apart = torch.ones(self.n_cells, dtype=torch.float64)
        for j, size in enumerate(self.sizes):
            single = torch.bincount(codes[:, j], minlength=size).double() + PSEUDO_COUNT
            apart *= (single / single.sum())[self.codes[:, j]]
        spread = PSEUDO_COUNT * int((n > 0).sum())
        self.log_p = ((n + spread * apart) / (len(codes) + spread)).log()

    def log_prob(self, fixed: Tensor) -> Tensor:
        """log p of the codes that are fixed in each row (B, J), −1 for those that are not, (B,)."""
        if (fixed >= 0).all():
            return self.log_p[self.cell(fixed)]
        kinds, which = fixed.unique(dim=0, return_inverse=True)
        return self._fitting(kinds).logsumexp(1)[which]

    def draw(self, fixed: Tensor, u: Tensor, weight: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        """Codes (B, J), those that are fixed included.

        Args:
            fixed: Codes (B, J), −1 where they are to be drawn.
            u: Uniforms (B,).
            weight: Log weight of every cell in each row (B, cells), e.g. the likelihood of what else is known.
            temperature: Below 1 likelier cells.
        """
        if weight is None and not (fixed >= 0).any():
            return self.codes[inverted(self.log_p / temperature, u)]
        log_p = self._fitting(fixed) + (0.0 if weight is None else weight)
        cdf = (log_p / temperature).softmax(1).cumsum(1)  # (B, cells)
        at = torch.searchsorted(cdf, (u * cdf[:, -1])[:, None], right=True)[:, 0]
        return self.codes[at.clamp(max=self.n_cells - 1)]

    def _fitting(self, fixed: Tensor) -> Tensor:
        """log p of every cell, −∞ for those that do not have the fixed codes (B, cells)."""
        is_off = torch.zeros(len(fixed), self.n_cells, dtype=torch.bool)
        for j in range(len(self.sizes)):
            is_off |= (fixed[:, j : j + 1] >= 0) & (self.codes[:, j] != fixed[:, j : j + 1])
        return self.log_p.expand(len(fixed), -1).masked_fill(is_off, -float("inf"))
