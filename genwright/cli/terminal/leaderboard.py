"""A leaderboard for a reader at a terminal: a line a family, then what real rows and independent columns score.

The table has 80 columns at most, whatever the families are called: names are cut, reasons stand below.
"""

import sys
import textwrap

from genwright.cli.terminal.ink import USUAL, printable, width
from genwright.cli.terminal.screen import Screen
from genwright.core.judge import Score
from genwright.report.words import is_known, number, shorten
from genwright.runs.leaderboard import COPIED, COVERAGE, DETECTOR, PICTURE_TAIL, PICTURES, TAIL, Entry, Leaderboard

HEAD = ("family", "told apart", "closest 5 %", "useful", "fit, s", "draw, s")
TEXT_HEAD = ("family", "told apart", "copied", "bits a char", "fit, s", "draw, s")
PICTURE_HEAD = ("family", "told apart", "closest 5 %", "variety", "fit, s", "draw, s")
LONGEST = 14  # characters of a family's name in the table
USEFUL = ("utility.auc", "utility.r2")


def show_entry(screen: Screen, entry: Entry) -> None:
    """One family as soon as it is judged, on the way."""
    detector = entry.detector
    if entry.run is None:
        screen.say(f"{printable(entry.model)}: not fitted: {printable(entry.reason)}")
        return
    told = f"detector's AUC {number(detector.value)}" if detector else printable(entry.reason) or "no detector"
    screen.say(f"{printable(entry.model)}: fitted in {number(entry.fit_seconds, 2)} s, {told}")
    for note in entry.notes:
        if not note.startswith("Not judged by "):  # which the judges said themselves
            screen.say(f"{printable(entry.model)}: {printable(note)}")


def show_leaderboard(screen: Screen, board: Leaderboard) -> None:
    """The table, the reasons of those that are not ranked, and the choice in a sentence."""
    columns, head, what = _columns(board)
    fitted = [entry for entry in board.entries if entry.run is not None]
    rows = [_row(entry, columns) for entry in fitted]
    for label, end in (("real rows", "floor"), ("independent", "ceiling")):
        anchors = (board.anchors.get(name) for name in columns)
        rows.append((label, *(number(getattr(a, end)) if a else number(None) for a in anchors), "", ""))
    screen.heading(f"Families, least told apart from real {what}")
    screen.table(head, rows, head[1:])
    for entry in board.entries:
        if entry.reason:
            what = "not ranked" if entry.run else "not fitted"
            screen.result(_filled(f"{entry.model}: {what}: {entry.reason}"))
    screen.result(_filled(board.sentence) + "\n")


def _columns(board: Leaderboard) -> tuple[tuple[str, str, str], tuple[str, ...], str]:
    """The scores of the table, its head, and what the order goes by."""
    if detector := board.text_detector:
        return (detector, COPIED, "bits_per_char"), TEXT_HEAD, "texts first (AUC)"
    if PICTURES in board.anchors:
        return (PICTURES, PICTURE_TAIL, COVERAGE), PICTURE_HEAD, "pictures first (AUC)"
    useful = next((name for name in USEFUL if name in board.anchors), USEFUL[0])
    unit = "AUC" if useful.endswith("auc") else "R²"
    return (DETECTOR, TAIL, useful), HEAD, f"rows first (AUC; useful: {unit})"


def _row(entry: Entry, columns: tuple[str, ...]) -> tuple[str, ...]:
    name = shorten(entry.model, LONGEST) + ("" if entry.is_ranked else " *")
    seconds = (number(entry.fit_seconds, 2), number(entry.draw_seconds, 2))
    return (name, *(_told(entry.score(column)) for column in columns), *seconds)


def _told(score: Score | None) -> str:
    if score is None:
        return number(None)
    has_interval = is_known(score.low) and is_known(score.high)
    return number(score.value) + (f" ± {number((score.high - score.low) / 2, 2)}" if has_interval else "")


def _filled(text: str) -> str:
    return textwrap.fill(printable(text), width(sys.stdout, USUAL), break_long_words=False, break_on_hyphens=False)
