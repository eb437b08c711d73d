"""The columns that a network reads and does not model: what class, which region, which prompt.

They have a distribution of their own, for draws that do not fix them and for the likelihood of whole rows: a histogram
where there is one such column, the table of their combinations where there are several.

    p(row) = p(given) p(rest | given)
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from genwright.core.dataset import Dataset
from genwright.core.errors import GivenError
from genwright.core.space import Batch, Space, is_open
from genwright.nn.histograms import Histograms
from genwright.nn.joint_codes import JointCodes
from genwright.nn.row_view import RowView

PREFIX = "given."
_ALL = torch.ones((), dtype=torch.bool)


class GivenColumns:
    """The fields of a space that are marked as given.

    Args:
        space: The whole space.
        is_linear: How numbers are scored, see `NumberView`.
    """

    def __init__(self, space: Space, is_linear: bool = False):
        self.space = Space({name: f for name, f in space.items() if f.is_given})
        self.view = RowView(self.space, is_linear)
        self.scalars = Space({name: f for name, f in self.space.items() if not f.event_shape})
        is_one = len(self.scalars) == 1
        self.histograms = Histograms(self.scalars if is_one else Space())
        self.joint = JointCodes(Space() if is_one else self.scalars)

    @property
    def _distribution(self) -> Histograms | JointCodes:
        return self.histograms if len(self.scalars) == 1 else self.joint

    def look(self, data: Dataset) -> None:
        """Learns how often values are given, together."""
        if self.scalars:
            self._distribution.count(data)

    def prepared(self, batch: Batch) -> Batch:
        """Codes and scores, under `given.`."""
        return {PREFIX + key: x for key, x in self.view.rows(batch).items()} if self.space else {}

    def complete(
        self,
        n: int,
        given: Batch,
        generator: torch.Generator,
        temperature: float = 1.0,
        known: Mapping[str, Tensor] | None = None,
    ) -> Batch:
        """n rows of the given columns: the cells that are fixed, and draws of the others given these.

        Args:
            n: Rows.
            given: Some columns, of these or others.
            generator: Of all randomness.
            temperature: Below 1 likelier values.
            known: Column → which of its cells (n,) are fixed; None: all.

        Raises:
            GivenError: one that cannot be drawn is not fixed.
        """
        fixed = {name: x for name, x in given.items() if name in self.space}
        absent = [
            name
            for name in self.space
            if name not in self.scalars and (name not in fixed or (known is not None and not known[name].all()))
        ]
        if absent:
            raise GivenError(f"column {absent[0]} is always given to this model; say what it is")
        scalars = {name: x for name, x in fixed.items() if name in self.scalars}
        drawn = self._completed(n, scalars, generator, temperature, known) if self.scalars else {}
        return {name: drawn[name] if name in drawn else fixed[name] for name in self.space}

    def _completed(
        self, n: int, given: Batch, generator: torch.Generator, temperature: float, known: Mapping[str, Tensor] | None
    ) -> Batch:
        if len(self.scalars) > 1:
            return self.joint.complete(n, given, generator, temperature, known)
        drawn = self.histograms.complete(n, {}, generator, temperature)
        masks = known or {}
        return {
            name: torch.where(masks.get(name, _ALL), given[name], x) if name in given else x
            for name, x in drawn.items()
        }

    def log_prob(self, batch: Batch, n: int) -> Tensor:
        """log p(given) of each row (n,)."""
        if len(self.scalars) > 1:
            return torch.from_numpy(self.joint.log_prob(batch))
        total = torch.zeros(n, dtype=torch.float64)
        for name in self.histograms.space:
            total += torch.from_numpy(self.histograms.log_prob(name, batch[name]))
        return total

    def state(self) -> dict[str, Tensor]:
        """What was learnt, under `given.`."""
        is_counted = self.histograms.log_p or self.joint.columns
        return {PREFIX + key: x for key, x in self._distribution.state().items()} if is_counted else {}

    def load_state(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The inverse of `state`; what is not its own comes back."""
        own = {key.removeprefix(PREFIX): x for key, x in state.items() if key.startswith(PREFIX)}
        if own:
            self._distribution.load_state(own)
        return {key: x for key, x in state.items() if not key.startswith(PREFIX)}


def check_is_whole(name: str, given: Batch) -> None:
    """Refuses a sequence that a model is always given, and is not now, or of which places are open.

    Raises:
        GivenError: it is one.
    """
    if name not in given:
        raise GivenError(f"column {name} is always given to this model; say what it is")
    if is_open(given[name]).any():
        raise GivenError(f"column {name} is always given to this model; say all of it, not only how it begins")
