"""`sample` for runs of texts: what is printed, settings, pieces as they are drawn, Ctrl-C."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Ended, call

WORDS = ["wave", "sand", "salty", "shore", "rock"]


@pytest.fixture(scope="module")
def texts(tmp_path_factory) -> Path:
    """A run whose only column is text, one line each."""
    return _fitted(tmp_path_factory.mktemp("texts"), " ")


@pytest.fixture(scope="module")
def verses(tmp_path_factory) -> Path:
    """A run whose only column is text, of several lines each."""
    return _fitted(tmp_path_factory.mktemp("verses"), "\n")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory) -> Path:
    """A run with a text and a category."""
    return _fitted(tmp_path_factory.mktemp("mixed"), " ", form=True)


def _fitted(folder: Path, between: str, form: bool = False) -> Path:
    rng = random.Random(0)
    rows = [{"text": between.join(rng.choices(WORDS, k=rng.randint(2, 4)))} for _ in range(200)]
    rows = [{**row, "form": rng.choice("ab")} if form else row for row in rows]
    data = folder / "data.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)))
    ended = call(
        "fit", data, "--model", "ngram", "--kind", "text=text", "--out", folder / "run", "--no-judge", "--quiet"
    )
    assert ended.code == 0, ended.err
    return folder / "run"


def test_texts_of_one_line_are_printed_one_a_line(texts: Path) -> None:
    ended = call("sample", texts)
    assert ended.code == 0
    assert len(ended.out.splitlines()) == 10
    assert call("sample", texts, "-n", 3).out.splitlines() == ended.out.splitlines()[:3]
    assert "," not in ended.out


def test_texts_of_several_lines_have_a_rule_between_them(verses: Path) -> None:
    parts = call("sample", verses, "-n", 4).out.split("-" * 40 + "\n")
    assert len(parts) == 4
    assert any("\n" in part.removesuffix("\n") for part in parts)
    one = call("sample", verses, "-n", 1).out
    assert one == parts[0]


def test_texts_beside_other_columns_are_rows(mixed: Path) -> None:
    lines = call("sample", mixed, "-n", 4).out.splitlines()
    assert sorted(lines[0].split(",")) == ["form", "text"]
    assert len(call("sample", mixed).out.splitlines()) == 11
    ended = call("sample", mixed, "-o", "a.txt")
    assert ended.code == 2
    assert "a .txt file holds one column, and there are 2" in ended.err


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.csv", "a.txt.gz", "a.parquet"])
def test_texts_are_written_by_the_ending(name: str, texts: Path, tmp_path: Path) -> None:
    import genwright as gw

    place = tmp_path / name
    assert call("sample", texts, "-n", 5, "-o", place) == Ended(0, "", f"5 rows in {place}\n")
    printed = call("sample", texts, "-n", 5).out
    if name == "a.txt":
        assert place.read_text() == printed
    if name == "a.jsonl":
        assert [json.loads(line)["text"] for line in place.read_text().splitlines()] == printed.splitlines()
    assert gw.read(place).n_rows in (5, None)


def test_settings_of_texts(texts: Path) -> None:
    words = ["--given", "text starts 'sa'", "--top-p", "0.9", "--temperature", "0.5", "--min-p", "0.01", "--top-k", "9"]
    lines = call("sample", texts, *words, "--repetition-penalty", "1.1").out.splitlines()
    assert all(line.startswith("sa") for line in lines)
    assert set(call("sample", texts, "--pattern", "(wave|sand) rock").out.split("\n")) <= {"wave rock", "sand rock", ""}
    assert " " not in call("sample", texts, "--stop", " ").out
    assert max(map(len, call("sample", texts, "--max-tokens", 5).out.splitlines())) == 5
    found = call("sample", texts, "-n", 2, "--stop", "ve", "--stop", "nd", "--json").document
    assert [set(row) for row in found["rows"]] == [{"text"}, {"text"}]
    assert not any("ve" in row["text"] or "nd" in row["text"] for row in found["rows"])


def test_a_stop_string_may_be_a_line_end(verses: Path) -> None:
    lines = call("sample", verses, "--stop", r"\n").out.splitlines()
    assert len(lines) == 10  # one each: no text has a second line


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--top-p", "1.5"], "top_p = 1.5"),
        (["--top-k", "-1"], "top_k = -1"),
        (["--pattern", "(a"], "no regular expression"),
        (["--pattern", r"(a)\1"], "a reference to a group"),
        (["--stop", ""], "stop"),
        (["--given", "text starts 'xyz'", "--pattern", "a+"], "cannot go on to match"),
        (["--stream", "-n", "2"], "--stream prints one text"),
        (["--stream", "-o", "a.txt"], "--stream prints one text"),
        (["--given", "titel starts 'a'"], "no titel"),
    ],
)
def test_what_cannot_be_is_said(words: list[str], says: str, texts: Path) -> None:
    ended = call("sample", texts, *words)
    assert ended.code == 2
    assert says in ended.err
    assert ended.out == ""


def test_a_table_has_no_settings_of_texts(run: Path) -> None:
    ended = call("sample", run, "--top-p", "0.9")
    assert ended.code == 3
    assert "does not draw token by token and has no top_p" in ended.err
    assert call("sample", run, "--stream").code == 2


def test_one_text_is_printed_as_it_is_drawn(texts: Path) -> None:
    for seed in (0, 1):
        words = ["--given", "text starts 'sa'", "--seed", seed, "--temperature", "0.7"]
        ended = call("sample", texts, *words, "--stream")
        assert (
            ended == call("sample", texts, *words, "-n", 1) or ended.out == call("sample", texts, *words, "-n", 1).out
        )
        document = call("sample", texts, *words, "--stream", "--json").document
        assert document["text"] + "\n" == ended.out
        assert document["given"] == ["text starts 'sa'"]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_ctrl_c_ends_a_stream_with_what_was_printed(texts: Path) -> None:
    """In a process of its own, whose tokens are slow to come."""
    slow = (
        "import time, sys; from genwright.samplers import decode as d; plain = d._Drawing._place\n"
        "def slow(self, t, scores): time.sleep(0.3); return plain(self, t, scores)\n"
        "d._Drawing._place = slow\n"
        "from genwright.cli.app import main; main()"
    )
    words = ["sample", str(texts), "--stream", "--given", "text starts 'sand sand '", "--pattern", "[a-z ]{15,}"]
    with subprocess.Popen(
        [sys.executable, "-c", slow, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        first = process.stdout.read(10)
        time.sleep(0.4)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert first == "sand sand "
    assert out.endswith("\n")
    assert len(out) < 10
    assert err.strip() == "error: stopped; the text is as far as it was drawn"


def test_beams_print_as_many_texts_as_are_followed(texts: Path) -> None:
    ended = call("sample", texts, "--n-beams", "3", "--given", "text starts 'sand'")
    lines = ended.out.splitlines()
    assert ended.code == 0
    assert len(lines) == len(set(lines)) == 3
    assert all(line.startswith("sand") for line in lines)
    assert (
        call("sample", texts, "--n-beams", "3", "-n", "1", "--given", "text starts 'sand'").out.splitlines()
        == lines[:1]
    )
    ended = call("sample", texts, "--n-beams", "3", "--top-k", "2")
    assert ended.code == 2
    assert "n_beams = 3 looks for the likeliest, without top_k" in ended.err
