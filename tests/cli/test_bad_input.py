"""Bad input at the command line: one screen that names place and next step, the right code, nothing written or lost."""

import gzip
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from genwright.core.registry import Registry
from tests.cli.conftest import Ended, call, few, rows_of, write_people

N = 60
MOST_LINES = 4  # of an error


def table(head: str, row: Callable[[int], object], n: int = N) -> bytes:
    """A CSV of a header and n rows."""
    return "\n".join([head, *(str(row(i)) for i in range(n))]).encode() + b"\n"


def pair(cell: Callable[[int], object], head: str = "v", n: int = N) -> bytes:
    """A CSV of a plain column and one that is odd."""
    rng = random.Random(0)
    return table(f"age,{head}", lambda i: f"{rng.randint(18, 80)},{cell(i)}", n)


REFUSED: dict[str, tuple[str, bytes, int, tuple[str, ...]]] = {
    "empty": ("a.csv", b"", 2, ("a.csv", "expected a line of column names")),
    "blank lines": ("a.csv", b"\n\n \n", 2, ("a.csv", "expected a line of column names")),
    "header only": ("a.csv", b"age,kind\n", 2, ("a.csv", "age, kind", "at least one row")),
    "one row": ("a.csv", b"age,kind\n3,x\n", 3, ("a.csv",)),
    "two rows": ("a.csv", b"age,kind\n3,x\n4,y\n", 3, ("a.csv", "too few")),
    "all missing": ("a.csv", table("a,b", lambda i: ","), 3, ("a.csv", "constant")),
    "constant": ("a.csv", table("a,b", lambda i: "1,x"), 3, ("a.csv", "constant")),
    "ids only": ("a.csv", table("a", lambda i: f"K{i}"), 3, ("a.csv", "a: id")),
    "infinite": ("a.csv", pair(lambda i: "inf" if i == 7 else i), 2, ("row 8", "'v'", "cap the value")),
    "minus infinite": ("a.csv", pair(lambda i: "-inf" if i == 7 else i / 3), 2, ("row 8", "'v'", "cap the value")),
    "ragged": ("a.csv", pair(lambda i: i) + b"1,2,3\n", 2, (f"line {N + 2}", "3 fields", "expected 2", "mend")),
    "too few fields": ("a.csv", pair(lambda i: i) + b"1\n", 2, (f"line {N + 2}", "1 fields", "expected 2", "mend")),
    "open quote": ("a.csv", b'a,b\n1,"x\n' + b"2,y\n" * N, 2, ("line 2", "never closed", "close or remove")),
    "NUL": ("a.csv", pair(lambda i: "x\0y"), 2, ("line 2", "NUL", "save it as UTF-8")),
    "not text": ("a.csv", bytes(range(256)) * 9, 2, ("line 1", "NUL", "wrong file")),
    "PDF": ("a.csv", b"%PDF-1.4" + bytes(99), 2, ("NUL", "wrong file")),
    "spreadsheet": ("a.xlsx", b"PK\x03\x04", 2, ("unknown ending .xlsx", "save the sheet as CSV")),
    "cut gzip": ("a.csv.gz", gzip.compress(os.urandom(9999))[:-99], 2, ("damaged", "download it again")),
    "no Parquet": ("a.parquet", b"PAR1" + bytes(99), 2, ("a.parquet", "not a whole Parquet file")),
    "no JSON": ("a.jsonl", b'{"a": 1}\n{"a":\n', 2, ("line 2", "expected a JSON object")),
}

READ: dict[str, tuple[bytes, str]] = {  # content, and what is noted
    "ten rows": (table("a,b", lambda i: f"{i % 4},{'xy'[i % 2]}", 10), ""),
    "one column": (table("a", lambda i: i * i % 37), ""),
    "one missing column": (pair(lambda i: ""), ""),
    "NaN": (pair(lambda i: "nan" if i % 3 else i / 7), ""),
    "mixed types": (pair(lambda i: ["12", "abc", "2020-01-01", "true", "1.5"][i % 5]), ""),
    "a stray word": (pair(lambda i: "oops" if i == 7 else f"{i / 7:.2f}", n=300), "the first is 'oops' in row 8"),
    "duplicate names": (pair(lambda i: i % 7, "age"), "made unique"),
    "blank name": (pair(lambda i: i % 7, ""), "made unique"),
    "Unicode names": (table("größe,名前 🙂", lambda i: f"{i % 5},{'東京' if i % 3 else '大阪'}"), ""),
    "a name of 1,000": (pair(lambda i: i % 7, "a" * 1000), ""),
    "control characters": (pair(lambda i: i % 7, '"a\x1b[31mb\nc"'), ""),
    "Latin-1": (pair(lambda i: "cafe" if i % 2 else "the").replace(b"cafe", b"caf\xe9"), "read as cp1252"),
    "UTF-16": (pair(lambda i: "xy"[i % 2]).decode().encode("utf-16"), ""),
    "years 1 and 9999": (pair(lambda i: ["0001-01-01", "9999-12-31", "2020-05-05"][i % 3]), ""),
    "integers beyond 64 bits": (pair(lambda i: 2**63 + i * 1000), ""),
    "huge floats": (pair(lambda i: f"{i}e300"), ""),
    "tiny floats": (pair(lambda i: f"{i}e-320"), ""),
    "semicolons": (pair(lambda i: i % 7).replace(b",", b";"), ""),
    "no header": (pair(lambda i: i % 7, "3").replace(b"age", b"1"), "looks like data"),
    "a long cell": (pair(lambda i: "z" * 200_000 if i == 5 else "a"), ""),
}


def told(ended: Ended) -> None:
    """One screen, no traceback."""
    assert ended.err.startswith(("error: ", "warning: ", "note: ")), ended.err
    errors = ended.err[ended.err.index("error: ") :]
    assert len(errors.splitlines()) <= MOST_LINES, errors
    assert "Traceback" not in ended.err
    assert "unexpected" not in ended.err


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_fitted_is_refused_and_leaves_nothing(case: str, here: Path) -> None:
    name, content, code, says = REFUSED[case]
    Path(name).write_bytes(content)
    ended = call("fit", name)
    assert ended.code == code, ended.err
    told(ended)
    for part in says:
        assert part in ended.err
    assert [p.name for p in here.iterdir()] == [name]
    as_json = call("fit", name, "--json")
    assert as_json.code == code
    assert as_json.document["error"]["message"]
    if code == 2 and "infinite" not in case:
        assert call("show", name).code == 2


@pytest.mark.parametrize("case", READ)
def test_what_is_odd_but_readable_is_fitted_and_drawn(case: str, here: Path) -> None:
    content, noted = READ[case]
    Path("a.csv").write_bytes(content)
    assert call("show", "a.csv").code == 0
    ended = call("fit", "a.csv", "--no-judge", "--out", "run")
    assert ended.code == 0, ended.err
    assert noted in ended.err
    assert "\x1b" not in ended.out + ended.err
    assert call("sample", "run", "-n", "20", "-o", "b.csv").code == 0
    assert (
        call("show", "b.csv", "--kind", f"{call('show', 'run', '--json').document['schema'][0]['name']}=text").code == 0
    )
    assert call("impute", "run", "a.csv", "-o", "c.csv").code == 0


@pytest.mark.parametrize("case", ["ten rows", "NaN", "mixed types", "years 1 and 9999", "UTF-16"])
def test_odd_tables_are_judged_or_it_is_said_why_not(case: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Registry, "names", few(Registry.names))
    Path("a.csv").write_bytes(READ[case][0])
    ended = call("fit", "a.csv", "--out", "run", "--json")
    assert ended.code == 0, ended.err
    assert ended.document["scores"] or "not judged" in str(ended.document["notes"])
    judged = call("judge", "run", "--held-out", "a.csv", "--json")
    assert judged.code in (0, 2), judged.err


def test_a_folder_or_nothing_in_place_of_a_file(here: Path) -> None:
    Path("empty.csv").mkdir()
    Path("full").mkdir()
    Path("full/notes.bin").write_text("x")
    for name, says in (("empty.csv", "empty folder"), ("full", "notes.bin"), ("fulll", "did you mean full")):
        ended = call("fit", name)
        assert ended.code == 2
        assert says in ended.err
        told(ended)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet", "a.npy"])
def test_a_pipe_in_place_of_a_file_is_refused_and_not_waited_for(name: str, here: Path) -> None:
    os.mkfifo(name)
    ended = call("fit", name)
    assert ended.code == 2
    assert "not a regular file" in ended.err
    told(ended)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="everything is allowed to root")
def test_no_permission(here: Path) -> None:
    Path("a.csv").write_bytes(pair(lambda i: i))
    Path("a.csv").chmod(0)
    ended = call("fit", "a.csv")
    assert ended.code == 2
    assert "no permission" in ended.err


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("aeg = 1", "did you mean age"),
        ("city = 'Rom'", "no value 'Rom'"),
        ("age > 1000", "ranges from"),
        ("age > 60 and age < 50", "never met"),
        ("age = 'old'", "'old'"),
        ("city is missing", "no missing values"),
        ("age >", "ends too early"),
        ("", "ends too early"),
        ("age > 3 or age < 2", "expected 'and'"),
        ("joined = 'soon'", "soon"),
    ],
)
def test_conditions_that_cannot_be_met_say_why(given: str, says: str, run: Path, here: Path) -> None:
    ended = call("sample", run, "-n", "3", "--given", given, "-o", "a.csv")
    assert ended.code == 2
    assert says in ended.err
    told(ended)
    assert list(here.iterdir()) == []


def test_cells_and_names_that_are_formulas(here: Path) -> None:
    cells = ["=1+1", "@x", "+cmd", "-1|x", "ok"]
    Path("a.csv").write_bytes(pair(lambda i: cells[i % 5], "=HYPERLINK(1)"))
    assert call("fit", "a.csv", "--no-judge", "--out", "run").code == 0
    plain, safe = (rows_of(call("sample", "run", "-n", "50", *words).out) for words in ((), ("--excel-safe",)))
    assert {row["=HYPERLINK(1)"] for row in plain} == set(cells)
    assert {row["'=HYPERLINK(1)"] for row in safe} == {"'" + c if c != "ok" else c for c in cells}
    assert [row["age"] for row in plain] == [row["age"] for row in safe]


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def _linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def _piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("name", ["run.json", "weights.safetensors", "manifest.json"])
@pytest.mark.parametrize("damage", [_truncated, _flipped, _linked, _piped, Path.unlink])
def test_a_damaged_run_is_refused_by_every_command(
    name: str, damage: Callable[[Path], None], run: Path, people: Path, here: Path
) -> None:
    shutil.copytree(run, "run")
    damage(Path("run") / name)
    for words in (["sample"], ["show"], ["impute", people], ["judge"], ["report"]):
        ended = call(words[0], "run", *words[1:])
        assert ended.code == 4, (words, ended.err)
        assert ended.out == ""
        assert "run" in ended.err
        told(ended)


def test_files_of_two_runs_swapped(run: Path, fitted: tuple[Path, Ended], here: Path) -> None:
    shutil.copytree(run, "run")
    shutil.copy(fitted[0] / "run.json", "run/run.json")
    ended = call("sample", "run")
    assert ended.code == 4
    assert "run.json" in ended.err
    told(ended)


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX locks")
def test_a_place_that_another_process_is_writing(people: Path, here: Path) -> None:
    from genwright.core.files import locked

    with locked(here / "run"):
        ended = call("fit", people, "--no-judge", "--out", "run")
    assert ended.code == 4
    assert "another process" in ended.err
    told(ended)
    assert not Path("run").exists()


def test_a_place_that_is_taken_during_the_fit_loses_neither_run(
    people: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from genwright.cli import fit

    fitted = fit._fitted

    def late(*words: object) -> object:
        run = fitted(*words)  # type: ignore[arg-type]
        run.save("run")
        return run

    monkeypatch.setattr(fit, "_fitted", late)
    ended = call("fit", people, "--model", "marginals", "--no-judge", "--out", "run")
    assert ended.code == 0, ended.err
    assert "run was taken while fitting; saving run-2 instead" in ended.err
    assert {p.name for p in here.iterdir()} == {"run", "run-2"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_rows_for_a_full_disk() -> None:
    words = [sys.executable, "-m", "genwright.cli.app", "list", "models"]
    with open("/dev/full", "w") as full:
        ended = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert ended.returncode == 1
    assert "disk is full" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
def test_many_categories(here: Path) -> None:
    Path("a.csv").write_bytes(pair(lambda i: f"cat{i % 10_000}", n=30_000))
    assert call("fit", "a.csv", "--no-judge", "--out", "run").code == 0
    assert call("sample", "run", "-n", "1000", "-o", "b.csv").code == 0


@pytest.mark.slow
def test_5000_columns(here: Path) -> None:
    rng = np.random.default_rng(0)
    cells = rng.integers(0, 50, (100, 5_000))
    Path("a.csv").write_bytes(
        table(",".join(f"c{j}" for j in range(5_000)), lambda i: ",".join(map(str, cells[i])), 100)
    )
    assert call("fit", "a.csv", "--no-judge", "--out", "run").code == 0
    drawn = rows_of(call("sample", "run", "-n", "3").out)
    assert [len(row) for row in drawn] == [5_000] * 3
    assert {int(cell) for row in drawn for cell in row.values()} <= set(range(50))


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_an_error_right_after_reading_ends_the_program_in_order(encoding: str, here: Path) -> None:
    Path("a.csv").write_bytes("a,b\n1,é\n".encode(encoding))
    words = [sys.executable, "-m", "genwright.cli.app", "fit", "a.csv"]
    for _ in range(10):
        ended = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert ended.returncode == 3
        assert "terminate" not in ended.stderr


def test_people_are_read_as_they_are_written(here: Path) -> None:
    """The reference of this file: the same way with nothing wrong."""
    assert call("fit", write_people(here / "p.csv"), "--no-judge", "--out", "run").code == 0
    assert json.loads(call("show", "run", "--json").out)["model"] == "trees"
