"""Formulas: what a number nearly is, a product or a sum of the columns before it.

    x_t ≈ c · x_a^±1 · x_b^±1          a total, of the months and the charge it comes from
    x_t ≈ c + Σ_k w_k(x_k)             a charge, of the services it is for; w_k: a table of a category's codes, or a
                                       multiple of a number

Neither is a line in ranks, where trees and slopes look. What a formula says of a row is put on the scale of the
number's ranks and is one more coordinate; a slope on it hands on by how much a donor is off the formula.
"""

from dataclasses import dataclass

import numpy as np

from genwright.core.packing import Packer, Unpacker
from genwright.nn.trees.column import TreeColumn


@dataclass(frozen=True)
class Formula:
    """What a number nearly is.

    Args:
        is_product: Numbers enter by their logarithms, and the logarithm comes out.
        base: The constant, c, or its logarithm.
        terms: Place of each column → what its codes add (codes,), or the weight of its number (1,).
        columns: All columns, in order.
        place: Place of the number, t.
    """

    is_product: bool
    base: float
    terms: dict[int, np.ndarray]
    columns: list[TreeColumn]
    place: int

    def __call__(self, where: np.ndarray) -> np.ndarray:
        """Where it puts rows whose coordinates are (B, D), among the number's smooth values (B,) float32 in (0, 1)."""
        total = np.full(len(where), self.base)
        for k, term in self.terms.items():
            total += self._part(self.columns[k], term, where[:, k])
        return self.columns[self.place].smooth_rank(np.exp(total) if self.is_product else total)

    def _part(self, column: TreeColumn, term: np.ndarray, where: np.ndarray) -> np.ndarray:
        """What one column adds (B,)."""
        if column.is_category:
            return term[where.astype(np.int64)]
        x = column.number_at(where)
        return term[0] * (logarithm(x, column) if self.is_product else x)

    def pack(self, packer: Packer) -> None:
        """Adds what `unpack` needs."""
        packer.add(formula=np.array([self.is_product, self.base]), formula_places=np.array(list(self.terms), np.int64))
        for term in self.terms.values():
            packer.add(formula_term=term)

    @classmethod
    def unpack(cls, unpacker: Unpacker, columns: list[TreeColumn], place: int) -> "Formula":
        """The inverse of `pack`."""
        (is_product, base), places = unpacker.next("formula"), unpacker.next("formula_places")
        terms = {int(k): unpacker.next("formula_term") for k in places}
        return cls(bool(is_product), float(base), terms, columns, place)


def logarithm(x: np.ndarray, column: TreeColumn) -> np.ndarray:
    """Logarithms of a column's numbers (B,), those at most 0 taken as its lowest above 0."""
    return np.log(np.maximum(x, column.values[np.searchsorted(column.values, 0.0, side="right")]))
