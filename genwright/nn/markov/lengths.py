"""How long sequences are, as a table: p(n) = (c_n + s / (T + 1)) / (N + s) for 0 … T steps, with s imaginary rows.

s is next to nothing where all rows are equally long. Longer sequences than any that was learnt have probability 0.
"""

from dataclasses import dataclass

import numpy as np

IMAGINARY, ALL_EQUAL = 0.5, 1e-3  # s


@dataclass(frozen=True)
class Lengths:
    """Probabilities of 0 … T steps (T + 1,)."""

    p: np.ndarray

    @classmethod
    def counted(cls, lengths: np.ndarray, longest: int) -> "Lengths":
        """From the lengths of some rows (N,)."""
        count = np.bincount(lengths, minlength=longest + 1)
        s = ALL_EQUAL if (count > 0).sum() == 1 else IMAGINARY
        return cls((count + s / (longest + 1)) / (count.sum() + s))

    def log_p(self, lengths: np.ndarray) -> np.ndarray:
        """log p(n) (B,)."""
        with np.errstate(divide="ignore"):
            return np.log(np.append(self.p, 0.0))[np.minimum(lengths, len(self.p))]

    def log_at_least(self, lengths: np.ndarray) -> np.ndarray:
        """log p(n steps or more) (B,)."""
        with np.errstate(divide="ignore"):
            above = np.minimum(self.p[::-1].cumsum()[::-1], 1.0)
            return np.log(np.append(above, 0.0))[np.minimum(lengths, len(self.p))]

    def draw(self, u: np.ndarray, least: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        """Lengths of at least so many steps (B,), from uniform numbers (B,); `least` itself where none is longer.

        A temperature T draws from p^(1/T) of the lengths that are left.
        """
        if temperature != 1:
            return self._tempered(u, least, temperature)
        below = np.append(0.0, self.p.cumsum())
        total = below[-1]
        place = np.searchsorted(below, below[least] + u * (total - below[least]), side="right") - 1
        return np.clip(place, least, len(self.p) - 1)

    def _tempered(self, u: np.ndarray, least: np.ndarray, temperature: float) -> np.ndarray:
        found = np.array(least)
        for n in np.unique(least[least < len(self.p)]):
            mine, p = least == n, self.p[n:]
            cdf = ((p / p.max()) ** (1 / temperature)).cumsum()
            found[mine] = n + np.searchsorted(cdf, u[mine] * cdf[-1], side="right").clip(max=len(p) - 1)
        return found
