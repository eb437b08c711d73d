"""Numbers with their standard errors: areas under ROC curves, differences of means, shares.

An estimate carries its *influences*: what each row adds to its error, so that the variance of any smooth combination
of estimates on the same rows is a sum of squares (the infinitesimal jackknife; for an AUC this is DeLong et al., 1988,
https://doi.org/10.2307/2531595, computed from mid-ranks as in Sun and Xu, 2014, https://doi.org/10.1109/LSP.2014.2337313):

    AUC = P(s⁺ > s⁻) + ½ P(s⁺ = s⁻),   var AUC = var_i P(s⁺_i > s⁻) / m + var_j P(s⁺ > s⁻_j) / n
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from genwright.core.judge import Measure

Z95 = 1.959964  # two-sided 95 % point of the standard normal distribution


@dataclass(frozen=True)
class Estimate:
    """A number and what each row adds to its error.

    Args:
        value: The number.
        influence: One entry a row, summing to about 0; the variance of the number is the sum of their squares.
    """

    value: float
    influence: np.ndarray

    @property
    def error(self) -> float:
        """Standard error."""
        return float(np.sqrt(np.square(self.influence).sum()))

    def measure(self, n: int, low: float, high: float, details: dict[str, Any] | None = None) -> Measure:
        """With its 95 % interval, cut to the range the number can take."""
        return normal_measure(self.value, self.error, n, low, high, details)


def normal_measure(
    value: float,
    error: float,
    n: int,
    low: float = -np.inf,
    high: float = np.inf,
    details: dict[str, Any] | None = None,
) -> Measure:
    """Value ± 1.96 standard errors, cut to the range low … high."""
    ends = np.clip([value - Z95 * error, value + Z95 * error], low, high)
    return Measure(float(np.clip(value, low, high)), float(ends[0]), float(ends[1]), n, details or {})


def mean(x: np.ndarray) -> Estimate:
    """The mean of rows."""
    return Estimate(float(x.mean()), (x - x.mean()) / np.sqrt(len(x) * max(len(x) - 1, 1)))


def auc(scores: np.ndarray, is_positive: np.ndarray) -> Estimate:
    """Area under the ROC curve with DeLong's influences, one a row; NaN where a class is absent."""
    positive, negative = scores[is_positive], scores[~is_positive]
    m, n = len(positive), len(negative)
    if not m or not n:
        return Estimate(float("nan"), np.full(len(scores), np.nan))
    above = _share_below(positive, negative)  # (m,) P(s⁺_i > s⁻)
    under = 1 - _share_below(negative, positive)  # (n,) P(s⁺ > s⁻_j)
    value = float(above.mean())
    influence = np.empty(len(scores))
    influence[is_positive] = (above - value) / np.sqrt(m * max(m - 1, 1))
    influence[~is_positive] = (under - value) / np.sqrt(n * max(n - 1, 1))
    return Estimate(value, influence)


def _share_below(x: np.ndarray, other: np.ndarray) -> np.ndarray:
    """For each x the share of `other` that is smaller, equal ones counted half."""
    other = np.sort(other)
    return (np.searchsorted(other, x, "left") + np.searchsorted(other, x, "right")) / (2 * len(other))


def average(estimates: list[Estimate]) -> Estimate:
    """The mean of estimates that rest on the same rows."""
    influence = np.mean([e.influence for e in estimates], axis=0)
    return Estimate(float(np.mean([e.value for e in estimates])), influence)


def ratio(a: Estimate, b: Estimate) -> Estimate:
    """a / b on the same rows, linearised: d(a/b) = da/b − a db/b²."""
    return Estimate(a.value / b.value, a.influence / b.value - a.value / b.value**2 * b.influence)


def share_measure(n_hits: float, n: float, details: dict[str, Any] | None = None) -> Measure:
    """A share of n rows with Wilson's interval (1927), which stays sensible at 0 and 1.

    https://doi.org/10.1080/01621459.1927.10502953
    """
    p, z2 = n_hits / n, Z95**2
    centre, half = p + z2 / (2 * n), Z95 * np.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    low, high = ((centre + side * half) / (1 + z2 / n) for side in (-1, 1))
    return Measure(p, float(max(low, 0.0)) if n_hits else 0.0, float(min(high, 1.0)), round(n), details or {})


def quantile_measure(x: np.ndarray, q: float, details: dict[str, Any] | None = None) -> Measure:
    """A quantile of rows with its interval from order statistics, whose ranks are binomial (Thompson, 1936).

    https://doi.org/10.1214/aoms/1177732564
    """
    half = Z95 * np.sqrt(q * (1 - q) / len(x))
    low, high = (np.quantile(x, np.clip(q + side * half, 0, 1)) for side in (-1, 1))
    return Measure(float(np.quantile(x, q)), float(low), float(high), len(x), details or {})


def jackknife_error(left_out: np.ndarray) -> float:
    """Standard error of a number from its values without each row in turn (N,).

    var = (N − 1) / N Σ_i (θ_(i) − mean θ_(·))², on average too large rather than too small (Efron and Stein, 1981,
    https://doi.org/10.1214/aos/1176345462)
    """
    n = len(left_out)
    return float(np.sqrt((n - 1) / n * np.square(left_out - left_out.mean()).sum())) if n > 1 else float("inf")


@dataclass(frozen=True)
class Distance:
    """A distance of two samples that is a difference of probabilities p(A) − q(A), with the set A that witnesses it.

    Args:
        value: p(A) − q(A).
        in_real: Whether each real row lies in A (N,).
        in_fake: Whether each fake row does (M,).
    """

    value: float
    in_real: np.ndarray
    in_fake: np.ndarray


def total_variation(real: np.ndarray, fake: np.ndarray, n_codes: int) -> Distance:
    """Half the summed difference of two histograms of codes 0 … n_codes−1.

    TV = ½ Σ_k |p_k − q_k| = p(A) − q(A) with A = {k: p_k > q_k}.
    """
    p = np.bincount(real, minlength=n_codes) / len(real)
    q = np.bincount(fake, minlength=n_codes) / len(fake)
    inside = p > q  # (n_codes,)
    return Distance(float(np.abs(p - q).sum() / 2), inside[real], inside[fake])


def kolmogorov_smirnov(real: np.ndarray, fake: np.ndarray) -> Distance:
    """Largest difference of two distribution functions; NaN counts as a value above all others.

    KS = max_x |F(x) − G(x)| = p(A) − q(A) with A = {≤ x} or {> x}.
    """
    grid = np.unique(np.concatenate([real, fake]))
    grid = grid[~np.isnan(grid)]
    if not len(grid):
        return Distance(0.0, np.zeros(len(real), bool), np.zeros(len(fake), bool))
    known = [np.sort(x[~np.isnan(x)]) for x in (real, fake)]
    F, G = (np.searchsorted(x, grid, "right") / n for x, n in zip(known, (len(real), len(fake)), strict=True))
    k = int(np.abs(F - G).argmax())
    in_real, in_fake = real <= grid[k], fake <= grid[k]  # NaN: outside
    if F[k] < G[k]:
        in_real, in_fake = ~in_real, ~in_fake
    return Distance(float(abs(F[k] - G[k])), in_real, in_fake)


def mean_distance(distances: list[Distance]) -> tuple[float, float]:
    """The mean of distances between the same rows, and its standard error with each set A held fixed."""
    inside = (np.mean([getattr(d, side) for d in distances], axis=0) for side in ("in_real", "in_fake"))
    return float(np.mean([d.value for d in distances])), math.hypot(*(mean(x).error for x in inside))
