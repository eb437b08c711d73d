"""Mixture density head for the next step of a series (Bishop, 1994), with missing numbers and an end.

https://publications.aston.ac.uk/id/eprint/373/

    p(x | h) = Σ_k π_k(h) Π_{d known} N(x_d; μ_kd(h), σ_kd²(h)) · Π_d [m_d(h) where x_d is missing, else 1 − m_d(h)]
    p(the series ends here | h) = e(h)

A linear map of h gives all of them: π by a softmax, σ by an exponential, m and e by logistic functions. What is missing
is summed out of the mixture, so that probabilities stay exact.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MIN_LOG_SCALE, MAX_LOG_SCALE = -5.0, 5.0  # of standard scores: a density has a limit


@dataclass(frozen=True)
class StepDensity:
    """Distributions of M steps.

    Args:
        log_pi: log π (M, K).
        mu: μ (M, K, D).
        log_scale: log σ (M, K, D).
        missing: Logits of m (M, D); −∞ where nothing is ever missing.
        end: Logit of e (M,).
    """

    log_pi: Tensor
    mu: Tensor
    log_scale: Tensor
    missing: Tensor
    end: Tensor

    def log_prob(self, x: Tensor) -> Tensor:
        """log density of steps (M, D), NaN where a number is missing, given that there is one; (M,)."""
        is_missing = x.isnan()
        masses = torch.where(is_missing, F.logsigmoid(self.missing), F.logsigmoid(-self.missing)).sum(1)
        return masses + self._of_parts(x, ~is_missing).logsumexp(1)

    def _of_parts(self, x: Tensor, is_known: Tensor) -> Tensor:
        """log π_k plus the log density of the known numbers under each part (M, K)."""
        z = (torch.where(is_known, x, 0.0)[:, None, :] - self.mu) / self.log_scale.exp()  # (M, K, D)
        each = -(z.square() / 2) - self.log_scale - math.log(2 * math.pi) / 2
        return self.log_pi + each.masked_fill(~is_known[:, None, :], 0.0).sum(2)

    def log_end(self, is_end: Tensor) -> Tensor:
        """log probability that the series does (True) or does not end here (M,)."""
        return torch.where(is_end, F.logsigmoid(self.end), F.logsigmoid(-self.end))

    def draw(self, x: Tensor, u: Tensor, z: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        """Steps (M, D), and which series end before them (M,).

        Args:
            x: What is known of the steps (M, D): a number, NaN for a missing one, −∞ where it is to be drawn.
            u: Uniforms (M, D + 2).
            z: Normal numbers (M, D).
            temperature: Below 1 likelier steps.
        """
        is_open = x == -math.inf
        is_end = (u[:, 0] < (self.end / temperature).sigmoid()) & is_open.all(1)
        log_pi = self._of_parts(x, ~is_open & ~x.isnan()) / temperature
        cdf = log_pi.double().softmax(1).cumsum(1)
        k = torch.searchsorted(cdf, (u[:, 1] * cdf[:, -1]).unsqueeze(1), right=True).clamp(max=cdf.shape[1] - 1)
        at = k[:, :, None].expand(-1, 1, x.shape[1])
        mu, scale = self.mu.gather(1, at)[:, 0], self.log_scale.gather(1, at)[:, 0].exp()
        drawn = mu + scale * z * temperature**0.5
        drawn = drawn.masked_fill(u[:, 2:] < (self.missing / temperature).sigmoid(), math.nan)
        return torch.where(is_open, drawn.to(x), x), is_end


class MixtureDensity(nn.Module):
    """h (M, n_in) → the distributions of M steps.

    Args:
        n_in: Width of h.
        dim: Numbers a step, D.
        n_mixture: Parts of the mixture, K.
        has_missing: Numbers can be missing.
    """

    def __init__(self, n_in: int, dim: int, n_mixture: int, has_missing: bool):
        super().__init__()
        self.dim, self.n_mixture, self.has_missing = dim, n_mixture, has_missing
        self.linear = nn.Linear(n_in, n_mixture * (1 + 2 * dim) + dim + 1)

    def reset(self, generator: torch.Generator) -> None:
        """Parts that begin as standard normal distributions, a little apart from each other."""
        K, D = self.n_mixture, self.dim
        with torch.no_grad():
            self.linear.weight.mul_(0.1)
            self.linear.bias[K : K + K * D].copy_(torch.randn(K * D, generator=generator))

    def forward(self, h: Tensor, dtype: torch.dtype = torch.float32) -> StepDensity:
        """The distributions, in float64 where a likelihood has to be exact."""
        K, D = self.n_mixture, self.dim
        pi, mu, log_scale, missing, end = self.linear(h).to(dtype).split([K, K * D, K * D, D, 1], 1)
        never = missing if self.has_missing else torch.full_like(missing, -math.inf)
        log_scale = log_scale.view(-1, K, D).clamp(MIN_LOG_SCALE, MAX_LOG_SCALE)
        return StepDensity(pi.log_softmax(1), mu.view(-1, K, D), log_scale, never, end[:, 0])
