"""Decomposable scores of a graph: a sum over families of a function of the family's counts.

With n_jk rows in which the parents have their j-th combination of codes and the column its k-th code, q combinations,
r codes and N rows in all:

    BIC  = Σ_jk n_jk ln(n_jk / n_j)  −  ½ ln N · q (r − 1)                               (Schwarz 1978)
    BDeu = Σ_j [ln Γ(α/q) − ln Γ(α/q + n_j)] + Σ_jk [ln Γ(α/qr + n_jk) − ln Γ(α/qr)]      (Heckerman et al. 1995)

https://doi.org/10.1214/aos/1176344136, https://doi.org/10.1007/BF00994016
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import gammaln, xlogy


class Score(Protocol):
    """A function of a family's counts."""

    def family(self, count: np.ndarray) -> float:
        """Score of counts (parents …, column, parents …), in which the column stands on axis 1 of three."""

    def ceiling(self, q: int, r: int) -> float:
        """What a family of q combinations and r codes cannot score more than."""


@dataclass(frozen=True)
class BIC:
    """Log likelihood with a penalty for every parameter.

    Args:
        n_rows: N.
    """

    n_rows: int

    def family(self, count: np.ndarray) -> float:
        """See the head of this file."""
        q, r = count.size // count.shape[1], count.shape[1]
        return _log_likelihood(count) - self._penalty(q, r)

    def _penalty(self, q: int, r: int) -> float:
        return 0.5 * float(np.log(self.n_rows)) * q * (r - 1)

    def ceiling(self, q: int, r: int) -> float:
        """A log likelihood is at most 0."""
        return -self._penalty(q, r)


@dataclass(frozen=True)
class BDeu:
    """Log marginal likelihood under a uniform Dirichlet prior.

    Args:
        sample_size: α, how many rows the prior is worth.
    """

    sample_size: float

    def family(self, count: np.ndarray) -> float:
        """See the head of this file."""
        a_j, a_jk = self.sample_size * count.shape[1] / count.size, self.sample_size / count.size
        n_j, n_jk = count.sum(1), count[count > 0]  # combinations never seen add nothing
        n_j = n_j[n_j > 0]
        by_parents = n_j.size * gammaln(a_j) - gammaln(a_j + n_j).sum()
        return float(by_parents + gammaln(a_jk + n_jk).sum() - n_jk.size * gammaln(a_jk))

    def ceiling(self, q: int, r: int) -> float:
        """A log marginal likelihood is at most 0."""
        return 0.0


def _log_likelihood(count: np.ndarray) -> float:
    """Σ n_jk ln(n_jk / n_j)."""
    n_j = count.sum(1)
    return float(xlogy(count, count).sum() - xlogy(n_j, n_j).sum())


def mutual_information(count: np.ndarray) -> float:
    """Of two columns, from the counts of their pairs (r, s), in nats."""
    n = count.sum()
    if n == 0:
        return 0.0
    rows, columns = count.sum(1), count.sum(0)
    return float(
        (xlogy(count, count).sum() - xlogy(rows, rows).sum() - xlogy(columns, columns).sum() + xlogy(n, n)) / n
    )
