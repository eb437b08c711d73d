"""Forward and backward in logs: slower, and right however far apart the probabilities of states are.

log α_t(k) = log b_t(k) + log Σ_j exp(log α_{t-1}(j) + log A_jk)      and β likewise from the end
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from genwright.nn.markov.chain import Chain
from genwright.nn.markov.layout import Layout


@dataclass
class Redone:
    """The passes over some sequences."""

    frames: np.ndarray  # where their steps lie in the layout they came from (G,)
    log_prob: np.ndarray  # of each of them, nats
    alpha: np.ndarray  # p(z_t | x_1 … x_t) (K, G)
    gamma: np.ndarray  # p(z_t | x) (K, G)
    moves: np.ndarray  # expected transitions (K, K)


def smooth_in_logs(chain: Chain, layout: Layout, log_b: np.ndarray, rows: np.ndarray) -> Redone:
    """Both passes over some sequences of a layout; those of probability 0 have zeros for posteriors."""
    part, frames = _part(layout, rows)
    log_b = log_b[:, frames]
    with np.errstate(divide="ignore", invalid="ignore"):
        move = np.log(chain.move)
        alpha = _forward(np.log(chain.start), move, part, log_b)
        beta = _backward(move, part, log_b)
        log_prob = _log_sum(alpha[:, part.ends], axis=0)
        total = log_prob[part.row]
        moves = _moves(move, part, log_b, alpha, beta, total)
        gamma = np.exp(alpha + beta - total)
        filtered = np.exp(alpha - _log_sum(alpha, axis=0))
    return Redone(frames, log_prob, np.nan_to_num(filtered), np.nan_to_num(gamma), moves)


def _log_sum(x: np.ndarray, axis: int) -> np.ndarray:
    """log Σ exp x; -inf where all are."""
    top = np.maximum(x.max(axis=axis, keepdims=True), -1e300)
    return np.log(np.exp(x - top).sum(axis=axis)) + top.squeeze(axis)


def _part(layout: Layout, rows: np.ndarray) -> tuple[Layout, np.ndarray]:
    """The layout of some sequences, and the frames that theirs are in the whole."""
    lengths = np.asarray(layout.lengths)[rows]
    place = np.full(len(layout.lengths), -1)
    place[rows] = np.arange(len(rows))
    mine = np.flatnonzero(place[layout.row] >= 0)
    frame = np.zeros((len(rows), int(lengths.max())), np.int64)
    frame[place[layout.row[mine]], layout.step[mine]] = mine
    part = Layout(lengths)
    return part, frame[part.row, part.step]


def _slabs(part: Layout) -> list[slice]:
    return [slice(a, b) for a, b in pairwise(part.start)]


def _forward(start: np.ndarray, move: np.ndarray, part: Layout, log_b: np.ndarray) -> np.ndarray:
    alpha = np.empty_like(log_b)
    slabs = _slabs(part)
    alpha[:, slabs[0]] = start[:, None] + log_b[:, slabs[0]]
    for before, now in pairwise(slabs):
        last = alpha[:, before][:, : now.stop - now.start]
        alpha[:, now] = _log_sum(last[:, None] + move[:, :, None], axis=0) + log_b[:, now]
    return alpha


def _backward(move: np.ndarray, part: Layout, log_b: np.ndarray) -> np.ndarray:
    beta = np.zeros_like(log_b)
    slabs = _slabs(part)
    for before, now in zip(slabs[-2::-1], slabs[:0:-1], strict=True):
        ahead = log_b[:, now] + beta[:, now]  # (K, n)
        beta[:, before.start : before.start + now.stop - now.start] = _log_sum(move[:, :, None] + ahead, axis=1)
    return beta


def _moves(
    move: np.ndarray, part: Layout, log_b: np.ndarray, alpha: np.ndarray, beta: np.ndarray, total: np.ndarray
) -> np.ndarray:
    """Σ_t p(z_{t-1} = j, z_t = k | x), summed over the sequences (K, K)."""
    moves = np.zeros_like(move)
    slabs = _slabs(part)
    for before, now in pairwise(slabs):
        last = alpha[:, before][:, : now.stop - now.start]
        logs = last[:, None] + move[:, :, None] + (log_b + beta - total)[None, :, now]
        moves += np.nan_to_num(np.exp(logs)).sum(-1)
    return moves
