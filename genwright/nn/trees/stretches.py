"""Stretches: where smooth donors put their values, in normal scores.

Every donor has two uniform stretches, core and whole. The whole reaches half-way to the next donors of the row, the
core the share `CORE_WIDTH` of that, or all of it where a donor stands for several rows. Both reach at least over the
ranks that the donor's own value owns, and neither beyond `EDGE`, where float64 would round ranks to the ends and draws
would be the lowest and highest training value.
With probability `CORE` a value is drawn from the core, else from the whole.
"""

from dataclasses import dataclass

import numpy as np

Pair = tuple[np.ndarray, np.ndarray]  # something below, or low, and the same above, or high

CORE, CORE_WIDTH = 0.8, 0.2  # share of draws near their donor, and how near
LONE = 0.05  # half the width, in normal scores, of a smooth donor without a neighbour
EDGE = 7.0  # score to which stretches reach; beyond 8 float64 ends


@dataclass(frozen=True)
class Stretches:
    """First and last score of each donor's stretches (B,)."""

    core: Pair
    whole: Pair

    @classmethod
    def around(cls, middle: np.ndarray, gap: Pair, own: Pair, stands_for_several: np.ndarray) -> "Stretches":
        """Stretches of some donors.

        Args:
            middle: Their scores.
            gap: How far the next donors below and above are; infinite where there are none.
            own: First and last score that the donor's value owns.
            stands_for_several: It stands for other rows, too, whose scores lie between its own and its neighbours'.
        """
        before, after = gap
        lone = np.where(np.isinf(before) & np.isinf(after), 2 * LONE, np.minimum(before, after))
        down = np.where(np.isinf(before), lone, before) / 2
        up = np.where(np.isinf(after), lone, after) / 2
        core, whole = (
            (
                np.minimum(middle - part * down, own[0]).clip(-EDGE, EDGE),
                np.maximum(middle + part * up, own[1]).clip(-EDGE, EDGE),
            )
            for part in (np.where(stands_for_several, 1.0, CORE_WIDTH), 1.0)
        )
        return cls(core, whole)

    def place(self, v: np.ndarray) -> np.ndarray:
        """Scores by one uniform each."""
        is_core = v < CORE
        low, high = (np.where(is_core, c, w) for c, w in zip(self.core, self.whole, strict=True))
        return low + np.where(is_core, v / CORE, (v - CORE) / (1 - CORE)) * (high - low)

    def density(self, a: np.ndarray, b: np.ndarray) -> Pair:
        """Mass between the scores a and b, and density at a, of each donor."""
        mass, height = np.zeros(len(self.core[0])), np.zeros(len(self.core[0]))
        for share, (low, high) in ((CORE, self.core), (1 - CORE, self.whole)):
            per_score = share / (high - low)
            mass += per_score * np.maximum(np.minimum(b, high) - np.maximum(a, low), 0)
            height += per_score * ((low <= a) & (a < high))
        return mass, height
