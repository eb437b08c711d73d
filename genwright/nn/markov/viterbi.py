"""The most probable path of states (Viterbi 1967, https://doi.org/10.1109/TIT.1967.1054010).

    δ_t(k) = log b_t(k) + max_j δ_{t-1}(j) + log A_jk       z_{t-1} = argmax_j δ_{t-1}(j) + log A_j,z_t

Only δ is kept; where it came from is worked out on the way back, for the one state that is needed. Of sequences that
were cut, max-plus products of the pieces (K, K) tell the states at the seams; then each piece is walked on its own.
"""

import numpy as np

from genwright.nn.markov.chain import Chain
from genwright.nn.markov.layout import Layout

EVERY = 8  # steps between two looks whether paths have met
AGREE = 1e-13  # relative difference of scores that count as equal


def viterbi(chain: Chain, layout: Layout, log_b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The states (F,) of the most probable path of each sequence, and its log p(x, z) (N,) in nats.

    Args:
        chain: π and A.
        layout: Of the frames.
        log_b: log p(x_t | z_t = k) (K, F).
    """
    with np.errstate(divide="ignore"):
        start, move = np.log(chain.start), np.log(chain.move)
    score = np.zeros(len(layout.lengths))
    first = np.repeat(start[:, None], layout.n_pieces, axis=1)
    last = np.zeros(layout.n_pieces, np.int64)
    if layout.seams:
        last, best = _between_seams(start, move, layout, log_b, first)
        score[layout.owner[layout.all_seams[0][1]]] = best
    delta = _forward(move, layout, log_b, first)
    alone = np.flatnonzero(~layout.is_joined)
    last[alone] = np.argmax(delta[:, layout.last[alone]], axis=0)
    score[layout.owner[alone]] = delta[:, layout.last[alone]].max(0)
    return _back(move, layout, delta, last), score


def _forward(move: np.ndarray, layout: Layout, log_b: np.ndarray, first: np.ndarray) -> np.ndarray:
    """δ (K, F), from its value at the first step of each piece without log b there (K, M)."""
    delta = np.empty_like(log_b)
    moves = np.ascontiguousarray(move[:, :, None])
    now = first
    for n, begin in zip(layout.alive, layout.start, strict=False):
        slab = slice(begin, begin + n)
        best = np.max(now[:, None, :n] + moves, axis=0) if begin else now
        now = np.add(best, log_b[:, slab], out=delta[:, slab])
    return delta


def _back(move: np.ndarray, layout: Layout, delta: np.ndarray, last: np.ndarray) -> np.ndarray:
    """States (F,) of the best paths to these last states of pieces (M,)."""
    states, z = np.empty(layout.n_frames, np.int64), last.copy()
    for t in reversed(range(len(layout.alive))):
        begin, n = layout.start[t], layout.alive[t]
        states[begin : begin + n] = z[:n]
        if t:
            before = delta[:, layout.start[t - 1] : layout.start[t - 1] + n] + move.take(z[:n], axis=1)
            z[:n] = np.argmax(before, axis=0)
    return states


def _between_seams(
    start: np.ndarray, move: np.ndarray, layout: Layout, log_b: np.ndarray, first: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The last states of pieces (M,), and for every seam the score of its sequence; fills `first` behind seams."""
    path = _products(start, move, layout, log_b)
    n_states = len(start)
    end, onward = path[:, n_states].copy(), path[:, :n_states]  # best scores up to piece ends (M, K), of first pieces
    for before, now in layout.seams:
        end[now] = np.max(end[before][:, :, None] + onward[now], axis=1)
    last = np.argmax(end, axis=1)  # right for last pieces
    for before, now in reversed(layout.seams):
        last[before] = np.argmax(end[before] + onward[now, :, last[now]], axis=1)
    before, now = layout.all_seams[0]
    first[:, now] = move[last[before]].T
    score = np.zeros(len(layout.lengths))
    for _, piece in layout.seams:
        score[layout.owner[piece]] = end[piece].max(1)
    return last, score[layout.owner[now]]


def _products(start: np.ndarray, move: np.ndarray, layout: Layout, log_b: np.ndarray) -> np.ndarray:
    """Best scores from each state before a piece, or from its start, to each state at its end (M, K + 1, K).

    Once they differ between states before by a constant alone, the best paths have met, and one row stands for all.
    """
    rows = np.vstack([move, start])
    path = np.repeat(rows[:, :, None], layout.n_pieces, axis=2)  # (R rows, K, M)
    lead = np.zeros((len(rows), 1, layout.n_pieces))  # of every row over the one that stands for it
    for t, n in enumerate(layout.alive):
        now = path[:, :, :n]
        if t:
            best = now[:, 0, None] + move[0][None, :, None]
            for j in range(1, len(start)):
                np.maximum(best, now[:, j, None] + move[j][None, :, None], out=best)
            now[...] = best
        now += log_b[None, :, layout.start[t] : layout.start[t] + n]
        if t % EVERY == EVERY - 1 and len(path) > 1:
            path, lead = _met(path, lead, layout.is_joined)
    return (path + lead).transpose(2, 0, 1)


def _met(path: np.ndarray, lead: np.ndarray, matter: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One row and the leads of all over it, where paths have met in the pieces that matter (M,)."""
    with np.errstate(invalid="ignore"):
        difference = path - path[:1]  # (R, K, M)
        lowest, highest = difference.min(1, keepdims=True), difference.max(1, keepdims=True)
        have_met = highest - lowest <= AGREE * np.abs(path[:1]).max()
    return (path[:1].copy(), lowest) if have_met[..., matter].all() else (path, lead)
