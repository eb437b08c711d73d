"""Sequences whose steps know nothing of each other: the trivial baseline of texts and of series.

    p(text)   = p(T) Π_t p(w_t)                                        words, characters: unigrams
    p(series) = p(T) Π_t Π_d [m_d  or  (1 − m_d) N(x_td; μ_d, σ_d²)]   m_d: share of missing numbers

T counts the tokens before the end. Lengths are smoothed as by Witten and Bell (1991), https://doi.org/10.1109/18.87000:
with c(T) of N sequences and R different lengths seen, p(T) = (c(T) + αR / n) / (N + αR), n lengths being possible.
Tokens have α added to each count; the end and what stands behind it are no tokens.
"""

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from genwright.core.dataset import Dataset
from genwright.core.space import Tokens, Vectors
from genwright.nn.sequence_length import is_missing, is_within, n_steps, n_tokens

CHUNK = 4096  # rows counted at once
LEAST_SCALE = 1e-6  # of a number's spread: no normal distribution is narrower


class Lengths:
    """p(T) for T = 0 … `longest`."""

    def __init__(self, longest: int, pseudo_count: float):
        self.longest, self.pseudo_count = longest, pseudo_count
        self.log_p = torch.zeros(0, dtype=torch.float64)

    def learn(self, counts: Tensor) -> None:
        """From how often each length occurs (longest + 1,)."""
        spread = self.pseudo_count * max(int((counts > 0).sum()), 1)
        self.log_p = ((counts + spread / len(counts)) / (counts.sum() + spread)).log()

    def draw(self, u: Tensor, temperature: float) -> Tensor:
        """Lengths at uniforms u (B,)."""
        return inverted(self.log_p / temperature, u)


class Unigrams:
    """Independent tokens.

    Args:
        support: The column's sequences.
        pseudo_count: α.
    """

    def __init__(self, support: Tokens, pseudo_count: float = 0.5):
        self.support, self.pseudo_count = support, pseudo_count
        self.lengths = Lengths(support.length, pseudo_count)
        self.log_p = torch.zeros(0, dtype=torch.float64)  # of each code (V,); −∞ for end and pad

    def count(self, data: Dataset, name: str) -> None:
        """Counts a column's tokens and lengths."""
        of_length, of_token = np.zeros(self.support.length + 1), np.zeros(self.support.n)
        for batch in data.batches(CHUNK):
            T = n_tokens(batch[name], self.support)
            tokens = batch[name][is_within(T, self.support.length)]
            is_known = ~is_missing(batch[name], self.support)
            of_length += np.bincount(T[is_known], minlength=len(of_length))
            of_token += np.bincount(tokens, minlength=len(of_token))
        self.lengths.learn(torch.from_numpy(of_length))
        weight = torch.from_numpy(of_token) + self.pseudo_count
        weight[[self.support.pad, self.support.end]] = 0.0
        self.log_p = (weight / weight.sum()).log()

    def log_prob(self, codes: Tensor) -> Tensor:
        """log p(text) of each row (B, T) → (B,); 0 of one that is missing, which is summed out."""
        T = n_tokens(codes, self.support)
        each = self.log_p[codes].masked_fill(~is_within(T, codes.shape[1]), 0.0)
        return (self.lengths.log_p[T] + each.sum(1)).masked_fill(is_missing(codes, self.support), 0.0)

    def draw(self, n: int, generator: torch.Generator, temperature: float = 1.0) -> Tensor:
        """n rows (n, T); the first ones are the same however many are drawn."""
        u = torch.rand(n, self.support.length + 1, generator=generator, dtype=torch.float64)
        T = self.lengths.draw(u[:, 0], temperature)
        codes = inverted(self.log_p / temperature, u[:, 1:])
        places = torch.arange(self.support.length)
        codes = torch.where(places < T[:, None], codes, self.support.pad)
        return torch.where(places == T[:, None], self.support.end, codes)

    def state(self) -> dict[str, Tensor]:
        """Log probabilities of lengths and codes."""
        return {"lengths": self.lengths.log_p, "log_p": self.log_p}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        self.lengths.log_p, self.log_p = state["lengths"], state["log_p"]


class NormalSteps:
    """Independent normal numbers.

    Args:
        support: The column's series.
        pseudo_count: α of lengths and of missing numbers.
    """

    def __init__(self, support: Vectors, pseudo_count: float = 0.5):
        self.support, self.pseudo_count = support, pseudo_count
        self.lengths = Lengths(support.length, pseudo_count)
        self.missing = self.location = self.scale = torch.zeros(0, dtype=torch.float64)  # m, μ, σ: each (D,)

    def count(self, data: Dataset, name: str) -> None:
        """Counts lengths and missing numbers; means and spreads of the others, in two passes over the rows."""
        of_length = np.zeros(self.support.length + 1)
        sums = torch.zeros(3, self.support.dim, dtype=torch.float64)  # missing, known, and what the known ones add to
        for batch in data.batches(CHUNK):
            T, x = n_steps(batch[name]), _steps(batch[name])
            of_length += np.bincount(T, minlength=len(of_length))
            sums += torch.stack([x.isnan().sum(0), (~x.isnan()).sum(0), x.nansum(0)])
        n_missing, n_known, total = sums
        self.lengths.learn(torch.from_numpy(of_length))
        self.missing = self._share(n_missing, n_known)
        self.location = total / n_known.clamp(min=1)
        squares = sum((_steps(b[name]) - self.location).square().nansum(0) for b in data.batches(CHUNK))
        usual = torch.tensor(self.support.scale or [1.0] * self.support.dim, dtype=torch.float64)
        spread = (squares / n_known.clamp(min=1)).sqrt()
        self.scale = torch.where(n_known > 1, spread.maximum(LEAST_SCALE * usual), usual)

    def _share(self, n_missing: Tensor, n_known: Tensor) -> Tensor:
        if not self.support.has_missing:
            return torch.zeros_like(n_missing)
        return (n_missing + self.pseudo_count) / (n_missing + n_known + 2 * self.pseudo_count)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(series) of each row (B, T, D) → (B,), density in the numbers' own units."""
        z = (x - self.location) / self.scale
        normal = -(z.square() / 2) - self.scale.log() - math.log(2 * math.pi) / 2 + (1 - self.missing).log()
        each = torch.where(x.isnan(), self.missing.log(), normal)  # (B, T, D)
        T = n_steps(x)
        return self.lengths.log_p[T] + each.sum(2).masked_fill(~is_within(T, x.shape[1]), 0.0).sum(1)

    def draw(self, n: int, generator: torch.Generator, temperature: float = 1.0) -> Tensor:
        """n rows (n, T, D); the first ones are the same however many are drawn."""
        T_most, D = self.support.length, self.support.dim
        u = torch.rand(n, 1 + 2 * T_most * D, generator=generator, dtype=torch.float64)
        T = self.lengths.draw(u[:, 0], temperature)
        is_missing, rank = u[:, 1:].view(n, T_most, D, 2).unbind(3)
        z = torch.special.ndtri(rank.clamp(2**-54, 1 - 2**-53)) * temperature**0.5
        x = torch.where(is_missing < self._tempered(temperature), math.nan, self.location + self.scale * z)
        return x.masked_fill(~is_within(T, T_most)[:, :, None], math.inf)

    def _tempered(self, temperature: float) -> Tensor:
        """Shares of missing numbers (D,)."""
        pair = torch.stack([self.missing, 1 - self.missing])
        pair = (pair / pair.amax(0)) ** (1 / temperature)
        return pair[0] / pair.sum(0)

    def state(self) -> dict[str, Tensor]:
        """Log probabilities of lengths, shares of missing numbers, means and standard deviations."""
        found = {"missing": self.missing, "location": self.location, "scale": self.scale}
        return {"lengths": self.lengths.log_p, **found}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        self.lengths.log_p = state["lengths"]
        self.missing, self.location, self.scale = state["missing"], state["location"], state["scale"]


def _steps(x: Tensor) -> Tensor:
    """All steps of rows (B, T, D) that are there (M, D)."""
    return x[x[..., 0] != math.inf]


def inverted(log_weight: Tensor, u: Tensor) -> Tensor:
    """Codes of probability proportional to exp(log weight) (V,), at uniforms u of any shape."""
    cdf = (log_weight - log_weight.max()).exp().cumsum(0)
    code = torch.searchsorted(cdf, u * cdf[-1], right=True)
    return code.clamp(max=int(log_weight.isfinite().nonzero()[-1]))
