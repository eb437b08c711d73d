"""Starts, restarts, tags and numbers of states."""

import numpy as np
import pytest

from genwright.nn.markov.categorical import categorical_of
from genwright.nn.markov.chain import everything, left_to_right
from genwright.nn.markov.em import Fitted, Learning
from genwright.nn.markov.gaussian import gaussian_like
from genwright.nn.markov.hidden import Hidden, Sequences, sequences
from genwright.nn.markov.learn import Plan, choose_n_states, even_chain, learn_hidden, learn_tagged
from genwright.nn.markov.mixture import Mixture
from genwright.nn.markov.numbers import Numbers
from genwright.nn.markov.start import clusters, first_guess


def silent(done: float, line: str) -> None:
    pass


def three_clusters(seed: int = 0) -> tuple[Sequences, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = np.repeat(rng.integers(0, 3, (30, 10)), 4, axis=1)
    x = np.array([[-6.0, 0], [0, 6], [6, 0]])[z] + rng.normal(size=(30, 40, 2))
    return sequences(np.full(30, 40), {"x": x}, 3), z


@pytest.mark.parametrize("kind", ["gaussian", "mixture"])
def test_em_from_several_starts_finds_clusters(kind: str) -> None:
    data, z = three_clusters()
    x = data.frames["x"].x
    alike = gaussian_like(x, 3, "full", 1e-4)
    if kind == "mixture":
        alike = Mixture(np.full((3, 2), 0.5), gaussian_like(x, 6, "full", 1e-4))  # type: ignore[assignment]
    plan = Plan(Learning(everything(3)), with_ends=False, in_time=False, n_restarts=2)
    fitted = learn_hidden(data, {"x": alike}, 3, plan, np.random.default_rng(0), silent)
    states = data.layout.unpack(fitted.hidden.best_paths(data)[0], 40, -1)
    names = [np.bincount(z[states == k]).argmax() for k in range(3)]
    assert sorted(names) == [0, 1, 2]
    assert (np.array(names)[states] == z).mean() > 0.99


def test_clusters_bear_holes_and_few_frames() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(-5, 1, (50, 2)), rng.normal(5, 1, (50, 2))])
    x[::7, 0] = np.nan
    found = clusters(x, 2, rng)
    assert len(set(found[:50])) == len(set(found[50:])) == 1
    assert found[0] != found[99]
    assert set(clusters(np.zeros((3, 1)), 5, rng)) <= {0, 1, 2}


def test_starts_in_time_go_from_left_to_right() -> None:
    data, _ = three_clusters()
    alike = {"x": gaussian_like(data.frames["x"].x, 4, "diag", 1e-4)}
    start = first_guess(data, alike, 4, left_to_right(4), False, True, np.random.default_rng(0))
    assert np.tril(start.chain.move, -1).max() == 0
    assert start.chain.durations()[0] == pytest.approx(10, rel=0.35)


def test_counted_tags_and_missing_ones() -> None:
    rng = np.random.default_rng(0)
    z = rng.integers(0, 2, (200, 6))
    codes = np.where(rng.random(z.shape) < 0.9, z, 1 - z)
    data = sequences(np.full(200, 6), {"x": codes}, 2)
    tags = data.layout.pack(z)
    how = Learning(everything(2), n_iter=50)
    blank = Hidden(even_chain(2, everything(2), False), {"x": categorical_of(codes.ravel(), 2, 2, 0.0)})
    data.possible = tags == np.arange(2)[:, None]
    whole = learn_tagged(data, blank, how, silent, 0)
    share = [(codes[z == k] == 1).mean() for k in range(2)]
    np.testing.assert_allclose(whole.hidden.emissions["x"].p[:, 1], share, atol=1e-12)  # type: ignore[attr-defined]
    is_known = rng.random(tags.shape) < 0.5
    data.possible = data.possible | ~is_known
    some = learn_tagged(data, blank, how, silent, 50)
    np.testing.assert_allclose(some.hidden.emissions["x"].p[:, 1], share, atol=0.05)  # type: ignore[attr-defined]
    assert np.diff(some.trace).min() > -1e-9


def test_an_even_chain_is_even() -> None:
    chain = even_chain(3, left_to_right(3), True)
    assert chain.stop is not None
    np.testing.assert_allclose(chain.move.sum(1) + chain.stop, 1)
    np.testing.assert_allclose(chain.move[0], [1 / 3, 1 / 3, 0])
    assert chain.start.tolist() == [1, 0, 0]


def test_no_more_numbers_of_states_are_tried_once_two_did_worse() -> None:
    tried: list[int] = []
    worth = {1: 0.0, 2: 1.0, 3: 0.9, 4: 0.8, 6: 5.0}

    def fit(n: int) -> Fitted:
        tried.append(n)
        return Fitted(Hidden(even_chain(n, everything(n), False), {}))

    best, found = choose_n_states(fit, lambda fitted: worth[fitted.hidden.n_states], 100, silent)
    assert best == 2
    assert tried == [1, 2, 3, 4]
    assert choose_n_states(fit, lambda fitted: 0.0, 1, silent)[0] == 1
    assert found[3] == 0.9


def test_frames_with_holes_are_grouped_by_what_is_there() -> None:
    x = np.array([[1.0, np.nan], [2.0, 3.0], [np.nan, np.nan], [4.0, np.nan]])
    groups = {tuple(known): rows.tolist() for known, rows in Numbers(x).groups}
    assert groups == {(True, False): [0, 3], (True, True): [1], (False, False): [2]}
