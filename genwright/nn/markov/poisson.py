"""Emissions of counts, b_k(x) = Π_d Poisson(x_d; λ_kd); missing counts are integrated out."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import gammaln

from genwright.nn.markov.numbers import Numbers


@dataclass(frozen=True)
class Poisson:
    """Mean counts of K states."""

    rate: np.ndarray  # λ (K, D)
    floor: float = 0.0  # least λ

    @property
    def n_states(self) -> int:
        """Number of states, K."""
        return len(self.rate)

    def log_b(self, frames: Numbers) -> np.ndarray:
        """Σ_d x_d log λ_kd - λ_kd - log x_d! over the counts that are there (K, F)."""
        x = np.where(frames.is_known, frames.x, 0.0)
        with np.errstate(divide="ignore"):
            logs = np.maximum(np.log(self.rate), -1e300)
        return logs @ x.T - self.rate @ frames.is_known.T.astype(float) - gammaln(x + 1).sum(1)

    def updated(self, frames: Numbers, gamma: np.ndarray) -> "Poisson":
        """The maximum of the expected log likelihood, with states' weights (K, F)."""
        weight = gamma @ frames.is_known
        total = gamma @ np.where(frames.is_known, frames.x, 0.0)
        rate = np.where(weight > 1e-12, total / np.where(weight > 1e-12, weight, 1.0), self.rate)
        return replace(self, rate=np.maximum(rate, self.floor))

    def at_floor(self) -> list[int]:
        """States with a mean count that stands at the floor."""
        return np.flatnonzero((self.rate <= self.floor).any(1)).tolist()

    def draw(self, states: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Counts for each state (F, D), from uniform numbers (F, D)."""
        from scipy.stats import poisson

        return poisson.ppf(u, self.rate[states])
