"""The columns that a network reads and does not model: what class, which region, which prompt.

They have a distribution of their own, independent histograms, for draws that do not fix them and for the likelihood of
whole rows: p(row) = p(given) p(rest | given).
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from genwright.core.dataset import Dataset
from genwright.core.errors import GivenError
from genwright.core.space import Batch, Space
from genwright.nn.histograms import Histograms
from genwright.nn.row_view import RowView

PREFIX = "given."


class GivenColumns:
    """The fields of a space that are marked as given.

    Args:
        space: The whole space.
        is_linear: How numbers are scored, see `NumberView`.
    """

    def __init__(self, space: Space, is_linear: bool = False):
        self.space = Space({name: f for name, f in space.items() if f.is_given})
        self.view = RowView(self.space, is_linear)
        self.histograms = Histograms(Space({name: f for name, f in self.space.items() if not f.event_shape}))

    def look(self, data: Dataset) -> None:
        """Learns how often each value is given."""
        if self.histograms.space:
            self.histograms.count(data)

    def prepared(self, batch: Batch) -> Batch:
        """Codes and scores, under `given.`."""
        return {PREFIX + key: x for key, x in self.view.rows(batch).items()} if self.space else {}

    def complete(self, n: int, given: Batch, generator: torch.Generator, temperature: float = 1.0) -> Batch:
        """n rows of the given columns: those that are fixed, and draws of the others.

        Raises:
            GivenError: one that cannot be drawn is not fixed.
        """
        absent = [name for name in self.space if name not in given and name not in self.histograms.space]
        if absent:
            raise GivenError(f"column {absent[0]} is always given to this model; say what it is")
        drawn = self.histograms.complete(n, given, generator, temperature) if self.histograms.space else {}
        return {name: given[name] if name in given else drawn[name] for name in self.space}

    def log_prob(self, batch: Batch, n: int) -> Tensor:
        """log p(given) of each row (n,)."""
        total = torch.zeros(n, dtype=torch.float64)
        for name in self.histograms.space:
            total += torch.from_numpy(self.histograms.log_prob(name, batch[name]))
        return total

    def state(self) -> dict[str, Tensor]:
        """What was learnt, under `given.`."""
        return {PREFIX + key: x for key, x in self.histograms.state().items()} if self.histograms.log_p else {}

    def load_state(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The inverse of `state`; what is not its own comes back."""
        own = {key.removeprefix(PREFIX): x for key, x in state.items() if key.startswith(PREFIX)}
        if own:
            self.histograms.load_state(own)
        return {key: x for key, x in state.items() if not key.startswith(PREFIX)}
