"""Greedy search against exhaustive search, its gains against rescoring, its steps against what is allowed."""

import itertools

import numpy as np
import pytest

from genwright.nn.networks.constraints import Constraints
from genwright.nn.networks.counts import FamilyCounts
from genwright.nn.networks.families import FamilyScores
from genwright.nn.networks.graph import Parents, adjacency, cpdag, topological_order
from genwright.nn.networks.inference import completed
from genwright.nn.networks.network import Network
from genwright.nn.networks.scores import BIC, BDeu, Score
from genwright.nn.networks.search import ADD, DROP, TURN, Climb, climb
from tests.nn.networks.worlds import all_graphs, random_network, sampled

N = 1_000


def _scores(network: Network, score: Score, n: int = N, max_table: int = 10**6) -> FamilyScores:
    return FamilyScores(FamilyCounts(sampled(network, n), network.cards), score, max_table)


def _free(n_columns: int) -> Constraints:
    return Constraints.read([f"c{v}" for v in range(n_columns)], (), (), ())


def _climbed(scores: FamilyScores, constraints: Constraints, max_parents: int = 0, restarts: int = 40) -> Parents:
    return climb(scores, constraints, max_parents, restarts, np.random.default_rng(0), lambda done, line: None)


def _changed(parents: Parents, kind: int, a: int, b: int) -> Parents:
    edge = adjacency(parents)
    edge[a, b], edge[b, a] = kind == ADD, kind == TURN
    return tuple(tuple(map(int, np.flatnonzero(edge[:, v]))) for v in range(len(parents)))


@pytest.mark.parametrize("score", [BIC(N), BDeu(5.0)])
@pytest.mark.parametrize("seed", range(4))
def test_finds_the_best_of_all_543_graphs(seed: int, score: Score) -> None:
    scores = _scores(random_network(seed, 4), score)
    best = max(scores.total(parents) for parents in all_graphs(4))
    assert scores.total(_climbed(scores, _free(4))) == pytest.approx(best)


@pytest.mark.parametrize("seed", range(4))
def test_gains_are_differences_of_whole_scores(seed: int) -> None:
    """After many random steps, every step's gain equals rescoring, and just the steps to a legal graph are allowed."""
    network = random_network(seed, 5)
    state = Climb(_scores(network, BDeu(5.0)), _free(5), 2, ((),) * 5)
    rng = np.random.default_rng(seed)
    for _ in range(12):
        state.shake(1, rng)
        now, gains = state.parents, state.gains()
        assert state.score == pytest.approx(_scores(network, BDeu(5.0)).total(now))
        for kind, a, b in itertools.product((ADD, DROP, TURN), range(5), range(5)):
            then = _changed(now, kind, a, b)
            is_step = a != b and (b not in now and a not in now[b]) == (kind == ADD) and (a in now[b]) == (kind != ADD)
            is_legal = (is_step and b not in now[a]) or (is_step and kind != ADD)
            is_legal = is_legal and len(topological_order(then)) == 5 and max(map(len, then)) <= 2
            if np.isfinite(gains[kind, a, b]):
                assert is_legal
                difference = state.scores.total(then) - state.scores.total(now)
                assert gains[kind, a, b] == pytest.approx(difference, abs=1e-8)
            elif is_legal and kind == DROP:
                pytest.fail("an edge could not be dropped")


def test_wandering_keeps_the_score_and_the_independences() -> None:
    network = random_network(2, 6)
    state = Climb(_scores(network, BIC(N)), _free(6), 0, network.parents)
    before, pattern = state.score, cpdag(state.parents)
    state.wander(30, np.random.default_rng(0))
    assert state.score == pytest.approx(before)
    assert (cpdag(state.parents) == pattern).all()


@pytest.mark.parametrize("seed", range(3))
def test_constraints_are_kept(seed: int) -> None:
    names = [f"c{v}" for v in range(6)]
    constraints = Constraints.read(names, ("c0 -> c1", "c0 -> c2"), ("c3 -> c4", "c4 -> c3"), ("c5", "c0"))
    edge = adjacency(_climbed(_scores(random_network(seed, 6), BIC(N)), constraints, max_parents=2))
    assert edge[0, 1]
    assert edge[0, 2]
    assert not (edge & constraints.forbidden).any()
    assert edge.sum(0).max() <= 2


def test_large_tables_are_not_built() -> None:
    scores = _scores(random_network(0, 5), BIC(N), max_table=6)
    parents = _climbed(scores, _free(5))
    assert all(scores.counts.size([*above, v]) <= 6 for v, above in enumerate(parents) if above)


@pytest.mark.parametrize("seed", range(3))
def test_a_known_network_is_recovered_up_to_equivalence(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parents = tuple(tuple(map(int, rng.choice(v, min(v, 2), replace=False))) for v in range(10))
    tables = tuple(rng.dirichlet(np.full(3, 0.4), size=(3,) * len(above)) for above in parents)
    network = Network(parents, tables)
    codes, _ = completed(network, np.full((10, 20_000), -1), rng.random((10, 20_000)))
    scores = FamilyScores(FamilyCounts(codes, network.cards), BIC(20_000), 10**6)
    found = _climbed(scores, _free(10))
    assert scores.total(found) >= scores.total(parents) - 1e-6
    assert (cpdag(found) == cpdag(parents)).all()


def test_independent_columns_get_no_edges() -> None:
    codes = np.random.default_rng(0).integers(0, 3, (6, 5_000))
    scores = FamilyScores(FamilyCounts(codes, [3] * 6), BIC(5_000), 10**6)
    assert _climbed(scores, _free(6)) == ((),) * 6
