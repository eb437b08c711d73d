"""`genwright` as a program of its own: exit codes, pipes, terminals, streams without Unicode."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = [sys.executable, "-m", "genwright.cli.app"]


def run_program(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *map(str, words)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, **environment},
        check=False,
        timeout=120,
    )


def test_exit_codes_of_the_program() -> None:
    assert run_program("--version").returncode == 0
    done = run_program("smaple")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stdout == ""


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
def test_a_reader_that_goes_away_is_no_failure(run: Path) -> None:
    words = " ".join([*PROGRAM, "sample", str(run), "-n", "50k"])
    done = subprocess.run(
        ["bash", "-c", f"{words} | head -n 3; echo ${{PIPESTATUS[0]}}"], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 4
    assert lines[0] == "id,age,income,city,joined"
    assert lines[-1] == "141"
    assert done.stderr == ""


def test_ascii_output_and_no_colour() -> None:
    done = run_program("list", "codecs", PYTHONIOENCODING="ascii", PYTHONUTF8="0", FORCE_COLOR="1")
    assert done.returncode == 0, done.stderr
    assert "datetime" in done.stdout
    assert "|" not in done.stdout
    assert done.stdout.isascii()
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.parametrize(
    ("closed", "word", "code"), [(">&-", "--version", 0), (">&-", "smaple", 2), ("2>&-", "smaple", 2)]
)
def test_closed_streams_are_no_failure(closed: str, word: str, code: int) -> None:
    words = " ".join([*PROGRAM, word])
    done = subprocess.run(["bash", "-c", f"{words} {closed}"], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(
    ("environment", "is_coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colour_on_a_terminal(environment: dict[str, str], is_coloured: bool) -> None:
    import pty

    parent, child = pty.openpty()
    env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    done = subprocess.run(
        [*PROGRAM, "smaple"], stdout=child, stderr=child, env={**env, "TERM": "xterm", **environment}, check=False
    )
    os.close(child)
    shown = os.read(parent, 10_000).decode()
    os.close(parent)
    assert done.returncode == 2
    assert ("\x1b[1;31merror:" in shown) == is_coloured
    assert "error:" in shown


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a full device")
@pytest.mark.parametrize("words", [["list"], ["list", "--json"], ["sample", "absent", "--json"]])
def test_output_that_cannot_be_written_is_told_in_a_line(words: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([*PROGRAM, *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode in (1, 4)
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr
