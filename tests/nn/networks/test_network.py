"""Tables: estimates in closed form, draws and temperature."""

import numpy as np
import pytest

from genwright.nn.networks.network import Network, estimated, invert
from tests.nn.networks.worlds import joint, random_network, sampled
from tests.nn.worlds import assert_same_shares

COUNT = np.array([[3.0, 1.0], [0.0, 0.0]])
ALONE = np.array([0.25, 0.75])


def test_estimates() -> None:
    np.testing.assert_allclose(estimated(COUNT, ALONE, 0), [[0.75, 0.25], ALONE])
    np.testing.assert_allclose(estimated(COUNT, ALONE, 4), [[4 / 8, 4 / 8], ALONE])


def test_log_prob_is_the_product_of_tables() -> None:
    network = random_network(0)
    codes = sampled(network, 200)
    total = sum(network.log_prob(v, codes) for v in range(5))
    np.testing.assert_allclose(total, np.log(joint(network)[tuple(codes)]), rtol=1e-12)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_draws_follow_the_tempered_row_of_the_table(temperature: float) -> None:
    network = Network(((), (0,)), (np.array([0.5, 0.5]), np.array([[0.1, 0.2, 0.7], [0.6, 0.4, 0.0]])))
    tempered = network.tempered(temperature)
    codes = np.array([[1] * 40_000, [0] * 40_000])
    drawn = tempered.draw(1, codes, np.random.default_rng(0).random(40_000))
    p = network.tables[1][1] ** (1 / temperature)
    assert_same_shares(np.bincount(drawn, minlength=3), p / p.sum())
    assert (drawn < 2).all()


def test_inverting_never_meets_an_impossible_code() -> None:
    cdf = np.cumsum([[0.0, 0.3, 0.0, 0.7, 0.0]], axis=1).repeat(2, 0)
    assert invert(cdf, np.array([0.0, 1 - 2.0**-53])).tolist() == [1, 3]


def test_a_network_forgets_before_it_holds_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genwright.nn.networks.network.REMEMBERED", 10)
    network = random_network(0)
    assert [network.remembered(k, lambda k=k: k) for k in range(1, 40)] == list(range(1, 40))
    assert len(network.plans) <= 10


def test_cold_tables_keep_possible_codes_possible() -> None:
    """So that anything that may be given can be given, however cold."""
    tables = (np.array([0.7, 0.3, 0.0]), np.array([[0.9, 0.1], [0.4, 0.6], [0.5, 0.5]]))
    cold = Network(((), (0,)), tables).tempered(1e-9)
    assert [((a > 0) == (b > 0)).all() for a, b in zip(cold.tables, tables, strict=True)] == [True, True]
    assert all((t[t < 0.5] < 1e-19).all() for t in cold.tables)
