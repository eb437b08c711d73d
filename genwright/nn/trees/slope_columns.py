"""What slopes multiply: normal scores of numbers, target scores of categories."""

from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtri

from genwright.core.packing import Packer, Unpacker


def score_of_coordinate(where: np.ndarray) -> np.ndarray:
    """Normal scores of numbers' coordinates, float32; 0 for a missing one."""
    return np.where(where < 0, np.float32(0), ndtri(np.clip(where, np.float32(1e-7), np.float32(1 - 1e-7))))


@dataclass(frozen=True)
class SlopeColumns:
    """The columns that slopes use; none of them where there are no slopes.

    Args:
        places: Their places (S,).
        maps: For those that are categories: place → score of each code.
    """

    places: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    maps: dict[int, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.places)

    def inputs(self, where: np.ndarray) -> np.ndarray:
        """What slopes multiply (B, S), from the coordinates of rows in all columns (B, D)."""
        if not len(self):
            return np.zeros((len(where), 0))
        tables = [(where[:, k], self.maps.get(int(k))) for k in self.places]
        return np.stack([score_of_coordinate(x) if m is None else m[x.astype(np.int64)] for x, m in tables], axis=1)

    def pack(self, packer: Packer) -> None:
        """Adds what `unpack` needs."""
        packer.add(slope_columns=self.places.astype(np.int64), slope_keys=np.array(sorted(self.maps), np.int64))
        for key in sorted(self.maps):
            packer.add(slope_map=self.maps[key])

    @classmethod
    def unpack(cls, unpacker: Unpacker) -> "SlopeColumns":
        """The inverse of `pack`."""
        places, keys = unpacker.next("slope_columns"), unpacker.next("slope_keys")
        return cls(places, {int(k): unpacker.next("slope_map") for k in keys})
