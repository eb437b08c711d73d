"""Where EM starts: states are clusters of frames (k-means++), or random groups of codes, or stretches of time.

k-means++ is Arthur and Vassilvitskii's (2007, https://dl.acm.org/doi/10.5555/1283383.1283494), as in scikit-learn.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from genwright.nn.markov.chain import Allowed, estimated
from genwright.nn.markov.hidden import Hidden, Sequences
from genwright.nn.markov.mixture import Mixture
from genwright.nn.markov.numbers import Numbers

MOST = 20_000  # frames that clusters are looked for among
BLUR = 0.1  # share of every frame that is spread over all states


def first_guess(
    data: Sequences,
    alike: Mapping[str, Any],
    n_states: int,
    allowed: Allowed,
    with_ends: bool,
    in_time: bool,
    rng: np.random.Generator,
) -> Hidden:
    """Parameters for EM to start from.

    Args:
        data: The sequences.
        alike: Column → an emission whose states are all alike.
        n_states: Number of states, K.
        allowed: Transitions that may be.
        with_ends: Whether the chain has ends.
        in_time: States are stretches of the sequences, one after the other, as a chain from left to right has them.
        rng: Of the clusters and groups.
    """
    labels = _labels(data, n_states, in_time, rng)
    gamma = _weights(labels, data, n_states, rng)
    emissions = {name: _told_apart(e, data.frames[name], gamma, labels, rng) for name, e in alike.items()}
    starts = gamma[:, data.layout.firsts].sum(1)
    before, now = _pairs(data)
    moves = gamma[:, before] @ gamma[:, now].T
    stop = gamma[:, data.last].sum(1) if with_ends else None
    moves, starts = moves * allowed.move, starts * allowed.start
    return Hidden(estimated(starts, moves, stop, allowed, 1.0), emissions)


def _pairs(data: Sequences) -> tuple[np.ndarray, np.ndarray]:
    """Frames of steps that follow each other, within pieces."""
    layout = data.layout
    if len(layout.alive) < 2:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    now = np.arange(layout.alive[0], layout.n_frames)
    return now - np.repeat(layout.alive[:-1], layout.alive[1:]), now


def _labels(data: Sequences, n_states: int, in_time: bool, rng: np.random.Generator) -> np.ndarray | None:
    """A state for each frame (F,); None where there are codes alone."""
    layout = data.layout
    if in_time:
        lengths = np.asarray(layout.lengths)[layout.row]
        return layout.step * n_states // lengths
    numbers = [frames.x for frames in data.frames.values() if isinstance(frames, Numbers)]
    return clusters(np.column_stack(numbers), n_states, rng) if numbers else None


def clusters(x: np.ndarray, n_clusters: int, rng: np.random.Generator) -> np.ndarray:
    """A cluster for each frame (F,), of frames (F, D) with holes; fewer clusters where frames are few."""
    from sklearn.cluster import KMeans

    n_clusters = min(n_clusters, len(x))
    known = ~np.isnan(x)
    n = np.maximum(known.sum(0), 1)
    mean = np.where(known, x, 0.0).sum(0) / n
    spread = np.sqrt((np.where(known, x - mean, 0.0) ** 2).sum(0) / n)
    filled = np.where(known, x - mean, 0.0) / np.where(spread > 0, spread, 1.0)
    some = filled if len(x) <= MOST else filled[rng.choice(len(x), MOST, replace=False)]
    if n_clusters < 2 or len(np.unique(some, axis=0)) < n_clusters:
        return rng.integers(0, max(n_clusters, 1), len(x))
    found = KMeans(n_clusters, n_init=1, max_iter=50, random_state=int(rng.integers(2**31))).fit(some)
    return found.predict(filled).astype(np.int64)


def _weights(labels: np.ndarray | None, data: Sequences, n_states: int, rng: np.random.Generator) -> np.ndarray:
    """How much each state has of each frame (K, F)."""
    if labels is not None:
        return (1 - BLUR) * (labels == np.arange(n_states)[:, None]) + BLUR / n_states
    total = np.ones((n_states, data.layout.n_frames))
    for codes in data.frames.values():
        share = rng.dirichlet(np.ones(n_states), int(codes.max(initial=0)) + 2)  # code -1 has the last row
        total *= share[codes].T
    return total / total.sum(0)


def _told_apart(
    emission: Any, frames: Any, gamma: np.ndarray, labels: np.ndarray | None, rng: np.random.Generator
) -> Any:
    """The emission of these weights; components of a mixture start from clusters within each state's frames."""
    if not isinstance(emission, Mixture):
        return emission.updated(frames, gamma)
    n_states, n_parts = emission.share.shape
    assert labels is not None
    part = np.zeros(len(labels), np.int64)
    for k in range(n_states):
        mine = labels == k
        part[mine] = clusters(frames.x[mine], n_parts, rng) if mine.any() else 0
    weight = np.repeat(gamma, n_parts, axis=0).reshape(n_states, n_parts, -1)
    weight = weight * ((1 - BLUR) * (part == np.arange(n_parts)[:, None]) + BLUR / n_parts)
    return replace(emission, parts=emission.parts.updated(frames, weight.reshape(n_states * n_parts, -1)))
