"""Uniform numbers for the places of sequences, each a pure function of its row's seed and its place.

A row's numbers therefore depend neither on how many rows are drawn beside it, nor on how long they are, nor on which
of them have ended. The numbers of a row are SplitMix64 from a seed of its own (Steele, Lea and Flood, 2014):

    z = s + (t + 1) γ;  z = (z ⊕ z≫30) · a;  z = (z ⊕ z≫27) · b;  z = z ⊕ z≫31        (mod 2^64)
    u = ⌊z / 2^11⌋ / 2^53

https://doi.org/10.1145/2660193.2660195
"""

import numpy as np
import torch

_GAMMA, _A, _B = (np.uint64(c) for c in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


class Uniforms:
    """The uniform numbers of B rows.

    Args:
        n: Rows, B.
        generator: The rows' seeds come from it; those of the first rows are the same however many there are.
    """

    BLOCK = 64  # places worked out together

    def __init__(self, n: int, generator: torch.Generator):
        seeds = torch.randint(2**63 - 1, (n,), generator=generator, device=generator.device)
        self.seeds = seeds.cpu().numpy().astype(np.uint64)
        self.block, self.ready = -1, torch.zeros(0, 0)

    def at(self, place: int, rows: torch.Tensor) -> torch.Tensor:
        """The numbers of some rows (their indices, increasing) at a place, in [0, 1), float64."""
        block, column = divmod(place, self.BLOCK)
        if block != self.block:
            places = np.arange(block * self.BLOCK, (block + 1) * self.BLOCK, dtype=np.uint64)
            self.block, self.ready = block, torch.from_numpy(_mixed(self.seeds, places))
        return self.ready[column] if len(rows) == len(self.seeds) else self.ready[column, rows]


def _mixed(seeds: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(places, B)."""
    with np.errstate(over="ignore"):
        z = seeds[None, :] + (places[:, None] + np.uint64(1)) * _GAMMA
        z = (z ^ (z >> np.uint64(30))) * _A
        z = (z ^ (z >> np.uint64(27))) * _B
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53
