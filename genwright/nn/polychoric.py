"""Correlation of two latent variables of which only intervals are seen: the polychoric correlation (Pearson, 1900).

Maximum likelihood with the margins held fixed is Olsson's (1979) two-step estimate,
https://doi.org/10.1007/BF02296207. Two latents that are jointly normal, or jointly t with ν degrees of freedom, are cut
at known places; n_ij rows fall into cell (i, j):

    ℓ(ρ) = Σ_ij n_ij log P_ij(ρ)

P_ij are differences of the joint distribution function C, whose derivative is elementary (Plackett, 1954; Dunnett and
Sobel, 1954, for t; as used by Genz, 2004, https://doi.org/10.1023/B:STCO.0000035304.20635.31). With ρ = sin θ

    ∂C(h, k)/∂θ = 1/2π exp(−s/2)   or   1/2π (1 + s/ν)^(−ν/2),      s = (h² + k² − 2hk sin θ) / cos² θ

so one sweep over θ from −π/2, where C(h, k) = max(0, F(h) + F(k) − 1), gives ℓ everywhere, and its highest point is
found whatever ℓ looks like.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

N_PANELS = 48  # of the sweep; they are narrow at its ends, where C bends fastest
N_FINE = 24  # of the second sweep, around the highest point of the first
LARGEST_VAR = 1 / 3  # of a correlation that may be anything between −1 and 1
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)


@dataclass(frozen=True)
class Correlation:
    """An estimate.

    Args:
        rho: The correlation.
        var: Its variance, from the curvature of ℓ.
    """

    rho: float = 0.0
    var: float = 0.0


def polychoric(counts: np.ndarray, u: np.ndarray, v: np.ndarray, df: float = np.inf) -> Correlation:
    """The correlation that makes a table likeliest; 0 where one of the two does not vary.

    Args:
        counts: Rows in each cell (I, J).
        u: Where the first latent is cut, as probabilities, increasing (I−1,).
        v: The same of the second (J−1,).
        df: Degrees of freedom ν; infinite for normal latents.
    """
    is_constant = (counts.sum(1) > 0).sum() < 2 or (counts.sum(0) > 0).sum() < 2
    if is_constant:
        return Correlation()
    table = _Table(counts, u, v, df)
    theta = -np.pi / 2 * np.cos(np.linspace(0, np.pi, N_PANELS + 1))
    joint = table.sweep(theta, np.maximum(0.0, u[:, None] + v - 1))
    best = int(np.argmax(table.log_lik(joint)))
    first, last = max(best - 1, 0), min(best + 1, N_PANELS)
    theta, start = np.linspace(theta[first], theta[last], N_FINE + 1), joint[first]
    return _peak(theta, table.log_lik(table.sweep(theta, start)))


class _Table:
    """A table of counts and where its latents are cut."""

    def __init__(self, counts: np.ndarray, u: np.ndarray, v: np.ndarray, df: float):
        self.counts, self.u, self.v, self.df = counts, u, v, df
        h, k = (ndtri(x) if np.isinf(df) else stdtrit(df, x) for x in (u, v))
        self._squares = h[:, None] ** 2 + k**2  # (I−1, J−1)
        self._product = 2 * h[:, None] * k

    def slope(self, theta: np.ndarray) -> np.ndarray:
        """∂C/∂θ at each corner (G, I−1, J−1)."""
        theta = theta[:, None, None]
        s = (self._squares - self._product * np.sin(theta)) / np.cos(theta) ** 2
        inside = np.exp(-s / 2) if np.isinf(self.df) else (1 + s / self.df) ** (-self.df / 2)
        return inside / (2 * np.pi)

    def sweep(self, theta: np.ndarray, start: np.ndarray) -> np.ndarray:
        """C at every θ of a grid (G,) and each corner (G, I−1, J−1), from its value at the first one."""
        half = np.diff(theta) / 2  # (G−1,)
        nodes = (theta[:-1] + half)[:, None] + half[:, None] * _NODES  # (G−1, 4)
        slopes = self.slope(nodes.ravel()).reshape(*nodes.shape, *start.shape)
        steps = np.einsum("g,gnij,n->gij", half, slopes, _WEIGHTS)
        return start + np.concatenate([np.zeros((1, *start.shape)), steps.cumsum(0)])

    def log_lik(self, joint: np.ndarray) -> np.ndarray:
        """ℓ for each C (G, I−1, J−1)."""
        padded = np.zeros((len(joint), len(self.u) + 2, len(self.v) + 2))
        padded[:, 1:-1, 1:-1] = joint
        padded[:, -1, 1:-1], padded[:, 1:-1, -1], padded[:, -1, -1] = self.v, self.u, 1.0
        p = np.diff(np.diff(padded, axis=1), axis=2)  # (G, I, J)
        return np.einsum("gij,ij->g", np.log(np.maximum(p, 1e-12)), self.counts)


def _peak(theta: np.ndarray, log_lik: np.ndarray) -> Correlation:
    """The top of the parabola through the highest point of an even grid and its neighbours."""
    at = int(np.clip(np.argmax(log_lik), 1, len(theta) - 2))
    before, here, after = log_lik[at - 1 : at + 2]
    bend, width = before - 2 * here + after, theta[1] - theta[0]
    if bend >= 0:  # flat or rising to an end
        return Correlation(float(np.sin(theta[np.argmax(log_lik)])), 0.0)
    top = theta[at] + width * np.clip((before - after) / (2 * bend), -1, 1)
    return Correlation(float(np.sin(top)), float(min(np.cos(top) ** 2 * width**2 / -bend, LARGEST_VAR)))
