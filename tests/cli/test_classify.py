"""`classify` and `predict`, and what the other commands make of a run that predicts."""

import json
from pathlib import Path

import pytest

import genwright as gw
from tests.cli.conftest import call, rows_of
from tests.tables import as_text, customers


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classify")
    as_text(customers()).to_csv(folder / "train.csv", index=False)
    as_text(customers(30, 1)).drop(columns="churned").to_csv(folder / "new.csv", index=False)
    ended = call("classify", folder / "train.csv", "--target", "churned", "--model", "logistic", "-o", folder / "run")
    assert ended.code == 0, ended.err
    return folder


def test_classify_says_what_and_how_good(place: Path) -> None:
    words = ["classify", place / "train.csv", "--target", "churned", "--model", "boosting", "-o", place / "b"]
    ended = call(*words, "--set", "n_iter=5")
    assert ended.code == 0
    for said in ("Model: boosting", "cross_entropy", "trivial guess", "best possible", "genwright predict"):
        assert said in ended.out + ended.err
    document = call(*words, "--json", "--overwrite").document
    assert document["classes"] == ["no", "yes"]
    assert {s["name"] for s in document["scores"]} >= {"accuracy", "brier", "roc_auc"}


def test_predict_to_a_file_and_to_the_screen(place: Path) -> None:
    ended = call("predict", place / "run", place / "new.csv", "-o", place / "p.csv", "--overwrite")
    assert ended.code == 0, ended.err
    assert "30 rows in" in ended.err
    rows = rows_of((place / "p.csv").read_text())
    assert len(rows) == 30
    assert list(rows[0]) == ["customer_id", "class", "probability", "second", "second_probability", "certainty"]
    assert [row["customer_id"] for row in rows] == [
        row["customer_id"] for row in rows_of((place / "new.csv").read_text())
    ]
    assert rows_of(call("predict", place / "run", place / "new.csv").out) == rows
    document = call("predict", place / "run", place / "new.csv", "--json").document
    assert [row["class"] for row in document["rows"]] == [row["class"] for row in rows]
    every = rows_of(call("predict", place / "run", place / "new.csv", "--all").out)
    assert list(every[0]) == ["customer_id", "no", "yes"]
    assert float(every[0]["no"]) + float(every[0]["yes"]) == pytest.approx(1)


def test_other_commands(place: Path) -> None:
    shown = call("show", place / "run")
    assert shown.code == 0
    assert "trivial guess" in shown.out
    listed = call("list", "runs", place)
    assert listed.code == 0
    assert "logistic" in listed.out
    judged = call("judge", place / "run", "--judge", "accuracy")
    assert judged.code == 0
    assert "trivial guess" in judged.out
    names = [s["name"] for s in call("show", place / "run", "--json").document["scores"]]
    assert call("judge", place / "run").code == 0
    again = [s["name"] for s in call("show", place / "run", "--json").document["scores"]]
    assert len(again) == len(set(again)) == len(names)
    for words in (["sample", place / "run"], ["impute", place / "run", place / "new.csv"]):
        ended = call(*words)
        assert ended.code == 3
        assert ended.err.startswith("error: ")
        assert "Traceback" not in ended.err


def test_sample_says_that_it_predicts(place: Path) -> None:
    ended = call("sample", place / "run", "-n", "3")
    assert ended.code != 0
    assert "predicts 'churned'" in ended.err
    assert "genwright predict" in ended.err


def test_predict_refuses_a_run_that_draws(place: Path) -> None:
    assert call("fit", place / "train.csv", "--model", "marginals", "--no-judge", "--out", place / "m").code == 0
    ended = call("predict", place / "m", place / "new.csv")
    assert ended.code != 0
    assert "foretells no class" in ended.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--target", "churnt"], "did you mean churned"),
        (["--target", "income", "--model", "logistic"], "regression is not offered"),
        (["--target", "churned", "--model", "bosting"], "did you mean boosting"),
        (["--target", "churned", "--set", "penalty=2"], "add --model NAME"),
    ],
)
def test_what_is_refused(place: Path, words: list[str], said: str) -> None:
    ended = call("classify", place / "train.csv", *words, "-o", place / "never")
    assert ended.code != 0
    assert said in ended.err
    assert not (place / "never").exists()


def test_a_schema_from_a_file_and_a_network_that_goes_on(place: Path, tmp_path: Path) -> None:
    columns = call("show", place / "train.csv", "--json").document["schema"]
    assert len(columns) > 3
    for column in columns:
        if column["name"] == "income":
            column["kind"] = "omitted"
    (tmp_path / "schema.json").write_text(json.dumps(columns))
    words = ["classify", place / "train.csv", "--target", "churned"]
    ended = call(*words, "--model", "logistic", "--schema", tmp_path / "schema.json", "-o", tmp_path / "run")
    assert ended.code == 0, ended.err
    assert "income" not in gw.load(tmp_path / "run").columns
    (tmp_path / "no.json").write_text("{}")
    assert "is not a schema" in call(*words, "--schema", tmp_path / "no.json").err

    def stop(done: float, line: str) -> None:
        if line.startswith("step 6 "):
            raise ZeroDivisionError

    settings, kept = {"checkpoint_seconds": 0.0, "n_evaluations": 3}, tmp_path / "net.checkpoint"
    with pytest.raises(ZeroDivisionError):
        gw.classify(
            place / "train.csv", "churned", "mlp", settings=settings, steps=9, seed=2, checkpoint=kept, progress=stop
        )
    ended = call(*words, "--resume", tmp_path / "net")
    assert ended.code == 0, ended.err
    run = gw.load(tmp_path / "net")
    assert (run.artefact.model_name, run.artefact.seed, run.artefact.facts["n_steps"]) == ("mlp", 2, 9)
    assert not kept.exists()
    assert "has come to its end" in call(*words, "--resume", tmp_path / "net").err
    one_go = call(*words, "--model", "knn", "--resume", tmp_path / "other")
    assert (one_go.code, "knn has nothing to resume" in one_go.err) == (2, True)
    assert "leave out --out" in call(*words, "--resume", tmp_path / "other", "-o", tmp_path / "more").err


def test_names_of_classes_do_not_steer_the_terminal(tmp_path: Path) -> None:
    """A colour and a line end in a class's name stay in the data."""
    rows = "".join(f'{i},"\x1b[31mred\nrose"\n{i + 60},blue\n' for i in range(40))
    (tmp_path / "odd.csv").write_text(f"x,kind\n{rows}")
    words = (tmp_path / "odd.csv", "--target", "kind")
    told = call("classify", *words, "--model", "naive_bayes", "--out", tmp_path / "run")
    more = call(
        "augment", *words, "--judge-model", "naive_bayes", "--model", "copies", "--anyway", "-o", tmp_path / "m.csv"
    )
    for ended in (told, more):
        assert ended.code == 0, ended.err
        assert "\x1b" not in ended.out
        assert "red rose" in ended.out


def test_a_file_without_a_header(place: Path) -> None:
    """What the warning about its first line advises is there."""
    lines = (place / "train.csv").read_text().splitlines()[:121]
    bare = place / "bare.csv"
    bare.write_text("\n".join(lines[1:]) + "\n")
    target = f"x{lines[0].split(',').index('churned')}"
    words = [bare, "--target", target, "--no-header"]
    ended = call("classify", *words, "--model", "naive_bayes", "-o", place / "bare", "--json")
    assert ended.code == 0, ended.err
    assert ended.document["n_rows"] == len(lines) - 1
    assert call("predict", place / "bare", bare, "--no-header", "--json").document["n_rows"] == len(lines) - 1
    assert call("choose", bare, "--no-header", "--json").document["evidence"]["n_rows"] == len(lines) - 1
    added = call(
        "augment",
        *words,
        "--model",
        "copies",
        "--balance",
        "--judge-model",
        "naive_bayes",
        "--held-out",
        "0",
        "--json",
        "--level",
        "1e-9",
    )
    assert added.document["n_rows"] == len(lines) - 1


def test_a_run_that_draws_becomes_a_classifier(place: Path) -> None:
    gw.fit(place / "train.csv", "bayes_net", judge=False, out=place / "drawing")
    ended = call("classify", place / "drawing", "--target", "churned", "-o", place / "by_bayes", "--json")
    assert ended.code == 0, ended.err
    assert ended.document["model"] == "bayes_rule"
    assert call("predict", place / "by_bayes", place / "new.csv", "--json").document["n_rows"] == 30
    again = call("classify", place / "by_bayes", "--target", "churned", "-o", place / "twice")
    assert again.code == 3
    assert "foretells 'churned' already" in again.err
