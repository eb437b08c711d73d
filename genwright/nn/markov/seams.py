"""What passes over the seams of a sequence that was cut: products of transfer matrices, piece by piece.

    P_m(j, k) = p(x of piece m, z at its end = k | z before it = j)

The products of all pieces grow together, a step at a time, each row scaled on its own; they are then chained along
the sequence: an associative scan (Särkkä and García-Fernández 2021, https://doi.org/10.1109/TAC.2020.2976316) with
pieces for leaves. A chain forgets where it came from: once the rows of every P agree up to scale, to the last digits
of each entry, one row stands for all. Products cannot drive rows apart again (Birkhoff 1957, in Hilbert's metric).
"""

from dataclasses import dataclass

import numpy as np

from genwright.nn.markov.chain import Chain
from genwright.nn.markov.layout import Layout

EVERY = 4  # steps between two scalings
AGREE = 1e-14  # relative difference of rows that count as one


@dataclass
class Transfers:
    """P of every piece as a row-stochastic matrix and the scale of each row, the largest of a piece being 1."""

    matrix: np.ndarray  # (M, K before, K after)
    scale: np.ndarray  # (M, K before)
    from_start: np.ndarray  # the same row from π in place of a state before (M, K after)

    @property
    def weighted(self) -> np.ndarray:
        """Rows times their scales: P up to a factor (M, K, K)."""
        return self.matrix * self.scale[:, :, None]


def transfers(chain: Chain, layout: Layout, b: np.ndarray) -> Transfers:
    """The transfer matrices of all pieces, from scaled likelihoods b (K, F)."""
    n_states = chain.n_states
    rows = np.vstack([chain.move, chain.start])  # (K + 1, K)
    now = np.repeat(rows.T[:, :, None], layout.n_pieces, axis=2)  # (K after, R rows, M)
    log_scale = np.zeros((n_states + 1, layout.n_pieces))
    move = np.ascontiguousarray(chain.move.T)
    for t, n in enumerate(layout.alive):
        part = now[:, :, :n]
        moved = (move @ part.reshape(n_states, -1)).reshape(part.shape) if t else part
        np.multiply(moved, b[:, None, layout.start[t] : layout.start[t] + n], out=part)
        if t % EVERY == EVERY - 1 or t + 1 == len(layout.alive) or layout.alive[t + 1] < n:
            _rescale(part, log_scale[:, :n])
            if now.shape[1] > 1 and _agree(now, layout.is_joined):
                now = np.ascontiguousarray(now[:, :1])
    matrix = np.nan_to_num(np.broadcast_to(now, (n_states, n_states + 1, layout.n_pieces)).transpose(2, 1, 0))
    log_scale = np.nan_to_num(log_scale[:n_states].T, nan=-np.inf, neginf=-np.inf)
    scale = np.exp(log_scale - log_scale.max(1, keepdims=True))
    return Transfers(matrix[:, :n_states], scale, matrix[:, n_states])


def _rescale(part: np.ndarray, log_scale: np.ndarray) -> None:
    """Rows that sum to one (K, R, n), and the logs of what they were divided by, added (K + 1, n)."""
    total = part.sum(0)
    part /= total
    log_scale += np.log(total)


def _agree(now: np.ndarray, matter: np.ndarray) -> bool:
    """Whether all rows are one, in the pieces that matter (M,)."""
    now = now if matter.all() else now[:, :, matter]
    first = now[:, :1]
    return bool((np.abs(now - first) <= AGREE * first).all())


def carry_over(chain: Chain, layout: Layout, p: Transfers) -> tuple[np.ndarray, np.ndarray]:
    """p(z at the first step of each piece | x before it) and p(z at its last step | x so far), both (K, M)."""
    first = np.repeat(chain.start[:, None], layout.n_pieces, axis=1)
    end, onward = p.from_start.copy(), p.weighted  # (M, K), right for first pieces
    for before, now in layout.seams:
        end[now] = _one(np.matmul(end[before][:, None], onward[now])[:, 0])
    for before, now in layout.all_seams:
        first[:, now] = chain.move.T @ end[before].T
    return first, np.ascontiguousarray(end.T)


def carry_back(layout: Layout, p: Transfers, end: np.ndarray) -> np.ndarray:
    """β̂ at the last step of each piece (K, M)."""
    last, onward = np.ones(end.T.shape), p.weighted
    for before, now in reversed(layout.seams):
        last[before] = _one(np.matmul(onward[now], last[now][:, :, None])[:, :, 0])
    last = np.ascontiguousarray(last.T)
    for before, _ in layout.all_seams:
        last[:, before] /= (end[:, before] * last[:, before]).sum(0)
    return last


def _one(x: np.ndarray) -> np.ndarray:
    """Rows that sum to one."""
    return x / x.sum(1, keepdims=True)
