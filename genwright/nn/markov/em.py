"""EM for hidden Markov models (Baum, Petrie, Soules and Weiss 1970, https://doi.org/10.1214/aoms/1177697196).

    E: γ, ξ under the present parameters        M: π ∝ γ_1 + s,  A ∝ ξ + s,  e ∝ γ_T + s,  emissions from γ

With s = 0 it climbs log p(x); with imaginary counts s > 0 it climbs log p(x) plus the log of their Dirichlet prior.
Neither can fall, so a fall is told: it means that floors or rounding have taken over.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from genwright.nn.markov.categorical import Categorical
from genwright.nn.markov.chain import Allowed, Chain, estimated
from genwright.nn.markov.forward_backward import Smoothed
from genwright.nn.markov.hidden import Hidden, Sequences


@dataclass(frozen=True)
class Learning:
    """How EM goes about it."""

    allowed: Allowed
    pseudo: float = 0.0  # imaginary starts, transitions and ends, of each that is allowed
    n_iter: int = 100
    tolerance: float = 1e-5  # it ends when an iteration gains less, in nats a step


@dataclass
class Fitted:
    """Where EM arrived."""

    hidden: Hidden
    trace: list[float] = field(default_factory=list)  # what it climbs, before each iteration
    log_prob: float = -np.inf  # of all sequences, nats, at the last look
    n_impossible: int = 0  # sequences that the restrictions forbid; they taught nothing

    @property
    def fall(self) -> float:
        """The largest loss of an iteration, 0 where there was none."""
        return max([0.0, *(a - b for a, b in zip(self.trace, self.trace[1:], strict=False))])


def fit_em(start: Hidden, data: Sequences, how: Learning, told: "Callable[[int, float], None] | None" = None) -> Fitted:
    """EM from a start.

    Args:
        start: First parameters.
        data: The sequences.
        how: Its settings.
        told: Called before each iteration with its number and what is climbed.
    """
    fitted = Fitted(start)
    for i in range(how.n_iter):
        hidden = fitted.hidden
        found = hidden.smooth(data)
        possible = found.log_prob > -np.inf
        fitted.log_prob, fitted.n_impossible = float(found.log_prob[possible].sum()), int((~possible).sum())
        fitted.trace.append(fitted.log_prob + _log_prior(hidden, how))
        if told:
            told(i, fitted.trace[-1])
        if i and fitted.trace[-1] - fitted.trace[-2] < how.tolerance * data.layout.n_frames:
            break
        fitted.hidden = maximised(hidden, data, found, how)
    return fitted


def maximised(hidden: Hidden, data: Sequences, found: Smoothed, how: Learning) -> Hidden:
    """The M step."""
    stop = found.gamma[:, data.last].sum(1) if hidden.chain.stop is not None else None
    chain = estimated(found.starts, found.moves, stop, how.allowed, how.pseudo)
    return Hidden(chain, {name: e.updated(data.frames[name], found.gamma) for name, e in hidden.emissions.items()})


def _log_prior(hidden: Hidden, how: Learning) -> float:
    """Log of the prior that the imaginary counts are, up to a constant."""
    prior = sum(e.log_prior() for e in hidden.emissions.values() if isinstance(e, Categorical))
    return prior + (how.pseudo * _log_of_allowed(hidden.chain, how.allowed) if how.pseudo else 0.0)


def _log_of_allowed(chain: Chain, allowed: Allowed) -> float:
    """Σ log of every probability that is allowed."""
    with np.errstate(divide="ignore"):
        total = np.log(chain.start[allowed.start]).sum() + np.log(chain.move[allowed.move]).sum()
        return float(total + (np.log(chain.stop[allowed.stop]).sum() if chain.stop is not None else 0.0))
