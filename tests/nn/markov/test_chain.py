"""Chains: durations, occupancy, estimates under restrictions, tables of lengths."""

import numpy as np
import pytest

from genwright.core.errors import ConfigError
from genwright.nn.markov.chain import Chain, estimated, everything, left_to_right, of_pairs
from genwright.nn.markov.lengths import Lengths
from tests.nn.markov.worlds import random_chain


def test_occupancy_is_the_stationary_distribution() -> None:
    chain = random_chain(4)
    values, vectors = np.linalg.eig(chain.move.T)
    stationary = np.real(vectors[:, np.argmax(np.real(values))])
    np.testing.assert_allclose(chain.occupancy(100_000), stationary / stationary.sum(), atol=1e-4)


def test_durations_are_those_of_a_geometric_distribution() -> None:
    chain = Chain(np.array([1.0, 0.0]), np.array([[0.9, 0.1], [0.5, 0.5]]))
    assert chain.durations() == pytest.approx([10, 2])


def test_a_tempered_chain_is_normalised_and_flatter() -> None:
    chain = random_chain(3, with_ends=True)
    hot = chain.tempered(2.0)
    assert hot.stop is not None
    assert chain.stop is not None
    np.testing.assert_allclose(hot.move.sum(1) + hot.stop, 1)
    rows = np.column_stack([chain.move, chain.stop]) ** 0.5
    np.testing.assert_allclose(np.column_stack([hot.move, hot.stop]), rows / rows.sum(1, keepdims=True))
    assert chain.tempered(1.0) is chain


def test_estimates_keep_to_what_is_allowed() -> None:
    allowed = left_to_right(3)
    counts = np.diag([4.0, 0.0, 0.0]) + np.diag([1.0, 0.0], k=1)
    found = estimated(np.array([5.0, 0, 0]), counts, None, allowed, 0.0)
    np.testing.assert_allclose(found.move[0], [0.8, 0.2, 0])
    np.testing.assert_allclose(found.move[1], [0, 0.5, 0.5])  # never left: evenly over what is allowed
    smooth = estimated(np.zeros(3), counts, np.array([0.0, 0.0, 5.0]), everything(3), 1.0)
    assert smooth.stop is not None
    np.testing.assert_allclose(smooth.start, 1 / 3)
    np.testing.assert_allclose(smooth.move.sum(1) + smooth.stop, 1)
    assert smooth.stop[2] == pytest.approx(6 / 9)


def test_pairs_of_states_are_read() -> None:
    allowed = of_pairs(2, ("0 -> 1", "1->0", "1 -> 1"))
    assert allowed.move.tolist() == [[False, True], [True, True]]
    for pairs, message in ((("0 -> 2",), "0 … 1"), (("a -> b",), "0 … 1"), (("0 -> 0",), "state 1 has nothing")):
        with pytest.raises(ConfigError, match=message):
            of_pairs(2, pairs)


def test_lengths_are_counted_and_drawn() -> None:
    table = Lengths.counted(np.array([2, 2, 3, 5]), 6)
    assert table.p.sum() == pytest.approx(1)
    assert table.p[2] == pytest.approx((2 + 0.5 / 7) / 4.5)
    assert table.log_p(np.array([9])).tolist() == [-np.inf]
    assert table.log_at_least(np.array([0]))[0] == pytest.approx(0)
    n = 20_000
    drawn = table.draw(np.random.default_rng(0).random(n), np.full(n, 3))
    expected = table.p[3:] / table.p[3:].sum()
    share = np.bincount(drawn, minlength=7)[3:] / n
    assert (np.abs(share - expected) < 5 * np.sqrt(expected * (1 - expected) / n)).all()
    assert table.draw(np.array([0.5]), np.array([6])).tolist() == [6]
    even = Lengths.counted(np.full(50, 4), 4)
    assert even.log_p(np.array([4]))[0] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("temperature", [1e-9, 0.5, 3.0])
def test_lengths_are_tempered_among_those_that_are_left(temperature: float) -> None:
    lengths, n = Lengths(np.array([0.4, 0.05, 0.1, 0.25, 0.2])), 20_000
    for least in range(5):
        u = np.random.default_rng(0).random(n)
        drawn = lengths.draw(u, np.full(n, least), temperature)
        p = (lengths.p[least:] / lengths.p[least:].max()) ** (1 / temperature)
        p /= p.sum()
        found = np.bincount(drawn, minlength=5)[least:] / n
        assert (np.abs(found - p) < 5 * np.sqrt(p * (1 - p) / n) + 1e-9).all()
