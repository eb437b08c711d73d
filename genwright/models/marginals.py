"""Independent columns: the trivial baseline that every other family has to beat.

    p(row) = Π_j p_j(x_j)

Each p_j is a histogram: the relative frequency of every category, or of every cell of a real column (see `nn/cells`),
with `pseudo_count` added so that nothing seen later has probability zero. Texts and series have a histogram of their
lengths and independent tokens or numbers (see `nn/unigram`), pictures one of every pixel (see `nn/pixel_histograms`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from genwright.core.config import check_positive
from genwright.core.dataset import Dataset
from genwright.core.errors import UnsupportedError
from genwright.core.model import Conditions, HasLogProb, HasSolution, Model, Progress
from genwright.core.space import Batch, Category, Field, Pixels, Real, Space, Tokens, Vectors
from genwright.nn.histograms import Histograms
from genwright.nn.pixel_histograms import PixelHistograms
from genwright.nn.unigram import NormalSteps, Unigrams


@dataclass(frozen=True)
class MarginalsConfig:
    """Settings of `marginals`."""

    pseudo_count: float = 0.5  # added to every cell's count

    def __post_init__(self) -> None:
        check_positive(self, "pseudo_count")


class Marginals(Model, HasSolution, HasLogProb, Conditions):
    """Independent columns."""

    Config = MarginalsConfig
    supports = (Real, Category, Tokens, Vectors, Pixels)
    takes_shapes = True
    chunk = 16_384
    is_rowwise = True

    def __init__(self, space: Space, config: Any = None):
        super().__init__(space, config)
        for name, f in space.items():
            if f.event_shape and not isinstance(f.support, Pixels):
                raise UnsupportedError(f"marginals cannot model column {name!r}, an array that is no picture")
        alpha = self.config.pseudo_count
        scalars = {name: f for name, f in space.items() if isinstance(f.support, Real | Category)}
        self.histograms = Histograms(Space(scalars), alpha)
        self.parts = {name: _of_column(f, alpha) for name, f in space.items() if name not in scalars}

    def solve(self, data: Dataset, generator: torch.Generator, progress: Progress) -> None:
        """Counts."""
        self.histograms.count(data, lambda done: progress(done, "counting"))
        for name, part in self.parts.items():
            progress(1.0, f"counting {name}")
            part.count(data, name)

    def sample(self, n: int, given: Batch, generator: torch.Generator, temperature: float = 1.0) -> Batch:
        """Every column on its own."""
        n_drawn = max(n, self.chunk)  # so that row i is the same however many are asked for
        scalars = self.histograms.space
        u = torch.rand(n_drawn, len(scalars), 2, generator=generator, dtype=torch.float64).numpy()[:n]
        rows = {name: self.histograms.draw(name, u[:, j], temperature) for j, name in enumerate(scalars)}
        for name, part in self.parts.items():
            rows[name] = part.draw(n, _own(generator), temperature)
        return {name: given[name] if name in given else rows[name] for name in self.space}

    def log_prob(self, batch: Batch) -> torch.Tensor:
        """Sum over the columns of log p_j (B,)."""
        return torch.stack([self._log_prob(name, batch[name]) for name in self.space]).sum(0)

    def _log_prob(self, name: str, x: torch.Tensor) -> torch.Tensor:
        if name in self.parts:
            return self.parts[name].log_prob(x)
        return torch.from_numpy(self.histograms.log_prob(name, x))

    def conditions_exactly(self, columns: list[str]) -> bool:
        """Always: the others do not depend on them."""
        return True

    def propose(
        self, n: int, given: Batch, generator: torch.Generator, known: Mapping[str, torch.Tensor] | None = None
    ) -> tuple[Batch, torch.Tensor]:
        """Draws with the given cells in place; those with equal known cells weigh the same."""
        if known is None:
            weight = sum((self._log_prob(name, x) for name, x in given.items()), torch.zeros(n, dtype=torch.float64))
            return self.sample(n, given, generator), weight
        rows = self.sample(n, {}, generator)
        for name, x in given.items():
            rows[name] = torch.where(known[name].view(-1, *[1] * (x.dim() - 1)), x, rows[name])
        return rows, torch.zeros(n, dtype=torch.float64)

    def state(self) -> dict[str, torch.Tensor]:
        """Log probability of every code, per column; of sequences also that of every length."""
        found = self.histograms.state()
        for j, part in enumerate(self.parts.values()):
            found |= {f"sequence.{j}.{key}": x for key, x in part.state().items()}
        return found

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """The inverse of `state`."""
        self.histograms.load_state(state)
        for j, part in enumerate(self.parts.values()):
            own = f"sequence.{j}."
            part.load_state({key.removeprefix(own): x for key, x in state.items() if key.startswith(own)})


def _of_column(f: Field, pseudo_count: float) -> Unigrams | NormalSteps | PixelHistograms:
    """The distribution of a column of sequences or of pictures."""
    if isinstance(f.support, Pixels):
        return PixelHistograms(f, pseudo_count)
    if isinstance(f.support, Tokens):
        return Unigrams(f.support, pseudo_count)
    assert isinstance(f.support, Vectors)
    return NormalSteps(f.support, pseudo_count)


def _own(generator: torch.Generator) -> torch.Generator:
    """A column's own stream of random numbers, so that a column may use as many as its rows need."""
    seed = torch.randint(2**62, (1,), generator=generator)
    return torch.Generator().manual_seed(int(seed))
