"""What the user knows of a graph: required and forbidden edges, and tiers that edges may not climb.

required  = ("smoker -> cancer",)          the edge is there
forbidden = ("cancer -> age",)             the edge is not there; * stands for every column
tiers     = ("age + sex", "smoker")        no edge leads from a later tier to an earlier one
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genwright.core.errors import ConfigError, UnknownNameError
from genwright.nn.networks.graph import reachability


@dataclass(frozen=True)
class Constraints:
    """Edges that must and must not be.

    Args:
        required: (D, D), row → column.
        forbidden: (D, D); the diagonal is.
    """

    required: np.ndarray
    forbidden: np.ndarray

    @classmethod
    def read(
        cls, columns: Sequence[str], required: Sequence[str], forbidden: Sequence[str], tiers: Sequence[str]
    ) -> "Constraints":
        """From text.

        Raises:
            ConfigError: text that is no edge, or constraints that contradict each other.
            UnknownNameError: no such column.
        """
        must, must_not = _edges(columns, required, "required"), _edges(columns, forbidden, "forbidden")
        must_not |= _climbs(columns, tiers)
        np.fill_diagonal(must_not, True)
        found = cls(must, must_not)
        found._check(columns)
        return found

    @property
    def is_free(self) -> bool:
        """Whether they demand nothing."""
        return not self.required.any() and self.forbidden.sum() == len(self.forbidden)

    def _check(self, columns: Sequence[str]) -> None:
        for a, b in np.argwhere(self.required & self.forbidden).tolist():
            raise ConfigError(f"required edge {columns[a]} -> {columns[b]} is forbidden, or climbs the tiers")
        for v in np.flatnonzero(reachability(self.required).diagonal()).tolist():
            raise ConfigError(f"required edges run in a circle through {columns[v]}")


def _edges(columns: Sequence[str], texts: Sequence[str], setting: str) -> np.ndarray:
    edge = np.zeros((len(columns), len(columns)), bool)
    for text in texts:
        ends = [part.strip() for part in text.split("->")]
        if len(ends) != 2 or "" in ends:
            raise ConfigError(f"{setting}: {text!r} is no edge; write it as 'cause -> effect'")
        above, below = (_places(columns, end, setting == "forbidden") for end in ends)
        edge[np.ix_(above, below)] = True
    return edge


def _places(columns: Sequence[str], name: str, may_be_all: bool) -> list[int]:
    if name in columns:
        return [columns.index(name)]
    if may_be_all and name == "*":
        return list(range(len(columns)))
    raise UnknownNameError(name, columns, "the modelled columns")


def _climbs(columns: Sequence[str], tiers: Sequence[str]) -> np.ndarray:
    """Edges from a later tier to an earlier one; columns of no tier are free."""
    tier = np.full(len(columns), np.nan)
    for k, text in enumerate(tiers):
        names = [text.strip()] if text.strip() in columns else [part.strip() for part in text.split("+")]
        for name in names:
            place = _places(columns, name, False)[0]
            if not np.isnan(tier[place]):
                raise ConfigError(f"tiers: column {name} stands in two places")
            tier[place] = k
    return tier[:, None] > tier[None]
