"""Runs that predict, judged again after loading and on rows that are handed over."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import genwright as gw
from genwright.core.errors import ConfigError, DataError
from genwright.data.class_codes import class_codes
from genwright.runs.classifier_run import ClassifierRun
from genwright.runs.run import Run


def patients(n: int = 200, seed: int = 0) -> pd.DataFrame:
    """A number that differs in every row, a category that tells nothing, and a class that the number tells."""
    rng = np.random.default_rng(seed)
    age = rng.permutation(np.arange(n) / 8 - n / 16)
    ill = np.where(age + rng.normal(size=n) > 3, "yes", "no")
    return pd.DataFrame({"age": age, "ward": rng.choice(list("xyz"), n), "ill": ill})


def joint(folder: Path) -> ClassifierRun:
    """Bayes' rule on a model of whole rows, some without a class."""
    rows = patients()
    rows.loc[::9, "ill"] = None
    rows.to_csv(folder / "rows.csv", index=False)
    drawn_from = gw.fit(folder / "rows.csv", "copula", judge=False)
    return gw.classify(drawn_from, "ill", judge=False)


def loaded(run: Run, place: Path, *forgotten: str) -> ClassifierRun:
    """Saved and loaded, as by a version that did not write some facts yet."""
    for name in forgotten:
        del run.artefact.facts[name]
    run.save(place)
    again = gw.load(place)
    assert isinstance(again, ClassifierRun)
    return again


@pytest.mark.parametrize("forgotten", [(), ("split",)])
def test_what_a_fitted_run_did_not_see_is_the_same_after_loading(forgotten: tuple[str, ...], tmp_path: Path) -> None:
    run = joint(tmp_path)
    assert run.train is not None
    assert run.held_out is not None
    expected = [s.to_json() for s in run.judge()]
    again = loaded(run, tmp_path / "run", *forgotten)
    again.remember_rows(need_train=True, need_held_out=True)
    assert again.held_out is not None
    assert set(again.held_out.arrays["age"]) == set(run.held_out.arrays["age"])
    assert not set(again.held_out.arrays["age"]) & set(run.train.arrays["age"])
    assert [s.to_json() for s in again.judge()] == expected


@pytest.mark.parametrize("forgotten", [(), ("split",)])
def test_one_model_of_rows_that_classify_fitted_keeps_its_own_split(forgotten: tuple[str, ...], tmp_path: Path) -> None:
    patients().to_csv(tmp_path / "rows.csv", index=False)
    settings = {"model": "marginals", "classes": "joint"}
    run = gw.classify(tmp_path / "rows.csv", "ill", "bayes_rule", settings=settings)
    again = loaded(run, tmp_path / "run", *forgotten)
    assert [s.to_json() for s in again.judge()] == [s.to_json() for s in run.scores]


def test_columns_that_are_not_read_do_not_tell_rows_apart(tmp_path: Path) -> None:
    """Vectors of numbers differ in every row; a family that leaves them out cannot reach what they tell."""
    rng = np.random.default_rng(0)
    rows = [{"ward": w, "track": rng.normal(size=3).tolist(), "ill": y} for w, y in patients()[["ward", "ill"]].values]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    run = gw.classify(tmp_path / "rows.jsonl", "ill", "naive_bayes")
    assert run.columns == ["ward"]
    again = loaded(run, tmp_path / "run")
    assert [s.to_json() for s in again.judge()] == [s.to_json() for s in run.scores]
    assert again.held_out is not None
    assert list(again.held_out.arrays) == list(run.classifier.space)


@pytest.fixture(scope="module")
def run() -> ClassifierRun:
    return gw.classify(patients(), "ill", "logistic", judge=False)


def test_some_of_sorted_rows_stand_for_all(run: ClassifierRun) -> None:
    """150 of 400 sorted rows: the share of a class that the score rests on lies near that of all."""
    rows = patients(400, 1).sort_values("ill")
    rows.loc[rows.index[:50], "ill"] = None
    of_all, of_some = (run.judge(rows, judges="accuracy", max_rows=n)[0] for n in (400, 150))
    assert (of_all.n, of_some.n) == (350, 150)
    assert run.judge(rows, judges="accuracy", max_rows=150) == run.judge(rows, judges="accuracy", max_rows=1.5e2)
    p = (rows["ill"].dropna() == "yes").mean()
    drawn = run._predictions(rows, 150)
    found = (np.array(drawn.classes)[drawn.y] == "yes").mean()
    assert abs(found - p) < 4 * np.sqrt(p * (1 - p) / 150)


def test_some_of_the_rows_held_out(run: ClassifierRun) -> None:
    assert run.judge(judges="accuracy", max_rows=7)[0].n == 7


@pytest.mark.parametrize("n", [-5, 0, 2.5, "7", True, float("nan")])
def test_rows_to_judge_are_a_count(run: ClassifierRun, n: object) -> None:
    with pytest.raises(ConfigError, match="max_rows = "):
        run.judge(max_rows=n)  # type: ignore[arg-type]


def test_draws_are_judged_on_a_count_that_is_written_as_a_float() -> None:
    drawn_from = gw.fit(patients(), "marginals", judge=False)
    assert drawn_from.judge(max_rows=1e2, judges="marginals") == drawn_from.judge(max_rows=100, judges="marginals")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"max_rows = 2\.5"):
        drawn_from.judge(max_rows=2.5)  # type: ignore[arg-type]


def as_labels(kind: str, n: int = 80) -> pd.DataFrame:
    """Rows whose class 1 is told by a number, the class written as one kind of value or another."""
    rows = patients(n)
    y = (rows.pop("ill") == "yes").astype(int)
    written = {"whole": y, "decimal": y.astype(float), "truth": y.astype(bool), "words": y.map({0: "0.0", 1: "1.0"})}
    return rows.assign(y=written[kind])


@pytest.fixture(scope="module")
def of_decimals_in_a_file(tmp_path_factory: pytest.TempPathFactory) -> ClassifierRun:
    place = tmp_path_factory.mktemp("decimals") / "rows.csv"
    as_labels("decimal").to_csv(place, index=False)
    return gw.classify(place, "y", "logistic", judge=False)


@pytest.mark.parametrize("kind", ["whole", "decimal", "truth", "words"])
def test_labels_of_a_file_are_the_same_in_a_frame(of_decimals_in_a_file: ClassifierRun, kind: str) -> None:
    run = of_decimals_in_a_file
    assert sorted(run.classes) == ["0.0", "1.0"]
    score, rows = run.judge(as_labels(kind), judges="accuracy")[0], as_labels("words")
    assert "never seen" not in score.protocol
    assert score.value == (run.predict(rows)["class"] == rows["y"]).mean() > 0.5


@pytest.mark.parametrize("learnt", ["whole", "decimal"])
@pytest.mark.parametrize("judged", ["whole", "decimal"])
def test_labels_of_a_frame_are_the_same_in_a_file(learnt: str, judged: str, tmp_path: Path) -> None:
    run = gw.classify(as_labels(learnt), "y", "logistic", judge=False)
    as_labels(judged).to_csv(tmp_path / "rows.csv", index=False)
    assert run.judge(tmp_path / "rows.csv", judges="accuracy") == run.judge(as_labels(learnt), judges="accuracy")


def test_labels_that_are_all_spelled_otherwise_are_refused(of_decimals_in_a_file: ClassifierRun) -> None:
    rows = as_labels("words").assign(y=lambda f: f["y"].map({"0.0": "no", "1.0": "yes"}))
    with pytest.raises(DataError, match=r"'y' holds 'no', 'yes', and the fit saw '0\.0', '1\.0'"):
        of_decimals_in_a_file.judge(rows)


def test_numbers_meet_the_words_of_numbers() -> None:
    """Words first, then numbers; none where two classes are one number, or too large to be told apart."""
    known = pa.array(["007", "07", "7.50", "9007199254740992", "x"])
    assert class_codes(pa.array([7, 8, 9007199254740993, None]), known).tolist() == [-1, -1, -1, -2]
    assert class_codes(pa.array([7.5, 9007199254740992.0]), known).tolist() == [2, -1]
    assert class_codes(pa.array([9007199254740992]), known).tolist() == [3]
    assert class_codes(pa.array(["7.5", "x", "07"]), known).tolist() == [-1, 4, 1]
    assert class_codes(pa.array(["1.0", "1", "1e0", "x"]), pa.array([2, 1])).tolist() == [1, 1, 1, -1]
    assert class_codes(pa.array([0.5, 1e15]), pa.array([10**15, 1])).tolist() == [-1, 0]
    assert class_codes(pa.array([True, False]), pa.array(["0.0", "1.0"])).tolist() == [1, 0]


@pytest.mark.parametrize(("model", "how"), [("marginals", {}), ("vae", {"steps": 1, "given": "ill"})])
def test_shares_of_classes_without_the_data_are_those_of_draws(
    model: str, how: dict[str, object], tmp_path: Path
) -> None:
    drawn_from = gw.fit(patients(), model, judge=False, **how)  # type: ignore[arg-type]
    here = gw.classify(drawn_from, "ill", judge=False)
    drawn_from.save(tmp_path / "run")
    run = gw.classify(gw.load(tmp_path / "run"), "ill", judge=False)
    found, p = (np.array(r.artefact.facts["shares"]) for r in (run, here))
    assert found.sum() == pytest.approx(1)
    assert (np.abs(found - p) < 5 * np.sqrt(p * (1 - p) / 4096)).all()
    assert "4,096 draws" in run.artefact.facts["notes"][-1]
    assert not any("draws" in note for note in here.artefact.facts["notes"])
    ceiling, expected = (r.judge(patients(200, 1), judges="cross_entropy")[0].ceiling for r in (run, here))
    assert abs(ceiling - expected) < 0.01 < np.log(2) - expected  # which equal shares would give


@pytest.mark.parametrize(("n", "is_few"), [(12, True), (13, False)])
def test_categories_of_up_to_twelve_values_have_groups(n: int, is_few: bool) -> None:
    """As many as a year has months; that a value may be missing is no further one."""
    month = np.arange(50 * n) % n
    rows = pd.DataFrame({"month": [f"m{k}" for k in month], "is_wet": np.where(month % 2, "yes", "no")})
    run = gw.classify(rows, "is_wet", "naive_bayes", held_out=0.5)
    groups = next((s.details["groups"] for s in run.scores if s.name == "worst_group"), [])
    assert {g["value"] for g in groups} == ({f"m{k}" for k in range(n)} if is_few else set())
