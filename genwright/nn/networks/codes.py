"""A column of a table as the codes 0 … n−1 of a network's variable, and back.

A category's code is its own. A number's is the group of its cell (see `discretise`), so that

    p(x) = P(group) · P(cell | group) · (density inside the cell)

where the network gives P(group), and the cells inside a group do not depend on other columns. A code of −1 is hidden:
a missing value that the network sums out.
"""

from typing import Protocol

import numpy as np

from genwright.core.packing import Packer, Unpacker
from genwright.core.space import Category, Field, Real
from genwright.nn.cells import Cells
from genwright.nn.networks.discretise import gather

HIDDEN = -1
UNSEEN = 0.5  # added to every cell's count inside a group, so that no value has probability zero


class Codes(Protocol):
    """One column and its codes."""

    n: int  # number of codes

    def index(self, x: np.ndarray) -> np.ndarray:
        """Code of each value (B,)."""

    def place(self, code: np.ndarray, u: np.ndarray, temperature: float) -> np.ndarray:
        """Values (B,) with these codes; the uniforms u (B, 2) choose among them."""

    def log_inside(self, x: np.ndarray) -> np.ndarray:
        """log p(value | its code) (B,), 0 where that is hidden."""

    def names(self) -> list[str]:
        """What to call the codes."""

    def pack(self, packer: Packer) -> None:
        """Adds what was learnt."""


class CategoryCodes:
    """A category.

    Args:
        support: Its codes.
        is_hidden: Its last code stands for a missing value, which the network sums out.
    """

    def __init__(self, support: Category, is_hidden: bool = False):
        self.n, self.is_hidden = support.n - is_hidden, is_hidden

    def index(self, x: np.ndarray) -> np.ndarray:
        """The code itself."""
        return np.where(x == self.n, HIDDEN, x) if self.is_hidden else x

    def place(self, code: np.ndarray, u: np.ndarray, temperature: float) -> np.ndarray:
        """The code itself."""
        return np.where(code == HIDDEN, self.n, code) if self.is_hidden else code

    def log_inside(self, x: np.ndarray) -> np.ndarray:
        """There is nothing inside a code."""
        return np.zeros(len(x))

    def names(self) -> list[str]:
        """The codes' numbers."""
        return [f"code{k}" for k in range(self.n)]

    def pack(self, packer: Packer) -> None:
        """Nothing was learnt."""


class RealCodes:
    """A number.

    Args:
        support: Of the column.
        is_hidden: A missing value is summed out; otherwise it is a code of its own, the last.
        group: Code of each cell (cells,); a missing value's is absent.
        count: Rows in each cell (cells,).
    """

    def __init__(self, support: Real, is_hidden: bool, group: np.ndarray, count: np.ndarray):
        self.cells, self.count = Cells(support), count
        missing = HIDDEN if is_hidden else group.max() + 1
        self.group = np.append(group, missing) if self.cells.has_missing else group
        self.n = int(self.group.max()) + 1
        self._order = np.argsort(group, kind="stable")  # cells, group by group
        self._first = np.searchsorted(group[self._order], np.arange(group.max() + 2))
        self._log_p = self._log_shares(1.0)

    @classmethod
    def learn(cls, support: Real, is_hidden: bool, count: np.ndarray, n_groups: int) -> "RealCodes":
        """Groups from the rows in each cell of `Cells(support)`."""
        line = count[: len(count) - support.has_missing].astype(np.float64)
        return cls(support, is_hidden, gather(line, n_groups), line)

    def _log_shares(self, temperature: float) -> np.ndarray:
        """log P(cell | group) of the cells on the line, tempered."""
        group = self.group[: len(self.count)]
        log_p = np.log(self.count + UNSEEN) / temperature
        top = np.full(group.max() + 1, -np.inf)
        np.maximum.at(top, group, log_p)
        log_p -= top[group]
        return log_p - np.log(np.bincount(group, weights=np.exp(log_p))[group])

    def index(self, x: np.ndarray) -> np.ndarray:
        """Group of the value's cell."""
        return self.group[self.cells.index(x)]

    def place(self, code: np.ndarray, u: np.ndarray, temperature: float) -> np.ndarray:
        """A cell of the group, then a value in the cell."""
        is_missing = (code == HIDDEN) | (code >= len(self._first) - 1)
        code = np.where(is_missing, 0, code)
        log_p = self._log_p if temperature == 1 else self._log_shares(temperature)
        cdf = np.concatenate([[0.0], np.cumsum(np.exp(log_p[self._order]))])
        first, stop = self._first[code], self._first[code + 1]
        goal = cdf[first] + u[:, 0] * (cdf[stop] - cdf[first])
        cell = self._order[(np.searchsorted(cdf, goal, side="right") - 1).clip(first, stop - 1)]
        return np.where(is_missing, np.nan, self.cells.place(cell, u[:, 1]))

    def log_inside(self, x: np.ndarray) -> np.ndarray:
        """Share of the cell in its group, and density in the cell."""
        cell = self.cells.index(x)
        return np.append(self._log_p, 0.0)[cell] + self.cells.log_inside(cell)

    def names(self) -> list[str]:
        """Each group's range, or its single value."""
        group, found = self.group[: len(self.count)], []
        for k in range(len(self._first) - 1):
            low, high = self.cells.low[group == k].min(), self.cells.high[group == k].max()
            found.append(f"{low:g}" if low == high else f"{low:g} to {high:g}")
        if len(set(found)) < len(found):
            found = [f"{name} ({k})" for k, name in enumerate(found)]
        return [*found, "missing"][: self.n]

    def pack(self, packer: Packer) -> None:
        """Groups and counts."""
        packer.add(group=self.group[: len(self.count)], cell_count=self.count)


def unpack_codes(unpacker: Unpacker, f: Field, is_hidden: bool) -> Codes:
    """The codes that were packed."""
    if isinstance(f.support, Category):
        return CategoryCodes(f.support, is_hidden)
    assert isinstance(f.support, Real)
    return RealCodes(f.support, is_hidden, unpacker.next("group"), unpacker.next("cell_count"))
