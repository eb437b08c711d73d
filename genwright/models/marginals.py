"""Independent columns: the trivial baseline that every other family has to beat.

    p(row) = Π_j p_j(x_j)

Each p_j is a histogram: the relative frequency of every category, or of every cell of a real column (see `nn/cells`),
with `pseudo_count` added so that nothing seen later has probability zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from genwright.core.config import check_positive
from genwright.core.dataset import Dataset
from genwright.core.model import Conditions, HasLogProb, HasSolution, Model, Progress
from genwright.core.space import Batch, Category, Real, Space
from genwright.nn.histograms import Histograms


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

    def __init__(self, space: Space, config: Any = None):
        super().__init__(space, config)
        self.histograms = Histograms(space, self.config.pseudo_count)

    def solve(self, data: Dataset, generator: torch.Generator, progress: Progress) -> None:
        """Counts."""
        self.histograms.count(data, lambda done: progress(done, "counting"))

    def sample(self, n: int, given: Batch, generator: torch.Generator, temperature: float = 1.0) -> Batch:
        """Every column on its own."""
        n_drawn = max(n, self.chunk)  # so that row i is the same however many are asked for
        u = torch.rand(n_drawn, len(self.space), 2, generator=generator, dtype=torch.float64).numpy()[:n]
        rows = {name: self.histograms.draw(name, u[:, j], temperature) for j, name in enumerate(self.space)}
        return {**rows, **given}

    def log_prob(self, batch: Batch) -> torch.Tensor:
        """Sum over the columns of log p_j (B,)."""
        return torch.from_numpy(sum(self.histograms.log_prob(name, batch[name]) for name in self.space))  # type: ignore

    def conditions_exactly(self, columns: list[str]) -> bool:
        """Always: the others do not depend on them."""
        return True

    def propose(
        self, n: int, given: Batch, generator: torch.Generator, known: Mapping[str, torch.Tensor] | None = None
    ) -> tuple[Batch, torch.Tensor]:
        """Draws with the given cells in place; those with equal known cells weigh the same."""
        if known is None:
            weight = sum((self.histograms.log_prob(name, x) for name, x in given.items()), np.zeros(n))
            return self.sample(n, given, generator), torch.from_numpy(weight)
        rows = self.sample(n, {}, generator)
        fixed = {name: torch.where(known[name], x, rows[name]) for name, x in given.items()}
        return {**rows, **fixed}, torch.zeros(n, dtype=torch.float64)

    def state(self) -> dict[str, torch.Tensor]:
        """Log probability of every code, per column."""
        return self.histograms.state()

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """The inverse of `state`."""
        self.histograms.load_state(state)
