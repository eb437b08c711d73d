"""Both passes against enumeration of all paths; cut sequences and log space against the plain way."""

import numpy as np
import pytest
from scipy.special import logsumexp

from genwright.nn.markov.chain import Chain
from genwright.nn.markov.forward_backward import ForwardBackward, Smoothed
from genwright.nn.markov.layout import Layout
from tests.nn.markov.worlds import all_paths, random_chain, random_frames, same

LENGTHS = np.array([4, 1, 6, 0, 3, 5])


@pytest.mark.parametrize("spread", [1.0, 30.0, 2_000.0])  # the last one goes through log space
@pytest.mark.parametrize("cut", [0, 2])
def test_passes_equal_enumeration(cut: int, spread: float) -> None:
    chain, layout = random_chain(3), Layout(LENGTHS, cut)
    rows, log_b = random_frames(layout, 3, spread)
    found = ForwardBackward(layout, 3).smooth(chain, log_b)
    gamma = layout.unpack(found.gamma.T, 6, 0.0)
    starts, moves = np.zeros(3), np.zeros((3, 3))
    for n, length in enumerate(LENGTHS):
        if not length:
            assert found.log_prob[n] == 0
            continue
        paths, score = all_paths(chain, rows[n, :length].T)
        total = logsumexp(score)
        assert abs(total - found.log_prob[n]) < 1e-10 * max(1, abs(total))
        weight = np.exp(score - total)
        expected = np.array([[weight[paths[:, t] == k].sum() for k in range(3)] for t in range(length)])
        np.testing.assert_allclose(gamma[n, :length], expected, atol=1e-10)
        starts += expected[0]
        for t in range(1, length):
            np.add.at(moves, (paths[:, t - 1], paths[:, t]), weight)
    np.testing.assert_allclose(found.starts, starts, atol=1e-10)
    np.testing.assert_allclose(found.moves, moves, atol=1e-10)


def left_right(n: int) -> Chain:
    return Chain(np.eye(n)[0], 0.9 * np.eye(n) + 0.1 * np.eye(n, k=1) + 0.1 * np.diag(np.eye(n)[-1]))


@pytest.mark.parametrize("chain", [random_chain(4), left_right(4)], ids=["mixing", "left to right"])
@pytest.mark.parametrize("spread", [0.3, 20.0])
def test_cut_sequences_equal_whole_ones(chain: Chain, spread: float) -> None:
    lengths = np.array([1_000, 3, 777, 40])
    whole, cut = Layout(lengths), Layout(lengths, 50)
    rows, log_b = random_frames(whole, 4, spread)
    a = ForwardBackward(whole, 4).smooth(chain, log_b)
    b = ForwardBackward(cut, 4).smooth(chain, np.ascontiguousarray(cut.pack(rows).T))
    _assert_equal(a, b, whole, cut)
    again = ForwardBackward(cut, 4).filter(chain, np.ascontiguousarray(cut.pack(rows).T))
    np.testing.assert_allclose(again.log_prob, a.log_prob, rtol=1e-11)


def _assert_equal(a: Smoothed, b: Smoothed, of_a: Layout, of_b: Layout) -> None:
    np.testing.assert_allclose(a.log_prob, b.log_prob, rtol=1e-11)
    np.testing.assert_allclose(of_a.unpack(a.gamma.T, 1_000, 0.0), of_b.unpack(b.gamma.T, 1_000, 0.0), atol=1e-9)
    np.testing.assert_allclose(a.moves, b.moves, atol=1e-7)
    np.testing.assert_allclose(a.starts, b.starts, atol=1e-9)


def test_an_unlikely_state_that_matters_later_is_not_lost() -> None:
    """State 1 is 900 nats behind at first, below the smallest float, and the only one that explains the rest."""
    chain = Chain(np.array([0.5, 0.5]), np.array([[1.0, 0.0], [0.0, 1.0]]))
    log_b = np.zeros((2, 12))
    log_b[1, :3], log_b[0, 3:] = -300.0, -200.0
    found = ForwardBackward(Layout(np.array([12])), 2).smooth(chain, log_b)
    assert abs(found.log_prob[0] - (np.log(0.5) - 900)) < 1e-9
    np.testing.assert_allclose(found.gamma[1], 1.0)


def test_impossible_sequences_count_nothing() -> None:
    chain, layout = left_right(2), Layout(np.array([3, 2]))
    log_b = np.zeros((2, 5))
    rows = np.zeros((2, 3, 2))
    rows[0, 0, 0] = -np.inf  # the only state to start in
    log_b = np.ascontiguousarray(layout.pack(rows).T)
    found = ForwardBackward(layout, 2).smooth(chain, log_b)
    assert found.log_prob[0] == -np.inf
    assert found.log_prob[1] == pytest.approx(0.0)
    assert found.starts.sum() == pytest.approx(1.0)
    assert found.moves.sum() == pytest.approx(1.0)


def test_order_of_sequences_does_not_matter() -> None:
    chain, order = random_chain(3), np.array([3, 0, 5, 1, 4, 2])
    rows, log_b = random_frames(Layout(LENGTHS), 3, 2.0)
    turned = Layout(LENGTHS[order])
    a = ForwardBackward(Layout(LENGTHS), 3).filter(chain, log_b)
    b = ForwardBackward(turned, 3).filter(chain, np.ascontiguousarray(turned.pack(rows[order]).T))
    assert same(a.log_prob[order], b.log_prob)
