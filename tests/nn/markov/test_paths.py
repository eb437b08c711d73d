"""Drawn paths against the probabilities of all paths."""

import numpy as np
import pytest
from scipy.special import logsumexp

from genwright.nn.markov.forward_backward import ForwardBackward
from genwright.nn.markov.layout import Layout
from genwright.nn.markov.paths import backward_paths, forward_paths
from tests.nn.markov.worlds import all_paths, random_chain, random_frames


def test_backward_paths_come_as_often_as_they_are_probable() -> None:
    n, chain = 20_000, random_chain(2)
    rows, _ = random_frames(Layout(np.array([4])), 2, 1.0)
    layout = Layout(np.full(n, 4))
    log_b = np.ascontiguousarray(layout.pack(np.repeat(rows, n, axis=0)).T)
    alpha = ForwardBackward(layout, 2).filter(chain, log_b).alpha
    states = backward_paths(chain, layout, alpha, np.random.default_rng(0).random(layout.n_frames))
    drawn = layout.unpack(states, 4, -1) @ [8, 4, 2, 1]
    paths, score = all_paths(chain, rows[0].T)
    p = np.exp(score - logsumexp(score))
    share = np.bincount(drawn, minlength=16)[paths @ [8, 4, 2, 1]] / n
    assert (np.abs(share - p) < 5 * np.sqrt(p * (1 - p) / n) + 1e-9).all()


def test_forward_paths_end_as_often_as_the_chain_says() -> None:
    n, chain = 20_000, random_chain(3, with_ends=True)
    assert chain.stop is not None
    u = np.random.default_rng(0).random((n, 3))
    paths = forward_paths(chain, np.zeros(n, int), u, np.zeros(n, int))
    lengths = (paths >= 0).sum(1)
    p1 = float(chain.start @ chain.stop)
    p2 = float(chain.start @ chain.move @ chain.stop)
    for length, p in ((1, p1), (2, p2), (3, 1 - p1 - p2)):
        assert abs((lengths == length).mean() - p) < 5 * np.sqrt(p * (1 - p) / n)
    assert lengths.min() == 1


def test_settled_steps_stay() -> None:
    chain = random_chain(3)
    paths = forward_paths(chain, np.array([2, 1]), np.full((2, 5), 0.5), np.array([3, 5]))
    assert (paths[0, :3] == -1).all()
    assert (paths[0, 3:] >= 0).all()
    assert (paths[1] == -1).all()
    with pytest.raises(IndexError):
        forward_paths(chain, np.array([9]), np.full((1, 2), 0.5), np.array([1]))
