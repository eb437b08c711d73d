"""Independent columns as histograms: the frequency of every category, or of every cell of a real column.

    p(row) = Π_j p_j(x_j)

`pseudo_count` is added to every cell, so that nothing seen later has probability zero.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch

from genwright.core.dataset import Dataset
from genwright.core.space import Batch, Category, Real, Space
from genwright.nn.cells import Cells

CHUNK = 65_536  # rows counted at once


class Histograms:
    """The distributions of single columns.

    Args:
        space: Scalar real and categorical columns.
        pseudo_count: Added to every cell's count.
    """

    def __init__(self, space: Space, pseudo_count: float = 0.5):
        self.space, self.pseudo_count = space, pseudo_count
        self.cells = {name: Cells(f.support) for name, f in space.items() if isinstance(f.support, Real)}
        self.log_p: dict[str, np.ndarray] = {}

    def _n_codes(self, name: str) -> int:
        support = self.space[name].support
        return support.n if isinstance(support, Category) else self.cells[name].n

    def _codes(self, name: str, x: torch.Tensor) -> np.ndarray:
        return self.cells[name].index(x.numpy()) if name in self.cells else x.numpy()

    def count(self, data: Dataset, told: Callable[[float], None] = lambda done: None) -> None:
        """Counts all rows; `told` hears the share that is done."""
        counts = {name: np.full(self._n_codes(name), self.pseudo_count) for name in self.space}
        for i, batch in enumerate(data.batches(CHUNK)):
            for name in self.space:
                counts[name] += np.bincount(self._codes(name, batch[name]), minlength=len(counts[name]))
            told(min(1.0, (i + 1) * CHUNK / max(len(data), 1)))
        self.log_p = {name: np.log(c / c.sum()) for name, c in counts.items()}

    def draw(self, name: str, u: np.ndarray, temperature: float = 1.0) -> torch.Tensor:
        """Values of a column by inverting its distribution function at uniforms u (B, 2)."""
        log_p = self.log_p[name] / temperature
        cdf = np.cumsum(np.exp(log_p - log_p.max()))
        code = np.searchsorted(cdf, u[:, 0] * cdf[-1], side="right").clip(0, len(cdf) - 1)
        return torch.from_numpy(self.cells[name].place(code, u[:, 1]) if name in self.cells else code)

    def log_prob(self, name: str, x: torch.Tensor) -> np.ndarray:
        """log p_j of a column's values (B,)."""
        code = self._codes(name, x)
        inside = self.cells[name].log_inside(code) if name in self.cells else 0.0
        return self.log_p[name][code] + inside

    def complete(self, n: int, given: Batch, generator: torch.Generator, temperature: float = 1.0) -> Batch:
        """n rows: the columns that are given, and draws of the others."""
        u = torch.rand(n, len(self.space), 2, generator=generator, dtype=torch.float64).numpy()
        return {
            name: given[name] if name in given else self.draw(name, u[:, j], temperature)
            for j, name in enumerate(self.space)
        }

    def state(self) -> dict[str, torch.Tensor]:
        """Log probability of every code, per column."""
        return {f"log_p.{j}": torch.from_numpy(self.log_p[name]) for j, name in enumerate(self.space)}

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """The inverse of `state`."""
        self.log_p = {name: state[f"log_p.{j}"].numpy() for j, name in enumerate(self.space)}
