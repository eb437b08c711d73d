"""Distributions of a picture's pixels, independent of each other given the parameters that a network tells.

    bernoulli     P(bright) = σ(l)                                 pictures of two levels, dark 0 and bright n − 1
    categorical   P(code)   = softmax(l)                           few levels, in no order
    logistic      F(x)      = Σ_k π_k σ((x − μ_k) / s_k)           many levels: P(code) = F(x + h) − F(x − h)

with brightness x = 2 code / (n − 1) − 1 and half a step h = 1 / (n − 1); all beyond the ends counts as the ends
(Salimans et al., 2017, https://arxiv.org/abs/1701.05517). Colours share a mixture's component, and the mean of a
channel leans on the channels before it, as in that paper:

    μ_k,c = m_k,c + Σ_{d<c} γ_k,cd x_d

Grey pictures are made binary by drawing each pixel, x ~ Bernoulli(code / (n − 1)), anew each time they are seen
(Salakhutdinov and Murray, 2008, https://doi.org/10.1145/1390156.1390266).
"""

import abc
import math
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from genwright.nn.picture_view import scaled, to_codes

PixelHeadName = Literal["bernoulli", "logistic", "categorical"]
FEW = 8  # levels up to which `auto` takes them for categories
NARROWEST = -1.5  # least log s, above the log of half a step: a logistic that has nearly all mass on one level
WIDEST = 3.0  # largest log s


class PixelHead(abc.ABC):
    """A distribution of pixels; it has no weights of its own.

    Args:
        channels: Of a picture, C.
        n: Levels of a pixel.
    """

    name: ClassVar[str]

    def __init__(self, channels: int, n: int):
        self.channels, self.n = channels, n

    @property
    @abc.abstractmethod
    def n_params(self) -> int:
        """Parameters a place, P."""

    @property
    def n_uniforms(self) -> int:
        """Uniform numbers a place that a draw needs, U."""
        return self.channels

    @abc.abstractmethod
    def log_prob(self, params: Tensor, codes: Tensor) -> Tensor:
        """log p of pictures.

        Args:
            params: (B, P, H, W).
            codes: uint8 (B, C, H, W).

        Returns:
            (B,) in nats, summed over all pixels.
        """

    @abc.abstractmethod
    def sample(self, params: Tensor, u: Tensor, temperature: float = 1.0) -> Tensor:
        """Pictures uint8 (B, C, H, W) from uniform numbers u (B, U, H, W)."""

    @abc.abstractmethod
    def mean(self, params: Tensor) -> Tensor:
        """Mean brightness in [−1, 1] (B, C, H, W)."""

    def first(self) -> Tensor:
        """Parameters of a place that a network does well to begin from (P,)."""
        return torch.zeros(self.n_params)

    def uniforms(self, n: int, size: tuple[int, int], generator: torch.Generator) -> Tensor:
        """What `sample` needs for n pictures of H × W."""
        return torch.rand(n, self.n_uniforms, *size, generator=generator)


class Bernoulli(PixelHead):
    """Dark or bright.

    `log_prob` of grey pixels is the mean over what they become when they are binarised: a cross-entropy, no mass.
    """

    name = "bernoulli"

    @property
    def n_params(self) -> int:
        """The logit of every channel."""
        return self.channels

    def log_prob(self, params: Tensor, codes: Tensor) -> Tensor:
        """Of pictures that are dark and bright alone exact."""
        share = codes.float() * (1 / (self.n - 1))
        each = F.binary_cross_entropy_with_logits(params, share, reduction="none")
        return -each.flatten(1).sum(1)

    def sample(self, params: Tensor, u: Tensor, temperature: float = 1.0) -> Tensor:
        """0 or n − 1."""
        return (u < (params / temperature).sigmoid()).to(torch.uint8) * (self.n - 1)

    def mean(self, params: Tensor) -> Tensor:
        """Exact."""
        return 2 * params.sigmoid() - 1


class Categorical(PixelHead):
    """A probability for every level of every channel."""

    name = "categorical"

    @property
    def n_params(self) -> int:
        """The logit of every level."""
        return self.channels * self.n

    def _logits(self, params: Tensor) -> Tensor:
        """(B, C, n, H, W)."""
        return params.unflatten(1, (self.channels, self.n))

    def log_prob(self, params: Tensor, codes: Tensor) -> Tensor:
        """Exact."""
        log_p = self._logits(params).log_softmax(2)
        return log_p.gather(2, codes.long().unsqueeze(2)).flatten(1).sum(1)

    def sample(self, params: Tensor, u: Tensor, temperature: float = 1.0) -> Tensor:
        """The level at which the sum of probabilities passes u."""
        return _picked(self._logits(params) / temperature, u).to(torch.uint8)

    def mean(self, params: Tensor) -> Tensor:
        """Exact."""
        levels = scaled(torch.arange(self.n), self.n).view(1, 1, -1, 1, 1)
        return (self._logits(params).softmax(2) * levels).sum(2)


class Logistic(PixelHead):
    """A mixture of K logistics, cut into levels.

    Args:
        channels: Of a picture, C.
        n: Levels of a pixel.
        n_mixture: Logistics, K.
    """

    name = "logistic"

    def __init__(self, channels: int, n: int, n_mixture: int = 4):
        super().__init__(channels, n)
        self.n_mixture, self.half = n_mixture, 1 / (n - 1)
        self.least = math.log(self.half) + NARROWEST
        self.widths = [1, channels, channels, channels * (channels - 1) // 2]  # of log π, m, log s, γ

    @property
    def n_params(self) -> int:
        """K shares, and of every component a mean and a scale a channel and a slope a pair of channels."""
        return self.n_mixture * sum(self.widths)

    @property
    def n_uniforms(self) -> int:
        """One picks the component."""
        return self.channels + 1

    def first(self) -> Tensor:
        """Means spread over the levels, in scales that overlap."""
        params = torch.zeros(self.n_params)
        _, m, log_s, _ = params.split([w * self.n_mixture for w in self.widths])
        m.view(self.channels, -1).copy_(torch.linspace(-1, 1, self.n_mixture + 2)[1:-1])
        log_s.fill_(-math.log(self.n_mixture + 1.0))
        return params

    def _parts(self, params: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """log π (B, K, H, W); m and log s (B, C, K, H, W); γ (B, C (C − 1) / 2, K, H, W)."""
        parts = params.split([w * self.n_mixture for w in self.widths], 1)
        log_pi, m, log_s, slope = (part.unflatten(1, (-1, self.n_mixture)) for part in parts)
        return log_pi[:, 0].log_softmax(1), m, log_s.clamp(self.least, WIDEST), slope

    def log_prob(self, params: Tensor, codes: Tensor) -> Tensor:
        """Exact: masses of a pixel's levels sum to 1."""
        log_pi, m, log_s, slope = self._parts(params.contiguous())
        x = scaled(codes, self.n).unsqueeze(2)  # (B, C, 1, H, W)
        leant = [self._leant(m, slope, x, c) for c in range(self.channels)]
        mean = torch.stack(leant, 1) if self.channels > 1 else m
        mass = self._log_mass(x, mean, log_s).sum(1)  # (B, K, H, W)
        return (log_pi + mass).logsumexp(1).flatten(1).sum(1)

    def _leant(self, m: Tensor, slope: Tensor, x: Tensor, c: int) -> Tensor:
        """Means of a channel, given those before it (B, K, H, W)."""
        start = c * (c - 1) // 2
        return m[:, c] + sum(slope[:, start + d] * x[:, d] for d in range(c))

    def _log_mass(self, x: Tensor, mean: Tensor, log_s: Tensor) -> Tensor:
        """log[σ(b) − σ(a)] between the edges a < b of each level; the first has no lower edge, the last no upper one.

        σ(b) − σ(a) = σ(b) σ(−a) (1 − e^{a−b})
        """
        inverse = (-log_s).exp()
        t, reach = (x - mean) * inverse, inverse * self.half
        has_lower, has_upper = x > self.half - 1, x < 1 - self.half
        below = F.softplus(t - reach) * has_lower
        above = F.softplus(-t - reach) * has_upper
        return torch.log(-torch.expm1(-2 * reach)) * (has_lower & has_upper) - below - above

    def sample(self, params: Tensor, u: Tensor, temperature: float = 1.0) -> Tensor:
        """A component, then channel by channel."""
        log_pi, m, log_s, slope = self._parts(params)
        k = _picked(log_pi.unsqueeze(1) / temperature, u[:, :1]).unsqueeze(2)  # (B, 1, 1, H, W)
        m, log_s, slope = (part.gather(2, k.expand(-1, part.shape[1], -1, -1, -1)) for part in (m, log_s, slope))
        noise = u[:, 1:].clamp(1e-7, 1 - 1e-7).logit().unsqueeze(2) * temperature
        x = torch.zeros_like(m)
        for c in range(self.channels):
            drawn = self._leant(m, slope, x, c) + log_s[:, c].exp() * noise[:, c]
            x[:, c] = scaled(to_codes(drawn, self.n), self.n)
        return to_codes(x[:, :, 0], self.n)

    def mean(self, params: Tensor) -> Tensor:
        """Of the components' middles, which are cut at the ends."""
        log_pi, m, _, slope = self._parts(params)
        x = torch.zeros_like(m)
        for c in range(self.channels):
            x[:, c] = self._leant(m, slope, x, c).clamp(-1, 1)
        return (log_pi.exp().unsqueeze(1) * x).sum(2)


def pixel_head(name: PixelHeadName | Literal["auto"], channels: int, n: int, n_mixture: int = 4) -> PixelHead:
    """The head of this name; `auto`: Bernoulli for two levels, categories for a few, logistics for more."""
    chosen = name if name != "auto" else "bernoulli" if n == 2 else "categorical" if n <= FEW else "logistic"
    if chosen == "logistic":
        return Logistic(channels, n, n_mixture)
    return Bernoulli(channels, n) if chosen == "bernoulli" else Categorical(channels, n)


def binarised(codes: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """Pictures of 0 and n − 1 alone, each pixel bright with probability code / (n − 1); of two levels as they are."""
    if n == 2:
        return codes
    u = torch.rand(codes.shape, generator=generator) * (n - 1)
    return (u < codes).to(torch.uint8) * (n - 1)


def _picked(logits: Tensor, u: Tensor) -> Tensor:
    """Which of the entries along dimension 2 a uniform number picks: (B, C, K, H, W), (B, C, H, W) → (B, C, H, W)."""
    cdf = logits.softmax(2).cumsum(2)
    return (u.unsqueeze(2) * cdf[:, :, -1:] >= cdf).sum(2).clamp(max=logits.shape[2] - 1)
