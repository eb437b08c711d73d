"""The joint distribution of a few columns, by the table of their combinations (Witten and Bell, 1991).

https://doi.org/10.1109/18.87000

Categories are their own codes, numbers become a few groups of their cells (`networks/codes`). N rows show C different
combinations, n(c) of them the combination c; what was not seen is left to independent columns:

    p(c) = n(c) / (N + C) + C / (N + C) Π_j p_j(c_j)          p(row) = p(c) Π_j p(x_j | c_j)

Of many combinations the most frequent are kept; the others' rows are counted to what was not seen.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from genwright.core.dataset import Dataset
from genwright.core.packing import Packer, Unpacker
from genwright.core.space import Batch, Real, Space
from genwright.nn.cells import Cells
from genwright.nn.networks.codes import HIDDEN, CategoryCodes, Codes, RealCodes, unpack_codes
from genwright.nn.networks.discretise import n_groups_for

MOST = 4096  # combinations that are kept
UNSEEN = 0.5  # added to every code's count, so that none is impossible


class JointCodes:
    """The joint distribution of scalar columns.

    Args:
        space: Scalar real and categorical columns.
    """

    def __init__(self, space: Space):
        self.space = space
        self.columns: list[Codes] = []
        self.table = np.zeros((0, len(space)), np.int64)  # combinations (C, G)
        self.share = np.zeros(0)  # n(c) / (N + C)
        self.alone: list[np.ndarray] = []  # p_j of each code

    @property
    def rest(self) -> float:
        """The share of what was not seen."""
        return 1 - float(self.share.sum())

    def count(self, data: Dataset) -> None:
        """Counts all rows."""
        self.columns = [self._learnt(name, data) for name in self.space]
        codes = np.concatenate([self.codes(batch) for batch in data.batches()])  # (N, G)
        table, count = np.unique(codes, axis=0, return_counts=True)
        kept = np.argsort(-count, kind="stable")[:MOST]
        self.table, self.share = table[kept], count[kept] / (len(codes) + len(table))
        self.alone = [_share(c, column.n) for c, column in zip(codes.T, self.columns, strict=True)]

    def _learnt(self, name: str, data: Dataset) -> Codes:
        support = self.space[name].support
        if not isinstance(support, Real):
            return CategoryCodes(support)  # type: ignore[arg-type]
        cells = Cells(support)
        count = sum(np.bincount(cells.index(b[name].numpy()), minlength=cells.n) for b in data.batches())
        return RealCodes.learn(support, False, np.asarray(count), n_groups_for(len(data)))

    def codes(self, batch: Batch) -> np.ndarray:
        """Codes of rows (B, G)."""
        pairs = zip(self.space, self.columns, strict=True)
        return np.stack([column.index(batch[name].numpy()) for name, column in pairs], 1)

    def log_prob(self, batch: Batch) -> np.ndarray:
        """log p of each row (B,)."""
        codes, C = self.codes(batch), len(self.table)
        _, inverse = np.unique(np.concatenate([self.table, codes]), axis=0, return_inverse=True)
        found = np.zeros(len(inverse))
        found[inverse.ravel()[:C]] = self.share
        alone = sum(np.log(p)[c] for p, c in zip(self.alone, codes.T, strict=True))  # a product of many would be 0
        inside = [c.log_inside(batch[name].numpy()) for name, c in zip(self.space, self.columns, strict=True)]
        with np.errstate(divide="ignore"):
            seen = np.log(found[inverse.ravel()[C:]])
        return np.logaddexp(seen, np.log(self.rest) + alone) + np.sum(inside, axis=0)

    def complete(
        self,
        n: int,
        given: Batch,
        generator: torch.Generator,
        temperature: float = 1.0,
        known: Mapping[str, Tensor] | None = None,
    ) -> Batch:
        """n rows: the cells that are given, and draws of the others from p(others | these).

        Args:
            n: Rows.
            given: Some columns.
            generator: Of all randomness, the same amount whatever is given.
            temperature: Below 1 likelier combinations.
            known: Column → which of its cells (n,) are given; None: all.
        """
        G = len(self.space)
        u = torch.rand(n, 2 + 3 * G, generator=generator, dtype=torch.float64).numpy()
        is_known = {name: np.ones(n, bool) if known is None else known[name].numpy() for name in given}
        fixed = np.full((n, G), HIDDEN)
        for j, (name, column) in enumerate(zip(self.space, self.columns, strict=True)):
            if name in given:
                fixed[:, j] = np.where(is_known[name], column.index(given[name].numpy()), HIDDEN)
        codes = self._drawn(fixed, u[:, : 2 + G], temperature)
        rows = {}
        for j, (name, column) in enumerate(zip(self.space, self.columns, strict=True)):
            drawn = torch.from_numpy(column.place(codes[:, j], u[:, 2 + G + 2 * j :][:, :2], temperature))
            rows[name] = torch.where(torch.from_numpy(is_known[name]), given[name], drawn) if name in given else drawn
        return rows

    def _drawn(self, fixed: np.ndarray, u: np.ndarray, temperature: float) -> np.ndarray:
        """Codes (n, G) where `fixed` is hidden, by uniforms (n, 2 + G): seen or not, which combination, each code."""
        codes = fixed.copy()
        for pattern, at in _alike(fixed):
            share, unseen, free = self._weights(pattern, temperature)
            cdf = np.cumsum(share)
            is_seen = u[at, 0] * (cdf[-1] + unseen) < cdf[-1]
            row = np.searchsorted(cdf, u[at, 1] * cdf[-1], side="right").clip(0, len(cdf) - 1)
            for j in free:
                codes[at, j] = np.where(is_seen, self.table[row, j], _inverted(free[j], u[at, 2 + j]))
        return codes

    def _weights(self, pattern: np.ndarray, temperature: float) -> tuple[np.ndarray, float, dict[int, np.ndarray]]:
        """Of each combination (C,) that agrees with the known codes of a pattern (G,), of independent columns, and of
        each free column's codes; over the largest one, so that cold ones are not all 0.
        """
        is_known = pattern != HIDDEN
        agrees = (self.table[:, is_known] == pattern[is_known]).all(1)
        seen = np.where(agrees, np.log(self.share) / temperature, -np.inf)
        free = {j: (p / p.max()) ** (1 / temperature) for j, p in enumerate(self.alone) if not is_known[j]}
        largest = [np.log(p[pattern[j]] if is_known[j] else p.max()) for j, p in enumerate(self.alone)]
        unseen = (np.log(self.rest) + sum(largest)) / temperature + sum(np.log(p.sum()) for p in free.values())
        top = max(seen.max(initial=-np.inf), unseen)
        return np.exp(seen - top), float(np.exp(unseen - top)), free

    def state(self) -> dict[str, Tensor]:
        """Groups of numbers, combinations and shares."""
        packer = Packer()
        for column, alone in zip(self.columns, self.alone, strict=True):
            column.pack(packer)
            packer.add(alone=alone)
        packer.add(table=self.table, share=self.share)
        return packer.tensors()

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        unpacker = Unpacker(state)
        self.columns = [unpack_codes(unpacker, f, False) for f in self.space.values()]
        self.alone = [unpacker.next("alone") for _ in self.columns]
        self.table = unpacker.next("table")
        self.share = unpacker.next("share")


def _share(codes: np.ndarray, n: int) -> np.ndarray:
    count = np.bincount(codes, minlength=n) + UNSEEN
    return count / count.sum()


def _alike(fixed: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each pattern of known codes (G,) that leaves something free, and the rows that have it."""
    patterns, inverse = np.unique(fixed, axis=0, return_inverse=True)
    for i in np.flatnonzero((patterns == HIDDEN).any(1)):
        yield patterns[i], np.flatnonzero(inverse.ravel() == i)


def _inverted(weights: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Codes by inverting their distribution function."""
    cdf = np.cumsum(weights)
    return np.searchsorted(cdf, u * cdf[-1], side="right").clip(0, len(cdf) - 1)
