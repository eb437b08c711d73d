"""A vector as a distribution over a row's elements, independent of each other given the vector.

Every element has probabilities of its codes. A smooth number has besides a mixture of logistic distributions of its
score, cut at the ends of the column (Salimans et al., 2017, https://arxiv.org/abs/1701.05517):

    P(code)  = softmax(logits)
    F(z)     = Σ_k π_k σ((z − μ_k) / s_k)
    p(x)     = P(smooth) · [F(z(x + step/2)) − F(z(x − step/2))]        a number with a step: mass
    p(x)     = P(smooth) · F'(z(x)) dz/dx / [F(z_max) − F(z_min)]        a continuous one: density in its own units

`GaussianHead` has one normal distribution instead of the mixture, of the textbook's kind.

An atom of a number counts as its code alone, so where smooth draws can also come out as an atom this is a lower bound.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genwright.core.space import Batch
from genwright.nn.code_groups import CodeGroups
from genwright.nn.row_view import EDGE, RowView

NARROW = -7.0  # log of a step in scales below which float32 cannot subtract its ends
MIN_LOG_SCALE, MAX_LOG_SCALE = -5.0, 2.0


class ColumnHead(nn.Module):
    """Distributions of a row's elements.

    Args:
        view: The columns.
        n_in: Width of the vector.
        n_mixture: Logistic distributions a smooth number, K.
    """

    is_stepped: Tensor
    ends: Tensor

    def __init__(self, view: RowView, n_in: int, n_mixture: int = 4):
        super().__init__()
        self.view, self.groups, self.n_mixture = view, CodeGroups(view.sizes), n_mixture
        self.codes = nn.Linear(n_in, self.groups.n_padded)
        self.mixture = nn.Linear(n_in, view.n_scores * 3 * n_mixture) if view.n_scores else None
        self.register_buffer("is_stepped", torch.tensor([n.support.step > 0 for n in view.numbers]), persistent=False)
        self.register_buffer("ends", torch.tensor([n.ends for n in view.numbers]).view(-1, 2), persistent=False)

    def reset(self, generator: torch.Generator) -> None:
        """Begins near the columns' own distributions: even codes, logistics spread over the scores."""
        with torch.no_grad():
            self.codes.weight.mul_(0.1)
            if self.mixture is None:
                return
            self.mixture.weight.mul_(0.1)
            bias = self.mixture.bias.view(-1, 3, self.n_mixture)
            bias[:, 1] = torch.linspace(-1.5, 1.5, self.n_mixture) if self.n_mixture > 1 else torch.zeros(1)
            bias[:, 2] = -0.7

    def _mixture(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """log π, μ, log s, each (B, R, K)."""
        assert self.mixture is not None
        out = self.mixture(h).view(len(h), self.view.n_scores, 3, self.n_mixture)
        scale = MIN_LOG_SCALE + F.softplus(out[:, :, 2] - MIN_LOG_SCALE)
        return out[:, :, 0].log_softmax(-1), out[:, :, 1], scale.clamp(max=MAX_LOG_SCALE)

    def log_prob(self, h: Tensor, rows: Batch) -> Tensor:
        """log p of each row's elements given the vectors h (B, n_in), for prepared rows: (B, J)."""
        total = self.groups.log_prob(self.codes(h), rows["codes"])
        if not self.view.n_scores:
            return total
        is_used = rows["codes"][:, self.view.slots] == self.view.smooth_codes
        inside = torch.where(is_used, self._inside(h, rows), 0.0)
        return total.index_add(1, self.view.slots, inside)

    def _inside(self, h: Tensor, rows: Batch) -> Tensor:
        """log p(x | smooth) (B, R)."""
        log_pi, mu, log_s = self._mixture(h)
        inverse = (-log_s).exp()
        parts = []
        if bool(self.is_stepped.any()):
            parts.append((log_pi + _step_mass(rows, mu, log_s)).logsumexp(-1))
        if not bool(self.is_stepped.all()):
            z = (rows["z"].unsqueeze(-1) - mu) * inverse
            density = (log_pi - z - 2 * F.softplus(-z) - log_s).logsumexp(-1)
            low, high = ((self.ends[:, i].unsqueeze(-1) - mu) * inverse for i in (0, 1))
            cut = (log_pi + _log_mass(low, high)).logsumexp(-1)
            parts.append(density - cut + rows["log_slope"])
        return torch.where(self.is_stepped, parts[0], parts[-1])

    def sample(self, h: Tensor, u: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        """Codes (B, J) and scores (B, R) from uniforms u (B, J + 2R)."""
        j, r = self.view.n_codes, self.view.n_scores
        codes = self.groups.draw(self.codes(h) / temperature, u[:, :j])
        return codes, self._scores(h, u[:, j : j + r], u[:, j + r :], temperature)

    def _scores(self, h: Tensor, u: Tensor, v: Tensor, temperature: float) -> Tensor:
        """u picks the logistic, v the place in it, between the ends."""
        if not self.view.n_scores:
            return torch.zeros(len(h), 0)
        log_pi, mu, log_s = (x.double() for x in self._mixture(h))
        scale = log_s.exp() * temperature
        ends = [((self._bounds()[:, i].unsqueeze(-1) - mu) / scale).sigmoid() for i in (0, 1)]  # (B, R, K)
        weight = (log_pi / temperature).softmax(-1) * (ends[1] - ends[0]).clamp(min=1e-300)
        cdf = weight.cumsum(-1)
        k = (u.unsqueeze(-1) * cdf[..., -1:] >= cdf).sum(-1, keepdim=True).clamp(max=self.n_mixture - 1)
        low, high, m, s = (x.gather(-1, k).squeeze(-1) for x in (*ends, mu, scale))
        p = low + v * (high - low)
        return m + s * (p.clamp(1e-12, 1 - 1e-12)).logit()

    def _bounds(self) -> Tensor:
        """Where draws are cut (R, 2): a number with a step puts all beyond its ends on the ends."""
        edge = torch.tensor([-EDGE, EDGE], dtype=torch.float64)
        return torch.where(self.is_stepped.unsqueeze(-1), edge, self.ends.double())

    def relaxed(self, h: Tensor, noise: Tensor, u: Tensor, tau: float) -> tuple[list[Tensor], Tensor]:
        """Draws that gradients pass through: straight-through shares of codes, and scores.

        Codes by the Gumbel trick (Jang et al., 2017, https://arxiv.org/abs/1611.01144), hard forwards and soft
        backwards; scores from the mean of each mixture, moved by logistic noise.

        Args:
            h: Vectors (B, n_in).
            noise: Gumbel noise (B, P), P padded codes.
            u: Uniforms (B, R).
            tau: Temperature of the soft shares.
        """
        parts = []
        for part in self.groups.split(self.codes(h) + self.groups.mask + noise):
            soft = (part / tau).softmax(-1)
            hard = torch.zeros_like(soft).scatter_(-1, part.argmax(-1, keepdim=True), 1.0)
            parts.append(hard + soft - soft.detach())
        if not self.view.n_scores:
            return parts, torch.zeros(len(h), 0)
        log_pi, mu, log_s = self._mixture(h)
        m, s = (log_pi.exp() * mu).sum(-1), (log_pi.exp() * log_s).sum(-1).exp()
        return parts, m + s * u.clamp(1e-6, 1 - 1e-6).logit()


class GaussianHead(ColumnHead):
    """The same with one normal distribution a smooth number, N(μ(h), σ²), and one σ for all of them, in scores.

    Args:
        view: The columns, with linear scores.
        n_in: Width of the vector.
    """

    def __init__(self, view: RowView, n_in: int):
        super().__init__(view, n_in, n_mixture=1)
        self.mixture = None
        self.mean = nn.Linear(n_in, view.n_scores) if view.n_scores else None
        self.log_scale = nn.Parameter(torch.zeros(()))

    def reset(self, generator: torch.Generator) -> None:
        """Begins at σ of one scale."""
        with torch.no_grad():
            self.codes.weight.mul_(0.1)
            self.log_scale.zero_()

    def _inside(self, h: Tensor, rows: Batch) -> Tensor:
        assert self.mean is not None
        mu, s = self.mean(h), self.log_scale.exp()
        z = (rows["z"] - mu) / s
        density = -0.5 * z.square() - 0.5 * math.log(2 * math.pi) - self.log_scale + rows["log_slope"]
        if not bool(self.is_stepped.any()):
            return density
        narrow = density - rows["log_slope"] + rows["log_width"]
        a, b = ((rows[key] - mu) / s for key in ("z_low", "z_high"))
        low, high = torch.special.log_ndtr(torch.minimum(a, -b)), torch.special.log_ndtr(torch.minimum(b, -a))
        mass = high + torch.log1p(-(low - high).clamp(max=-1e-7).exp())  # in the lower tail, where it is exact
        mass = torch.where((a < 0) & (b > 0), _middle_mass(a, b), mass)
        mass = torch.where(rows["log_width"] - self.log_scale < NARROW, narrow, mass)
        return torch.where(self.is_stepped, mass, density)

    def _scores(self, h: Tensor, u: Tensor, v: Tensor, temperature: float) -> Tensor:
        if self.mean is None:
            return torch.zeros(len(h), 0)
        noise = torch.special.ndtri(v.clamp(1e-12, 1 - 1e-12))
        return self.mean(h).double() + noise * self.log_scale.double().exp() * temperature**0.5


def _middle_mass(a: Tensor, b: Tensor) -> Tensor:
    """log[Φ(b) − Φ(a)] for a < 0 < b."""
    return torch.log((torch.special.ndtr(b) - torch.special.ndtr(a)).clamp(min=1e-12))


def _step_mass(rows: Batch, mu: Tensor, log_s: Tensor) -> Tensor:
    """log[F_k(z_high) − F_k(z_low)] (B, R, K); where the step is far below the scale, its width times the density."""
    z, width, inverse = rows["z"].unsqueeze(-1), rows["log_width"].unsqueeze(-1), (-log_s).exp()
    t = (z - mu) * inverse
    narrow = width - t - 2 * F.softplus(-t) - log_s
    a, b = ((rows[key].unsqueeze(-1) - mu) * inverse for key in ("z_low", "z_high"))
    return torch.where(width - log_s < NARROW, narrow, _log_mass(a, b))


def _log_mass(a: Tensor, b: Tensor) -> Tensor:
    """log[σ(b) − σ(a)] for a < b, without losing small differences.

    σ(b) − σ(a) = σ(b) σ(−a) (1 − e^{a−b})
    """
    gap = (b - a).clamp(min=1e-7)
    return F.logsigmoid(b) + F.logsigmoid(-a) + torch.log(-torch.expm1(-gap))


def uniforms(head: ColumnHead, n: int, generator: torch.Generator) -> Tensor:
    """What `ColumnHead.sample` needs for n rows."""
    width = head.view.n_codes + 2 * head.view.n_scores
    return torch.rand(n, max(width, 1), generator=generator, dtype=torch.float64)[:, :width]
