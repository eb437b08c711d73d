from itertools import permutations

import numpy as np
import pytest

from genwright.report.layers import _isotonic, _ordered, arranged, crossings, layers


def some_graph(n: int, seed: int) -> list[tuple[int, int]]:
    rng = np.random.default_rng(seed)
    return [(a, b) for b in range(n) for a in range(b) if rng.random() < 2.5 / n]


@pytest.mark.parametrize("seed", range(6))
def test_edges_run_down_and_layers_are_not_too_wide(seed):
    edges = some_graph(30, seed)
    found = layers(30, edges, 6)
    assert all(found[a] < found[b] for a, b in edges)
    assert np.bincount(found).max() <= 6
    assert np.bincount(found).min() >= 1


def test_a_chain_has_a_layer_each():
    assert layers(4, [(2, 0), (0, 3), (3, 1)], 4) == [1, 3, 0, 2]


@pytest.mark.parametrize("seed", range(6))
def test_nothing_overlaps_and_chains_are_whole(seed):
    edges, widths = some_graph(20, seed), [50.0 + 5 * (i % 7) for i in range(20)]
    found = arranged(widths, edges, 5, 12.0, 18.0)
    wide = np.array([*widths, *[12.0] * (len(found.layer) - 20)])
    for k in set(found.layer):
        at = np.flatnonzero(np.array(found.layer) == k)
        at = at[np.argsort(found.x[at])]
        room = np.diff(found.x[at]) - (wide[at][1:] + wide[at][:-1]) / 2
        assert (room >= 18 - 1e-6).all()
    for (a, b), chain in found.chains.items():
        assert (chain[0], chain[-1]) == (a, b)
        assert [found.layer[v] for v in chain] == list(range(found.layer[a], found.layer[b] + 1))


def test_crossings_are_counted_and_avoided():
    assert crossings([[0, 1], [2, 3]], [(0, 3), (1, 2)]) == 1
    rng = np.random.default_rng(0)
    for _ in range(10):
        links = [(a, 4 + b) for a in range(4) for b in range(4) if rng.random() < 0.35]
        least = min(crossings([list(p), [4 + q for q in r]], links) for p in permutations(range(4)) for r in [range(4)])
        both = min(
            crossings([list(p), list(q)], links) for p in permutations(range(4)) for q in permutations(range(4, 8))
        )
        found = crossings(_ordered([0] * 4 + [1] * 4, links), links)
        assert both <= found <= max(least, both + 2)


def test_isotonic_is_the_nearest_rising_sequence():
    assert _isotonic(np.array([1.0, 3.0, 2.0, 2.0, 5.0])) == pytest.approx([1, 7 / 3, 7 / 3, 7 / 3, 5])
