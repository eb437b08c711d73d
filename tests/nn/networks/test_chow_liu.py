"""Trees against SciPy's spanning trees and against the tree that rows come from."""

import numpy as np
from scipy.sparse.csgraph import minimum_spanning_tree

from genwright.nn.networks.chow_liu import information, spanning_tree
from genwright.nn.networks.counts import FamilyCounts
from genwright.nn.networks.graph import adjacency, topological_order
from genwright.nn.networks.network import Network
from genwright.nn.networks.scores import mutual_information
from tests.nn.networks.worlds import random_network, sampled


def test_trees_have_the_largest_weight() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        weight = rng.random((9, 9)) + 0.01
        weight = weight + weight.T
        parents = spanning_tree(weight)
        assert len(topological_order(parents)) == 9
        edge = adjacency(parents)
        assert edge.sum() == 8
        assert weight[edge].sum() == -minimum_spanning_tree(-weight).sum() or np.isclose(
            weight[edge].sum(), -minimum_spanning_tree(-weight).sum()
        )


def test_columns_that_cannot_be_linked_are_roots() -> None:
    weight = np.full((4, 4), -np.inf)
    weight[0, 1] = weight[1, 0] = 0.5
    weight[2, 3] = weight[3, 2] = -3.0
    parents = spanning_tree(weight)
    assert sorted(map(len, parents)) == [0, 0, 1, 1]


def test_the_root_has_the_largest_sum_of_weights() -> None:
    weight = np.array([[0.0, 0.1, 0.2], [0.1, 0.0, 0.9], [0.2, 0.9, 0.0]])
    assert spanning_tree(weight) == ((2,), (2,), ())
    weight[0, 1] = weight[1, 0] = weight[0, 2] = weight[2, 0] = -np.inf
    assert spanning_tree(weight) == ((), (), (1,))


def test_information_of_pairs() -> None:
    network = random_network(1)
    counts = FamilyCounts(sampled(network, 500), network.cards)
    found = information(counts, max_table=6)
    for a in range(5):
        for b in range(5):
            if a != b and network.cards[a] * network.cards[b] <= 6:
                assert np.isclose(found[a, b], mutual_information(counts.count([a, b])))
            else:
                assert np.isneginf(found[a, b])


def test_a_tree_is_recovered() -> None:
    rng = np.random.default_rng(0)
    parents = ((), (0,), (0,), (1,), (1,), (2,))
    tables = [rng.dirichlet(np.full(3, 0.3), size=(3,) * len(above)) for above in parents]
    network = Network(parents, tuple(tables))
    edge = adjacency(spanning_tree(information(FamilyCounts(sampled(network, 20_000), network.cards), 100)))
    assert ((edge | edge.T) == (adjacency(parents) | adjacency(parents).T)).all()
