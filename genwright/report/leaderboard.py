"""Families side by side: one HTML page that needs nothing else, no script, no network, no other file.

In order: the choice in a sentence, every family's dots with their intervals between real rows and independent columns,
families that are not ranked and why, some texts, pictures or sequences of each, all scores, what fits and judges had to
say, how it was measured. Dots of one column share one scale, so that they can be compared by eye; every drawing says
its numbers in words.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from genwright.core.judge import Score
from genwright.report import family_draws, score_bar
from genwright.report.page import environment, put
from genwright.report.words import clean, heading, is_known, number, quantity, shorten
from genwright.runs.copy_checks import COPIED, PICTURE_TAIL, TAIL
from genwright.runs.leaderboard import Entry, Leaderboard
from genwright.runs.yardsticks import (
    BITS,
    BITS_BOUND,
    COVERAGE,
    DETECTOR,
    FRECHET,
    NATS,
    NATS_BOUND,
    PICTURES,
    SEEN,
    UNSEEN,
    USEFUL,
)

HEADS = {
    DETECTOR: "Told from real rows",
    UNSEEN: "Told from unseen texts",
    SEEN: "Told from texts learnt from",
    PICTURES: "Told from real pictures",
    PICTURE_TAIL: "Closest 5 % of pictures",
    FRECHET: "Fréchet distance",
    COVERAGE: "Variety",
    TAIL: "Closest 5 %",
    COPIED: "Copied passages",
    BITS: "Bits per character",
    BITS_BOUND: "Bits per character, at most",
    NATS: "Nats per step",
    NATS_BOUND: "Nats per step, at most",
    "likelihood.nats": "Nats per row",
    "tagging.accuracy": "Tags guessed",
    USEFUL[0]: "Usefulness",
    USEFUL[1]: "Usefulness",
}
MEANING = {
    DETECTOR: "AUC of a boosted detector; 0.5: it cannot tell",
    UNSEEN: "AUC of a linear SVM on pieces of words; 0.5: it cannot tell",
    SEEN: "the same against training texts, where unseen ones are about other things",
    COPIED: "share of texts with a longer copy than 99 % of unseen texts have",
    BITS: "surprise at a character of an unseen text, the ring: of a training text; lower is better",
    BITS_BOUND: "an upper bound of the surprise at a character of an unseen text; lower is better",
    NATS: "surprise at a step of an unseen sequence, the ring: of a training sequence; lower is better",
    NATS_BOUND: "an upper bound of the surprise at a step of an unseen sequence; lower is better",
    FRECHET: "how far draws are from unseen pictures, by what one small network sees of all; lower is better",
    PICTURES: "AUC of a linear SVM on what a small network sees; 0.5: it cannot tell",
    PICTURE_TAIL: "share nearer to a training picture than to an unseen one; 0.5: no copies",
    COVERAGE: "share of real pictures with a draw nearby; higher is better",
    TAIL: "share nearer to a training row than to an unseen one; 0.5: no copies",
    "likelihood.nats": "surprise at a whole unseen row; lower is better",
    "tagging.accuracy": "share of unseen tags that are guessed right; higher is better",
    USEFUL[0]: "AUC on real rows of predictors that saw draws only; higher is better",
    USEFUL[1]: "R² on real rows of predictors that saw draws only; higher is better",
}
ORDER = {
    "rows": "the one that a detector tells least from real rows",
    "texts": "the one that needs the fewest bits for a character of texts it has not seen",
    "pictures": "the one whose draws have the smallest Fréchet distance to unseen pictures",
    "sequences": "the one that is surprised least by a step of sequences it has not seen",
}
MOST_COLUMNS = 4  # scores that are drawn
MAX_NAME, MAX_REASON = 40, 400
FACTS = {
    "n_rows": "Rows",
    "n_train": "Training rows",
    "n_held_out": "Held-out rows",
    "held_out": "Held-out share",
    "minutes": "Minutes for all fits",
    "steps": "Gradient steps of a neural family",
    "seed": "Seed",
}


def write(board: Leaderboard, path: str | Path) -> Path:
    """The page as a file; the old one stays if anything fails.

    Raises:
        GenwrightError: the file cannot be written; says why.
    """
    return put(render(board), path)


def render(board: Leaderboard) -> str:
    """The page as HTML."""
    folder = Path(__file__).parent
    styles = (
        folder.joinpath(name).read_text(encoding="utf-8") for name in ("style.css", "pictures.css", "leaderboard.css")
    )
    columns = shown(board)
    limits = {name: shared_scale(board, name) for name in columns}
    fitted = [entry for entry in board.entries if entry.run is not None]
    page = (
        environment()
        .get_template("leaderboard.html.j2")
        .render(
            title=shorten(board.facts.get("data", "data"), 200),
            summary=_summary(board),
            level="good" if fitted and fitted[0].is_ranked and board.is_beyond_trivial else "poor",
            word=_word(board, fitted),
            sentence=_sentence(clean(board.sentence)),
            columns=[(HEADS[name], MEANING[name]) for name in columns],
            order=ORDER[board.yardstick.kind],
            what=board.yardstick.kind,
            independent=board.yardstick.independent,
            draws=family_draws.views(board),
            families=[_family(entry, i, columns, limits) for i, entry in enumerate(fitted)],
            anchors=_anchors(board, columns),
            unfitted=[_told(entry) for entry in board.entries if entry.run is None],
            notes=[(shorten(e.model, MAX_NAME), [shorten(n, MAX_REASON) for n in e.notes]) for e in fitted if e.notes],
            models=[shorten(entry.model, MAX_NAME) for entry in fitted],
            scores=[_score_row(name, fitted, board.anchors[name]) for name in sorted(board.anchors)],
            n_drawn=quantity(board.n_drawn, 9),
            protocols=_protocols(board.anchors.values()),
            facts=[(label, quantity(board.facts[key], 9)) for key, label in FACTS.items() if key in board.facts],
            style=Markup("\n").join(Markup(style) for style in styles),
        )
    )
    return clean(page)


def shown(board: Leaderboard) -> list[str]:
    """The scores that are drawn: what the order goes by, then what stands beside it."""
    by = board.yardstick
    names = [name for name in (*by.scores, *by.beside) if name in board.anchors]
    hidden = {USEFUL[1]} if USEFUL[0] in names else set()
    if UNSEEN in names:  # one detector of texts
        hidden |= {UNSEEN, SEEN} - {board.text_detector}
    names = [name for name in names if name not in hidden]
    if by.kind == "rows":  # of rows with texts, what judges of texts found
        names += [name for name in (board.text_detector, COPIED) if name in board.anchors]
    return names[:MOST_COLUMNS]


def shared_scale(board: Leaderboard, name: str) -> tuple[float, float]:
    """The ends of a line on which every family's score of that name has its place."""
    ends = [score_bar.scale(s) for entry in board.entries if (s := entry.score(name))]
    return min(low for low, _ in ends), max(high for _, high in ends)


def _summary(board: Leaderboard) -> str:
    facts, n = board.facts, len(board.entries)
    parts = [
        f"{n} famil{'y' if n == 1 else 'ies'}",
        f"learnt from {quantity(facts['n_train'], 9)} rows" if "n_train" in facts else "",
        f"judged on {quantity(facts['n_held_out'], 9)} others" if "n_held_out" in facts else "",
    ]
    return ", ".join(part for part in parts if part)


def _word(board: Leaderboard, fitted: list[Entry]) -> str:
    """The choice in a word."""
    if not fitted:
        return "Nothing to use"
    is_idle = fitted[0].is_ranked and not board.is_beyond_trivial
    return (
        f"Nothing better than {board.yardstick.independent}" if is_idle else f"Use {shorten(fitted[0].model, MAX_NAME)}"
    )


def _sentence(words: str) -> Markup:
    """The choice, with what is to be typed in one piece."""
    before, typed, name = words.rpartition("--model ")
    name, space, after = name.rstrip(".").partition(" ")
    return Markup("{}<code>{}</code>{}").format(before, typed + name, space + after + ".") if typed else escape(words)


def _family(entry: Entry, i: int, columns: list[str], limits: dict[str, tuple[float, float]]) -> dict[str, Any]:
    cells = []
    for name in columns:
        score = entry.score(name)
        bar = score_bar.draw(score, limits[name], shorten(entry.model, MAX_NAME)) if score else ""
        cells.append((HEADS[name], number(score.value) if score else number(None), _interval(score), bar))
    return {
        **_told(entry),
        "place": str(i + 1) if entry.is_ranked else "–",
        "cells": cells,
        "fit": _seconds(entry.fit_seconds),
        "draw": _seconds(entry.draw_seconds),
    }


def _told(entry: Entry) -> dict[str, str]:
    return {
        "name": shorten(entry.model, MAX_NAME),
        "reason": shorten(entry.reason, MAX_REASON) if entry.reason else "",
    }


def _interval(score: Score | None) -> str:
    return f"{number(score.low)} to {number(score.high)}" if score and is_known(score.low) else ""


def _seconds(seconds: float | None) -> str:
    return f"{number(seconds, 2)} s" if is_known(seconds) else number(None)


def _anchors(board: Leaderboard, columns: list[str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """What real rows and independent columns score, once for all families."""
    by = board.yardstick
    ends = ((f"Real {by.kind}", "floor"), (by.independent.capitalize(), "ceiling"))
    return [
        (label, [(HEADS[name], number(getattr(board.anchors[name], end))) for name in columns]) for label, end in ends
    ]


def _score_row(name: str, fitted: list[Entry], anchor: Score) -> tuple[str, list[tuple[str, str]], str, str]:
    """A score of every family with its interval, and its anchors where all share them."""
    found = [entry.score(name) for entry in fitted]
    label = f"{heading(name)} ({shorten(anchor.unit, 30)}, {score_bar.BETTER[anchor.direction]})"
    values = [(number(s.value if s else None), _interval(s)) for s in found]
    return label, values, number(anchor.floor), number(anchor.ceiling)


def _protocols(scores: Iterable[Score]) -> list[tuple[str, str, str]]:
    """(judge, how it measured, source) of each judge; likelihoods and bounds are told apart."""
    found: dict[tuple[str, str], str] = {}
    for score in scores:
        found.setdefault((score.protocol, score.source), heading(score.name.split(".")[0]))
    return [(judge, protocol, source) for (protocol, source), judge in found.items()]
