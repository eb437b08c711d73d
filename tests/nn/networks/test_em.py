"""EM against enumeration, monotone, and against the truth."""

import numpy as np
import pytest

from genwright.nn.networks.em import available, fit_em
from genwright.nn.networks.inference import log_evidence
from genwright.nn.networks.network import Network, estimated
from tests.nn.networks.worlds import NETS, joint, random_network, sampled


def _holey(network: Network, n: int, share: float, seed: int = 0) -> np.ndarray:
    codes = sampled(network, n, seed)
    codes[np.random.default_rng(seed + 1_000).random(codes.shape) < share] = -1
    return codes


def _uniform(network: Network) -> list[np.ndarray]:
    return [np.full(r, 1 / r) for r in network.cards]


def _fitted(network: Network, codes: np.ndarray, pseudo_count: float, n_rounds: int) -> tuple[Network, list[float]]:
    alone = _uniform(network)
    start = available(codes, network.parents, network.cards)
    tables = tuple(estimated(n, a, 1.0) for n, a in zip(start, alone, strict=True))
    return fit_em(Network(network.parents, tables), codes, alone, pseudo_count, n_rounds, lambda done, line: None)


@pytest.mark.parametrize("pseudo_count", [0.0, 2.0])
@pytest.mark.parametrize("seed", NETS)
def test_what_em_climbs_never_falls(seed: int, pseudo_count: float) -> None:
    network = random_network(seed)
    _, trace = _fitted(network, _holey(network, 300, 0.4), pseudo_count, 40)
    assert len(trace) > 2
    assert (np.diff(trace) > -1e-9 * abs(trace[0])).all()


def test_without_pseudo_counts_it_is_the_log_likelihood() -> None:
    network = random_network(1)
    codes = _holey(network, 300, 0.3)
    fitted, trace = _fitted(network, codes, 0.0, 500)
    assert trace[-1] == pytest.approx(log_evidence(fitted, codes).sum(), abs=1e-3)


@pytest.mark.parametrize("seed", NETS)
def test_a_round_takes_expected_counts(seed: int) -> None:
    """One round from the same start, with posteriors by enumeration; columns below all that is known count nothing."""
    network = random_network(seed)
    codes = _holey(network, 80, 0.4)
    codes[network.order[-1]] = np.maximum(codes[network.order[-1]], 0)
    known = sampled(network, 80)
    for v in range(5):  # leaves are known, so that no column is barren
        if not any(v in above for above in network.parents):
            codes[v] = known[v]
    alone = _uniform(network)
    fitted, _ = fit_em(network, codes, alone, 1.5, 2, lambda done, line: None)
    once, _ = fit_em(network, codes, alone, 1.5, 1, lambda done, line: None)
    for found, before in ((once, network), (fitted, once)):
        p = joint(before)
        total = np.zeros(network.cards)
        for row in codes.T:
            mask = np.ones(network.cards, bool)
            for v, code in enumerate(row):
                if code >= 0:
                    mask &= np.indices(network.cards)[v] == code
            total += np.where(mask, p, 0) / p[mask].sum()
        for v, above in enumerate(network.parents):
            others = tuple(w for w in range(5) if w not in (*above, v))
            kept = [w for w in range(5) if w not in others]
            count = total.sum(others).transpose([kept.index(w) for w in (*above, v)])
            np.testing.assert_allclose(found.tables[v], estimated(count, alone[v], 1.5), atol=1e-10)


def test_parameters_are_recovered_where_cells_are_missing() -> None:
    network, n = random_network(2), 40_000
    fitted, _ = _fitted(network, _holey(network, n, 0.3), 0.5, 100)
    whole = sampled(network, n)
    for v, above in enumerate(network.parents):
        count = available(whole, network.parents, network.cards)[v].sum(-1, keepdims=True)
        error = np.sqrt(network.tables[v] * (1 - network.tables[v]) / np.maximum(count, 1))
        lost = 0.7 ** (len(above) + 1)  # of the rows; EM does not do worse than those that show the whole family
        assert (np.abs(fitted.tables[v] - network.tables[v]) < 5 * error / lost**0.5 + 3 / np.maximum(count, 1)).all()
