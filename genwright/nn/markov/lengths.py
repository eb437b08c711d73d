"""How long sequences are, as a table: p(n) = (c_n + s / (T + 1)) / (N + s) for 0 … T steps, with s imaginary rows."""

from dataclasses import dataclass

import numpy as np

IMAGINARY = 0.5  # s


@dataclass(frozen=True)
class Lengths:
    """Probabilities of 0 … T steps (T + 1,)."""

    p: np.ndarray

    @classmethod
    def counted(cls, lengths: np.ndarray, longest: int) -> "Lengths":
        """From the lengths of some rows (N,); s is nothing where all rows are equally long."""
        count = np.bincount(lengths, minlength=longest + 1)
        s = IMAGINARY if (count > 0).sum() != 1 else 0.0
        total = count.sum() + s
        return cls((count + s / (longest + 1)) / total if total else np.full(longest + 1, 1 / (longest + 1)))

    def log_p(self, lengths: np.ndarray) -> np.ndarray:
        """log p(n) (B,)."""
        with np.errstate(divide="ignore"):
            return np.log(self.p)[lengths]

    def log_at_least(self, lengths: np.ndarray) -> np.ndarray:
        """log p(n steps or more) (B,)."""
        with np.errstate(divide="ignore"):
            return np.log(np.minimum(self.p[::-1].cumsum()[::-1], 1.0))[lengths]

    def draw(self, u: np.ndarray, least: np.ndarray) -> np.ndarray:
        """Lengths of at least so many steps (B,), from uniform numbers (B,); `least` itself where none is longer."""
        below = np.append(0.0, self.p.cumsum())
        total = below[-1]
        place = np.searchsorted(below, below[least] + u * (total - below[least]), side="right") - 1
        return np.clip(place, least, len(self.p) - 1)
