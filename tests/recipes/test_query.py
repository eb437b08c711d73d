import re
from itertools import product

import numpy as np
import pandas as pd
import pytest

from genwright.core.errors import GivenError, UnknownNameError, UnsupportedError
from genwright.models.bayes_net import BayesNet
from genwright.pipeline import fit
from genwright.recipes import query as recipe
from genwright.recipes.query import most_probable, query
from genwright.runs.run import Run
from tests.tables import customers

N = 6_000


def patients(n: int = N, seed: int = 0) -> pd.DataFrame:
    """Smoking and age raise the risk of cancer; a cough follows."""
    rng = np.random.default_rng(seed)
    age = rng.integers(20, 80, n)
    smoker = rng.random(n) < 0.3
    cancer = rng.random(n) < np.where(smoker, 0.2, 0.02) * np.where(age > 50, 2, 0.5)
    cough = rng.choice(["none", "dry", "wet"], n, p=[0.6, 0.25, 0.15])
    cough = np.where(cancer & (rng.random(n) < 0.7), "wet", cough)
    weight = np.round(60 + 0.3 * age + rng.normal(size=n), 3)
    return pd.DataFrame({"age": age, "smoker": smoker, "cancer": cancer, "cough": cough, "weight": weight})


@pytest.fixture(scope="module")
def run() -> Run:
    return fit(patients(), "bayes_net", judge=False, settings={"n_cells": 5, "structure": "search"})


@pytest.fixture(scope="module")
def other() -> Run:
    return fit(patients(2_000), "marginals", judge=False)


def draws(run: Run, n: int = 100_000) -> pd.DataFrame:
    return run.sample(n, seed=5)


def agrees(p: float, hits: pd.Series) -> bool:
    return abs(p - hits.mean()) < 5 * np.sqrt(max(p * (1 - p), 1e-4) / len(hits))


def test_equality_is_the_networks_own_marginal(run):
    model = run.model
    assert isinstance(model, BayesNet)
    code = run.artefact.codec.codecs["smoker"].encode
    import pyarrow as pa

    at = int(code(pa.array([True]))[0])
    found = query(run, ["cancer", "age"], "smoker = true")
    assert list(found) == ["cancer", "age"]
    for name, answer in found.items():
        assert answer.is_exact
        assert list(answer.shares.values()) == pytest.approx(model.marginal(name, {"smoker": at}).tolist(), abs=1e-12)
        assert sum(answer.shares.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    "given",
    [
        "age > 42",
        "age >= 43 and age < 61.5",
        "age != 30 and smoker = true",
        "cough in (dry, wet)",
        "weight > 75.25 and cough != dry",
        "weight <= 80 and weight >= 70 and age > 33",
        "age in (25, 26, 27)",
    ],
)
def test_conditions_that_cut_through_groups_agree_with_draws(run, given):
    """Within the standard error of the draws that meet the conditions."""
    from genwright.core.given import meets, parse

    rows = draws(run)
    import pyarrow as pa

    met = rows[meets(parse(given), pa.Table.from_pandas(rows))]
    assert len(met) > 300
    p = query(run, "cancer", given)["cancer"].shares
    assert agrees(p["True"] if "True" in p else p["true"], met["cancer"])


def test_ranges_hold_the_values_they_name(run):
    rows = draws(run)
    answer = query(run, "age")["age"]
    for words, p in answer.shares.items():
        low, _, high = words.partition(" to ")
        assert agrees(p, rows["age"].between(int(low), int(high or low)))


def test_missing_values_are_a_value():
    run = fit(customers(1_500), "bayes_net", judge=False)
    shares = query(run, "income")["income"].shares
    assert shares["missing"] == pytest.approx(0.05, abs=0.02)
    assert "missing" in query(run, ["income"], "age > 60 and joined > 2021-01-01")["income"].shares
    assert query(run, "region", "income is missing")["region"].is_exact
    assert query(run, "region", "income is not missing")["region"].is_exact
    for words in query(run, "joined")["joined"].shares:
        assert re.fullmatch(r"20\d\d-\d\d-\d\d to 20\d\d-\d\d-\d\d", words)  # days, as the frame shows them


@pytest.mark.parametrize("absent", ["", "NA"])
@pytest.mark.parametrize("family", ["bayes_net", "marginals"])
def test_missing_values_of_a_file_are_called_so(family, absent, tmp_path):
    is_known = np.arange(80) % 4 > 0
    days = pd.Series(pd.date_range("2024-01-01", periods=80)).where(is_known).dt.strftime("%Y-%m-%d")
    columns = {"kind": np.where(is_known, "a", None), "member": np.where(is_known, "yes", None), "day": days}
    frame = pd.DataFrame({**columns, "n": np.arange(80.0)}).assign(n=lambda d: d.n.where(is_known))
    frame.loc[1::2, "kind"] = frame.kind[1::2].replace("a", "b")
    frame.loc[1::2, "member"] = frame.member[1::2].replace("yes", "no")
    frame.to_csv(tmp_path / "gaps.csv", index=False, na_rep=absent)
    found = fit(tmp_path / "gaps.csv", family, judge=False)
    for name, answer in query(found, frame.columns).items():
        assert {"missing"} == {word for word in answer.shares if word in ("", "NA", "missing")}, name
    if family == "bayes_net":
        assert most_probable(found, "kind is missing")["kind"] == "missing"


@pytest.mark.parametrize("family", ["bayes_net", "marginals"])
def test_truth_values_are_those_of_the_data(family, tmp_path):
    """As a file writes them, or as a frame shows them."""
    is_member = np.arange(60) % 3 == 0
    words = {"yes": ("yes", "no"), "TRUE": ("TRUE", "FALSE"), "Y": ("Y", "N")}
    sources: dict[str, object] = {}
    for name, (true, false) in words.items():
        frame = pd.DataFrame({"member": np.where(is_member, true, false), "x": np.arange(60)})
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
        sources[f"{name} of a file"], sources[f"{name} of a frame"] = tmp_path / f"{name}.csv", frame
    typed = pd.DataFrame({"member": is_member, "x": np.arange(60)})
    typed.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    typed.to_parquet(tmp_path / "a.parquet")
    sources |= {
        "true of JSON": tmp_path / "a.jsonl",
        "true of Parquet": tmp_path / "a.parquet",
        "True of a frame": typed,
    }
    for what, source in sources.items():
        true = what.split()[0]
        fitted = fit(source, family, judge=False)
        found = query(fitted, "member")["member"].shares
        assert set(found) == set(words.get(true, (true, {"true": "false", "True": "False"}.get(true)))), what
        assert list(query(fitted, "x", f"member = {true}"))  # which conditions understand
        if family == "bayes_net":
            assert most_probable(fitted)["member"] in found


def test_most_probable_is_the_best_of_all_rows(run):
    model = run.model
    network, names = model.network, model.names
    every = np.array(list(product(*(range(c) for c in network.cards)))).T
    log_p = sum(network.log_prob(v, every) for v in range(len(names)))
    best = every[:, log_p.argmax()]
    words = {name: list(query(run, name)[name].shares) for name in names}
    found = most_probable(run)
    assert found == {name: words[name][c] for name, c in zip(names, best, strict=True)}
    under = most_probable(run, "age > 64 and smoker = true")
    assert int(under["age"].split(" to ")[-1]) > 64
    assert under["smoker"].lower() in ("true", "yes")


def test_another_family_is_counted_with_its_error(run, other):
    answer = query(other, "cough", "age > 40", n_draws=2_000)["cough"]
    assert (answer.n_draws, answer.is_exact) == (2_000, False)
    exact = patients(200_000, seed=9)["cough"].value_counts(normalize=True)
    for value, p in answer.shares.items():
        assert answer.errors[value] == pytest.approx(np.sqrt(p * (1 - p) / 2_000), rel=0.1)
        assert abs(p - exact[value]) < 5 * np.sqrt(p * (1 - p)) * (1 / 2_000 + 1 / 1_600) ** 0.5
    assert answer == query(other, "cough", "age > 40", n_draws=2_000)["cough"]
    assert sum(query(other, "weight", n_draws=500)["weight"].shares.values()) == pytest.approx(1)
    assert answer.to_json()["distribution"][0].keys() == {"value", "probability", "standard_error"}
    with pytest.raises(UnsupportedError, match="bayes_net"):
        most_probable(other)


def test_bad_questions_say_what_to_do(run):
    with pytest.raises(UnknownNameError, match="did you mean cancer"):
        query(run, "cancr")
    with pytest.raises(UnknownNameError, match="did you mean smoker"):
        query(run, "cancer", "smokr = true")
    with pytest.raises(GivenError, match="its values are"):
        query(run, "cancer", "cough = loud")
    with pytest.raises(GivenError, match="asked for and given"):
        query(run, "age", "age > 40")
    with pytest.raises(GivenError, match="never met"):
        query(run, "cancer", "age > 200")
    with pytest.raises(UnsupportedError, match=r"customer_id \(id\) is not modelled"):
        query(fit(customers(), "bayes_net", judge=False), "customer_id")


def test_evidence_of_probability_zero():
    same = np.random.default_rng(0).choice(["x", "y"], 400)
    frame = pd.DataFrame({"a": same, "b": same, "c": np.random.default_rng(1).choice(["u", "v"], 400)})
    run = fit(frame, "bayes_net", judge=False, settings={"pseudo_count": 0.0, "n_cells": 3})
    for ask in (lambda: query(run, "c", "a = x and b = y"), lambda: most_probable(run, "a = x and b = y")):
        with pytest.raises(GivenError, match="probability zero"):
            ask()


def test_too_large_questions_are_refused(run, monkeypatch):
    monkeypatch.setattr(recipe, "LARGEST", 10)
    with pytest.raises(UnsupportedError, match="give single values"):
        query(run, "cancer", "age > 30 and weight > 70")
    monkeypatch.setattr(recipe, "MOST_TRIED", 1)
    with pytest.raises(UnsupportedError, match="narrower"):
        most_probable(run, "age > 30")
    monkeypatch.setattr("genwright.nn.networks.inference.WIDEST", 1)
    with pytest.raises(UnsupportedError, match="elimination needs a table"):
        query(run, "cancer", "cough = wet")
