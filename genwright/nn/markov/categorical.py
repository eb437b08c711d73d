"""Emissions of codes, b_k(x) = B_kx, with a prior that spreads imaginary steps like all steps together.

    B_kx = (n_kx + s q_x) / (n_k + s)

with expected counts n, shares q of the codes among all steps and the prior's weight s: a code that a state never showed
is as unlikely there as it is rare. A code of -1 is missing: b = 1.
"""

from dataclasses import dataclass, replace

import numpy as np

MISSING = -1


@dataclass(frozen=True)
class Categorical:
    """Probabilities of V codes in K states."""

    p: np.ndarray  # B (K, V), rows sum to one
    prior: np.ndarray  # s q (V,), or one for each state (K, V)

    @property
    def n_states(self) -> int:
        """Number of states, K."""
        return len(self.p)

    def log_b(self, codes: np.ndarray) -> np.ndarray:
        """log B of each code (K, F)."""
        with np.errstate(divide="ignore"):
            table = np.column_stack([np.log(self.p), np.zeros(len(self.p))])
        return np.take(table, codes, axis=1)  # code -1 is the last column

    def updated(self, codes: np.ndarray, gamma: np.ndarray) -> "Categorical":
        """The maximum of the expected log likelihood and the prior, with states' weights (K, F)."""
        count = self.counts(codes, gamma) + self.prior
        total = count.sum(1, keepdims=True)
        return replace(self, p=np.where(total > 0, count / np.where(total > 0, total, 1.0), self.p))

    def counts(self, codes: np.ndarray, gamma: np.ndarray) -> np.ndarray:
        """Expected counts of the codes in every state (K, V)."""
        n_codes, shifted = self.p.shape[1], codes + 1
        return np.stack([np.bincount(shifted, weights=g, minlength=n_codes + 1)[1:] for g in gamma])

    def log_prior(self) -> float:
        """Σ_k Σ_x s q_x log B_kx, up to a constant."""
        with np.errstate(divide="ignore"):
            return float(np.where(self.prior > 0, self.prior * np.log(self.p), 0.0).sum())

    def draw(self, states: np.ndarray, u: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        """A code for each state (F,), from uniform numbers (F,)."""
        p = self.p if temperature == 1 else (self.p / self.p.max(1, keepdims=True)) ** (1 / temperature)
        total = p.cumsum(1)
        codes = np.empty(len(states), np.int64)
        for k in np.unique(states):
            mine = states == k
            codes[mine] = np.searchsorted(total[k], u[mine] * total[k, -1], side="right")
        return np.minimum(codes, self.p.shape[1] - 1)


def categorical_of(codes: np.ndarray, n_codes: int, n_states: int, weight: float) -> Categorical:
    """States that are all alike, with the shares of the codes (F,); the prior is worth `weight` steps a state."""
    count = np.bincount(codes[codes >= 0], minlength=n_codes) + 1e-3
    share = count / count.sum()
    return Categorical(np.tile(share, (n_states, 1)), weight * share)
