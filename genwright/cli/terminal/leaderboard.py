"""A leaderboard for a reader at a terminal: a line a family, then what real rows and the trivial model score.

The table has 80 columns at most, whatever the families are called: names are cut, reasons stand below.
"""

import sys
import textwrap

from genwright.cli.terminal.ink import USUAL, printable, width
from genwright.cli.terminal.screen import Screen
from genwright.core.judge import Score
from genwright.report.words import is_known, number, shorten
from genwright.runs.copy_checks import COPIED, PICTURE_TAIL, TAIL
from genwright.runs.leaderboard import Entry, Leaderboard
from genwright.runs.yardsticks import COVERAGE, PICTURES, SEEN, UNSEEN, USEFUL, YARDSTICKS

HEADS = {
    TAIL: "closest 5 %",
    **dict.fromkeys(USEFUL, "useful"),
    UNSEEN: "told apart",
    SEEN: "told apart",
    COPIED: "copied",
    PICTURES: "told apart",
    COVERAGE: "variety",
    PICTURE_TAIL: "closest 5 %",
    "likelihood.nats": "nats a row",
    "tagging.accuracy": "tags",
}
RANKED = {"rows": "told apart", "texts": "bits a char", "pictures": "Fréchet", "sequences": "nats a step"}
MOST = 2  # scores beside the one that the order goes by
LONGEST = 14  # characters of a family's name in the table


def show_entry(screen: Screen, entry: Entry) -> None:
    """One family as soon as it is judged, on the way."""
    if entry.run is None:
        screen.say(f"{printable(entry.model)}: not fitted: {printable(entry.reason)}")
        return
    found = ((RANKED[kind], y.of(entry.by_name)) for kind, y in reversed(YARDSTICKS.items()))
    told = next((f"{what} {number(score.value)}" for what, score in found if score), "")
    told = told or printable(entry.reason) or "not judged"
    screen.say(f"{printable(entry.model)}: fitted in {number(entry.fit_seconds, 2)} s, {told}")
    for note in entry.notes:
        if not note.startswith("Not judged by "):  # which the judges said themselves
            screen.say(f"{printable(entry.model)}: {printable(note)}")


def show_leaderboard(screen: Screen, board: Leaderboard) -> None:
    """The table, the reasons of those that are not ranked, and the choice in a sentence."""
    names = beside(board)
    head = ("family", RANKED[board.yardstick.kind], *(HEADS[name] for name in names), "fit, s", "draw, s")
    fitted = [entry for entry in board.entries if entry.run is not None]
    rows = [_row(board, entry, names) for entry in fitted]
    for label, end in (("real rows", "floor"), ("independent", "ceiling")):
        found = [_shared(board), *(board.anchors.get(name) for name in names)]
        rows.append((label, *(number(getattr(a, end)) if a else number(None) for a in found), "", ""))
    screen.heading(f"Families, by {board.yardstick.what}, lowest first")
    screen.table(head, rows, head[1:])
    for entry in board.entries:
        if entry.reason:
            what = "not ranked" if entry.run else "not fitted"
            screen.result(_filled(f"{entry.model}: {what}: {entry.reason}"))
    screen.result(_filled(board.sentence) + "\n")


def beside(board: Leaderboard) -> list[str]:
    """The scores that stand beside the one that the order goes by."""
    names = [name for name in board.yardstick.beside if name in board.anchors]
    hidden = {UNSEEN, SEEN} - {board.text_detector} | ({USEFUL[1]} if USEFUL[0] in names else set())
    return [name for name in names if name not in hidden][:MOST]


def _row(board: Leaderboard, entry: Entry, names: list[str]) -> tuple[str, ...]:
    name = shorten(entry.model, LONGEST) + ("" if entry.is_ranked else " *")
    scores = (board.rank_score(entry), *(entry.score(name) for name in names))
    seconds = (number(entry.fit_seconds, 2), number(entry.draw_seconds, 2))
    return (name, *map(_told, scores), *seconds)


def _shared(board: Leaderboard) -> Score | None:
    """The anchors of what the order goes by, where all families share them."""
    first = next((s for entry in board.entries if (s := board.rank_score(entry))), None)
    return board.anchors[first.name] if first else None


def _told(score: Score | None) -> str:
    if score is None:
        return number(None)
    has_interval = is_known(score.low) and is_known(score.high)
    return number(score.value) + (f" ± {number((score.high - score.low) / 2, 2)}" if has_interval else "")


def _filled(text: str) -> str:
    return textwrap.fill(printable(text), width(sys.stdout, USUAL), break_long_words=False, break_on_hyphens=False)
