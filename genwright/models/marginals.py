"""Independent columns: the trivial baseline that every other family has to beat.

    p(row) = Π_j p_j(x_j)

Each p_j is a histogram: the relative frequency of every category, or of every cell of a real column (see `nn/cells`),
with `pseudo_count` added so that nothing seen later has probability zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from genwright.core.config import check_positive
from genwright.core.dataset import Dataset
from genwright.core.model import Conditions, HasLogProb, HasSolution, Model, Progress
from genwright.core.space import Batch, Category, Real
from genwright.nn.cells import Cells


@dataclass(frozen=True)
class MarginalsConfig:
    """Settings of `marginals`."""

    pseudo_count: float = 0.5  # added to every cell's count

    def __post_init__(self) -> None:
        check_positive(self, "pseudo_count")


class Marginals(Model, HasSolution, HasLogProb, Conditions):
    """Independent columns."""

    Config = MarginalsConfig
    supports = (Real, Category)
    chunk = 16_384
    is_rowwise = True

    def __init__(self, space, config=None):  # type: ignore[no-untyped-def]  # as in Model
        super().__init__(space, config)
        self.cells = {name: Cells(f.support) for name, f in space.items() if isinstance(f.support, Real)}
        self.log_p: dict[str, np.ndarray] = {}

    def _n_codes(self, name: str) -> int:
        support = self.space[name].support
        return support.n if isinstance(support, Category) else self.cells[name].n

    def _codes(self, name: str, x: torch.Tensor) -> np.ndarray:
        return self.cells[name].index(x.numpy()) if name in self.cells else x.numpy()

    def solve(self, data: Dataset, generator: torch.Generator, progress: Progress) -> None:
        """Counts."""
        counts = {name: np.full(self._n_codes(name), self.config.pseudo_count) for name in self.space}
        for i, batch in enumerate(data.batches()):
            for name, x in batch.items():
                counts[name] += np.bincount(self._codes(name, x), minlength=len(counts[name]))
            progress(min(1.0, (i + 1) * 65_536 / max(len(data), 1)), "counting")
        self.log_p = {name: np.log(c / c.sum()) for name, c in counts.items()}

    def sample(self, n: int, given: Batch, generator: torch.Generator, temperature: float = 1.0) -> Batch:
        """Every column on its own, by inverting its distribution function."""
        n_drawn = max(n, self.chunk)  # so that row i is the same however many are asked for
        u = torch.rand(n_drawn, len(self.space), 2, generator=generator, dtype=torch.float64).numpy()[:n]
        rows = {}
        for j, name in enumerate(self.space):
            log_p = self.log_p[name] / temperature
            cdf = np.cumsum(np.exp(log_p - log_p.max()))
            code = np.searchsorted(cdf, u[:, j, 0] * cdf[-1], side="right").clip(0, len(cdf) - 1)
            value = self.cells[name].place(code, u[:, j, 1]) if name in self.cells else code
            rows[name] = torch.from_numpy(value)
        return {**rows, **given}

    def log_prob(self, batch: Batch) -> torch.Tensor:
        """Sum over the columns of log p_j (B,)."""
        return torch.from_numpy(sum(self._column_log_prob(name, batch[name]) for name in self.space))  # type: ignore

    def _column_log_prob(self, name: str, x: torch.Tensor) -> np.ndarray:
        code = self._codes(name, x)
        inside = self.cells[name].log_inside(code) if name in self.cells else 0.0
        return self.log_p[name][code] + inside

    def conditions_exactly(self, columns: list[str]) -> bool:
        """Always: the others do not depend on them."""
        return True

    def propose(
        self, n: int, given: Batch, generator: torch.Generator, known: Mapping[str, torch.Tensor] | None = None
    ) -> tuple[Batch, torch.Tensor]:
        """Draws with the given cells in place; those with equal known cells weigh the same."""
        if known is None:
            weight = sum((self._column_log_prob(name, x) for name, x in given.items()), np.zeros(n))
            return self.sample(n, given, generator), torch.from_numpy(weight)
        rows = self.sample(n, {}, generator)
        fixed = {name: torch.where(known[name], x, rows[name]) for name, x in given.items()}
        return {**rows, **fixed}, torch.zeros(n, dtype=torch.float64)

    def state(self) -> dict[str, torch.Tensor]:
        """Log probability of every code, per column."""
        return {f"log_p.{j}": torch.from_numpy(self.log_p[name]) for j, name in enumerate(self.space)}

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """The inverse of `state`."""
        self.log_p = {name: state[f"log_p.{j}"].numpy() for j, name in enumerate(self.space)}
