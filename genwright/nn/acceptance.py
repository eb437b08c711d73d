"""Which draws are kept, by how much likelier they are among real rows: r(x) = p(x | real) / p(x | drawn).

- `reject`: discriminator rejection sampling (Azadi et al., 2019, https://arxiv.org/abs/1810.06758). With D = log r and
  M the largest D among pilot draws

      P(keep x) = σ(D − M − log(1 − exp(D − M − ε)) − γ)

  which for γ = 0 is r(x) / max r, and keeps more for smaller γ.
- `importance`: P(keep x) = min(1, c r(x)), which weighs draws as importance resampling does and takes none twice.

γ and c are set so that a given share of pilot draws is kept: kept rows follow p(x | real) as far as no probability is
near its end. D is multiplied by a strength: below 1, draws are moved part of the way.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy.special import expit

from genwright.core.errors import ConfigError, UnknownNameError

Method = Literal["reject", "importance"]
EPSILON = 1e-6  # ε
WIDEST = 60.0  # |γ|, |log c| are searched up to here, beyond the spread of D


@dataclass(frozen=True)
class Acceptance:
    """P(keep x) as a function of log r(x); made by `fitted`.

    Args:
        method: How.
        strength: What log r is multiplied by.
        top: M.
        shift: γ, or log c.
    """

    method: Method
    strength: float
    top: float
    shift: float

    def __call__(self, log_ratio: np.ndarray) -> np.ndarray:
        """Probabilities (B,)."""
        D = self.strength * log_ratio
        if self.method == "importance":
            return np.exp(np.minimum(D + self.shift, 0.0))
        below = np.minimum(D - self.top, 0.0)
        return expit(below - np.log(-np.expm1(below - EPSILON)) - self.shift)


def fitted(log_ratio: np.ndarray, keep: float, method: Method = "reject", strength: float = 1.0) -> Acceptance:
    """The acceptance that keeps a share of pilot draws.

    Args:
        log_ratio: Of the pilot draws (N,).
        keep: The share, in (0, 1].
        method: How.
        strength: What log r is multiplied by.

    Raises:
        UnknownNameError: there is no such method.
        ConfigError: the share is out of range.
    """
    if method not in get_args(Method):
        raise UnknownNameError(method, get_args(Method), "the ways to filter")
    if not 0 < keep <= 1:
        raise ConfigError(f"keep = {keep} of the draws; expected above 0 and at most 1")
    top = float(strength * log_ratio.max())
    width = WIDEST + strength * float(np.ptp(log_ratio)) + abs(top)
    sign = 1.0 if method == "importance" else -1.0  # how the share moves with the shift
    low, high = -width, width  # of sign × shift
    for _ in range(80):
        middle = (low + high) / 2
        share = Acceptance(method, strength, top, sign * middle)(log_ratio).mean()
        low, high = (middle, high) if share < keep else (low, middle)
    return Acceptance(method, strength, top, sign * high)
