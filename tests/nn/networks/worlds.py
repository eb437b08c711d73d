"""Networks small enough to enumerate."""

import itertools

import numpy as np

from genwright.nn.networks.graph import Parents
from genwright.nn.networks.network import Network

NETS = range(6)  # seeds of random networks


def random_network(seed: int, n_columns: int = 5, most: int = 3, max_parents: int = 2) -> Network:
    """A network over columns of 2 … `most` codes, numbered in a random order."""
    rng = np.random.default_rng(seed)
    cards = rng.integers(2, most + 1, n_columns)
    order = rng.permutation(n_columns)
    parents: list[tuple[int, ...]] = [()] * n_columns
    for k, v in enumerate(order):
        n = min(k, int(rng.integers(0, max_parents + 1)))
        parents[v] = tuple(map(int, rng.choice(order[:k], n, replace=False))) if n else ()
    tables = [rng.dirichlet(np.ones(cards[v]), size=tuple(cards[list(above)])) for v, above in enumerate(parents)]
    return Network(tuple(parents), tuple(tables))


def joint(network: Network) -> np.ndarray:
    """p of every combination of codes (cards …), by multiplying tables out."""
    found = np.ones(network.cards)
    for codes in itertools.product(*map(range, network.cards)):
        for v, table in enumerate(network.tables):
            found[codes] *= table[(*(codes[p] for p in network.parents[v]), codes[v])]
    return found


def sampled(network: Network, n: int, seed: int = 0) -> np.ndarray:
    """Codes (D, n) drawn from the multiplied-out joint distribution."""
    p = joint(network).ravel()
    rows = np.random.default_rng(seed).choice(len(p), n, p=p / p.sum())
    return np.array(np.unravel_index(rows, network.cards))


def all_graphs(n_columns: int) -> list[Parents]:
    """Every directed acyclic graph: 25 over three columns, 543 over four."""
    pairs = list(itertools.combinations(range(n_columns), 2))
    found = []
    for kinds in itertools.product((0, 1, 2), repeat=len(pairs)):
        parents: list[list[int]] = [[] for _ in range(n_columns)]
        for (a, b), kind in zip(pairs, kinds, strict=True):
            if kind:
                parents[b if kind == 1 else a].append(a if kind == 1 else b)
        if _is_acyclic(parents):
            found.append(tuple(map(tuple, parents)))
    return found


def _is_acyclic(parents: list[list[int]]) -> bool:
    left = set(range(len(parents)))
    while roots := {v for v in left if not left.intersection(parents[v])}:
        left -= roots
    return not left


def asia() -> Network:
    """Lauritzen and Spiegelhalter's clinic (1988): asia, tub, smoke, lung, bronc, either, xray, dysp; 0 is yes."""
    p = np.array
    return Network(
        ((), (0,), (), (2,), (2,), (3, 1), (5,), (4, 5)),
        (
            p([0.01, 0.99]),
            p([[0.05, 0.95], [0.01, 0.99]]),
            p([0.5, 0.5]),
            p([[0.1, 0.9], [0.01, 0.99]]),
            p([[0.6, 0.4], [0.3, 0.7]]),
            p([[[1.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]]),
            p([[0.98, 0.02], [0.05, 0.95]]),
            p([[[0.9, 0.1], [0.7, 0.3]], [[0.8, 0.2], [0.1, 0.9]]]),
        ),
    )
