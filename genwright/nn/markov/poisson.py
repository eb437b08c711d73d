"""Emissions of counts, b_k(x) = Π_d Poisson(x_d; λ_kd); missing counts are integrated out."""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import gammaln

from genwright.nn.markov.numbers import Numbers

FARTHEST = 2**19  # counts on each side of λ that a hot distribution is cut to


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

    def draw(self, states: np.ndarray, u: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        """Counts for each state (F, D), from uniform numbers (F, D)."""
        from scipy.stats import poisson

        if temperature == 1:
            return poisson.ppf(u, self.rate[states])
        x = np.empty(u.shape)
        for k in np.unique(states):
            mine = states == k
            for d, rate in enumerate(self.rate[k].tolist()):
                x[mine, d] = _tempered(rate, u[mine, d], temperature)
        return x


def _tempered(rate: float, u: np.ndarray, temperature: float) -> np.ndarray:
    """Counts of probability proportional to Poisson(λ)^(1/T), at uniform numbers u (F,).

    Counts further than d from λ have less than e^-45 of the largest probability: (x − λ)² / 2(λ + d / 3) > 45 T.
    """
    d = min(15 * temperature + math.hypot(15 * temperature, math.sqrt(90 * rate) * math.sqrt(temperature)), FARTHEST)
    counts = np.arange(max(0, math.floor(rate - d)), math.ceil(rate + d) + 1, dtype=np.float64)
    logs = counts * np.log(rate) - gammaln(counts + 1)
    with np.errstate(over="ignore"):
        cdf = np.exp((logs - logs.max()) / temperature).cumsum()
    return counts[np.searchsorted(cdf, u * cdf[-1], side="right").clip(max=len(counts) - 1)]
