"""What is shown where: colour and bars on terminals only, tables whole in pipes, nothing that steers a terminal."""

import io
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genwright.cli.terminal.bar import TimeLeft, clock, middle_out
from genwright.cli.terminal.ink import fitted, is_coloured, is_terminal, paint, printable, width
from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.table import short, table_text


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_coloured(Terminal())
    assert paint("x", "red", Terminal()) == "\x1b[1;31mx\x1b[0m"
    assert paint("x", "red", io.StringIO()) == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert is_terminal(Terminal())
    assert not is_coloured(Terminal())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not is_terminal(Terminal())
    assert not is_coloured(Terminal())


def test_colour_is_never_forced_into_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    Screen().table(["a"], [["b"]])
    assert "\x1b" not in out.getvalue()


def test_a_bar_moves_on_a_terminal_and_leaves_nothing_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = Terminal(), io.StringIO()
    for stream in streams:
        monkeypatch.setattr("sys.stderr", stream)
        with Screen().progress() as progress:
            progress(0.5, "growing trees")
            progress(1.0, "growing trees")
    assert "growing trees" in streams[0].getvalue()
    assert "100%" in streams[0].getvalue()
    assert streams[1].getvalue() == ""


@pytest.mark.parametrize("screen", [Screen(is_quiet=True), Screen(is_json=True)])
def test_quiet_and_json_move_no_bar(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", Terminal())
    with screen.progress() as progress:
        progress(0.5, "growing trees")
    assert __import__("sys").stderr.getvalue() == ""


def test_warnings_stand_above_a_moving_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    screen = Screen()
    with screen.progress() as progress:
        progress(0.5, "growing")
        screen.note("column [red]x[/red] is long", is_warning=True)
    assert "column [red]x[/red] is long" in re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())


def test_long_work_without_a_terminal_says_now_and_then_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 10.0, 31.0, 31.0, 40.0])
    monkeypatch.setattr("time.monotonic", lambda: next(now))
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with Screen().progress() as progress:
        for done in (0.1, 0.4, 0.5):
            progress(done, "growing trees")
    assert stream.getvalue() == "growing trees: 40%\n"


def test_markup_and_control_characters_in_cells_are_text() -> None:
    shown = table_text(["[bold]a", "b"], [["[red]x[/red]", "\x1b[2J\x07\u202eabc\ttab"]])
    assert "[bold]a" in shown
    assert "[red]x[/red]" in shown
    assert not set("\x1b\x07\u202e\t") & set(shown)


def test_a_pipe_never_wraps_or_cuts() -> None:
    long = "word " * 300
    lines = table_text(["a", "b"], [["x", long.strip()]]).splitlines()
    assert lines[-1] == f"x  {long.strip()}" or lines[-1].endswith(long.strip())


@pytest.mark.parametrize("columns", [40, 44, 60, 80])
@pytest.mark.parametrize(
    ("head", "right"),
    [(("score", "value", "why", "how good"), ("value",)), (("", "", "", ""), ())],
    ids=["head", "bare"],
)
def test_a_narrow_terminal_breaks_neither_words_nor_numbers(
    columns: int, head: tuple[str, ...], right: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        ("near_copies.closer_tail", "0.000 ± 0.0002", "donors beside a row that are passed over", "●●●●○ close"),
        ("detectability", "12,345", "2026-11-29T13:05:25+00:00", "like real"),
    ]
    monkeypatch.setattr("genwright.cli.terminal.table.width", lambda stream, otherwise: columns)
    shown = table_text(head, rows, right)
    assert max(map(len, shown.splitlines())) <= columns
    assert set(" ".join(" ".join(row) for row in rows).split()) <= {word.strip(":;") for word in shown.split()}
    assert not right or "0.000 ± 0.0002" in shown


def test_a_row_that_does_not_fit_is_a_paragraph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genwright.cli.terminal.table.width", lambda stream, otherwise: 40)
    row = ("near_copies.closer_tail", "0.5", "", "12,345,678,901", "how it is")
    shown = table_text(("score", "value", "gap", "n", "why"), [row, row], ("value", "n"))
    assert shown.splitlines() == 2 * ["near_copies.closer_tail: value 0.5; n", "  12,345,678,901; why how it is"]


def test_only_words_of_more_than_a_column_are_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genwright.cli.terminal.table.width", lambda stream, otherwise: 44)
    shown = table_text(("", ""), [("fingerprint", "0123456789abcdef" * 4), ("setting repetition", "1")])
    assert max(map(len, shown.splitlines())) <= 44
    assert "".join(line[12:].strip() for line in shown.splitlines()[:3]) == "0123456789abcdef" * 4


def test_wide_letters_keep_columns_aligned() -> None:
    lines = table_text(["a", "b"], [["字字", "1"], ["xxxx", "2"]]).splitlines()
    assert lines[-2].index("1") + 2 == lines[-1].index("2")  # two wide letters are two characters, four cells


@given(st.text())
def test_printable_text_is_one_line_of_printable_characters(text: str) -> None:
    assert printable(text).isprintable()
    assert len(printable(text)) == len(text)
    assert len(short(text)) <= 60


def test_letters_that_a_stream_lacks_are_written_otherwise() -> None:
    ascii_stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert fitted("0.1 ± 0.2 … ●○ 字", ascii_stream) == "0.1 +/- 0.2 ... #. ?"
    assert fitted("±", io.StringIO()) == "±"


def test_results_are_for_standard_output_and_remarks_for_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    for screen in (Screen(), Screen(is_quiet=True), Screen(is_json=True)):
        screen.result("result")
        screen.more("more")
        screen.say("said")
    found = capsys.readouterr()
    assert found.out == "result\nmore\nresult\n"
    assert found.err == "said\n"


def test_the_time_left_counts_down_while_a_step_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    left = TimeLeft()
    assert left() is None
    now[0] = -50.0
    left.update(0.0)  # what comes before anything is done is not of the pace
    now[0] = 0.0
    left.update(0.0)
    now[0] = 10.0
    left.update(0.25)
    assert left() == 30.0
    now[0] = 20.0
    assert left() == 20.0
    left.update(0.25)  # nothing new
    assert left() == 20.0
    left.update(0.5)  # 20 s at this pace, 20 s as foretold
    assert left() == 20.0
    now[0] = 60.0
    assert left() is None  # longer than foretold: nothing is claimed


def test_the_time_left_of_work_that_goes_on_is_that_of_its_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    left = TimeLeft()
    left.update(0.0)
    now[0] = 20.0  # reading
    left.update(0.0)
    now[0] = 20.1
    left.update(0.6)  # done before it was killed
    assert left() is None
    now[0] = 30.1
    left.update(0.62)
    assert left() == pytest.approx(190.0)


@given(st.text(max_size=200), st.integers(1, 60))
def test_text_without_its_middle_fits_and_keeps_both_ends(text: str, longest: int) -> None:
    shown = middle_out(text, longest)
    assert len(shown) == min(len(text), longest)
    n_first = longest // 3
    assert text.startswith(shown[:n_first])
    assert text.endswith(shown[n_first + 1 :])


def test_clock() -> None:
    assert [clock(s) for s in (0.4, 65, 3600)] == ["0:00", "1:05", "1:00:00"]


@pytest.mark.parametrize(("asked", "columns"), [("", 80), ("120", 120), ("7", 40), ("wide", 80), ("0", 80)])
def test_width_is_asked_for_or_usual(asked: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", asked)
    assert width(Terminal(), 999) == columns
    assert width(io.StringIO(), 999) == 999


def test_a_terminal_that_does_not_know_its_width_has_the_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr("os.get_terminal_size", lambda handle: os.terminal_size((0, 0)))
    monkeypatch.setattr(Terminal, "fileno", lambda self: 1)
    assert width(Terminal(), 999) == 80


def test_what_was_said_is_not_said_again(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    for text in ("read as cp1252", "read as cp1252", "another"):
        screen.note(text)
    assert capsys.readouterr().err == "note: read as cp1252\nnote: another\n"
    assert screen.notes == ["read as cp1252", "another"]
