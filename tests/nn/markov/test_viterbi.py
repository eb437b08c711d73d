"""Best paths against enumeration; those of cut sequences against whole ones."""

import numpy as np
import pytest

from genwright.nn.markov.chain import Chain
from genwright.nn.markov.layout import Layout
from genwright.nn.markov.viterbi import viterbi
from tests.nn.markov.worlds import all_paths, random_chain, random_frames

LENGTHS = np.array([4, 1, 6, 0, 3, 5])


@pytest.mark.parametrize("spread", [0.1, 3.0, 1_000.0])
@pytest.mark.parametrize("cut", [0, 2])
def test_best_path_is_the_best_of_all(cut: int, spread: float) -> None:
    chain, layout = random_chain(3), Layout(LENGTHS, cut)
    rows, log_b = random_frames(layout, 3, spread)
    states, score = viterbi(chain, layout, log_b)
    found = layout.unpack(states, 6, -1)
    for n, length in enumerate(LENGTHS):
        if length:
            paths, scores = all_paths(chain, rows[n, :length].T)
            assert score[n] == pytest.approx(scores.max(), rel=1e-12)
            assert (paths[scores.argmax()] == found[n, :length]).all()


def _score(chain: Chain, log_b: np.ndarray, z: np.ndarray) -> float:
    with np.errstate(divide="ignore"):
        moves = np.log(chain.move)[z[:-1], z[1:]].sum()
        return float(np.log(chain.start[z[0]]) + moves + log_b[z, np.arange(len(z))].sum())


@pytest.mark.parametrize("spread", [0.0, 1.0, 20.0])  # without evidence, many paths are equally good
def test_cut_sequences_have_paths_of_the_same_score(spread: float) -> None:
    chain, lengths = random_chain(4), np.array([600, 3, 455, 20])
    whole, cut = Layout(lengths), Layout(lengths, 50)
    rows, log_b = random_frames(whole, 4, spread)
    _, score = viterbi(chain, whole, log_b)
    states, score_cut = viterbi(chain, cut, np.ascontiguousarray(cut.pack(rows).T))
    np.testing.assert_allclose(score, score_cut, rtol=1e-12)
    found = cut.unpack(states, 600, -1)
    for n, length in enumerate(lengths):
        assert _score(chain, rows[n, :length].T, found[n, :length]) == pytest.approx(score[n], rel=1e-12)


def test_forbidden_moves_are_not_made() -> None:
    chain = Chain(np.array([1.0, 0.0, 0.0]), np.array([[0.5, 0.5, 0], [0, 0.5, 0.5], [0, 0, 1.0]]))
    layout = Layout(np.array([300]), 40)
    _, log_b = random_frames(layout, 3, 5.0)
    path = layout.unpack(viterbi(chain, layout, log_b)[0], 300, -1)[0]
    assert path[0] == 0
    assert (np.diff(path) >= 0).all()
    assert np.diff(path).max() <= 1
