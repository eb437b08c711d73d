"""Patterns of graphs against all graphs with the same skeleton and v-structures."""

import itertools

import numpy as np

from genwright.nn.networks.graph import Parents, adjacency, ancestral, cpdag, reachability, topological_order
from tests.nn.networks.worlds import all_graphs, random_network


def _class(parents: Parents) -> tuple[bytes, frozenset[tuple[int, int, int]]]:
    linked = adjacency(parents) | adjacency(parents).T
    pairs = ((v, *sorted(ab)) for v, above in enumerate(parents) for ab in itertools.combinations(above, 2))
    return linked.tobytes(), frozenset(t for t in pairs if not linked[t[1], t[2]])


def test_a_pattern_keeps_the_directions_that_all_equivalent_graphs_share() -> None:
    classes: dict[object, list[Parents]] = {}
    for parents in all_graphs(4):
        classes.setdefault(_class(parents), []).append(parents)
    assert len(classes) == 185  # Gillispie and Perlman (2001)
    for members in classes.values():
        union = np.any([adjacency(m) for m in members], axis=0)
        assert all((cpdag(m) == union).all() for m in members)


def test_order_puts_parents_first_and_leaves_cycles_out() -> None:
    for seed in range(20):
        parents = random_network(seed, 8).parents
        place = {v: k for k, v in enumerate(topological_order(parents))}
        assert all(place[p] < place[v] for v, above in enumerate(parents) for p in above)
    assert topological_order(((1,), (0,), ())) == [2]


def test_reachability_is_the_sum_of_powers() -> None:
    for seed in range(20):
        edge = adjacency(random_network(seed, 8).parents)
        paths = sum(np.linalg.matrix_power(edge.astype(int), k) for k in range(1, 8))
        assert (reachability(edge) == (paths > 0)).all()


def test_ancestors() -> None:
    assert ancestral(((), (0,), (1,), (0,)), {2}) == {0, 1, 2}
    assert ancestral(((), (0,)), set()) == set()
