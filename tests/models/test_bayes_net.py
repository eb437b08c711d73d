"""Bayesian networks end to end: closed-form counts, exact conditions, recovery, missing cells, bad input."""

import itertools

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

import genwright as gw
from genwright.core.config import configure, to_json
from genwright.core.dataset import Dataset, select
from genwright.core.errors import ConfigError, FitError, GivenError, UnknownNameError, UnsupportedError
from genwright.core.rng import torch_generator
from genwright.core.space import Batch, Category, Field, Real, Space
from genwright.models.bayes_net import BayesNet, BayesNetConfig
from genwright.nn.networks import inference
from genwright.nn.networks.bif import Document, write_bif
from genwright.nn.networks.graph import cpdag
from tests.nn.networks.worlds import asia, joint, random_network, sampled
from tests.nn.worlds import assert_same_shares

CLINIC = ["asia", "tub", "smoke", "lung", "bronc", "either", "xray", "dysp"]


def _rows(seed: int = 0, n: int = 2_000) -> Dataset:
    network = random_network(seed)
    space = Space({f"c{v}": Field(Category(r)) for v, r in enumerate(network.cards)})
    return Dataset(space, {f"c{v}": x for v, x in enumerate(sampled(network, n))})


def _mixed(n: int = 3_000, share_missing: float = 0.15) -> Dataset:
    """A category, a count with a frequent zero, and a smooth number that follows both and has holes."""
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 3, n)
    size = np.where(rng.random(n) < 0.4, 0.0, rng.poisson(3.0 + 2 * colour).clip(0, 15).astype(float))
    weight = rng.normal(size - colour, 1.0)
    quantiles = tuple(np.quantile(weight, np.linspace(0, 1, 33)))
    ends = float(weight.min()), float(weight.max())
    weight[rng.random(n) < share_missing] = np.nan
    space = Space(
        {
            "colour": Field(Category(3)),
            "size": Field(Real(0.0, 15.0, 1.0, tuple(np.arange(16.0)), tuple(np.arange(16.0)))),
            "weight": Field(Real(*ends, quantiles=quantiles, has_missing=share_missing > 0)),
        }
    )
    return Dataset(space, {"colour": colour, "size": size, "weight": weight})


def _fitted(data: Dataset, **settings: object) -> BayesNet:
    model = BayesNet(data.space, configure(BayesNetConfig, settings))
    model.solve(data, torch_generator(0, "fit"), lambda done, line: None)
    return model


def _clinic() -> BayesNet:
    return BayesNet.from_bif(write_bif(Document(CLINIC, [["yes", "no"]] * 8, asia())))


def _grid(space: Space) -> Batch:
    codes = torch.tensor(list(itertools.product(*(range(f.support.n) for f in space.values()))))  # type: ignore[union-attr]
    return {name: codes[:, j] for j, name in enumerate(space)}


@pytest.mark.parametrize("score", ["bic", "bdeu"])
def test_tables_are_smoothed_shares(score: str) -> None:
    data = _rows()
    model = _fitted(data, score=score, pseudo_count=2.0)
    for name, above in model.parents.items():
        n = model.network.cards[model.names.index(name)]
        alone = (np.bincount(data.arrays[name], minlength=n) + 0.5) / (len(data) + 0.5 * n)
        for codes in itertools.product(*(range(model.network.cards[model.names.index(p)]) for p in above)):
            is_met = np.all([data.arrays[p] == c for p, c in zip(above, codes, strict=True)], axis=0)
            count = np.bincount(data.arrays[name][np.broadcast_to(is_met, len(data))], minlength=n)
            expected = (count + 2 * alone) / (count.sum() + 2)
            np.testing.assert_allclose(model.network.tables[model.names.index(name)][codes], expected, atol=1e-12)


@pytest.mark.parametrize("settings", [{}, {"score": "bdeu"}, {"structure": "tree"}, {"structure": "none"}])
def test_probabilities_of_all_rows_sum_to_one(settings: dict[str, object]) -> None:
    model = _fitted(_rows(), **settings)
    assert float(model.log_prob(_grid(model.space)).exp().sum()) == pytest.approx(1, abs=1e-9)


def test_a_known_network_is_recovered() -> None:
    network = asia()
    data = _clinic().sample(60_000, {}, torch_generator(3))
    space = _clinic().space
    model = _fitted(Dataset(space, {k: x.numpy() for k, x in data.items()}))
    linked = cpdag(network.parents) | cpdag(network.parents).T
    found = cpdag(model.network.parents) | cpdag(model.network.parents).T
    # asia -> tub rests on some five cases of tuberculosis among travellers; a table of certainty hides either's parents
    assert not (found & ~linked).any()
    assert (linked & ~found).sum() <= 2


@pytest.mark.parametrize("temperature", [0.6, 1.0, 2.0])
def test_draws_given_any_columns_follow_the_exact_conditional(temperature: float) -> None:
    model, n = _fitted(_rows(1)), 20_000
    p = joint(model.network.tempered(temperature))
    for columns in (["c0"], ["c3", "c1"], ["c4", "c2", "c0"]):
        assert model.conditions_exactly(columns)
        given = {c: torch.ones(n, dtype=torch.int64) for c in columns}
        rows = model.sample(n, given, torch_generator(1), temperature)
        table = p
        for c in columns:
            table = table.take([1], axis=int(c[1]))
        at = [np.zeros(n, int) if c in columns else rows[c].numpy() for c in model.names]
        share = np.bincount(np.ravel_multi_index(at, table.shape), minlength=table.size)
        assert_same_shares(share, table.ravel() / table.sum())


def test_the_first_rows_are_the_same_however_many_are_asked_for() -> None:
    model = _fitted(_mixed())
    given = {"weight": torch.linspace(-2, 5, 200, dtype=torch.float64)}
    many = model.sample(200, given, torch_generator(1))
    few = model.sample(7, select(given, slice(0, 7)), torch_generator(1))
    assert all(torch.equal(few[k].nan_to_num(-9), many[k][:7].nan_to_num(-9)) for k in many)


def test_marginals_of_the_clinic() -> None:
    model = _clinic()
    found = model.marginal(["lung", "tub"], {"xray": 0, "dysp": 0, "smoke": 1})  # by pgmpy 1.1.2
    expected = [[0.00279883066463057, 0.2663195024729242], [0.27708423579842645, 0.45379743106401876]]
    np.testing.assert_allclose(found, expected, atol=1e-10)
    assert model.marginal("bronc") == pytest.approx([0.45, 0.55])
    best = model.most_probable({"xray": 0, "dysp": 0})
    assert [best[c] for c in CLINIC] == [1, 1, 0, 0, 0, 0, 0, 0]
    assert model.code_names("tub") == ["yes", "no"]
    assert ("either", "xray") in model.edges


@pytest.mark.parametrize("column", ["c0", "c2", "c4"])
def test_predictions_are_the_rows_of_the_joint(column: str) -> None:
    model, data = _fitted(_rows(2)), _rows(2, 50).take(slice(None))
    p, v = joint(model.network), int(column[1])
    found = model.predict(data, column)
    for i, row in enumerate(found):
        at = [slice(None) if k == v else int(data[f"c{k}"][i]) for k in range(5)]
        np.testing.assert_allclose(row, p[tuple(at)] / p[tuple(at)].sum(), atol=1e-12)
    absent = {name: x for name, x in data.items() if name not in ("c1", column)}
    others = tuple(k for k in (1,) if k != v)
    for i, row in enumerate(model.predict(absent, column)):
        at = [slice(None) if k in (1, v) else int(data[f"c{k}"][i]) for k in range(5)]
        table = p[tuple(at)]
        table = table.sum(0 if others and others[0] < v else 1)
        np.testing.assert_allclose(row, table / table.sum(), atol=1e-12)


def test_numbers_keep_their_marginals_atoms_and_relations() -> None:
    data = _mixed()
    model, n = _fitted(data), 40_000
    rows = model.sample(n, {}, torch_generator(0))
    assert model.space.check(rows) == n
    size, weight = rows["size"].numpy(), rows["weight"].numpy()
    real = np.bincount(data.arrays["size"].astype(int), minlength=16) / len(data)
    error = np.sqrt(real * (1 - real) * (1 / n + 1 / len(data)))
    assert (np.abs(np.bincount(size.astype(int), minlength=16) / n - real) < 5 * error + 1e-3).all()
    known = ~np.isnan(weight)
    there = ~np.isnan(data.arrays["weight"])
    r_real = np.corrcoef(data.arrays["size"][there], data.arrays["weight"][there])[0, 1]
    assert abs(np.corrcoef(size[known], weight[known])[0, 1] - r_real) < 0.08
    assert abs(known.mean() - there.mean()) < 5 * np.sqrt(0.25 / n + 0.25 / len(data))


@pytest.mark.parametrize("settings", [{}, {"missing": "em"}, {"n_cells": 3}])
def test_the_density_of_mixed_rows_integrates_to_one(settings: dict[str, object]) -> None:
    model = _fitted(_mixed(600), **settings)
    edges = np.linspace(*model.space["weight"].support.quantiles[::32], 20_001)  # type: ignore[union-attr]
    middle, total = torch.from_numpy((edges[1:] + edges[:-1]) / 2), 0.0
    for colour, size in itertools.product(range(3), range(16)):
        x = {"colour": torch.full_like(middle, colour).long(), "size": torch.full_like(middle, size), "weight": middle}
        total += float(model.log_prob(x).exp().sum() * (edges[1] - edges[0]))
        x = {**select(x, slice(0, 1)), "weight": torch.tensor([float("nan")], dtype=torch.float64)}
        total += float(model.log_prob(x).exp().sum())
    assert total == pytest.approx(1, abs=2e-3)


def test_the_number_of_cells_is_a_setting() -> None:
    found = _fitted(_mixed(), n_cells=4).describe()["codes"]
    assert found == {"colour": 3, "size": 4, "weight": 5}


# Missing cells that are hidden


def test_em_learns_what_the_missing_cells_would_have_said() -> None:
    """A category whose last code is missing, more often where c1 is 1: shares come out as if nothing were missing."""
    rng = np.random.default_rng(0)
    n = 30_000
    a = rng.integers(0, 2, n)
    b = np.where(rng.random(n) < 0.85, a, 1 - a)
    gone = rng.random(n) < np.where(a == 1, 0.6, 0.1)
    space = Space({"a": Field(Category(2)), "b": Field(Category(3, has_missing=True))})
    data = Dataset(space, {"a": a, "b": np.where(gone, 2, b)})
    model = _fitted(data, missing="em", pseudo_count=0.0)
    assert abs(model.marginal("b")[1] - b.mean()) < 5 * np.sqrt(0.25 / (0.4 * n / 2))  # 0.37 among the known ones
    assert (np.diff(model.trace) > -1e-6).all()
    rows = model.sample(n, {}, torch_generator(0))
    rate = float((rows["b"] == 2).double().mean())
    assert abs(rate - gone.mean()) < 5 * np.sqrt(0.25 / n)
    is_same = (rows["a"] == rows["b"])[rows["b"] < 2].double().mean()
    assert abs(float(is_same) - 0.85) < 5 * np.sqrt(0.85 * 0.15 / (0.6 * n) * 2)


@pytest.mark.parametrize("kind", ["category", "boolean"])
def test_holes_in_categories_are_known_without_being_named(kind: str) -> None:
    """Through the codecs: b is 85 % a, and missing more often where a is true."""
    rng = np.random.default_rng(0)
    n = 4_000
    a = rng.random(n) < 0.5
    b = (np.where(rng.random(n) < 0.85, a, ~a)).astype(object)
    b[rng.random(n) < np.where(a, 0.6, 0.1)] = None
    frame = pd.DataFrame({"a": a, "b": b if kind == "boolean" else [None if v is None else "km"[int(v)] for v in b]})
    run = gw.fit(frame, "bayes_net", settings={"missing": "em"}, held_out=0, judge=False)
    model = run.model
    assert isinstance(model, BayesNet)
    assert model.columns[1].n == 2
    p = model.marginal("b")  # 0.37 of the known ones come from rows where a is true
    yes = 1 if kind == "boolean" else int(run.artefact.codec.codecs["b"].encode(pa.array(["m"]))[0])
    assert abs(p[yes] - 0.5) < 5 * np.sqrt(0.25 / (0.4 * n / 2))
    assert abs(run.sample(n)["b"].isna().mean() - frame["b"].isna().mean()) < 5 * np.sqrt(0.25 / n)


def test_em_sums_missing_cells_out_of_the_likelihood() -> None:
    model = _fitted(_mixed(), missing="em")
    rows = _mixed(50, 0.5).take(slice(None))
    missing = rows["weight"].isnan()
    x = {k: v.clone() for k, v in rows.items()}
    found = model.log_prob(x)[missing]
    rate = model.missing_rate[2]
    for i, value in zip(torch.where(missing)[0].tolist(), found.tolist(), strict=True):
        total = 0.0
        for k in range(model.columns[2].n):
            place = torch.from_numpy(model.columns[2].place(np.array([k]), np.full((1, 2), 0.5), 1.0))
            row = {**select(x, slice(i, i + 1)), "weight": place}
            inside = model.columns[2].log_inside(place.numpy())[0]
            total += float(np.exp(model.log_prob(row).item() - inside)) / (1 - rate) * rate
        assert value == pytest.approx(np.log(total))


# Proposals


@pytest.mark.parametrize("is_narrow", [True, False])
def test_proposals_for_rows_that_know_other_cells(is_narrow: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the rows know c1, the others c0 and c3; weighted draws reproduce each half's conditional."""
    if not is_narrow:
        monkeypatch.setattr(inference, "WIDEST", 1)
        monkeypatch.setattr("genwright.models.bayes_net.WIDEST", 1)
    model, n = _fitted(_rows(1)), 40_000
    half = torch.arange(n) % 2 == 0
    one = torch.ones(n, dtype=torch.int64)
    known = {"c1": half, "c0": ~half, "c3": ~half}
    rows, weight = model.propose(n, {"c0": one, "c1": one, "c3": one}, torch_generator(0), known)
    p = joint(model.network)
    for mine, columns in ((half, ("c1",)), (~half, ("c0", "c3"))):
        table = p
        for c in columns:
            assert (rows[c][mine] == 1).all()
            table = table.take([1], axis=int(c[1]))
        at = [np.zeros(int(mine.sum()), int) if c in columns else rows[c][mine].numpy() for c in model.names]
        w = weight[mine].sub(weight[mine].max()).exp().numpy()
        share = np.bincount(np.ravel_multi_index(at, table.shape), weights=w, minlength=table.size) / w.sum()
        n_effective = w.sum() ** 2 / (w**2).sum()
        p_true = table.ravel() / table.sum()
        assert (np.abs(share - p_true) < 5 * np.sqrt(p_true * (1 - p_true) / n_effective) + 2e-3).all()


def test_proposals_weigh_what_the_given_columns_are_worth() -> None:
    model = _fitted(_mixed())
    rows = _mixed(40).take(slice(None))
    given = {k: rows[k] for k in ("size", "weight")}
    drawn, weight = model.propose(40, given, torch_generator(0))
    for k in range(3):
        every = {**given, "colour": torch.full((40,), k)}
        rest = model.predict(given, "colour")[:, k]
        np.testing.assert_allclose(weight.numpy(), model.log_prob(every).numpy() - np.log(rest), atol=1e-9)
    assert torch.equal(drawn["size"], given["size"])


# Structure by the user


def test_edges_by_the_user() -> None:
    data = _rows()
    model = _fitted(data, structure="none", required=("c4 -> c0", "c3 -> c0"))
    assert model.parents["c0"] == ("c3", "c4")
    assert model.describe()["edges"] == ["c3 -> c0", "c4 -> c0"]
    free = _fitted(data, tiers=("c4", "c3", "c2", "c1", "c0"))
    assert all(a > b for a, b in free.edges)
    said = {"required": "c4 -> c0, c3 -> c0", "tiers": "c4 + c3, c2 + c1, c0"}  # as on a command line
    assert {("c4", "c0"), ("c3", "c0")} <= set(_fitted(data, **said).edges)
    assert _fitted(data, forbidden=("* -> c2", "c2 -> *")).marginal("c2") == pytest.approx(
        _fitted(data, structure="none").marginal("c2")
    )


def test_large_tables_are_passed_over_and_said() -> None:
    model = _fitted(_rows(), max_table=4)
    assert all(t.size <= 4 or t.ndim == 1 for t in model.network.tables)
    assert model.describe()["parent sets passed over as too large"] > 0


def test_a_bif_text_goes_round() -> None:
    model = _fitted(_mixed())
    again = BayesNet.from_bif(model.to_bif())
    assert again.parents == model.parents
    assert all((a == b).all() for a, b in zip(again.network.tables, model.network.tables, strict=True))
    assert again.code_names("weight") == model.code_names("weight")
    assert again.code_names("weight")[-1] == "missing"
    named = BayesNet.from_bif(model.to_bif({"colour": ["red", "green", "blue"]}))
    assert named.code_names("colour") == ["red", "green", "blue"]
    assert BayesNet.from_bif(named.to_bif()).to_bif() == named.to_bif()


def test_a_network_from_bif_is_saved_like_any_other() -> None:
    model = _clinic()
    again = BayesNet(model.space, configure(BayesNetConfig, to_json(model.config)))
    again.load_state(model.state())
    rows = model.sample(100, {}, torch_generator(0))
    assert torch.equal(again.log_prob(rows), model.log_prob(rows))


# Bad input


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"structure": "forest"}, "search, tree, none"),
        ({"score": "aic"}, "bic, bdeu"),
        ({"missing": "drop"}, "value, em"),
        ({"max_parents": -1}, "0 or more"),
        ({"pseudo_count": -0.5}, "0 or more"),
        ({"pseudo_count": float("nan")}, "0 or more"),
        ({"pseudo_count": float("inf")}, "structure = none"),
        ({"sample_size": 0.0}, "above 0"),
        ({"max_table": 0}, "1 or more"),
        ({"em_rounds": 0}, "1 or more"),
        ({"restarts": "many"}, "restarts"),
    ],
)
def test_settings_are_checked(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        configure(BayesNetConfig, settings)


def test_constraints_are_checked_against_the_columns() -> None:
    space = _rows().space
    with pytest.raises(UnknownNameError, match="c9"):
        BayesNet(space, BayesNetConfig(required=("c9 -> c0",)))
    with pytest.raises(ConfigError, match="structure = search"):
        BayesNet(space, BayesNetConfig(structure="tree", required=("c1 -> c0",)))


def test_what_cannot_be_fitted_is_said() -> None:
    with pytest.raises(FitError, match="no rows"):
        _fitted(Dataset(_rows().space, {k: x[:0] for k, x in _rows().arrays.items()}))
    with pytest.raises(FitError, match="max_table"):
        _fitted(_rows(), required=("c1 -> c0", "c2 -> c0", "c3 -> c0"), max_table=5)


def test_impossible_evidence_is_said() -> None:
    model = _clinic()
    given = {"tub": 0, "either": 1}
    with pytest.raises(GivenError, match="tub = 0 and either = 1 has probability zero"):
        model.marginal("lung", given)
    with pytest.raises(GivenError, match="probability zero"):
        model.most_probable(given)
    rows = {k: torch.full((3,), c) for k, c in given.items()}
    with pytest.raises(GivenError, match="values given of tub and either have probability zero"):  # codes tell nothing
        model.sample(3, rows, torch_generator(0))
    with pytest.raises(GivenError, match="row 0"):
        model.predict(rows, "lung")


def test_wrong_questions_are_said() -> None:
    model = _clinic()
    with pytest.raises(UnknownNameError, match="did you mean lung"):
        model.marginal("lungs")
    with pytest.raises(GivenError, match="codes are 0 … 1"):
        model.marginal("lung", {"smoke": 2})
    with pytest.raises(GivenError, match="given"):
        model.marginal("lung", {"lung": 1})
    with pytest.raises(GivenError, match="twice"):
        model.marginal(["lung", "lung"])
    with pytest.raises(ConfigError, match="lung has 2 codes"):
        model.to_bif({"lung": ["yes"]})


def test_an_elimination_that_is_too_wide_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "WIDEST", 3)
    monkeypatch.setattr("genwright.models.bayes_net.WIDEST", 3)
    model = _clinic()
    assert model.conditions_exactly(["asia", "smoke"])
    assert not model.conditions_exactly(["xray", "dysp"])
    with pytest.raises(UnsupportedError, match="entries"):
        model.marginal("lung", {"xray": 0, "dysp": 0})


def test_a_category_of_many_values_is_drawn_in_little_memory() -> None:
    rng, n = np.random.default_rng(0), 30_000
    name = rng.integers(0, 20_000, n)
    kind = (name < 10_000).astype(int)
    space = Space({"kind": Field(Category(2)), "name": Field(Category(20_000))})
    data = Dataset(space, {"kind": kind, "name": name})
    for model in (_fitted(data), _fitted(data, structure="none", required=("kind -> name",))):
        assert space.check(model.sample(2_000, {}, torch_generator(0))) == 2_000
        given = {"name": torch.arange(2_000)}
        assert torch.equal(model.sample(2_000, given, torch_generator(0))["name"], given["name"])


def test_one_row_and_constant_columns_are_learnt() -> None:
    space = Space({"a": Field(Category(1)), "b": Field(Category(4)), "x": Field(Real(2.0, 2.0, quantiles=(2.0, 2.0)))})
    data = Dataset(space, {"a": np.zeros(1, int), "b": np.full(1, 3), "x": np.full(1, 2.0)})
    model = _fitted(data)
    assert space.check(model.sample(5, {}, torch_generator(0))) == 5
    assert torch.isfinite(model.log_prob(data.take(slice(None)))).all()


def test_cold_draws_keep_unlikely_conditions() -> None:
    """A row that can be had at temperature 1 can be given at any other."""
    data = _rows(1)
    model = _fitted(data)
    rows = data.take(slice(0, 50))
    for temperature in (1e-3, 1e-9):
        given = {name: rows[name] for name in list(rows)[:3]}
        drawn = model.sample(50, given, torch_generator(0), temperature)
        assert all(torch.equal(drawn[name], x) for name, x in given.items())
