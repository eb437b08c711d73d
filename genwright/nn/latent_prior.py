"""Where latents come from: N(0, I), or a mixture of normals that is learnt beside the rest.

    p(z | c) = Σ_m w_m(c) N(z; μ_m, diag σ_m²)

The encoder's latents, taken over all rows, seldom fill N(0, I): draws from its holes look like nothing that was learnt.
A mixture follows them (as in Tomczak and Welling, 2018, https://arxiv.org/abs/1705.07120, whose components are the
posteriors of learnt inputs; here they are free), and bounds stay bounds, since it is part of the model. Weights lean on
the given columns c.
"""

import math

import torch
from torch import Tensor, nn

LOG_2PI = math.log(2 * math.pi)
LEAST_LOG_SCALE = -4.0


class LatentPrior(nn.Module):
    """The distribution of latents before a row is seen.

    Args:
        n_latents: K.
        n_components: Normals, M; 0: the one N(0, I), which has no weights.
        n_given: Numbers that stand for the given columns.
    """

    def __init__(self, n_latents: int, n_components: int = 0, n_given: int = 0):
        super().__init__()
        self.n_latents, self.n_components, self.n_given = n_latents, n_components, n_given
        if n_components:
            self.mean = nn.Parameter(torch.zeros(n_components, n_latents))
            self.log_scale = nn.Parameter(torch.zeros(n_components, n_latents))
            self.weights = nn.Linear(n_given, n_components) if n_given else None
            self.bias = nn.Parameter(torch.zeros(n_components))

    def reset(self, generator: torch.Generator) -> None:
        """Begins with normals that together are about N(0, I)."""
        if not self.n_components:
            return
        with torch.no_grad():
            self.mean.copy_(0.5 * torch.randn(self.mean.shape, generator=generator))
            self.log_scale.fill_(0.5 * math.log(0.75))
            self.bias.zero_()
            if self.weights is not None:
                self.weights.weight.mul_(0.1)

    def _log_weights(self, known: Tensor) -> Tensor:
        """log w (B, M), or (1, M) where nothing is given."""
        more = self.weights(known[:, : self.n_given]) if self.weights is not None else 0.0
        return (self.bias + more).view(-1, self.n_components).log_softmax(1)

    def _log_scale(self) -> Tensor:
        return self.log_scale.clamp(min=LEAST_LOG_SCALE)

    def log_prob(self, z: Tensor, known: Tensor) -> Tensor:
        """log p(z | c) (B,) for latents (B, K) and given columns (B, n_given), behind which more may stand."""
        if not self.n_components:
            return -0.5 * (z.square().sum(1) + self.n_latents * LOG_2PI)
        log_s = self._log_scale()
        precision = (-2 * log_s).exp()  # (M, K)
        # ‖(z − μ) / σ‖² as three products, which needs no (B, M, K)
        square = z.square() @ precision.T - 2 * z @ (self.mean * precision).T + (self.mean.square() * precision).sum(1)
        each = -0.5 * (square + self.n_latents * LOG_2PI) - log_s.sum(1)
        return (each + self._log_weights(known)).logsumexp(1)

    def sample(self, n: int, known: Tensor, generator: torch.Generator, temperature: float = 1.0) -> Tensor:
        """n latents (n, K); below temperature 1 nearer to the components' middles, and from likelier ones."""
        noise = torch.randn(n, self.n_latents, generator=generator) * temperature**0.5
        if not self.n_components:
            return noise
        u = torch.rand(n, 1, generator=generator)
        cdf = (self._log_weights(known) / temperature).softmax(1).cumsum(1).expand(n, -1)
        m = (u * cdf[:, -1:] >= cdf).sum(1).clamp(max=self.n_components - 1)
        return self.mean[m] + self._log_scale()[m].exp() * noise
