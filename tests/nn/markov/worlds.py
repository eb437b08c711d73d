"""Small hidden Markov models, and everything about them by enumeration of all K^T paths."""

import itertools

import numpy as np

from genwright.nn.markov.chain import Chain
from genwright.nn.markov.layout import Layout


def random_chain(n_states: int, seed: int = 0, with_ends: bool = False) -> Chain:
    rng = np.random.default_rng(seed)
    rows = rng.dirichlet(np.ones(n_states + with_ends), n_states)
    stop = rows[:, n_states] if with_ends else None
    return Chain(rng.dirichlet(np.ones(n_states)), rows[:, :n_states], stop)


def all_paths(chain: Chain, log_b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every path (P, T) and its log p(x, z) (P,), from log b (K, T)."""
    paths = np.array(list(itertools.product(range(chain.n_states), repeat=log_b.shape[1])))
    with np.errstate(divide="ignore"):
        score = np.log(chain.start)[paths[:, 0]] + log_b[paths, np.arange(log_b.shape[1])].sum(1)
        score += np.log(chain.move)[paths[:, :-1], paths[:, 1:]].sum(1)
    return paths, score


def random_frames(layout: Layout, n_states: int, spread: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """log b as padded rows (N, T, K) and as frames (K, F)."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(len(layout.lengths), int(np.max(layout.lengths)), n_states)) * spread
    return rows, np.ascontiguousarray(layout.pack(rows).T)


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal but for rounding in the last places."""
    return np.allclose(a, b, rtol=1e-12, atol=1e-12)
