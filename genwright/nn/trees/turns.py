"""Turned axes: two numbers seen from `ANGLES` directions, for trees, which cut along axes.

    z_k = cos(θ_k) (x_a − m_a)/s_a + sin(θ_k) (x_b − m_b)/s_b        θ_k = π k / ANGLES

A coast that runs askew to longitude and latitude takes many cuts along those, and one along a turned axis. Rodríguez,
Kuncheva and Alonso (2006), https://doi.org/10.1109/TPAMI.2006.211, turn all axes of a forest's trees; here it is
the two numbers that a first tree cuts most often.
"""

from dataclasses import dataclass

import numpy as np

from genwright.core.packing import Packer, Unpacker
from genwright.nn.trees.column import TreeColumn
from genwright.nn.trees.target import Target
from genwright.nn.trees.tree import grow_binned

ANGLES = 8  # directions, with those of the two numbers themselves, which are left out
MIN_LEAF, MAX_ROWS = 20, 8_000  # rows in a leaf, and rows, of the tree that picks the two numbers
LARGEST = 1e150  # number whose square float64 holds, and sums of it
TURNED = np.pi * np.array([k for k in range(ANGLES) if k % (ANGLES // 2)]) / ANGLES


@dataclass(frozen=True)
class Turns:
    """The directions of two numbers.

    Args:
        places: Their places, a and b (2,).
        centre: m_a and m_b (2,).
        scale: s_a and s_b (2,).
        columns: All columns, in order.
    """

    places: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    columns: list[TreeColumn]

    def __call__(self, where: np.ndarray) -> np.ndarray:
        """z of rows whose coordinates are (B, D) → (B, ANGLES − 2) float32."""
        x = np.stack([self.columns[k].number_at(where[:, k]) for k in self.places], axis=1)
        x = (x - self.centre) / self.scale
        return (np.cos(TURNED) * x[:, :1] + np.sin(TURNED) * x[:, 1:]).astype(np.float32)

    def pack(self, packer: Packer) -> None:
        """Adds what `unpack` needs."""
        packer.add(turns_places=self.places, turns_scale=np.stack([self.centre, self.scale]))

    @classmethod
    def unpack(cls, unpacker: Unpacker, columns: list[TreeColumn]) -> "Turns":
        """The inverse of `pack`."""
        places, (centre, scale) = unpacker.next("turns_places"), unpacker.next("turns_scale")
        return cls(places, centre, scale, columns)


def find_turns(target: Target, predictors: np.ndarray, y: np.ndarray) -> Turns | None:
    """The directions of the two numbers that a tree on y (N,) cuts most often; None where there are no two."""
    columns, where = target.columns, target.donors.where
    places = [k for k in predictors if not columns[k].is_category and _can_turn(columns[k].values)]
    if len(places) < 2:
        return None
    tree = grow_binned(where[:MAX_ROWS, places], y[:MAX_ROWS], min_leaf=MIN_LEAF)
    n_cuts = np.bincount(tree.feature[tree.feature >= 0], minlength=len(places))
    chosen = np.sort(np.array(places, np.int64)[np.argsort(-n_cuts, kind="stable")[:2]])
    X = np.stack([columns[k].number_at(where[:, k]) for k in chosen])
    return Turns(chosen, X.mean(1), X.std(1) + 1e-12, columns)


def _can_turn(values: np.ndarray) -> bool:
    """Whether a column's numbers differ, and their sums and squares are numbers."""
    return len(values) > 1 and bool(max(abs(values[0]), abs(values[-1])) < LARGEST)
