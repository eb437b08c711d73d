"""Forward and backward in scaled probabilities (Rabiner 1989, section V.A: https://doi.org/10.1109/5.18626).

    α̂_t(k) = p(z_t = k | x_1 … x_t)                     α̂_t = (Aᵀ α̂_{t-1}) ∘ b_t / c_t
    β̂_t(k) = p(x_{t+1} … x_T | z_t = k) / Π_{s>t} c_s   β̂_{t-1} = A (b_t ∘ β̂_t / c_t)
    γ_t = α̂_t ∘ β̂_t        ξ = A ∘ Σ_t α̂_{t-1} (b_t ∘ β̂_t / c_t)ᵀ        log p(x) = Σ_t log c_t

b_t is divided by its largest entry first. All this is exact unless a state is so unlikely beside another that it
rounds to zero and yet matters later. A weight lost so is below 1e-323 of its neighbours', so it matters only where β̂
leaves the range of floats; sequences where it does, or where c_t is tiny, are done again in log space.
"""

from dataclasses import dataclass

import numpy as np

from genwright.nn.markov.chain import Chain
from genwright.nn.markov.layout import Layout
from genwright.nn.markov.log_space import smooth_in_logs
from genwright.nn.markov.seams import carry_back, carry_over, transfers

TINY = 1e-30  # c_t below it are not trusted


@dataclass
class Smoothed:
    """What the observations say about the states."""

    log_prob: np.ndarray  # (N,) nats
    gamma: np.ndarray  # p(z_t = k | x) (K, F)
    starts: np.ndarray  # expected numbers of starts (K,)
    moves: np.ndarray  # expected numbers of transitions (K, K)


@dataclass
class Filtered:
    """The forward pass alone."""

    log_prob: np.ndarray  # (N,) nats
    alpha: np.ndarray  # p(z_t = k | x_1 … x_t) (K, F)


class ForwardBackward:
    """Both passes over the frames of one layout; its arrays are made once, and results are views of them.

    A sequence of no steps has probability 1; one that is impossible has log_prob -inf and zeros for posteriors.
    """

    def __init__(self, layout: Layout, n_states: int):
        shape = n_states, layout.n_frames
        self.layout = layout
        self.b, self.alpha, self.gamma = (np.empty(shape) for _ in range(3))
        self.scale, self.shift = np.empty(layout.n_frames), np.empty(layout.n_frames)

    def filter(self, chain: Chain, log_b: np.ndarray) -> Filtered:
        """Forward, from log p(x_t | z_t = k) (K, F)."""
        with np.errstate(all="ignore"):
            self._enter(log_b)
            first = np.repeat(chain.start[:, None], self.layout.n_pieces, axis=1)
            if self.layout.seams:
                first, _ = carry_over(chain, self.layout, transfers(chain, self.layout, self.b))
            log_prob = self._forward(chain, first)
        bad = self._rows(~(self.scale >= TINY))
        if len(bad):
            again = smooth_in_logs(chain, self.layout, log_b, bad)
            log_prob[bad], self.alpha[:, again.frames] = again.log_prob, again.alpha
        return Filtered(log_prob, self.alpha)

    def smooth(self, chain: Chain, log_b: np.ndarray) -> Smoothed:
        """Forward and backward, from log p(x_t | z_t = k) (K, F)."""
        layout = self.layout
        with np.errstate(all="ignore"):
            self._enter(log_b)
            first = np.repeat(chain.start[:, None], layout.n_pieces, axis=1)
            last, end = np.ones_like(first), None
            if layout.seams:
                p = transfers(chain, layout, self.b)
                first, end = carry_over(chain, layout, p)
                last = carry_back(layout, p, end)
            log_prob = self._forward(chain, first)
            self.b /= self.scale
            pairs = self._backward(chain, last, end)
            bad = self._rows(~(self.scale >= TINY) | ~np.isfinite(self.gamma.sum(0)))
            if len(bad):
                return self._mended(chain, log_b, log_prob, bad, last, end)
        return Smoothed(log_prob, self.gamma, self.gamma[:, layout.firsts].sum(1), chain.move * pairs)

    def _enter(self, log_b: np.ndarray) -> None:
        """b with a largest entry of 1 in every frame, and the logs of what it was divided by."""
        np.max(log_b, axis=0, out=self.shift)
        self.shift[self.shift == -np.inf] = 0.0
        np.subtract(log_b, self.shift, out=self.b)
        np.exp(self.b, out=self.b)

    def _forward(self, chain: Chain, first: np.ndarray) -> np.ndarray:
        """α̂ and c of all frames from p(z | what was before each piece) (K, M); log p(x) of each sequence (N,)."""
        move, b, alpha, scale = np.ascontiguousarray(chain.move.T), self.b, self.alpha, self.scale
        now = first
        for n, begin in zip(self.layout.alive, self.layout.start, strict=False):
            slab = slice(begin, begin + n)
            a, c = alpha[:, slab], scale[slab]
            np.multiply(np.matmul(move, now[:, :n]) if begin else now, b[:, slab], out=a)
            np.add.reduce(a, axis=0, out=c)
            np.divide(a, c, out=a)
            now = a
        return self.layout.per_row(np.log(scale) + self.shift)

    def _backward(self, chain: Chain, last: np.ndarray, end: np.ndarray | None) -> np.ndarray:
        """γ of all frames from β̂ at the ends of pieces (K, M); Σ_t α̂_{t-1} (b_t β̂_t / c_t)ᵀ (K, K)."""
        b, alpha, gamma, alive, start = self.b, self.alpha, self.gamma, self.layout.alive, self.layout.start
        beta, pairs, weighted = last.copy(), np.zeros_like(chain.move), last
        for t in reversed(range(len(alive))):
            n, slab = alive[t], slice(start[t], start[t + 1])
            now = beta[:, :n]
            np.multiply(alpha[:, slab], now, out=gamma[:, slab])
            weighted = np.multiply(b[:, slab], now)
            if t:
                pairs += np.matmul(alpha[:, start[t - 1] : start[t - 1] + n], weighted.T)
                np.matmul(chain.move, weighted, out=now)
        for before, piece in self.layout.all_seams:
            assert end is not None
            pairs += end[:, before] @ weighted[:, piece].T
        return pairs

    def _rows(self, is_bad: np.ndarray) -> np.ndarray:
        """The sequences that have a bad frame."""
        return np.unique(self.layout.row[is_bad]) if is_bad.any() else np.zeros(0, np.int64)

    def _mended(
        self,
        chain: Chain,
        log_b: np.ndarray,
        log_prob: np.ndarray,
        bad: np.ndarray,
        last: np.ndarray,
        end: np.ndarray | None,
    ) -> Smoothed:
        """The same with some sequences taken out and done in log space."""
        layout = self.layout
        again = smooth_in_logs(chain, layout, log_b, bad)
        pieces = np.isin(layout.owner, bad)
        for array in (self.b, self.alpha):
            array[:, again.frames] = 0.0
        for array in (last, end) if end is not None else (last,):
            array[:, pieces] = 0.0
        pairs = self._backward(chain, last, end)
        self.gamma[:, again.frames] = again.gamma
        self.alpha[:, again.frames] = again.alpha
        log_prob[bad] = again.log_prob
        starts = self.gamma[:, layout.firsts].sum(1)
        return Smoothed(log_prob, self.gamma, starts, chain.move * pairs + again.moves)
