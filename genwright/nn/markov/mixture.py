"""Emissions that are mixtures of M Gaussians a state: b_k(x) = Σ_m w_km N(x; μ_km, Σ_km).

The components of all states are one Gaussian of K M states; a state's weight is shared among its components by

    γ_t(k, m) = γ_t(k) w_km N(x_t; μ_km, Σ_km) / b_k(x_t)
"""

from dataclasses import dataclass

import numpy as np

from genwright.nn.markov.gaussian import Gaussian
from genwright.nn.markov.numbers import Numbers


@dataclass(frozen=True)
class Mixture:
    """Components of K states."""

    share: np.ndarray  # w (K, M)
    parts: Gaussian  # of K M states, component m of state k in place k M + m

    @property
    def n_states(self) -> int:
        """Number of states, K."""
        return len(self.share)

    def _joint(self, frames: Numbers) -> np.ndarray:
        """log w_km N(x_t; μ_km, Σ_km) (K, M, F)."""
        with np.errstate(divide="ignore"):
            return self.parts.log_b(frames).reshape(*self.share.shape, -1) + np.log(self.share)[:, :, None]

    def log_b(self, frames: Numbers) -> np.ndarray:
        """log b_k(x_t) (K, F)."""
        joint = self._joint(frames)
        top = joint.max(1)
        return top + np.log(np.exp(joint - top[:, None]).sum(1))

    def updated(self, frames: Numbers, gamma: np.ndarray) -> "Mixture":
        """The maximum of the expected log likelihood, with states' weights (K, F)."""
        joint = self._joint(frames)
        part = np.exp(joint - joint.max(1, keepdims=True))
        part *= (gamma / part.sum(1))[:, None]  # γ_t(k, m)
        count = part.sum(2)
        total = count.sum(1, keepdims=True)
        share = np.where(total > 0, count / np.where(total > 0, total, 1.0), self.share)
        return Mixture(share, self.parts.updated(frames, part.reshape(-1, part.shape[2])))

    def at_floor(self) -> list[int]:
        """States with a component whose variance stands at the floor."""
        return sorted({part // self.share.shape[1] for part in self.parts.at_floor()})

    def draw(
        self,
        states: np.ndarray,
        normals: np.ndarray,
        u: np.ndarray,
        known: np.ndarray | None = None,
        temperature: float = 1.0,
    ) -> np.ndarray:
        """A frame for each state (F, D), as `Gaussian.draw`, and uniform numbers (F,) for the components."""
        weight = self.share[states]  # (F, M)
        if known is not None:
            joint = self._joint(Numbers(known))[states, :, np.arange(len(states))]
            weight = np.exp(joint - joint.max(1, keepdims=True))
        if temperature != 1:
            weight = (weight / weight.max(1, keepdims=True)) ** (1 / temperature)
        share = weight.cumsum(1)
        part = np.minimum((share <= u[:, None] * share[:, -1:]).sum(1), self.share.shape[1] - 1)
        return self.parts.draw(states * self.share.shape[1] + part, normals, known)
