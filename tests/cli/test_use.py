"""What a run is for: `sample`, `impute`, `judge`, `report` and `show`."""

import csv
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import genwright as gw
from genwright.cli.terminal.reading import rows_as_said
from genwright.core.errors import UnsupportedError
from genwright.runs.draw import Draw
from tests.cli.conftest import N_ROWS, Ended, call, rows_of, write_people


def judged(run: str) -> set[str]:
    """The judges whose scores a run keeps."""
    return {score.name.split(".")[0] for score in gw.load(run).scores}


NAMES = ["id", "age", "income", "city", "joined"]


def test_sample_prints_csv_and_nothing_else(run: Path) -> None:
    ended = call("sample", run, "-n", "50")
    rows = rows_of(ended.out)
    assert ended.code == 0
    assert ended.err == ""
    assert len(rows) == 50
    assert list(rows[0]) == NAMES
    assert {row["city"] for row in rows} <= {"Rome", "Paris", "Oslo"}
    assert all(len(row["joined"]) == 10 for row in rows)


def test_printed_and_written_rows_are_the_same_bytes(run: Path, here: Path) -> None:
    assert call("sample", run, "-n", "1_00", "-o", "a.csv").code == 0
    assert Path("a.csv").read_text() == call("sample", run, "-n", "100").out


def test_row_i_is_the_same_however_many_are_drawn(run: Path) -> None:
    few, many = (call("sample", run, "-n", n).out for n in ("10", "1e3"))
    assert many.startswith(few)
    assert call("sample", run, "-n", "10", "--seed", "0").out == few
    assert call("sample", run, "-n", "10", "--seed", "1").out != few


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet", "a.csv.gz"])
def test_sample_writes_by_the_ending(name: str, run: Path, here: Path) -> None:
    ended = call("sample", run, "-n", "2k", "-o", name)
    assert ended.code == 0, ended.err
    assert ended.out == ""
    assert "2,000 rows" in ended.err
    assert gw.read(name).arrow_schema.names == NAMES
    if name.endswith("parquet"):
        assert pq.read_table(name).num_rows == 2_000
    assert call("sample", run, "-o", name).code == 2
    assert call("sample", run, "-o", name, "--overwrite", "--quiet") == Ended(0, "", "")


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_ctrl_c_leaves_no_half_file(run: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Draw.tables

    def stopped(draw: Draw, n: int, start: int = 0) -> Iterator[pa.Table]:
        yield next(whole(draw, n, start))
        os.kill(os.getpid(), signal.SIGINT)
        yield from whole(draw, n, start)

    monkeypatch.setattr(Draw, "tables", stopped)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs with it ignored
    try:
        ended = call("sample", run, "-n", "50k", "-o", "a.csv")
    finally:
        signal.signal(signal.SIGINT, before)
    assert (ended.code, ended.out) == (130, "")
    assert ended.err.endswith("error: stopped; nothing was saved\n")  # a slow machine is told of progress before
    assert list(here.iterdir()) == []


def test_zero_rows_are_a_header(run: Path) -> None:
    assert call("sample", run, "-n", "0").out == ",".join(NAMES) + "\n"


def test_conditions_are_met_and_the_acceptance_rate_is_told(run: Path) -> None:
    ended = call("sample", run, "-n", "40", "--given", "city = Rome and age >= 60")
    rows = rows_of(ended.out)
    assert len(rows) == 40
    assert all(row["city"] == "Rome" and int(row["age"]) >= 60 for row in rows)
    assert "acceptance rate" in ended.err
    assert "acceptance rate 1" in call("sample", run, "-n", "1", "--given", "city = Rome").err


def test_sample_as_json(run: Path, here: Path) -> None:
    found = call("sample", run, "-n", "5", "--given", "age > 60", "--json").document
    assert [list(row) for row in found["rows"]] == [NAMES] * 5
    assert found["n_rows"] == 5
    assert found["given"] == ["age > 60"]
    assert 0 < found["acceptance"] < 1
    found = call("sample", run, "-n", "5", "-o", "a.csv", "--json").document
    assert found["output"] == "a.csv"
    assert "rows" not in found
    assert call("sample", run, "-n", "0", "--json").document["rows"] == []


def test_json_rows_are_those_of_csv_and_keep_no_more_than_a_piece(run: Path) -> None:
    found = call("sample", run, "-n", "20k", "--json").document["rows"]
    printed = rows_of(call("sample", run, "-n", "20k").out)
    assert [row["id"] for row in found] == [row["id"] for row in printed]
    assert [row["city"] for row in found] == [row["city"] for row in printed]


def test_a_failure_behind_the_first_rows_ends_their_document(run: Path, people: Path, here: Path) -> None:
    lines = people.read_text().splitlines()
    cells = {"plain": lines[1], "odd": lines[1].replace(lines[1].split(",")[1], "old", 1)}
    Path("a.csv").write_text("\n".join([lines[0], *[cells["plain"]] * 400_000, cells["odd"]]) + "\n")
    ended = call("impute", run, "a.csv", "--json")
    assert ended.code == 2
    assert len(ended.document["rows"]) > 0
    assert "row 400001, column 'age' holds 'old'" in ended.document["error"]["message"]
    assert "Traceback" not in ended.err


def test_a_failure_before_the_first_row_prints_no_header(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genwright.runs.draw.MAX_CANDIDATES", 1)
    for option, out in (([], ""), (["--json"], None)):
        ended = call("sample", run, "-n", "9", "--given", "age > 79 and income < 2600 and income > 2599.5", *option)
        assert ended.code == 2
        assert ended.out == "" if out is not None else list(ended.document) == ["error"]


def test_a_setting_that_lists_columns(people: Path, here: Path) -> None:
    ended = call("fit", people, "--model", "trees", "--set", "first=city, age", "--no-judge", "--out", "run")
    assert ended.code == 0, ended.err
    assert call("show", "run", "--json").document["settings"]["first"] == ["city", "age"]


def test_judging_needs_more_than_one_row(run: Path) -> None:
    ended = call("judge", run, "--max-rows", "1")
    assert ended.code == 2
    assert "--max-rows 1: expected 2 or more" in ended.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-n", "many"], "1e6"),
        (["--temperature", "0"], "--temperature"),
        (["--temperature", "nan"], "--temperature"),
        (["-o", "a.xls"], ".parquet"),
        (["-o", "absent/a.csv"], "absent"),
        (["--given", "ctiy = Rome"], "did you mean city?"),
        (["--given", "city = Rom"], "Rome"),
        (["--given", "city ~ Rome"], "expected"),
        (["--given", "age > 500"], "never met"),
    ],
)
def test_sample_refuses_what_cannot_be(words: list[str], says: str, run: Path, here: Path) -> None:
    ended = call("sample", run, *words)
    assert ended.code == 2, ended.err
    assert says in ended.err
    assert ended.out == ""
    assert list(here.iterdir()) == []


def test_a_file_without_an_ending_is_no_folder_of_pictures(run: Path, here: Path) -> None:
    (here / "rows").write_text("x")
    for place in (here / "rows", Path("/dev/null")):
        ended = call("sample", run, "-n", 1, "-o", place, "--overwrite")
        assert ended.code == 2
        assert "ending" in ended.err
        assert "pictures;" not in ended.err


def test_other_texts_are_cut_as_those_of_the_fit(here: Path) -> None:
    (here / "a.txt").write_text("one\n\ntwo three\nfour\n")
    run: Any = SimpleNamespace(artefact=SimpleNamespace(facts={"options": {"rows": "lines"}}))
    found: Any = rows_as_said(run, str(here / "a.txt"), True, "utf-8", None, False)
    assert found.options == {"rows": "lines", "encoding": "utf-8"}
    (here / "a.csv").write_text("text\none\n")
    found = rows_as_said(run, str(here / "a.csv"), True, "utf-8", None, False)
    assert found.options == {"encoding": "utf-8"}
    assert rows_as_said(run, str(here / "a.txt"), True, None, None, False) == str(here / "a.txt")


def test_formulas_are_made_safe_for_spreadsheets(here: Path) -> None:
    rows = ["formula,n"] + [f"=1+{i % 3},{i % 5}" for i in range(60)]
    Path("f.csv").write_text("\n".join(rows) + "\n")
    assert call("fit", "f.csv", "--model", "marginals", "--no-judge").code == 0
    assert all(row["formula"].startswith("=1+") for row in rows_of(call("sample", "runs/f", "-n", "20").out))
    safe = rows_of(call("sample", "runs/f", "-n", "20", "--excel-safe").out)
    assert all(row["formula"].startswith("'=1+") for row in safe)


def test_impute_fills_holes_and_keeps_everything_else(run: Path, people: Path, here: Path) -> None:
    ended = call("impute", run, people, "-o", "filled.csv")
    assert ended.code == 0, ended.err
    before, after = rows_of(people.read_text()), rows_of(Path("filled.csv").read_text())
    assert len(after) == N_ROWS
    assert any(row["income"] == "" for row in before)
    for old, new in zip(before, after, strict=True):
        assert new["income"] != ""
        assert all(float(new[k]) == float(old[k]) for k in ("age", "income") if old[k])
        assert all(new[k] == old[k] for k in ("id", "city", "joined"))
    assert call("impute", run, people).out == Path("filled.csv").read_text()
    assert call("impute", run, people, "-o", "filled.csv").code == 2
    assert f"{N_ROWS} rows without holes in filled.csv" in ended.err
    document = call("impute", run, people, "--json").document
    assert document["n_rows"] == N_ROWS
    assert document["n_empty"] == {}


def test_impute_says_which_holes_are_left(run: Path, people: Path, here: Path) -> None:
    rows = [{**row, "note": "" if i % 3 else "x"} for i, row in enumerate(rows_of(people.read_text())[:30])]
    for row in rows[:4]:
        row["id"] = ""
    with Path("holes.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    ended = call("impute", run, "holes.csv", "-o", "filled.csv")
    assert "30 rows in filled.csv" in ended.err
    assert "24 cells are still empty: 20 in note, 4 in id; the run does not model these columns" in ended.err
    assert call("impute", run, "holes.csv", "--json").document["n_empty"] == {"note": 20, "id": 4}


def test_impute_by_a_model_that_cannot(run: Path, people: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise UnsupportedError("hmm cannot fill cells")

    monkeypatch.setattr("genwright.recipes.impute.filled", fail)
    assert call("impute", run, people).code == 3


def test_judge_keeps_scores_in_the_run(people: Path, here: Path) -> None:
    assert call("fit", people, "--model", "marginals", "--no-judge", "--held-out", "0.4", "--quiet").code == 0
    ended = call("judge", "runs/people", "--judge", "marginals")
    assert ended.code == 0, ended.err
    assert "marginals" in ended.out
    assert judged("runs/people") == {"marginals"}
    found = call("judge", "runs/people", "--judge", "likelihood", "--json").document
    assert {s["name"].split(".")[0] for s in found["scores"]} == {"likelihood"}
    assert judged("runs/people") == {"likelihood", "marginals"}

    more = write_people(here / "more.csv", seed=1)
    found = call(
        "judge", "runs/people", "--held-out", more, "--judge", "marginals", "--max-rows", "100", "--json"
    ).document
    assert found["scores"][0]["n"] <= 100
    assert judged("runs/people") == {"marginals"}


def test_a_file_without_a_header_for_a_run_of_one(people: Path, here: Path) -> None:
    """What the warning about its first line advises is there in every command that reads rows for a run."""
    (here / "bare.csv").write_text("".join(people.read_text().splitlines(True)[1:]))
    fit = call("fit", "bare.csv", "--no-header", "--model", "marginals", "--no-judge", "--out", "bare")
    assert fit.code == 0, fit.err
    assert call("show", "bare.csv", "--no-header", "--json").document["n_rows"] == N_ROWS
    assert call("impute", "bare", "bare.csv", "--no-header", "--json").document["n_rows"] == N_ROWS
    for words in (
        ("judge", "bare", "--held-out", "bare.csv", "--judge", "marginals"),
        ("report", "bare", "--data", "bare.csv", "-o", "page.html"),
    ):
        assert "--no-header" in call(*words).err
        done = call(*words, "--no-header")
        assert done.code == 0, done.err


def test_judge_says_why_a_judge_has_nothing_to_say(run: Path) -> None:
    before = judged(str(run))
    ended = call("judge", run, "--judge", "frechet")
    assert ended.code == 3
    assert "frechet looks at pictures, and this run has age (real)" in " ".join(ended.err.split())
    assert "Traceback" not in ended.err
    assert judged(str(run)) == before


def test_judge_refuses_unknown_names(run: Path) -> None:
    assert "did you mean marginals?" in call("judge", run, "--judge", "marginal").err
    assert "did you mean city?" in call("judge", run, "--target", "cty").err
    assert call("judge", run, "--max-rows", "few").code == 2


def test_from_inside_the_run(people: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("fit", people, "--model", "marginals", "--no-judge", "--held-out", "0.4", "--out", "mine").code == 0
    monkeypatch.chdir(here / "mine")
    monkeypatch.setenv("PWD", str(here / "mine"))
    shell = os.open(".", os.O_RDONLY)  # which stays in the folder that a command replaces
    for words in (("judge", ".", "--judge", "marginals"), ("report", ".")):
        ended = call(*words)
        assert ended.code == 0, ended.err
        assert 'cd "$PWD"' in ended.err
        os.fchdir(shell)
    os.close(shell)
    shown = call("show", ".").out
    assert shown.startswith("mine: marginals of people.csv\n")
    assert "marginals.worst" in shown
    assert len(rows_of(call("sample", ".", "-n", "3").out)) == 3
    assert call("fit", people, "--model", "marginals", "--no-judge", "--out", ".", "--overwrite").code == 0
    assert (here / "mine" / "report.html").exists()


def test_report_goes_into_the_run_or_to_a_file(fitted: tuple[Path, Ended], here: Path) -> None:
    place, _ = fitted
    ended = call("report", place)
    assert ended.code == 0, ended.err
    assert ended.out.strip() == str(place / "report.html")
    assert "<html" in (place / "report.html").read_text()
    assert call("report", place, "-o", "r.html", "--json").document["report"] == "r.html"
    assert "<html" in Path("r.html").read_text()
    assert call("report", place, "-o", "r.html").code == 2
    assert call("report", place, "-o", "r.html", "--overwrite").code == 0
    missing = call("report", place, "-o", "s.html", "--data", "nowhere.csv")
    assert missing.code != 0
    assert "nowhere.csv" in missing.err
    assert not Path("s.html").exists()
    gw.load(place)  # still whole


def test_show_dates_of_a_frame_without_midnight(tmp_path: Path) -> None:
    days = pd.date_range("2020-01-01", periods=50)
    pd.DataFrame({"day": days, "moment": days + pd.Timedelta("3h")}).to_parquet(tmp_path / "d.parquet")
    shown = call("show", tmp_path / "d.parquet").out
    assert "2020-01-01 … 2020-02-19" in shown
    assert "2020-01-01 03:00:00 … 2020-02-19 03:00:00" in shown


def test_one_row_is_told_as_one(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("a,b\n1,2\n")
    assert "one.csv: 1 row, 2 columns" in call("show", tmp_path / "one.csv").out


def test_show_a_run(fitted: tuple[Path, Ended]) -> None:
    place, _ = fitted
    ended = call("show", place)
    for part in ("marginals", "people.csv", "setting pseudo_count", "n_held_out", "datetime", "how good"):
        assert part in ended.out, part
    found = call("show", place, "--json").document
    assert found["settings"] == {"pseudo_count": 0.5}
    assert [c["name"] for c in found["schema"]] == NAMES
    assert found["scores"]
    assert call("show", place, "--kind", "age=category").code == 2


def test_show_a_run_that_was_not_judged_says_how(run: Path) -> None:
    assert f"genwright judge {run}" in call("show", run).out


def test_show_data(people: Path) -> None:
    ended = call("show", people)
    for part in (f"{N_ROWS} rows, 5 columns", "values", "mean", "Rome"):
        assert part in ended.out, part
    found = call("show", people, "--json").document
    assert found["statistics"]["n_rows"] == found["n_rows"] == N_ROWS
    holes = sum(row["income"] == "" for row in rows_of(people.read_text()))
    assert {c["name"]: c["missing"] for c in found["statistics"]["columns"]}["income"] == holes
    assert "category" in call("show", people, "--kind", "age=category").out


def test_show_a_built_in_set_and_what_is_not_there() -> None:
    assert "178 rows, 14 columns" in call("show", "wine").out
    assert call("show", "absent.csv").code == 2


@pytest.mark.parametrize("command", ["sample", "judge", "report", "show"])
def test_a_run_that_is_not_there_or_damaged(command: str, run: Path, here: Path) -> None:
    if command != "show":  # which takes it for data
        assert call(command, here / "absent").code == 4
    broken = here / "broken"
    broken.mkdir()
    for path in run.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    (broken / "weights.safetensors").write_bytes(b"x" * 10)
    ended = call(command, broken)
    assert ended.code == 4
    assert "weights.safetensors" in ended.err


def test_list_runs(run: Path, here: Path) -> None:
    assert "none here" in call("list", "runs").out
    absent = call("list", "runs", "elsewhere")
    assert (absent.code, "no folder elsewhere" in absent.err) == (4, True)
    (here / "damaged").mkdir()
    (here / "damaged" / "run.json").write_text("{")
    found = call("list", "runs", run.parent, "--json").document["runs"]
    assert [(r["path"], r["model"], r["n_rows"]) for r in found] == [(str(run), "marginals", N_ROWS)]
    assert "unreadable" in call("list", "runs", here).out
    assert json.loads((run / "run.json").read_text())["model"]["name"] == "marginals"
