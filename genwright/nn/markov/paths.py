"""Drawing paths of states: forward from the chain, or backward from what the observations say.

    z_T ~ α̂_T        z_{t-1} ~ α̂_{t-1}(j) A_j,z_t / Σ        (forward filtering, backward sampling; Scott 2002,
                                                               https://doi.org/10.1198/016214502753479464)

Uniform numbers are handed in, one for each step.
"""

import numpy as np

from genwright.nn.markov.chain import Chain
from genwright.nn.markov.layout import Layout


def pick(weight: np.ndarray, u: np.ndarray) -> np.ndarray:
    """A row for each column, in proportion to the weights (K, n), by uniform numbers (n,)."""
    share = weight.cumsum(axis=0)
    return np.minimum((share <= u * share[-1]).sum(axis=0), len(weight) - 1)


def backward_paths(chain: Chain, layout: Layout, alpha: np.ndarray, u: np.ndarray) -> np.ndarray:
    """States (F,) drawn from p(z | x).

    Args:
        chain: A.
        layout: Of whole sequences.
        alpha: p(z_t | x_1 … x_t) (K, F).
        u: Uniform numbers (F,).
    """
    states = np.empty(layout.n_frames, np.int64)
    z = np.zeros(layout.n_pieces, np.int64)
    for t in reversed(range(len(layout.alive))):
        begin, n = layout.start[t], layout.alive[t]
        n_on = layout.alive[t + 1] if t + 1 < len(layout.alive) else 0  # sequences that go on
        weight = alpha[:, begin : begin + n].copy()
        weight[:, :n_on] *= chain.move[:, z[:n_on]]
        z[:n] = pick(weight, u[begin : begin + n])
        states[begin : begin + n] = z[:n]
    return states


def forward_paths(chain: Chain, first: np.ndarray, u: np.ndarray, n_before: np.ndarray) -> np.ndarray:
    """Paths (N, T) that go on after some steps until they end; -1 behind the end.

    Args:
        chain: π, A and e.
        first: State of the last step that is settled (N,); ignored where `n_before` is 0.
        u: Uniform numbers (N, T).
        n_before: Steps that are settled (N,); the paths are filled from there on, and are -1 before.
    """
    n_states = chain.n_states
    stop = np.zeros(n_states) if chain.stop is None else chain.stop
    rows = np.vstack([np.column_stack([chain.move, stop]), np.append(chain.start, 0.0), np.eye(n_states + 1)[-1]])
    cumulative = rows.cumsum(1).T  # (K + 1, K + 2): after a state, at the start (row K), after the end (row K + 1)
    start, ended = n_states, n_states + 1
    paths = np.full(u.shape, -1, np.int64)
    z = np.where(n_before == 0, start, first)
    for t in range(u.shape[1]):
        drawn = (cumulative[:, z] <= u[:, t] * cumulative[-1, z]).sum(0)
        moved = n_before <= t
        z = np.where(moved, np.where(drawn >= n_states, ended, drawn), z)
        paths[:, t] = np.where(moved & (z < n_states), z, -1)
    return paths
