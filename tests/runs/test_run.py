import logging

import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pytest

from genwright.core.errors import ConfigError, DataError, UnknownNameError, UnsupportedError
from genwright.pipeline import fit, load
from genwright.recipes.classify import classify
from genwright.runs.frames import frame
from tests.tables import as_text, customers

FAST = ["marginals", "likelihood"]


@pytest.fixture(autouse=True)
def _fakes() -> None:
    """The real models, not this folder's fakes."""


def test_saved_and_loaded_draws_the_same_rows(run, tmp_path):
    run.save(tmp_path / "run")
    loaded = load(tmp_path / "run")
    for given in (None, "age > 40", {"age": 40}):
        assert loaded.sample(50, given, seed=5).equals(run.sample(50, given, seed=5))
    rows = customers(100, seed=1)
    assert np.array_equal(loaded.log_prob(rows), run.log_prob(rows))


def test_a_run_shows_itself_in_one_line(run, tmp_path):
    assert repr(fit(customers(20), "marginals", judge=False)) == (
        "Run(marginals of a pandas frame, 16 rows learnt from, 0 scores)"
    )
    run.save(tmp_path / "run")
    line = repr(load(tmp_path / "run"))
    assert line.endswith(f"scores, kept in {tmp_path / 'run'})")
    assert "\n" not in line
    by_class = classify(customers(), "region", "naive_bayes", held_out=0, judge=False)
    assert repr(by_class) == "ClassifierRun(naive_bayes of a pandas frame, 400 rows learnt from, 0 scores)"


def test_pandas_types_come_back(run):
    before = customers()
    drawn = run.sample(200)
    assert list(drawn.columns) == list(before.columns)
    assert (drawn.dtypes == before.dtypes).drop("visits").all()  # Int64 without gaps: plain whole numbers
    assert drawn["visits"].dtype == "int64"
    assert drawn["income"].isna().any()


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (pd.array([1, 2, None] * 40, "Int64"), "Int64"),
        (pd.array([1, 200, None] * 40, "UInt8"), "UInt8"),
        (pd.array([True, False, None] * 40, "boolean"), "boolean"),
        (np.array([1, 2, 3] * 40, "int32"), "int32"),
        (np.array([1.5, 2, 3] * 40, "float32"), "float32"),
        (np.array([True, False, True] * 40), "bool"),
        (pd.date_range("2021-01-01", periods=120, tz="Asia/Shanghai", unit="ns"), "datetime64[ns, Asia/Shanghai]"),
        (pd.Categorical(["a", "b", "c"] * 40), pd.Series(["a"]).dtype),  # a category comes back as its values
        (["1", "2", "3"] * 40, pd.Series(["1"]).dtype),
    ],
    ids=lambda x: str(getattr(x, "dtype", "")),
)
def test_every_pandas_type_comes_back(values, dtype):
    table = pd.DataFrame({"x": values, "y": np.tile([1.0, 2.5, 3.0], 40)})
    assert fit(table, "marginals", judge=False).sample(30)["x"].dtype == dtype


LARGE = 2**53 + 2 * np.random.default_rng(0).integers(0, 10**6, 80) + 1


@pytest.mark.parametrize("values", [LARGE, -LARGE, LARGE.astype("uint64") + np.uint64(2**63)], ids=["+", "-", "u"])
def test_whole_numbers_that_no_float_holds(values, tmp_path):
    table = pd.DataFrame({"x": values, "y": np.tile([1.0, 2.5], 40)})
    lines = tmp_path / "rows.jsonl"
    table.to_json(lines, orient="records", lines=True)
    for source in (table, pa.table({"x": values, "y": table["y"]}), lines)[: 2 + (values.max() < 2**63)]:
        run = fit(source, "marginals", judge=False)
        drawn = run.sample(200, flavour="pandas")["x"]
        assert run.schema["x"].kind == "number"
        assert drawn.dtype == values.dtype
        assert drawn.between(values.min(), values.max()).all()
        assert (drawn % 2 == 1).mean() > 0.1  # odd ones, too: no float holds those


def test_a_text_that_begins_with_a_sign_can_be_given():
    years = pd.DataFrame({"years": ["< 1 year", "1 year", "> 2 years"] * 40, "y": np.tile([1.0, 2.5], 60)})
    run = fit(years, "marginals", judge=False)
    assert set(run.sample(20, {"years": "= < 1 year"})["years"]) == {"< 1 year"}


def test_other_flavours_come_back():
    before = polars.from_pandas(customers())
    run = fit(before, "marginals", judge=False)
    assert run.sample(10).schema == before.schema
    assert isinstance(run.sample(10, flavour="pandas"), pd.DataFrame)
    table = before.to_arrow()
    drawn = fit(table, "marginals", judge=False).sample(10)
    assert isinstance(drawn, pa.Table)
    with pytest.raises(UnknownNameError, match="did you mean pandas"):
        run.sample(1, flavour="panda")


def test_a_file_gives_about_what_pandas_reads(tmp_path):
    path = tmp_path / "customers.csv"
    as_text(customers()).to_csv(path, index=False)
    drawn, read = fit(path, "marginals", judge=False).sample(200), pd.read_csv(path)
    assert set(drawn["churned"]) == {"yes", "no"}
    same = ["customer_id", "age", "region", "income", "visits", "churned"]
    assert (drawn[same].dtypes == read[same].dtypes).all()
    assert pd.api.types.is_datetime64_any_dtype(drawn["joined"])


def test_frames_of_whole_numbers_with_gaps():
    table = pa.table({"x": pa.array([1, None], pa.int16()), "y": pa.array([True, None])})
    assert frame(table, "pandas", ["x", "y"]).dtypes.astype(str).tolist() == ["Int16", "boolean"]
    assert frame(table, "pandas").dtypes.astype(str).tolist() == ["float64", "object"]
    assert frame(table, "arrow") is table


def test_log_prob_is_the_models_own(run):
    rows = customers(60, seed=2)
    batch = next(run.encode(rows))
    assert np.array_equal(run.log_prob(rows), run.model.log_prob(batch).numpy())
    alone = np.concatenate([run.log_prob(rows.iloc[i : i + 1]) for i in range(5)])
    assert np.allclose(alone, run.log_prob(rows)[:5])


def test_log_prob_needs_the_modelled_columns_and_no_others(run):
    rows = customers(20, seed=2)
    expected = run.log_prob(rows)
    assert np.array_equal(run.log_prob(rows.drop(columns="customer_id")), expected)
    assert np.array_equal(run.log_prob(rows.assign(more=1)[["more", *rows.columns[::-1]]]), expected)
    with pytest.raises(DataError, match="column 'region' is absent"):
        run.log_prob(rows.drop(columns="region"))


def test_log_prob_of_values_never_seen(run):
    odd = customers(20, seed=2).assign(region="moon", age=900, joined=pd.Timestamp("2090-01-01"))
    assert np.isfinite(run.log_prob(odd)).all()


def test_judging_rows_that_are_given(quick):
    names = {s.name.split(".")[0] for s in quick.judge(customers(100, 1), customers(200, 2), judges=FAST)}
    assert names == set(FAST)


def test_judging_again_reads_the_data_again(tmp_path, monkeypatch, caplog):
    (tmp_path / "data").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "data")
    as_text(customers()).to_csv("customers.csv", index=False)
    first = fit("customers.csv", "marginals", judge=False)
    scores = first.judge(judges=FAST)
    first.save(tmp_path / "run")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert [s.value for s in load(tmp_path / "run").judge(judges=FAST)] == [s.value for s in scores]
    with (tmp_path / "data" / "customers.csv").open("a") as file:
        file.write("C99999,20,north,1.0,1,2020-01-01,no\n")
    with caplog.at_level(logging.WARNING, "genwright"), pytest.raises(DataError, match=r"train rows: .*has changed"):
        load(tmp_path / "run").judge(judges=FAST)
    assert "has changed" in caplog.text
    (tmp_path / "data" / "customers.csv").unlink()
    with pytest.raises(DataError, match=r"pass train=.*cannot be read again"):
        load(tmp_path / "run").judge(judges=FAST)


def test_judging_needs_names_that_exist(quick):
    with pytest.raises(UnknownNameError, match="did you mean marginals"):
        quick.judge(judges=["marginal"])
    with pytest.raises(UnknownNameError, match="did you mean income"):
        quick.judge(targets=["incom"])


def test_a_judge_that_refuses_leaves_the_others_their_say(caplog):
    run = fit(customers(30), "marginals", judge=False)  # 6 rows held out: too few for a detector
    run.artefact.facts["notes"] = ["of the training"]
    with caplog.at_level(logging.WARNING, "genwright"):
        found = {score.name.split(".")[0] for score in run.judge()}
    assert "detectability" not in found
    assert {"marginals", "likelihood"} <= found
    first, *notes = run.artefact.facts["notes"]
    assert first == "of the training"
    assert "Not judged by detectability: detectability needs at least 10 held-out rows" in caplog.text
    assert any(note.startswith("Not judged by detectability: ") for note in notes)
    run.judge()
    assert run.artefact.facts["notes"] == [first, *notes]
    run.judge(customers(100, 1), customers(100, 2))
    assert run.artefact.facts["notes"] == [first]


def test_when_every_judge_refuses():
    run = fit(customers(30), "marginals", judge=False)
    before = run.judge(judges=FAST)
    with pytest.raises(DataError, match="detectability needs at least 10"):
        run.judge(judges="detectability")
    assert run.scores == before


def test_one_judge_and_one_target_by_name(quick):
    names = {s.name.split(".")[0] for s in quick.judge(judges="marginals", targets="income")}
    assert names == {"marginals"}
    with pytest.raises(UnknownNameError, match="did you mean income"):
        quick.judge(judges="marginals", targets="incom")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("frechet", r"frechet looks at pictures, and this run has age \(real\), region \(category\), .*list judges"),
        ("copied_text", "copied_text looks at texts"),
        ("pr_auc", "pr_auc judges what classifiers foretell, and this run draws rows"),
        ("tagging", "tagging asks for tags that the model guesses, and this model guesses none"),
    ],
)
def test_a_judge_of_other_things_says_what_it_looks_at(quick, name, why):
    before = quick.judge(judges="marginals")
    with pytest.raises(UnsupportedError, match=why):
        quick.judge(judges=name)
    assert quick.scores == before


def test_a_judge_of_other_things_beside_others_leaves_a_note(quick, caplog):
    with caplog.at_level(logging.WARNING, "genwright"):
        found = quick.judge(judges=["marginals", "frechet"])
    assert {score.name.split(".")[0] for score in found} == {"marginals"}
    assert "Not judged by frechet: frechet looks at pictures" in caplog.text
    assert any("frechet" in note for note in quick.artefact.facts["notes"])


@pytest.mark.parametrize("n", [0, 1, 2.5, -3])
def test_judging_needs_two_rows(quick, n):
    with pytest.raises(ConfigError, match=f"max_rows = {n}"):
        quick.judge(judges=FAST, max_rows=n)
