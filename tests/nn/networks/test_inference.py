"""Variable elimination against enumeration and against pgmpy, for rows that each know other columns."""

import itertools
import tracemalloc

import numpy as np
import pytest

from genwright.core.errors import UnsupportedError
from genwright.nn.networks import inference
from genwright.nn.networks.elimination import plan
from genwright.nn.networks.inference import completed, forward, likeliest, log_evidence, pattern, posterior, width
from genwright.nn.networks.network import Network
from tests.nn.networks.worlds import NETS, asia, joint, random_network, sampled
from tests.nn.worlds import assert_same_shares

YES, NO = 0, 1
NAMES = ("asia", "tub", "smoke", "lung", "bronc", "either", "xray", "dysp")


def _holey(network: Network, n: int = 60, seed: int = 0) -> np.ndarray:
    codes = sampled(network, n, seed)
    codes[np.random.default_rng(seed + 1_000).random(codes.shape) < 0.5] = -1
    return codes


def _agreeing(p: np.ndarray, row: np.ndarray) -> np.ndarray:
    """p(hidden columns, known codes) from the joint distribution, with axes of length 1 for known columns."""
    for v, code in enumerate(row):
        if code >= 0:
            p = p.take([code], axis=v)
    return p


def _clinic(**known: int) -> np.ndarray:
    return np.array([[known.get(name, -1)] for name in NAMES])


@pytest.mark.parametrize("seed", NETS)
def test_evidence_and_posteriors_are_those_of_enumeration(seed: int) -> None:
    network = random_network(seed)
    p, codes = joint(network), _holey(network)
    expected = [_agreeing(p, row).sum() for row in codes.T]
    np.testing.assert_allclose(log_evidence(network, codes), np.log(expected), atol=1e-12)
    for of in itertools.permutations(range(5), 2):
        asked = codes.copy()
        asked[list(of)] = -1
        for row, found in zip(asked.T, posterior(network, asked, of), strict=True):
            others = tuple(v for v in range(5) if v not in of)
            table = _agreeing(p, row).sum(others)
            table = table if of[0] < of[1] else table.T
            np.testing.assert_allclose(found, table / table.sum(), atol=1e-12)


@pytest.mark.parametrize(
    ("of", "known", "expected"),  # pgmpy 1.1.2, VariableElimination.query
    [
        (("lung",), {"dysp": YES}, [0.1186302595474086, 0.8813697404525913]),
        (("tub",), {"xray": YES, "asia": YES}, [0.3377155952237366, 0.6622844047762634]),
        (("bronc",), {}, [0.45, 0.55]),
        (
            ("lung", "tub"),
            {"xray": YES, "dysp": YES, "smoke": NO},
            [[0.00279883066463057, 0.2663195024729242], [0.27708423579842645, 0.45379743106401876]],
        ),
        (("asia",), {"either": NO}, [0.00959983831851253, 0.9904001616814875]),
    ],
)
def test_marginals_are_those_of_pgmpy(of: tuple[str, ...], known: dict[str, int], expected: list) -> None:
    found = posterior(asia(), _clinic(**known), tuple(map(NAMES.index, of)))[0]
    np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize(
    ("known", "expected"),  # pgmpy 1.1.2, VariableElimination.map_query
    [
        ({"xray": YES, "dysp": YES}, {"tub": NO, "smoke": YES, "lung": YES, "bronc": YES, "either": YES}),
        ({"dysp": YES}, {"tub": NO, "smoke": YES, "lung": NO, "bronc": YES, "either": NO, "xray": NO}),
    ],
)
def test_explanations_are_those_of_pgmpy(known: dict[str, int], expected: dict[str, int]) -> None:
    found = likeliest(asia(), _clinic(**known))[:, 0]
    assert dict(zip(NAMES, found, strict=True)) == {"asia": NO, **expected, **known}


@pytest.mark.parametrize("seed", NETS)
def test_the_likeliest_codes_are_those_of_enumeration(seed: int) -> None:
    network = random_network(seed)
    p, codes = joint(network), _holey(network)
    for row, found in zip(codes.T, likeliest(network, codes).T, strict=True):
        assert (found == row)[row >= 0].all()
        assert p[tuple(found)] == pytest.approx(_agreeing(p, row).max())


@pytest.mark.parametrize("seed", NETS)
def test_draws_follow_the_posterior(seed: int) -> None:
    """Rows of several patterns, drawn together, each follow their own conditional distribution."""
    network, n = random_network(seed), 20_000
    p, rng = joint(network), np.random.default_rng(seed)
    kinds = _holey(network, 3, seed)
    which = rng.integers(0, 3, n)
    codes = kinds[:, which]
    drawn, log_p = completed(network, codes, rng.random(codes.shape))
    assert (drawn == codes)[codes >= 0].all()
    for k, row in enumerate(kinds.T):
        table = _agreeing(p, row)
        np.testing.assert_allclose(log_p[which == k], np.log(table.sum()), atol=1e-12)
        at = np.ravel_multi_index(tuple(np.where(row[:, None] >= 0, 0, drawn[:, which == k])), table.shape)
        assert_same_shares(np.bincount(at, minlength=table.size), table.ravel() / table.sum())


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    network = random_network(1, 8, 4, 3)
    codes, u = np.full((8, 400), -1), np.random.default_rng(0).random((8, 400))
    codes[[2, 5, 7]] = completed(network, codes, u)[0][[2, 5, 7]]
    codes[5, ::3] = -1
    whole, log_p = completed(network, codes, u)
    for i in range(0, 400, 37):
        one, log_one = completed(network, codes[:, i : i + 1], u[:, i : i + 1])
        assert (one[:, 0] == whole[:, i]).all()
        assert log_one[0] == log_p[i]


def test_many_rows_are_worked_through_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network(4, 6)
    codes, u = _holey(network, 300), np.random.default_rng(0).random((6, 300))
    whole = completed(network, codes, u)
    monkeypatch.setattr("genwright.nn.networks.elimination.AT_ONCE", 1)
    monkeypatch.setattr("genwright.nn.networks.network.AT_ONCE", 1)
    parts = completed(network, codes, u)
    assert (whole[0] == parts[0]).all()
    assert (whole[1] == parts[1]).all()


@pytest.mark.parametrize("seed", NETS)
def test_weighted_forward_draws_reproduce_the_posterior(seed: int) -> None:
    network, n = random_network(seed), 40_000
    row = _holey(network, 1, seed)[:, 0]
    drawn, weight = forward(network, np.tile(row[:, None], n), np.random.default_rng(seed).random((5, n)))
    table = _agreeing(joint(network), row)
    at = np.ravel_multi_index(tuple(np.where(row[:, None] >= 0, 0, drawn)), table.shape)
    found = np.bincount(at, weights=np.exp(weight), minlength=table.size) / n  # unbiased for p(hidden, known)
    error = np.sqrt(np.bincount(at, weights=np.exp(2 * weight), minlength=table.size)) / n
    assert (np.abs(found - table.ravel()) < 5 * error + 1e-4).all()


def test_long_chains_do_not_underflow() -> None:
    """A hidden Markov model of 2,000 steps, against its forward recursion."""
    rng, n = np.random.default_rng(0), 2_000
    start, move, emit = rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(3), 3), rng.dirichlet(np.ones(4), 3)
    parents = (*((v - 1,) if v else () for v in range(n)), *((v,) for v in range(n)))
    network = Network(parents, (start, *[move] * (n - 1), *[emit] * n))
    seen = rng.integers(0, 4, n)
    alpha, total = start * emit[:, seen[0]], 0.0
    for code in seen[1:]:
        total, alpha = total + np.log(alpha.sum()), alpha / alpha.sum()
        alpha = (alpha @ move) * emit[:, code]
    codes = np.concatenate([np.full(n, -1), seen])[:, None]
    assert log_evidence(network, codes)[0] == pytest.approx(total + np.log(alpha.sum()), rel=1e-12)


def test_thousands_of_children_do_not_underflow() -> None:
    """A column with 4,000 children that are known, each of which leans to one of its codes."""
    rng, n = np.random.default_rng(0), 4_000
    child = np.array([[0.9, 0.1], [0.1, 0.9]])
    network = Network(((), *[(0,)] * n), (np.full(2, 0.5), *[child] * n))
    hub = np.array([0, 1, 1])
    seen = (rng.random((n, 3)) < np.where(hub, 0.9, 0.1)).astype(np.int64)
    codes = np.concatenate([np.full((1, 3), -1), seen])
    logs = np.log(0.5) + np.log(child)[:, seen].sum(1)  # (2, 3)
    exact = np.logaddexp(*logs)
    np.testing.assert_allclose(log_evidence(network, codes), exact, rtol=1e-12)
    assert (completed(network, codes, rng.random(codes.shape))[0][0] == hub).all()
    np.testing.assert_allclose(posterior(network, codes, (0,)), np.exp(logs - exact).T, atol=1e-12)


def test_many_buckets_are_kept_for_fewer_rows_at_a_time() -> None:
    """Forty hidden columns, and what all of them leave behind for 4,000 different rows."""
    rng, n, card, n_rows = np.random.default_rng(0), 40, 20, 4_000
    table = rng.dirichlet(np.ones(card), card)
    parents = (*((v - 1,) if v else () for v in range(n)), *((v,) for v in range(n)))
    network = Network(parents, (table[0], *[table] * (2 * n - 1)))
    codes = np.concatenate([np.full((n, n_rows), -1), rng.integers(0, card, (n, n_rows))])
    tracemalloc.start()
    found = log_evidence(network, codes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300e6
    np.testing.assert_allclose(found[:50], log_evidence(network, codes[:, :50]), rtol=1e-12)


def test_impossible_evidence_is_minus_infinity() -> None:
    codes = _clinic(tub=YES, either=NO)
    assert np.isneginf(log_evidence(asia(), codes)[0])
    assert np.isnan(posterior(asia(), codes, (0,))).all()
    assert np.isneginf(completed(asia(), _clinic(lung=YES, either=NO, xray=YES), np.full((8, 1), 0.5))[1][0])


def test_barren_columns_cost_nothing() -> None:
    """A column with fifty children: none of them matters unless it is known."""
    parents = ((), *[(0,)] * 50)
    network = Network(parents, tuple(np.full((2,) * (len(above) + 1), 0.5) for above in parents))
    assert pattern(network, frozenset()).pieces == ()
    assert len(pattern(network, frozenset({3, 4})).pieces[0].families) == 3
    assert width(network, frozenset(range(1, 51))) == 2


def test_too_wide_a_table_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "WIDEST", 3)
    with pytest.raises(UnsupportedError, match=r"8 entries.*max_parents"):
        log_evidence(asia(), _clinic(xray=YES, dysp=YES))


def test_plans_take_the_cheapest_column_first() -> None:
    """A chain is eliminated from its ends: no bucket holds more than two columns."""
    parents = tuple((v - 1,) if v else () for v in range(12))
    network = Network(parents, tuple(np.full((4,) * (len(above) + 1), 0.25) for above in parents))
    assert plan(network, tuple(range(12)), tuple(range(12))).width == 16
    assert plan(network, tuple(range(12)), tuple(range(12)), (5,)).hidden[-1] != 5
