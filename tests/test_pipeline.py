import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genwright.core.codec import TableCodec
from genwright.core.errors import ConfigError, DataError, FitError, RunError, UnknownNameError, UnsupportedError
from genwright.core.schema import Column, Schema
from genwright.data.infer import infer
from genwright.data.read import read
from genwright.data.typed import typed
from genwright.models.trees import Trees
from genwright.pipeline import OF_TEXTS, choose, fit, load
from genwright.recipes.classify import classify
from genwright.runs.migrate import migrate
from tests.tables import as_text, customers, dependent


def _fit(data, model="marginals", **settings):
    return fit(data, model, **{"judge": False, **settings})


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_rows(n):
    with pytest.raises((FitError, DataError), match="row"):
        _fit(customers(5).iloc[:n])


def test_the_last_row_is_not_held_out():
    with pytest.raises(FitError, match=r"1 of 2 rows are too few .*held_out"):
        _fit(dependent(2))
    frame = pd.DataFrame({"x": ["a", "b"], "y": ["b", "a"]})
    run = _fit(frame, held_out=0, kinds={"x": "category", "y": "category"})
    assert run.sample(3).shape == (3, 2)


@pytest.mark.parametrize("model", ["marginals", "trees"])
def test_one_column(model):
    drawn = _fit(customers()[["age"]], model).sample(20)
    assert drawn["age"].between(18, 89).all()


def test_nothing_to_model():
    frame = pd.DataFrame({"customer_id": [f"C{i:05d}" for i in range(50)], "country": "NL"})
    with pytest.raises(FitError, match=r"no column can be modelled.*customer_id: id.*kinds="):
        _fit(frame)


def test_holding_nothing_out():
    run = fit(customers(100), "marginals", held_out=0)
    assert (run.artefact.facts["n_train"], run.artefact.facts["n_held_out"], run.scores) == (100, 0, [])
    with pytest.raises(ConfigError, match="held_out"):
        _fit(customers(100), held_out=1.0)


@pytest.mark.parametrize("learn", [fit, partial(classify, target="churned")])
def test_settings_and_kinds_map_names_to_values(learn):
    with pytest.raises(ConfigError, match=r"settings = \['n_bins'\]; expected a mapping, such as"):
        learn(customers(30), model="marginals" if learn is fit else "knn", settings=["n_bins"], judge=False)
    with pytest.raises(ConfigError, match=r"kinds = 'category'; expected a mapping, such as"):
        learn(customers(30), kinds="category", judge=False)


def test_a_schema_and_single_kinds():
    inferred = _fit(customers()).schema
    assert inferred["visits"].kind == "number"
    run = _fit(customers(), schema=inferred, kinds={"visits": "category"})
    assert (run.schema["visits"].kind, run.schema["age"].kind) == ("category", inferred["age"].kind)
    only = _fit(customers(), schema=Schema((Column("age", "number"), Column("region", "category"))))
    assert list(only.sample(3).columns) == ["age", "region"]
    with pytest.raises(UnknownNameError, match="did you mean visits"):
        _fit(customers(), kinds={"visit": "category"})


def test_names_are_checked_before_the_work(monkeypatch):
    monkeypatch.setattr("genwright.pipeline.read", lambda data: pytest.fail("read the data first"))
    with pytest.raises(UnknownNameError, match="did you mean trees"):
        fit("customers.csv", "treees")
    with pytest.raises(UnknownNameError, match="did you mean min_leaf"):
        fit("customers.csv", "trees", settings={"min_leef": 5})
    with pytest.raises(ConfigError, match="min_leaf"):
        fit("customers.csv", "trees", settings={"min_leaf": "many"})


def test_targets_exist_and_reach_the_judge(monkeypatch):
    seen = []
    monkeypatch.setattr("genwright.pipeline.Run.judge", lambda self, **k: seen.append(tuple(k["targets"])))
    fit(customers(), "marginals", targets=iter(["churned"]))
    assert seen == [("churned",)]
    with pytest.raises(UnknownNameError, match="did you mean churned"):
        fit(customers(), "marginals", targets=["churn"])


def test_settings_reach_the_model():
    assert _fit(customers(), "marginals", settings={"pseudo_count": "2"}).model.config.pseudo_count == 2.0


def test_auto_says_why():
    small, large = _fit(customers(15), "auto"), _fit(customers(100), "auto")
    assert (small.artefact.model_name, large.artefact.model_name) == ("marginals", "trees")
    assert "12 training rows are too few" in small.artefact.facts["why"]
    assert "6 mixed columns and 80 rows" in large.artefact.facts["why"]
    alone = _fit(customers(100)[["age"]], "auto")
    assert alone.artefact.facts["why"].startswith("1 column and 80 rows")
    assert _fit(customers(100)).artefact.facts["why"] == "asked for"
    assert choose(large.artefact.codec, 19)[0] == "marginals"


def test_facts_are_json_and_name_the_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    as_text(customers()).to_csv("customers.csv", index=False)
    facts = _fit("customers.csv").artefact.facts
    assert json.loads(json.dumps(facts)) == facts
    assert facts["data"] == "customers.csv"
    assert facts["path"] == str((tmp_path / "customers.csv").resolve())
    assert (facts["n_rows"], facts["n_train"], facts["n_held_out"], facts["is_text"]) == (400, 320, 80, True)
    in_memory = _fit(customers()).artefact.facts
    assert (in_memory["data"], in_memory["path"], in_memory["flavour"]) == ("a pandas frame", None, "pandas")


def test_the_same_seed_fits_the_same(tmp_path):
    first, second, other = (_fit(customers(), "trees", seed=s) for s in (1, 1, 2))
    assert first.sample(30).equals(second.sample(30))
    assert not first.sample(30, seed=1).equals(other.sample(30, seed=1))


def test_a_run_is_saved_and_not_overwritten_by_chance(tmp_path):
    out = tmp_path / "run"
    _fit(customers(), out=out)
    with pytest.raises(RunError):
        _fit(customers(), out=out)
    _fit(customers(), out=out, overwrite=True, seed=3)
    assert load(out).artefact.seed == 3


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_fit_leaves_nothing(tmp_path, monkeypatch, error):
    def stop(*args):
        raise error

    monkeypatch.setattr(Trees, "solve", stop)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(error):
        _fit(customers(), "trees", out=tmp_path / "runs" / "run")
    assert [p for p in Path(tmp_path).rglob("*") if p.is_file()] == []


def test_scores_come_with_the_fit(monkeypatch):
    monkeypatch.setattr("genwright.runs.run.JUDGES", _Few())
    run = fit(customers(), "trees")
    found = {s.name: s for s in run.scores}
    assert found
    assert all(np.isfinite(s.value) for s in found.values())


class _Few:
    """The registry of judges with one quick judge."""

    def names(self):
        return ["marginals"]

    def get(self, name):
        from genwright.core.registry import JUDGES

        return JUDGES.get(name)


def _reviews(n=60):
    rng = np.random.default_rng(0)
    words = np.array(["good", "bad", "plain", "room", "view", "and", "a", "the", "staff", "was"])
    texts = [" ".join(words[rng.integers(0, 10, 14)]) + str(i) for i in range(n)]
    return customers(n).assign(review=texts)


def test_texts_are_left_out_by_families_that_cannot_read_them(tmp_path, caplog):
    run = _fit(_reviews(), "trees", out=tmp_path / "run")
    note = "trees does not model text: 'review' left out, which comes back empty"
    assert note in caplog.text
    assert note in run.artefact.facts["notes"]
    assert run.schema["review"].kind == "omitted"
    assert run.sample(5)["review"].isna().all()
    again = load(tmp_path / "run")
    assert again.sample(5).equals(run.sample(5))
    with pytest.raises(UnsupportedError, match="trees cannot model column 'review'"):
        _fit(_reviews()[["review"]], "trees")


def test_rows_are_held_out_by_a_date_that_the_family_leaves_out(tmp_path):
    texts = [f"the day was number {i % 7}" for i in range(40)]
    frame = pd.DataFrame({"text": texts, "day": pd.date_range("2024-01-01", periods=40).strftime("%Y-%m-%d")})
    path = tmp_path / "days.jsonl"
    frame.to_json(path, orient="records", lines=True)
    schema, _ = infer(path, {"text": "text"})
    by_day = schema.with_columns([replace(schema["day"], split="time")])
    run = _fit(path, "ngram", schema=by_day, out=tmp_path / "run")
    assert run.schema["day"].kind == "omitted"
    assert run.train.arrays["text"].shape[0] == 32
    again = load(tmp_path / "run")
    again.remember_rows(need_train=True, need_held_out=True)
    assert (again.held_out.arrays["text"] == run.held_out.arrays["text"]).all()
    left_out = schema.with_columns([replace(schema["day"], kind="omitted", split="time")])
    for asked in ({"schema": left_out}, {"schema": by_day, "kinds": {"day": "omitted"}}):
        assert (_fit(path, "ngram", **asked).held_out.arrays["text"] == run.held_out.arrays["text"]).all()


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["review"], "text"),
        (["region", "review"], "text and 1 more"),
        (["region", "income", "churned", "since", "age", "review"], "sequential trees"),
    ],
)
def test_auto_takes_a_family_of_texts_where_they_hold_nearly_all(columns, expected):
    frame = _reviews()
    frame = frame[[c for c in columns if c in frame]].assign(**{c: range(60) for c in columns if c not in frame})
    schema, _ = infer(frame)
    codec = TableCodec(schema).fit(typed(read(frame), schema))
    name, why = choose(codec, 60)
    assert why.startswith(expected) or expected in why
    assert name in (("trees",) if "trees" in expected else OF_TEXTS)


def test_runs_of_before_texts_were_modelled_still_load():
    document = {
        **{"format": 1, "model": {}, "notes": []},
        "codec": {"schema": [{"name": "t", "kind": "text"}, {"name": "x", "kind": "number"}], "codecs": {}},
    }
    assert [c["kind"] for c in migrate(document)["codec"]["schema"]] == ["omitted", "number"]
