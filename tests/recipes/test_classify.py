"""`classify` and the runs it gives: on tables, texts and pictures, and on what users hand over by mistake."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import genwright as gw
from genwright.core.errors import (
    ConfigError,
    DataError,
    FitError,
    RunError,
    UnknownNameError,
    UnsupportedError,
)
from genwright.runs.classifier_run import PREDICTED, ClassifierRun
from tests.cli.conftest import call
from tests.tables import as_text, customers


def flowers(n: int = 200, seed: int = 0) -> pd.DataFrame:
    """Two classes that two columns tell; a third tells nothing."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    colour = np.where(rng.random(n) < 0.9, np.array(["red", "blue"])[y], "white")
    return pd.DataFrame(
        {"size": np.round(rng.normal(size=n) + 2 * y, 2), "colour": colour, "noise": rng.normal(size=n), "kind": y}
    ).assign(kind=np.array(["rose", "iris"])[y])


@pytest.fixture(scope="module")
def run() -> ClassifierRun:
    return gw.classify(flowers(), "kind", "logistic")


def accuracy(run: ClassifierRun, rows: pd.DataFrame) -> float:
    return float((run.predict(rows)["class"].to_numpy() == rows[run.target].to_numpy()).mean())


def test_it_foretells(run: ClassifierRun) -> None:
    assert accuracy(run, flowers(300, 1)) > 0.9
    scores = {s.name: s for s in run.scores}
    assert scores["accuracy"].value > scores["accuracy"].high * 0.8 > scores["accuracy"].ceiling
    assert run.classes == ["iris", "rose"] or run.classes == ["rose", "iris"]
    assert run.columns == ["size", "colour", "noise"]


def test_ids_stand_beside_predictions_as_the_rows_have_them() -> None:
    run, new = gw.classify(customers(), "region", "naive_bayes"), customers(20, 3)
    of_numbers = new.assign(customer_id=np.arange(20) + 7)
    assert list(run.predict(of_numbers)["customer_id"]) == list(range(7, 27))
    of_words = new.assign(customer_id=[f"00{i}" for i in range(20)])
    assert list(run.predict(of_words)["customer_id"]) == list(of_words["customer_id"])
    assert "customer_id" not in run.predict(new.drop(columns="customer_id"))
    assert list(run.predict_proba(new)) == [str(name) for name in run.classes]


def test_what_predict_says_agrees_with_the_probabilities(run: ClassifierRun) -> None:
    rows = flowers(50, 2).set_index(np.arange(50) + 100)
    said, p = run.predict(rows), run.predict_proba(rows)
    assert tuple(said.columns) == PREDICTED
    assert list(p.columns) == run.classes
    assert said.index.equals(rows.index)
    assert p.index.equals(rows.index)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_allclose(said["probability"], p.max(axis=1))
    assert (said["class"] == p.idxmax(axis=1)).all()
    assert (said["second"] != said["class"]).all()
    q = p.to_numpy()
    np.testing.assert_allclose(said["certainty"], 1 + (q * np.log(q)).sum(1) / np.log(2), atol=1e-12)


def test_saved_and_loaded_it_says_the_same(run: ClassifierRun, tmp_path: Path) -> None:
    run.save(tmp_path / "run")
    again = gw.load(tmp_path / "run")
    assert isinstance(again, ClassifierRun)
    pd.testing.assert_frame_equal(again.predict_proba(flowers(60, 3)), run.predict_proba(flowers(60, 3)))
    assert [s.to_json() for s in again.scores] == [s.to_json() for s in run.scores]
    card = (tmp_path / "run" / "README.md").read_text()
    assert "A classifier fitted with genwright: p(kind" in card
    assert "run.predict" in card
    assert "run.sample" not in card


def test_scores_are_those_of_the_rows_held_out(tmp_path: Path) -> None:
    """Judged again after loading, on the rows that the file gives again; and on the same rows handed over."""
    flowers().to_csv(tmp_path / "flowers.csv", index=False)
    run = gw.classify(tmp_path / "flowers.csv", "kind", "logistic", out=tmp_path / "run")
    again = gw.load(tmp_path / "run")
    assert [s.to_json() for s in again.judge()] == [s.to_json() for s in run.scores]
    assert again.judge(judges="accuracy")[0].n == 40
    with pytest.raises(UnknownNameError, match="did you mean accuracy"):
        again.judge(judges="acuracy")
    with pytest.raises(ConfigError, match="foretells 'kind'"):
        again.judge(targets="size")


@pytest.mark.parametrize("name", ["mlp", "boosting"])
def test_same_seed_same_run(name: str) -> None:
    steps = {"steps": 20} if name == "mlp" else {}
    settings = {"hidden": [8]} if name == "mlp" else {"n_iter": 5}
    first, second = (gw.classify(flowers(), "kind", name, settings=settings, **steps) for _ in range(2))
    pd.testing.assert_frame_equal(first.predict_proba(flowers(20, 4)), second.predict_proba(flowers(20, 4)))


def test_auto_says_why() -> None:
    run = gw.classify(flowers(120), "kind")
    assert "cross-entropy on 3 folds" in run.artefact.facts["why"]
    assert run.artefact.model_name in run.artefact.facts["why"]
    with pytest.raises(ConfigError, match="penalty is a setting of one family"):
        gw.classify(flowers(50), "kind", settings={"penalty": 2})


def test_texts() -> None:
    rng = np.random.default_rng(0)
    words = {"good": ["fine", "great", "lovely"], "bad": ["awful", "poor", "dull"]}
    labels = rng.choice(list(words), 120)
    texts = [f"the film was {rng.choice(words[k])} and the music {rng.choice(words[k])} to hear" for k in labels]
    frame = pd.DataFrame({"review": texts, "label": labels})
    run = gw.classify(frame, "label", "svm", kinds={"review": "text"})
    assert accuracy(run, frame) > 0.95


def test_pictures() -> None:
    run = gw.classify("digits-pictures", "label", "knn", held_out=0.5)
    assert {s.name: s.value for s in run.scores}["accuracy"] > 0.9
    assert sorted(run.classes) == list("0123456789")


def test_a_file_gives_its_own_words_back(tmp_path: Path) -> None:
    as_text(customers()).to_csv(tmp_path / "c.csv", index=False)
    run = gw.classify(tmp_path / "c.csv", "churned", "logistic")
    assert set(run.predict(tmp_path / "c.csv")["class"]) <= {"yes", "no"}
    assert "customer_id" not in run.columns


def test_columns_absent_renamed_reordered_and_more(run: ClassifierRun) -> None:
    rows = flowers(20, 5)
    expected = run.predict(rows)
    pd.testing.assert_frame_equal(run.predict(rows[["noise", "colour", "size"]].assign(more=1)), expected)
    with pytest.raises(DataError, match="column 'size' is absent; the run reads size, colour, noise"):
        run.predict(rows.drop(columns="size"))
    with pytest.raises(DataError, match="'size' is absent; did you mean its column 'Size'"):
        run.predict(rows.rename(columns={"size": "Size"}))


def test_values_of_another_type(run: ClassifierRun) -> None:
    rows = flowers(5, 6)
    with pytest.raises(DataError, match=r"column 'size'.*'large'"):
        run.predict(rows.assign(size=["1", "2", "large", "4", "5"]))
    with pytest.raises(DataError, match="column 'size'"):
        run.predict(rows.assign(size=pd.Timestamp("2024-01-01")))
    as_words = run.predict(rows.assign(size=rows["size"].astype(str)))
    pd.testing.assert_frame_equal(as_words, run.predict(rows))


def test_values_never_met_are_missing_and_said(run: ClassifierRun, caplog: pytest.LogCaptureFixture) -> None:
    rows = flowers(10, 7)
    with caplog.at_level(logging.WARNING, "genwright"):
        new = run.predict_proba(rows.assign(colour="green"))
    assert "column 'colour' has values never seen" in caplog.text
    assert "as missing" in caplog.text
    pd.testing.assert_frame_equal(new, run.predict_proba(rows.assign(colour=None)))
    assert np.isfinite(run.predict_proba(rows.assign(size=np.nan)).to_numpy()).all()


def test_classes_never_met_count_as_wrong(run: ClassifierRun) -> None:
    rows = flowers(100, 8)
    rows.loc[:49, "kind"] = "tulip"
    rows.loc[90:, "kind"] = None
    kept = list(run.scores)
    score = run.judge(rows, judges="accuracy")[0]
    run.artefact.scores = kept
    assert score.n == 90
    assert score.value <= 40 / 90
    assert "50 rows of classes never seen" in score.protocol
    with pytest.raises(DataError, match="a known 'kind'"):
        run.judge(rows.assign(kind=None))


def test_half_of_the_targets_missing() -> None:
    rows = flowers()
    rows.loc[::2, "kind"] = None
    run = gw.classify(rows, "kind", "logistic")
    assert "100 of 200 rows have no 'kind'" in run.artefact.facts["notes"][0]
    assert (run.artefact.facts["n_train"], run.artefact.facts["n_held_out"]) == (80, 20)
    assert accuracy(run, flowers(200, 1)) > 0.85


def test_a_class_with_one_row() -> None:
    rows = flowers(60)
    rows.loc[0, "kind"] = "tulip"
    for name in ("logistic", "boosting", "knn", "naive_bayes"):
        run = gw.classify(rows, "kind", name)
        assert "tulip" in run.classes
        assert run.artefact.facts["notes"] == [
            "class 'tulip' has a single row, too few to learn it from and to test it on"
        ]
        np.testing.assert_allclose(run.predict_proba(rows).sum(axis=1), 1)


def test_leakage_is_said(caplog: pytest.LogCaptureFixture) -> None:
    rows = flowers().assign(outcome=lambda f: f["kind"].str.upper())
    run = gw.classify(rows, "kind", "logistic")
    told = "column 'outcome' is 'kind' under another name in every row"
    assert told in run.artefact.facts["notes"][0]
    report = gw.augment(rows, "kind", model="copies", amount="double", judge_model="naive_bayes", held_out=0).report
    assert any(told in note for note in report.notes)
    without = gw.classify(rows, "kind", "logistic", kinds={"outcome": "omitted"})
    assert "outcome" not in without.columns
    assert not without.artefact.facts["notes"]


@pytest.mark.parametrize("name", ["Ä 日本", "{x}", "a|b"])
def test_names_of_any_letters(name: str, tmp_path: Path) -> None:
    rows = flowers(80).rename(columns={"kind": name})
    rows[name] = rows[name].map({"rose": "Rosé 🌹", "iris": "あやめ"})
    gw.classify(rows, name, "naive_bayes", out=tmp_path / "run")
    assert set(gw.load(tmp_path / "run").predict(rows)["class"]) == {"Rosé 🌹", "あやめ"}


def test_many_classes_are_not_taken_for_numbers(recwarn: pytest.WarningsRecorder) -> None:
    """scikit-learn's guess is about a `y` that the user has never seen."""
    rows = flowers(60).assign(kind=[f"k{i % 30}" for i in range(60)])
    for name in ("knn", "logistic"):
        gw.classify(rows, "kind", name, judge=False)
    gw.fit(rows, "trees", kinds={"kind": "category"}, judge=False)
    assert not [str(w.message) for w in recwarn if "unique classes" in str(w.message)]


def test_labels_as_decimals() -> None:
    rows = flowers(80).assign(kind=lambda f: f["kind"].map({"rose": 1.0, "iris": 2.0}))
    run = gw.classify(rows, "kind", "logistic")
    assert sorted(run.classes) == [1.0, 2.0]
    assert "decimal numbers" in run.artefact.facts["notes"][0]


def test_more_columns_than_rows() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 15)
    wide = pd.DataFrame(rng.normal(size=(30, 100)) + y[:, None]).add_prefix("x").assign(y=y)
    for name in ("logistic", "naive_bayes"):
        assert accuracy(gw.classify(wide, "y", name), wide) > 0.9


@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [
        (flowers(40).assign(kind="rose"), FitError, "needs two classes"),
        (flowers(40).assign(size=1, colour="red", noise=0.5), FitError, "no column varies"),
        (flowers(40)[["kind"]], FitError, "no column varies"),
        (flowers(40).assign(kind=lambda f: f["noise"]), UnsupportedError, "regression is not offered"),
        (flowers(40).drop(columns="kind"), UnknownNameError, "no kind in the columns"),
    ],
)
def test_what_cannot_be_learnt(rows: pd.DataFrame, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        gw.classify(rows, "kind", "logistic")


def test_what_it_cannot_do(run: ClassifierRun, tmp_path: Path) -> None:
    for ask in (lambda: run.sample(3), lambda: run.stream(3), lambda: run.draw()):
        with pytest.raises(UnsupportedError, match="predicts 'kind'"):
            ask()
    with pytest.raises(UnsupportedError, match="use predict_proba"):
        run.log_prob(flowers(3))
    with pytest.raises(UnknownNameError, match="did you mean boosting"):
        gw.classify(flowers(40), "kind", "bosting")
    with pytest.raises(UnknownNameError, match="did you mean penalty"):
        gw.classify(flowers(40), "kind", "logistic", settings={"penality": 1})
    with pytest.raises(ConfigError, match="C is a setting of one family, and auto chooses"):
        gw.classify(flowers(40), "kind", settings={"C": 1})
    with pytest.raises(ConfigError, match="there are no steps"):
        gw.classify(flowers(40), "kind", "logistic", steps=5)
    run.save(tmp_path / "run")
    with pytest.raises(RunError):
        gw.classify(flowers(40), "kind", "logistic", out=tmp_path / "run")


@pytest.mark.parametrize(
    "asked", [{"model": "svm"}, {"seed": 3}, {"settings": {"C": 1}}, {"kinds": {"age": "category"}}]
)
def test_a_fitted_run_learns_nothing_anew(asked: dict[str, object]) -> None:
    drawn_from = gw.fit(customers(60), "marginals", judge=False)
    with pytest.raises(ConfigError, match=str(next(iter(asked.values()))) if "model" in asked else next(iter(asked))):
        gw.classify(drawn_from, "churned", **asked)


def test_a_split_by_group_may_hold_out_a_class(tmp_path: Path) -> None:
    rows = flowers(100).assign(place=lambda f: np.where(f["kind"] == "rose", "a", "b"))
    schema = gw.infer(rows)[0]
    by_place = schema.with_columns([type(schema["place"])("place", "category", split="group")])
    run = gw.classify(rows, "kind", "logistic", schema=by_place)
    assert len(run.classes) == 2
    assert {s.name: s.value for s in run.scores}["accuracy"] == 0  # the other class was never seen
    (note,) = [note for note in run.artefact.facts["notes"] if "never foretold" in note]
    assert "has held-out rows alone and none to learn from" in note


def test_a_class_that_no_held_out_row_has_is_told() -> None:
    rows = flowers(102).assign(kind=["a"] * 50 + ["b"] * 50 + ["lily"] * 2)
    told = "class 'lily' has no held-out row, so that no score tells how well it is foretold"
    assert told in gw.classify(rows, "kind", "naive_bayes").artefact.facts["notes"]
    without = gw.classify(rows, "kind", "naive_bayes", held_out=0.0)
    assert not any("held-out row" in note for note in without.artefact.facts["notes"])


def test_nothing_held_out_means_no_scores(tmp_path: Path) -> None:
    run = gw.classify(flowers(50), "kind", "naive_bayes", held_out=0.0, out=tmp_path / "run")
    assert run.scores == []
    assert run.artefact.facts["n_train"] == 50
    assert "Not judged yet." in (tmp_path / "run" / "README.md").read_text()
    with pytest.raises(DataError, match="pass held_out="):
        gw.load(tmp_path / "run").judge()
    assert gw.load(tmp_path / "run").judge(flowers(50, 1))[0].n == 50


def test_frames_come_back_as_they_went_in(run: ClassifierRun) -> None:
    import polars as pl
    import pyarrow as pa

    rows = flowers(10, 9)
    assert isinstance(run.predict(pl.from_pandas(rows)), pl.DataFrame)
    assert isinstance(run.predict(rows, flavour="arrow"), pa.Table)
    assert run.predict(rows.iloc[3:4])["class"].tolist() == run.predict(rows)["class"].tolist()[3:4]


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    """Folders name the classes; convolutions tell bright from dark in a few steps."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for name, level in (("dark", 60), ("bright", 190)):
        (tmp_path / "set" / name).mkdir(parents=True)
        for i in range(20):
            x = np.clip(rng.normal(level, 30, (16, 16)), 0, 255).astype(np.uint8)
            Image.fromarray(x).save(tmp_path / "set" / name / f"{i}.png")
    settings = {"width": 4, "n_picture": 8, "batch_size": 16}
    run = gw.classify(tmp_path / "set", "label", "convnet", steps=60, settings=settings)
    assert {s.name: s.value for s in run.scores}["accuracy"] == 1
    told = run.predict(tmp_path / "set")
    assert tuple(told.columns) == ("file", *PREDICTED)
    assert {*told["file"]} == {f"{name}/{i}.png" for name in ("dark", "bright") for i in range(20)}
    assert [name.split("/")[0] for name in told["file"]] == told["class"].tolist()
    assert run.predict_proba(tmp_path / "set").columns.tolist() == run.classes
    run.save(tmp_path / "run")
    for more in ([], ["--all"]):
        ended = call("predict", tmp_path / "run", tmp_path / "set" / "dark" / "3.png", "--json", *more)
        assert ended.document["rows"][0]["file"] == "3.png"


def test_a_judge_of_predictions_is_found(run: ClassifierRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judges that are files of their own are asked, too, and those of draws pass over them."""
    from genwright.core.predictions import Accuracy, PredictionJudge, score
    from genwright.runs import classifier_run

    class Twice(PredictionJudge):
        parts, source = {}, "none"

        def predicted(self, rows):
            return [score(Accuracy(), rows)] * 2

    monkeypatch.setattr(classifier_run, "_judges", lambda: {"twice": Twice()})
    kept = list(run.scores)
    assert len(run.judge(judges="twice")) == 2
    run.artefact.scores = kept
    assert not Twice.sees(run.classifier.space)
