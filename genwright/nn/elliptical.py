"""Normal and t vectors drawn one component after the other, each inside its interval.

With R = L Lᵀ and z = L e, z_t given z_<t is e_t moved and scaled; so is an interval of z_t. The product of the
probabilities of the intervals that are met on the way estimates the probability of the box without bias:

    E[Π_t P(z_t ∈ interval_t | z_<t)] = P(z ∈ box)

Source:
    Geweke (1991); Keane (1994); Hajivassiliou and McFadden (1998), https://doi.org/10.2307/2999576
"""

import numpy as np
from scipy.special import gammaln, log_ndtr, ndtr, ndtri, ndtri_exp, stdtr, stdtrit

LOWEST = 1e-300  # a probability below is taken for it


class Elliptical:
    """The normal (ν = ∞) or t distribution, one conditional after the other.

    With q the sum of squares of t earlier e, the next one is t with ν + t degrees of freedom, times
    √((ν + q) / (ν + t)).
    """

    def __init__(self, df: float = np.inf):
        self.df, self.is_normal = df, bool(np.isinf(df))

    def cdf(self, x: np.ndarray, t: int = 0) -> np.ndarray:
        """Distribution function after t others."""
        return ndtr(x) if self.is_normal else stdtr(self.df + t, x)

    def ppf(self, p: np.ndarray, t: int = 0) -> np.ndarray:
        """Its inverse."""
        if self.is_normal:
            return ndtri(p)
        x = stdtrit(self.df + t, np.clip(p, 1e-100, 1 - 2**-53))
        return np.where(p <= 0, -np.inf, np.where(p >= 1, np.inf, x))

    def log_cdf(self, x: np.ndarray, t: int = 0) -> np.ndarray:
        """Log of the distribution function."""
        return log_ndtr(x) if self.is_normal else np.log(np.maximum(stdtr(self.df + t, x), LOWEST))

    def ppf_exp(self, log_p: np.ndarray, t: int = 0) -> np.ndarray:
        """Where the log of the distribution function is `log_p`."""
        return ndtri_exp(log_p) if self.is_normal else self.ppf(np.exp(np.maximum(log_p, -200.0)), t)

    def log_pdf(self, x: np.ndarray, t: int = 0) -> np.ndarray:
        """Log density."""
        if self.is_normal:
            return -0.5 * (x**2 + np.log(2 * np.pi))
        df = self.df + t
        constant = gammaln((df + 1) / 2) - gammaln(df / 2) - 0.5 * np.log(df * np.pi)
        return constant - (df + 1) / 2 * np.log1p(x**2 / df)

    def spread(self, square: np.ndarray, t: int) -> np.ndarray:
        """Scale of the next e (B,) after t others whose squares sum to `square` (B,)."""
        return np.ones(len(square)) if self.is_normal else np.sqrt((self.df + square) / (self.df + t))

    def between(self, low: np.ndarray, high: np.ndarray, v: np.ndarray, t: int) -> tuple[np.ndarray, np.ndarray]:
        """Draws (B,) from intervals at uniforms v, and the log probabilities of the intervals.

        The side of the line is swapped where both ends are above 0, so that tails keep their digits.
        """
        is_upper = low > 0
        a, b = np.where(is_upper, -high, low), np.where(is_upper, -low, high)
        log_b = self.log_cdf(b, t)
        below = np.exp(self.log_cdf(a, t) - log_b)  # P(< a) / P(< b)
        v = np.where(is_upper, 1 - v, v)
        x = np.clip(self.ppf_exp(log_b + np.log(below + v * (1 - below)), t), a, b)
        return np.where(is_upper, -x, x), log_b + np.log(np.maximum(1 - below, LOWEST))


def sweep(
    R: np.ndarray, ends: np.ndarray, v: np.ndarray, law: Elliptical, has_weight: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Latents (D, B) that lie in their intervals, and the log of Π_t P(interval_t | z_<t) / Π_(points) f(z_t) (B,).

    Args:
        R: Correlation (D, D).
        ends: Lower and upper ends of the intervals (D, 2, B); equal ends are a point, infinite ones anything.
        v: Uniforms (D, B).
        law: Normal or t.
        has_weight: False where only the latents are wanted, of intervals that are all infinite.
    """
    L, D = np.linalg.cholesky(R), len(R)
    z, weight = np.zeros(v.shape), np.zeros(v.shape[1])  # z begins as what the earlier e add to it
    square = np.zeros(v.shape[1])
    for t in range(D):
        scale = L[t, t] * law.spread(square, t)
        if has_weight:
            e, log_p = _step(z[t], scale, ends[t], v[t], law, t)
            weight += log_p
        else:
            e = law.ppf(v[t], t)
        e = e * scale / L[t, t]
        z[t] += L[t, t] * e
        for s in range(t + 1, D):
            z[s] += L[s, t] * e
        square += e**2
    return z, weight


def _step(
    mean: np.ndarray, scale: np.ndarray, ends: np.ndarray, v: np.ndarray, law: Elliptical, t: int
) -> tuple[np.ndarray, np.ndarray]:
    """The next e (B,) in units of its scale, and what it adds to the log weight (B,)."""
    low, high = (ends - mean) / scale
    is_point, is_free = ends[0] == ends[1], np.isinf(ends).all(0)
    e, log_p = law.between(low, high, v, t)
    at, base = np.where(is_point, low, 0.0), np.where(is_point, ends[0], 0.0)
    log_density = law.log_pdf(at, t) - np.log(scale) - law.log_pdf(base)
    return np.where(is_point, low, e), np.where(is_free, 0.0, np.where(is_point, log_density, log_p))
