"""Scores for a reader at a terminal: every value between what real rows and what independent columns reach.

The mark says how far from independent columns (none of five) to real rows (all five) a value has come. Where the two
do not lie apart, as for copying, which independent columns never do, the value is compared with real rows alone.
"""

import sys
import textwrap
from collections.abc import Sequence
from typing import Literal

from genwright.cli.terminal.ink import ENDLESS, width
from genwright.cli.terminal.screen import Screen
from genwright.core.judge import Score
from genwright.report.words import is_known, number, on_scale

Mark = Literal["like real", "close", "fair", "weak", "poor", "unclear", "check", ""]
MEANING: dict[Mark, str] = {
    "like real": "as real rows score, or not to be told from that",
    "close": "at least 80 % of the way from independent columns to real rows",
    "fair": "at least half of the way",
    "weak": "less than half of the way",
    "poor": "worse than independent columns",
    "unclear": "too few rows: the interval holds both real rows and independent columns",
    "check": "worse than real rows, which independent columns are not",
}
LIKELIHOODS = ("likelihood", "bits_per_char", "bits_per_dim", "perplexity")
STEPS = 5
APART = {"AUC": 0.03, "share": 0.03, "distance": 0.03, "BLEU": 0.03}  # closer than this, anchors span no scale; by unit
SAME = {"half": 0.02, "lower": 0.01, "higher": 0.01}  # a difference to real rows that nobody minds without a scale
BETTER = {"lower": "lower", "higher": "higher", "half": "0.5"}
WIDE = 110  # columns of a terminal below which units are left out
HEAD = ("score", "value", "real rows", "independent", "how good", "unit (better)")
NARROW = ("score", "value", "floor", "ceiling", "how good")  # which end is better, the anchors show


def show_scores(screen: Screen, scores: Sequence[Score]) -> None:
    """The scores as a table, and the verdict on them in a sentence."""
    from genwright.report.verdict import verdict

    screen.heading("Scores of draws, between real rows (floor) and independent columns (ceiling)")
    columns = width(sys.stdout, ENDLESS)
    head = HEAD if columns >= WIDE else NARROW
    screen.table(head, [_row(score)[: len(head)] for score in scores], head[1:4])
    found = verdict(scores)
    if found.findings:
        sentence = found.sentence[0].lower() + found.sentence[1:]
        screen.result(textwrap.fill(f"{found.word}: {sentence}", columns) + "\n")


def _row(score: Score) -> tuple[str, ...]:
    interval = f" ± {number((score.high - score.low) / 2, 2)}" if _has_interval(score) else ""
    return (
        score.name,
        number(score.value) + interval,
        number(score.floor),
        number(score.ceiling),
        drawn(score),
        f"{score.unit} ({BETTER[score.direction]})",
    )


def drawn(score: Score) -> str:
    """The mark with its five steps, e.g. `●●●●○ close`."""
    word, way = mark(score), share(score)
    if way is None or word in ("", "unclear", "check"):
        return word
    full = STEPS if word == "like real" else round(STEPS * min(max(way, 0.0), 1.0))
    return f"{'●' * full}{'○' * (STEPS - full)} {word}"


def mark(score: Score) -> Mark:
    """How good a value is, in a word of `MEANING`."""
    if not is_known(score.value) or not is_known(score.floor):
        return ""
    way, floor, ceiling = share(score), _badness(score, score.floor), _badness(score, score.ceiling)
    best, worst = _range(score)
    if best > ceiling and score.name.split(".")[0] in LIKELIHOODS:
        return "poor"  # their floor is the model's own, on rows it learnt from, and can be as bad
    if way is None:
        return "like real" if min(best, _badness(score, score.value) - SAME[score.direction]) <= floor else "check"
    if best <= floor or way >= 0.95:
        return "unclear" if worst >= ceiling else "like real"
    if way < 0.5:
        return "poor" if best > ceiling else "weak"
    return "close" if way >= 0.8 else "fair"


def share(score: Score) -> float | None:
    """How much of the way from independent columns to real rows; None where these do not lie apart."""
    if not all(is_known(v) for v in (score.value, score.floor, score.ceiling)):
        return None
    floor, ceiling = _badness(score, score.floor), _badness(score, score.ceiling)
    if ceiling - floor <= APART.get(score.unit, 1e-9):
        return None
    return (ceiling - _badness(score, score.value)) / (ceiling - floor)


def _range(score: Score) -> tuple[float, float]:
    """The least and the greatest badness in the interval."""
    ends = [v for v in (score.value, score.low, score.high) if is_known(v)]
    found = [_badness(score, v) for v in ends]
    is_across = score.direction == "half" and min(ends) <= 0.5 <= max(ends)
    return 0.0 if is_across else min(found), max(found)


def _has_interval(score: Score) -> bool:
    return is_known(score.low) and is_known(score.high)


def _badness(score: Score, value: float) -> float:
    """Larger is worse."""
    value = on_scale(value, score.unit)
    return {"lower": value, "higher": -value, "half": abs(value - 0.5)}[score.direction]
