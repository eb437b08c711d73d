"""The hidden Markov model against enumeration of all paths, hmmlearn, counts, and known worlds."""

import itertools
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from genwright.core.config import configure, to_json
from genwright.core.dataset import Dataset, select
from genwright.core.errors import ConfigError, FitError, GivenError, SpaceMismatchError, UnsupportedError
from genwright.core.rng import torch_generator
from genwright.core.space import OPEN, Batch, Category, Field, Space, Tokens, Vectors
from genwright.models.hmm import HMM, HMMConfig
from genwright.nn.markov.steps import emitted

T, V = 4, 3  # steps and codes of the small space
WORDS = Tokens(T + 1, V + 3, missing=V + 2)
SERIES = Vectors(30, 2, has_missing=True)


def silent(done: float, line: str) -> None:
    pass


def token_rows(sequences: list[list[int]], support: Tokens = WORDS) -> np.ndarray:
    """Codes of sequences of places (N, T); -1 is missing."""
    codes = np.full((len(sequences), support.length), support.pad)
    values = np.append(emitted(support), support.missing)
    for row, sequence in zip(codes, sequences, strict=True):
        row[: len(sequence)] = values[sequence]
        row[len(sequence) : len(sequence) + 1] = support.end
    return codes


def fitted(space: Space, arrays: dict[str, np.ndarray], seed: int = 0, **settings: object) -> HMM:
    model = HMM(space, HMMConfig(**settings))  # type: ignore[arg-type]
    model.solve(Dataset(space, arrays), torch_generator(seed, "fit"), silent)
    return model


def word_data(n: int = 300, seed: int = 0) -> tuple[Space, dict[str, np.ndarray], np.ndarray]:
    """Words that two sticky states emit, and the states."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, T + 1, n)
    z = rng.integers(0, 2, (n, T))
    for t in range(1, T):
        z[:, t] = np.where(rng.random(n) < 0.8, z[:, t - 1], z[:, t])
    x = (np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]]).cumsum(1)[z] < rng.random((n, T, 1))).sum(2)
    rows = [row[:length].tolist() for row, length in zip(x, lengths, strict=True)]
    tags = [row[:length].tolist() for row, length in zip(z, lengths, strict=True)]
    space = Space({"words": Field(WORDS), "tags": Field(Tokens(T + 1, 5, missing=4))})
    return space, {"words": token_rows(rows), "tags": token_rows(tags, space["tags"].support)}, z  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=["lengths", "chain", "free"])
def words(request: pytest.FixtureRequest) -> HMM:
    space, arrays, _ = word_data()
    return fitted(
        Space({"words": space["words"]}), {"words": arrays["words"]}, n_states=2, n_iter=5, ends=request.param
    )


def series_data(n: int = 60, seed: int = 0) -> tuple[Space, dict[str, np.ndarray], np.ndarray]:
    """Two regimes of different mean and noise, ragged."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(5, 31, n)
    z = rng.integers(0, 2, (n, 30))
    for t in range(1, 30):
        z[:, t] = np.where(rng.random(n) < 0.9, z[:, t - 1], 1 - z[:, t - 1])
    x = np.array([[0.0, 100.0], [3.0, 50.0]])[z] + rng.normal(size=(n, 30, 2)) * np.array([[0.5, 10], [1.0, 20]])[z]
    x[np.arange(30) >= lengths[:, None]] = np.inf
    return Space({"x": Field(SERIES)}), {"x": x}, z


@pytest.fixture(scope="module")
def regimes() -> HMM:
    space, arrays, _ = series_data()
    return fitted(space, arrays, n_states=2)


def all_word_rows() -> tuple[torch.Tensor, list[tuple[int, ...]]]:
    """Every row of the small space."""
    rows = [s for length in range(T + 2) for s in itertools.product(range(V), repeat=length)]
    return torch.from_numpy(token_rows([list(s) for s in rows])), rows


def enumerated(model: HMM, sequence: tuple[int, ...]) -> tuple[list[tuple[int, ...]], np.ndarray]:
    """All paths and log p(x, z), without the length."""
    chain, p = model.hidden.chain, model.hidden.emissions["words"].p  # type: ignore[attr-defined]
    paths = list(itertools.product(range(model.n_states), repeat=len(sequence)))
    scores = []
    for z in paths:
        score = np.log(chain.start[z[0]]) + sum(np.log(p[k, x]) for k, x in zip(z, sequence, strict=True))
        score += sum(np.log(chain.move[a, b]) for a, b in itertools.pairwise(z))
        is_cut = len(sequence) == WORDS.length
        scores.append(score + (np.log(chain.stop[z[-1]]) if chain.stop is not None and not is_cut else 0.0))
    return paths, np.array(scores)


def test_likelihoods_are_those_of_all_paths_and_sum_to_one(words: HMM) -> None:
    batch, rows = all_word_rows()
    log_p = words.log_prob({"words": batch}).numpy()
    for i in (5, 40, 200, 363):
        n, (_, scores) = len(rows[i]), enumerated(words, rows[i])
        of_length = {"lengths": np.log(words.lengths.p[n]), "chain": np.log1p(-words.lengths.p[0]), "free": 0.0}
        assert log_p[i] == pytest.approx(logsumexp(scores) + of_length[words.config.ends], abs=1e-10)
    lengths = np.array([len(row) for row in rows])
    if words.config.ends == "free":
        for n in range(T + 2):
            assert np.exp(log_p[lengths == n]).sum() == pytest.approx(1, abs=1e-10)
    else:
        assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-10)


def test_posteriors_and_best_paths_are_those_of_all_paths(words: HMM) -> None:
    sequence = (0, 2, 1, 2)
    batch = {"words": torch.from_numpy(token_rows([list(sequence)]))}
    paths, scores = enumerated(words, sequence)
    weight = np.exp(scores - logsumexp(scores))
    gamma = words.posteriors(batch)[0]
    for t in range(T):
        assert gamma[t, 1] == pytest.approx(sum(w for w, z in zip(weight, paths, strict=True) if z[t] == 1), abs=1e-10)
    states, score = words.best_paths(batch)
    assert score[0] == pytest.approx(scores.max(), abs=1e-10)
    assert tuple(states[0, :T]) == paths[int(scores.argmax())]
    assert states[0, T] == -1


def test_draws_come_as_often_as_they_are_probable(words: HMM) -> None:
    n, (batch, rows) = 20_000, all_word_rows()
    log_p = words.log_prob({"words": batch}).numpy()
    if words.config.ends == "free":
        log_p = log_p + np.log(words.lengths.p)[[len(row) for row in rows]]
    drawn = words.sample(n, {}, torch_generator(1))["words"]
    assert words.space.check({"words": drawn}) == n
    key = 8 ** torch.arange(WORDS.length)
    share = dict(zip(*((drawn * key).sum(1).unique(return_counts=True)), strict=True))
    counts = {int(k): int(c) for k, c in share.items()}
    p = np.exp(log_p)
    found = np.array([counts.get(int(k), 0) for k in (batch * key).sum(1)]) / n
    assert (np.abs(found - p) < 5 * np.sqrt(p * (1 - p) / n) + 2 / n).all()


@pytest.mark.parametrize("is_settled", [True, False])
def test_draws_given_some_steps_are_exact(words: HMM, is_settled: bool) -> None:
    """Step 2 is known, and whether the sequence ends after step 3; frequencies against enumeration."""
    n, known = 20_000, 2
    given = torch.full((n, WORDS.length), OPEN)
    code = int(emitted(WORDS)[known])
    given[:, 1] = code
    if is_settled:
        given[:, 3], given[:, 4] = WORDS.end, WORDS.pad
    drawn = words.sample(n, {"words": given}, torch_generator(2))["words"]
    assert (drawn[:, 1] == code).all()
    batch, rows = all_word_rows()
    fits = [i for i, r in enumerate(rows) if len(r) > 1 and r[1] == known and (len(r) == 3 or not is_settled)]
    log_p = words.log_prob({"words": batch}).numpy()
    if words.config.ends == "free":
        log_p = log_p + np.log(words.lengths.p)[[len(row) for row in rows]]
    p = np.exp(log_p[fits] - logsumexp(log_p[fits]))
    key = 8 ** torch.arange(WORDS.length)
    found = (drawn * key).sum(1)[:, None] == (batch[fits] * key).sum(1)
    assert found.any(1).all()
    share = found.double().mean(0).numpy()
    assert (np.abs(share - p) < 5 * np.sqrt(p * (1 - p) / n) + 2 / n).all()
    evidence = words.propose(2, {"words": given[:2]}, torch_generator(0))[1].numpy()
    expected = logsumexp(log_p[fits])
    if words.config.ends == "free" and is_settled:
        expected -= np.log(words.lengths.p[3])
    if words.config.ends != "free" or is_settled:
        assert evidence == pytest.approx(expected, abs=1e-9)


def test_missing_steps_are_summed_out(words: HMM) -> None:
    whole = torch.from_numpy(token_rows([[0, c, 1] for c in range(V)]))
    with_hole = torch.from_numpy(token_rows([[0, -1, 1]]))
    total = torch.logsumexp(words.log_prob({"words": whole}), 0)
    assert float(words.log_prob({"words": with_hole})) == pytest.approx(float(total), abs=1e-10)
    kept = words.sample(3, {"words": with_hole.expand(3, -1)}, torch_generator(0))["words"]
    assert torch.equal(kept, with_hole.expand(3, -1))
    nothing = torch.zeros(1, WORDS.length, dtype=torch.int64)
    assert float(words.log_prob({"words": nothing})) == 0


# Numbers


def test_regimes_are_found(regimes: HMM) -> None:
    _, arrays, z = series_data()
    states, _ = regimes.best_paths({"x": torch.from_numpy(arrays["x"])})
    inside = states >= 0
    right = (states == z)[inside].mean()
    assert max(right, 1 - right) > 0.97
    assert regimes.hidden.chain.durations() == pytest.approx([10, 10], rel=0.5)
    assert regimes.notes == []


def test_likelihood_is_hmmlearns(regimes: HMM) -> None:
    hmm = pytest.importorskip("hmmlearn.hmm", reason="hmmlearn is not installed")
    _, arrays, _ = series_data(5, seed=4)
    column, emission = regimes.columns["x"], regimes.hidden.emissions["x"]
    peer = hmm.GaussianHMM(2)
    peer.startprob_, peer.transmat_ = regimes.hidden.chain.start, regimes.hidden.chain.move
    peer.means_ = emission.mean * column.scale + column.location  # type: ignore[attr-defined]
    peer.covars_ = emission.covar * column.scale**2  # type: ignore[attr-defined]
    log_p = regimes.log_prob({"x": torch.from_numpy(arrays["x"])}).numpy()
    for row, found in zip(arrays["x"], log_p, strict=True):
        steps = row[np.isfinite(row).all(1)]
        assert found - np.log(regimes.lengths.p[len(steps)]) == pytest.approx(peer.score(steps), abs=1e-9)


def test_a_density_of_one_step_integrates_to_one() -> None:
    rng = np.random.default_rng(0)
    space = Space({"x": Field(Vectors(1, 1))})
    x = np.where(rng.random(200) < 0.5, rng.normal(0, 1, 200), rng.normal(8, 2, 200))
    model = fitted(space, {"x": x[:, None, None]}, n_states=2, ends="free")
    edges = torch.linspace(-30, 40, 20_001, dtype=torch.float64)
    p = model.log_prob({"x": edges[:, None, None]}).exp()
    assert float(torch.trapezoid(p, edges)) == pytest.approx(1, abs=1e-6)


def test_missing_numbers_and_steps_are_integrated_out(regimes: HMM) -> None:
    _, arrays, _ = series_data(1, seed=7)
    x = torch.from_numpy(arrays["x"]).clone()
    x[:, 3] = float("nan")
    grid = torch.linspace(-10, 15, 4_001, dtype=torch.float64)
    with_first = x.expand(len(grid), -1, -1).clone()
    with_first[:, 3, 0] = grid
    p = torch.trapezoid(regimes.log_prob({"x": with_first}).exp(), grid)
    assert float(p.log()) == pytest.approx(float(regimes.log_prob({"x": x})), abs=1e-6)


def test_draws_keep_given_steps_and_follow_them(regimes: HMM) -> None:
    n = 400
    given = torch.full((n, 30, 2), -float("inf"))
    given[:, 10] = torch.tensor([3.0, 50.0], dtype=torch.float64)
    rows = regimes.sample(n, {"x": given}, torch_generator(0))["x"]
    assert torch.equal(rows[:, 10], given[:, 10])
    assert regimes.space.check({"x": rows}) == n
    lengths = (rows != float("inf")).all(2).sum(1)
    assert lengths.min() >= 11
    near, far = rows[:, 9, 0], rows[:, 0, 0]
    assert near.mean() > 2.5
    assert far.mean() < near.mean() - 0.3


def test_open_numbers_beside_known_ones_follow_them() -> None:
    """A full covariance within one state: the open number of a step depends on the known one."""
    rng = np.random.default_rng(0)
    x = rng.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], (50, 10))
    space = Space({"x": Field(Vectors(10, 2))})
    model = fitted(space, {"x": x}, n_states=1, covariance="full")
    given = torch.full((2_000, 10, 2), -float("inf"))
    given[:, :, 0] = 2.0
    rows = model.sample(2_000, {"x": given}, torch_generator(0))["x"][:, :, 1]
    sd = (1 - 0.81) ** 0.5
    assert abs(float(rows.mean()) - 1.8) < 0.1
    assert abs(float(rows.std()) - sd) < 0.05


@pytest.mark.parametrize("covariance", ["diag", "full", "tied", "spherical"])
def test_the_least_floor_bears_states_that_do_not_vary(covariance: str) -> None:
    """Two states of one value each, whose variances and covariances are 0 but for the floor."""
    x = np.repeat([[0.0, 1.0], [1.0, 0.0]], 20, axis=0)[None].repeat(4, 0)  # (4, 40, 2)
    space = Space({"x": Field(Vectors(40, 2))})
    model = fitted(space, {"x": x}, n_states=2, covariance=covariance, min_covar=1e-9)
    rows = {"x": torch.from_numpy(x)}
    assert model.log_prob(rows).isfinite().all()
    drawn = model.sample(20, {"x": torch.full((20, 40, 2), -torch.inf, dtype=torch.float64)}, torch_generator(1))
    assert space.check(drawn) == 20


@pytest.mark.parametrize(
    "settings",
    [
        {"covariance": "full"},
        {"covariance": "tied"},
        {"covariance": "spherical"},
        {"emissions": "mixture"},
        {"topology": "left_right"},
        {"ends": "chain"},
        {"allowed": ("0 -> 0", "0 -> 1", "1 -> 0", "1 -> 1")},
    ],
    ids=str,
)
def test_every_kind_of_model_is_saved_and_draws_in_its_space(settings: dict[str, object]) -> None:
    space, arrays, _ = series_data(30)
    model = fitted(space, arrays, n_states=2, n_iter=10, **settings)
    again = HMM(Space.from_json(space.to_json()), configure(HMMConfig, to_json(model.config)))
    again.load_state({k: v.clone() for k, v in model.state().items()})
    a, b = (m.sample(40, {}, torch_generator(3)) for m in (model, again))
    assert torch.equal(a["x"], b["x"])
    assert space.check(a) == 40
    rows = {"x": torch.from_numpy(arrays["x"])}
    assert torch.equal(model.log_prob(rows), again.log_prob(rows))
    assert model.log_prob(rows).isfinite().all()
    assert model.describe() == again.describe()


def test_counts_need_whole_numbers() -> None:
    rng = np.random.default_rng(0)
    space = Space({"x": Field(Vectors(20, 1))})
    z = rng.integers(0, 2, (50, 20, 1))
    model = fitted(space, {"x": rng.poisson(np.array([1.0, 12.0])[z]).astype(float)}, n_states=2, emissions="poisson")
    assert sorted(model.hidden.emissions["x"].rate.ravel()) == pytest.approx([1, 12], rel=0.15)  # type: ignore[attr-defined]
    drawn = model.sample(100, {}, torch_generator(0))["x"]
    assert torch.equal(drawn, drawn.round())
    assert drawn.min() >= 0
    with pytest.raises(FitError, match=r"holds 0\.5; emissions = poisson needs counts"):
        fitted(space, {"x": np.full((3, 20, 1), 0.5)}, n_states=2, emissions="poisson")


def test_number_of_states_is_chosen_by_held_out_likelihood() -> None:
    space, arrays, _ = series_data(40)
    model = fitted(space, arrays, n_restarts=1, n_iter=30)
    assert model.n_states in (2, 3)
    assert model.tried[2] > model.tried[1] + 0.1
    one = fitted(
        Space({"x": Field(Vectors(600, 2))}),
        {"x": arrays["x"][np.isfinite(arrays["x"])].reshape(1, -1, 2)[:, :600]},
        n_restarts=1,
    )
    assert one.n_states >= 2


def test_left_to_right_goes_left_to_right() -> None:
    space, arrays, _ = series_data(30)
    model = fitted(space, arrays, n_states=4, topology="left_right", n_iter=10)
    states, _ = model.best_paths({"x": torch.from_numpy(arrays["x"])})
    for path in states:
        assert path[0] == 0
        assert set(np.diff(path[path >= 0])) <= {0, 1}
    assert np.tril(model.hidden.chain.move, -1).max() == 0


# Tags


def test_tags_are_counted() -> None:
    space, arrays, _ = word_data()
    model = fitted(space, arrays, states="tags", pseudo_moves=0.0, pseudo_items=0.0)
    tags, codes = arrays["tags"] - 2, arrays["words"] - 2
    inside = tags >= 0
    expected = np.array([[(codes[inside] == x)[tags[inside] == k].mean() for x in range(V)] for k in range(2)])
    np.testing.assert_allclose(model.hidden.emissions["words"].p, expected, atol=1e-12)  # type: ignore[attr-defined]
    pairs = inside[:, :-1] & inside[:, 1:]
    before, after = tags[:, :-1][pairs], tags[:, 1:][pairs]
    moves = np.array([[((before == j) & (after == k)).sum() for k in range(2)] for j in range(2)])
    np.testing.assert_allclose(model.hidden.chain.move, moves / moves.sum(1, keepdims=True), atol=1e-12)
    both = {name: torch.from_numpy(x) for name, x in arrays.items()}
    assert (model.log_prob(both) <= model.log_prob({"words": both["words"]}) + 1e-12).all()


def test_tags_are_predicted_and_known_ones_condition_draws() -> None:
    space, arrays, _ = word_data(600)
    model = fitted(space, arrays, states="tags")
    words = {"words": torch.from_numpy(arrays["words"])}
    found = model.predict({**words, "tags": torch.from_numpy(arrays["tags"])})["tags"]
    inside = arrays["tags"] >= 2
    assert (found.numpy() == arrays["tags"])[inside].mean() > 0.75
    assert (found.numpy()[~inside] == arrays["tags"][~inside]).all()
    tags = torch.from_numpy(token_rows([[0, 0, 1, 1]], space["tags"].support)).expand(4_000, -1)  # type: ignore[arg-type]
    drawn = model.sample(4_000, {"tags": tags}, torch_generator(0))
    assert torch.equal(drawn["tags"], tags)
    p = model.hidden.emissions["words"].p  # type: ignore[attr-defined]
    for t, k in enumerate((0, 0, 1, 1)):
        share = torch.bincount(drawn["words"][:, t] - 2, minlength=V).numpy() / 4_000
        assert (np.abs(share - p[k]) < 5 * np.sqrt(p[k] * (1 - p[k]) / 4_000)).all()


def test_missing_tags_are_filled_in_by_em() -> None:
    space, arrays, _ = word_data(600)
    rng = np.random.default_rng(0)
    arrays["tags"][(arrays["tags"] >= 2) & (rng.random(arrays["tags"].shape) < 0.3)] = 4
    arrays["tags"][:200] = 0  # a column that is not known at all
    model = fitted(space, arrays, states="tags", n_iter=30)
    assert len(model.trace) > 2
    assert np.diff(model.trace).min() > -1e-6
    assert model.hidden.emissions["words"].p[0, 0] > 0.5  # type: ignore[attr-defined]


# Bad input

BAD: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: HMM(Space({"a": Field(Category(3))})), UnsupportedError, "hmm cannot model column 'a'"),
    (lambda: HMM(Space({})), UnsupportedError, "needs a column of sequences"),
    (lambda: HMMConfig(min_covar=0.0), ConfigError, "min_covar = 0.0; expected 1e-09 or more"),
    (lambda: HMMConfig(ends="never"), ConfigError, "expected one of lengths, chain, free"),
    (lambda: HMMConfig(states="tags", n_states=3), ConfigError, "tags say how many states"),
    (lambda: HMMConfig(allowed=("0 -> 1",)), ConfigError, "n_states"),
    (lambda: HMM(Space({"x": Field(SERIES)}), HMMConfig(states="x")), ConfigError, "has numbers"),
    (lambda: HMM(Space({"x": Field(WORDS)}), HMMConfig(states="x")), ConfigError, "no other column"),
]


@pytest.mark.parametrize(("work", "error", "message"), BAD)
def test_wrong_settings_are_told(work: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        work()


def one_series(x: list[list[float]]) -> tuple[Space, dict[str, np.ndarray]]:
    return Space({"x": Field(Vectors(len(x), len(x[0]), has_missing=True))}), {"x": np.array([x])}


def test_few_steps_and_many_states() -> None:
    space, arrays = one_series([[1.0], [2.0], [3.0]])
    with pytest.raises(FitError, match="n_states = 4, and there are 3 steps"):
        fitted(space, arrays, n_states=4)
    model = fitted(space, arrays, n_states=3)
    assert any("Few steps for 3 states: 3." in note for note in model.notes)
    assert any("at its floor" in note for note in model.notes)
    assert model.log_prob({"x": torch.from_numpy(arrays["x"])}).isfinite().all()
    assert fitted(*one_series([[1.0]]), n_states=1).sample(5, {}, torch_generator(0))["x"].isfinite().all()


def test_emissions_of_numbers_that_meet_none_are_told() -> None:
    space, arrays, _ = word_data(40)
    counted = fitted(space, arrays, states="", n_states=2, emissions="poisson")
    assert any("emissions = poisson does nothing" in note for note in counted.notes)
    assert not any("emissions" in note for note in fitted(space, arrays, states="", n_states=2).notes)


def test_nothing_to_learn_from() -> None:
    with pytest.raises(FitError, match="every sequence is empty or missing"):
        fitted(Space({"w": Field(WORDS)}), {"w": token_rows([[], []])})
    space, arrays = one_series([[np.nan], [np.nan]])
    model = fitted(space, arrays, n_states=2, ends="free")  # all steps missing: any parameters are as good
    assert float(model.log_prob({"x": torch.from_numpy(arrays["x"])})) == pytest.approx(0.0)


def test_a_constant_series_is_floored_and_said() -> None:
    model = fitted(*one_series([[5.0, 1.0]] * 50), n_states=2, covariance="full")
    assert any("at its floor" in note for note in model.notes)
    drawn = model.sample(20, {}, torch_generator(0))["x"]
    assert (drawn[..., 0] - 5).abs().max() < 1


def test_columns_of_different_lengths_are_told() -> None:
    space = Space({"a": Field(WORDS), "b": Field(WORDS)})
    arrays = {"a": token_rows([[0], [1, 2]]), "b": token_rows([[0], [1]])}
    with pytest.raises(FitError, match="training row 2 has 1 steps in column 'b' and 2 in 'a'"):
        fitted(space, arrays, n_states=1)
    model = fitted(space, {"a": arrays["a"], "b": arrays["a"]}, n_states=1)
    with pytest.raises(SpaceMismatchError, match="equally long"):
        model.log_prob({k: torch.from_numpy(v) for k, v in arrays.items()})


def test_impossible_steps_are_told() -> None:
    space, arrays, _ = word_data()
    model = fitted(space, arrays, states="tags", pseudo_moves=0.0, pseudo_items=0.0)
    model.hidden.emissions["words"].p[0] = [1.0, 0.0, 0.0]  # type: ignore[attr-defined]
    given = {
        name: torch.from_numpy(token_rows([[2]] if name == "words" else [[0]], f.support)) for name, f in space.items()
    }  # type: ignore[arg-type]
    with pytest.raises(GivenError, match="row 1 has probability 0"):
        model.sample(1, given, torch_generator(0))


def test_allowed_transitions_are_read() -> None:
    space, arrays = one_series([[1.0], [2.0], [3.0], [5.0]])
    for pairs, message in (
        (("0 - 1",), "expected two of the states"),
        (("0 -> 1",), "state 1 has nothing to go on to"),
    ):
        with pytest.raises(ConfigError, match=message):
            fitted(space, arrays, n_states=2, allowed=pairs)


def test_batches_and_their_order_do_not_matter(regimes: HMM) -> None:
    rows: Batch = {"x": torch.from_numpy(series_data(40, seed=3)[1]["x"])}
    whole, order = regimes.log_prob(rows), np.random.default_rng(0).permutation(40)
    torch.testing.assert_close(regimes.log_prob(select(rows, order)), whole[order])
    torch.testing.assert_close(
        torch.cat([regimes.log_prob(select(rows, slice(i, i + 1))) for i in range(5)]), whole[:5]
    )


def test_equal_seeds_give_equal_fits_and_draws() -> None:
    space, arrays, _ = series_data(20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        a, b = (fitted(space, arrays, n_states=3, n_iter=5) for _ in range(2))
    assert torch.equal(a.sample(9, {}, torch_generator(0))["x"], b.sample(9, {}, torch_generator(0))["x"])
    assert not torch.equal(a.sample(9, {}, torch_generator(0))["x"], b.sample(9, {}, torch_generator(1))["x"])


@pytest.mark.slow
def test_atis_is_tagged_far_better_than_by_each_words_most_frequent_tag() -> None:
    from pathlib import Path

    from genwright.pipeline import fit

    folder = Path(__file__).parents[3] / "shared" / "data" / "pos-atis"
    if not folder.is_dir():
        pytest.skip("the ATIS corpus is not beside the repository")
    train, test = (folder / f"en_atis-ud-{part}.conllu.gz" for part in ("train", "test"))
    run = fit(train, "hmm", held_out=0, judge=False)
    (score,) = run.judge(test, train, judges="tagging")
    assert score.low > score.ceiling + 0.01
    assert score.value == pytest.approx(0.983, abs=0.002)
