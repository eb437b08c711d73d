"""A Bayesian network: a graph and a table of conditional probabilities for every column.

    p(x_1 … x_D) = Π_v p(x_v | x_parents(v))

Codes of many rows stand as (D, B), one row of the array a column.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from genwright.nn.networks.graph import Parents, topological_order

AT_ONCE = 1 << 22  # numbers in an array that grows with the rows
REMEMBERED = 20_000  # plans kept by a network


@dataclass(frozen=True)
class Network:
    """A distribution over codes.

    Args:
        parents: Of each column.
        tables: For each column p(column | parents), shape (cards of the parents …, card of the column).
    """

    parents: Parents
    tables: tuple[np.ndarray, ...]
    plans: dict[Hashable, Any] = field(default_factory=dict, compare=False, repr=False)  # what follows from the graph

    @cached_property
    def cards(self) -> tuple[int, ...]:
        """Number of codes of each column."""
        return tuple(t.shape[-1] for t in self.tables)

    @cached_property
    def order(self) -> list[int]:
        """Columns, parents first."""
        return topological_order(self.parents)

    def remembered(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What was made before under this key, or is made now; forgotten when there is too much of it."""
        found = self.plans.get(key)
        if found is None:
            if len(self.plans) >= REMEMBERED:
                self.plans.clear()
            self.plans[key] = found = make()
        return found

    def family(self, v: int) -> tuple[int, ...]:
        """The columns of v's table, in the order of its axes."""
        return (*self.parents[v], v)

    @cached_property
    def _log_tables(self) -> list[np.ndarray]:
        with np.errstate(divide="ignore"):
            return [np.log(t).ravel() for t in self.tables]

    @cached_property
    def _cdfs(self) -> list[np.ndarray]:
        return [np.cumsum(t, axis=-1).reshape(-1, t.shape[-1]) for t in self.tables]

    def log_prob(self, v: int, codes: np.ndarray) -> np.ndarray:
        """log p(v | parents) of rows (B,) from codes (D, B)."""
        return self._log_tables[v][radix(codes, self.family(v), self.cards)]

    def draw(self, v: int, codes: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Codes of v (B,) given its parents' codes (D, B), by uniforms u (B,)."""
        cdf = self._cdfs[v]
        if len(cdf) == 1:
            code = np.searchsorted(cdf[0], u * cdf[0, -1], side="right")
            return np.minimum(code, self.cards[v] - 1)
        row = radix(codes, self.parents[v], self.cards)
        size = max(1, AT_ONCE // self.cards[v])
        parts = [slice(start, start + size) for start in range(0, len(u), size)]
        return np.concatenate([invert(cdf[row[part]], u[part]) for part in parts] or [row])

    def tempered(self, temperature: float) -> "Network":
        """The network whose conditionals are p^(1/temperature), normalised; what is possible stays so."""
        if temperature == 1:
            return self
        least = 10.0 ** -max(20.0, 300 / max(len(self.tables), 1))
        return Network(self.parents, tuple(_tempered(t, temperature, least) for t in self.tables))


def radix(codes: np.ndarray, columns: Sequence[int], cards: Sequence[int]) -> np.ndarray:
    """Place of each row (B,) in a flat table over the columns."""
    at = np.zeros(codes.shape[1], np.int64)
    for v in columns:
        at *= cards[v]
        at += codes[v]
    return at


def invert(cdf: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Codes (B,) of which u (B,) is the quantile in unnormalised distribution functions (B, card)."""
    code = (cdf <= (u * cdf[:, -1])[:, None]).sum(1)
    return np.minimum(code, cdf.shape[1] - 1)


def estimated(count: np.ndarray, alone: np.ndarray, pseudo_count: float) -> np.ndarray:
    """Conditional probabilities from counts (parents …, card).

    Each combination of parents gets `pseudo_count` imaginary rows spread like the column alone (card,); one that has no
    rows at all is the column alone.
    """
    total = count.sum(-1, keepdims=True) + pseudo_count
    return np.where(total > 0, (count + pseudo_count * alone) / np.where(total > 0, total, 1.0), alone)


def _tempered(table: np.ndarray, temperature: float, least: float) -> np.ndarray:
    p = (table / table.max(-1, keepdims=True)) ** (1 / temperature)
    p = np.where(table > 0, np.maximum(p, least), 0.0)
    return p / p.sum(-1, keepdims=True)
