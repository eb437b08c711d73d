"""Questions of the verdict about rows, each answered by one kind of score where it is there.

A difference is held against the rows where it is more than chance (`core/chance.py`) and large enough to matter. One
that is large and may be chance is said, and not weighed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from genwright.core.judge import Score
from genwright.report.words import is_known, number, percent, shorten

Level = Literal["good", "fair", "poor", "unknown"]
HARD, AT_TIMES, OFTEN = 0.55, 0.65, 0.8  # AUC of a detector below which rows are hard to tell, told at times, and often
WIDE = 0.2  # width of a detector's interval that says little
MISSED, MANY_MISSED = 0.02, 0.1  # share of real rows with a value that is never drawn, beyond that of real rows
OFF, FAR_OFF = 0.05, 0.1  # share of the rows by which a column is off, beyond that of real rows


@dataclass(frozen=True)
class Finding:
    """The answer to one question."""

    aspect: str
    level: Level
    words: str


@dataclass(frozen=True)
class Found:
    """The scores of a report.

    Args:
        scores: By name.
        blamed: Name → z of those that are worse than real rows' by more than chance.
    """

    scores: Mapping[str, Score]
    blamed: Mapping[str, float]

    def get(self, *names: str) -> Score | None:
        """The first that is there."""
        return next((self.scores[name] for name in names if name in self.scores), None)

    def blames(self, score: Score) -> bool:
        """Whether it is worse than real rows' by more than chance."""
        return score.name in self.blamed


def told_apart(score: Score, is_blamed: bool, what: str, fakes: str) -> Finding:
    """What a detector's AUC means.

    Args:
        score: The AUC.
        is_blamed: It is worse than that of real ones by more than chance.
        what: What is looked at: rows, texts, pictures.
        fakes: What draws are called.
    """
    found = f"(AUC {two(score.value)})"
    if not is_blamed and _is_unsure(score):
        return Finding(
            "fidelity",
            "unknown",
            f"too few {what} to say whether a detector tells {fakes} from real ones {_range(score, what)}",
        )
    if score.value < HARD or not is_blamed:
        beside = f", of real ones {two(score.floor)}" if is_known(score.floor) and score.floor >= HARD else ""
        return Finding("fidelity", "good", f"hard to tell from real {what} (detector's AUC {two(score.value)}{beside})")
    if score.value < AT_TIMES:
        return Finding("fidelity", "fair", f"a detector tells {fakes} from real ones at times {found}")
    if score.value < OFTEN:
        return Finding("fidelity", "fair", f"a detector often tells {fakes} from real ones {found}")
    return Finding("fidelity", "poor", f"a detector tells {fakes} from real ones easily {found}")


def _is_unsure(score: Score) -> bool:
    """Whether an AUC that may be chance could as well be bad."""
    is_wide = is_known(score.low) and is_known(score.high) and score.high - score.low > WIDE
    return score.value >= max(HARD, or_(score.floor, 0.0) + 0.05) or (
        is_wide and score.low <= HARD and score.high >= AT_TIMES
    )


def fidelity(found: Found) -> Finding | None:
    """Can the rows be told from real ones?"""
    detectors = [s for name, s in found.scores.items() if name.split(".")[0] == "detectability"]
    if not detectors:
        return _fidelity_by_pairs(found)
    score = max(detectors, key=lambda s: s.value)
    return told_apart(score, found.blames(score), "rows", "these rows")


def _fidelity_by_pairs(found: Found) -> Finding | None:
    """Where no detector ran: how far pairs of columns are from real ones, between floor and ceiling."""
    score = found.get("associations.pairs", "associations")
    if score is None or not is_known(score.floor) or not is_known(score.ceiling) or score.ceiling <= score.floor:
        return None
    lost = (score.value - score.floor) / (score.ceiling - score.floor)
    said = f"({number(score.value)}, real rows {number(score.floor)})"
    if lost <= 0.15 or not found.blames(score):
        return Finding("fidelity", "good", f"pairs of columns look like real ones {said}")
    if lost <= 0.5:
        return Finding("fidelity", "fair", f"pairs of columns differ somewhat from real ones {said}")
    return Finding("fidelity", "poor", f"pairs of columns differ much from real ones {said}")


def classes(found: Found) -> Finding | None:
    """Is a class never drawn? Silent where none is missed but rare ones."""
    score = found.get("marginals.missed")
    if score is None or not is_known(score.floor) or not found.blames(score) or score.value - score.floor <= MISSED:
        return None
    level: Level = "poor" if score.value - score.floor > MANY_MISSED else "fair"
    by_column = score.details.get("columns") or {"": 0.0}
    name = max(by_column, key=by_column.__getitem__)
    where = f", most in column {shorten(name, 60)}" if name else ""
    said = f"{percent(score.value)} of real rows have a value that is never drawn{where}"
    return Finding("classes", level, said)


def columns(found: Found) -> Finding | None:
    """Is a single column off? Silent where none is."""
    score = found.get("marginals.worst")
    if score is None or not is_known(score.floor) or not found.blames(score) or score.value - score.floor <= OFF:
        return None
    level: Level = "poor" if score.value - score.floor > FAR_OFF else "fair"
    name = shorten(score.details.get("column", "the worst one"), 60)
    said = f"{percent(score.value)} of the rows, {percent(score.floor)} among real ones"
    return Finding("columns", level, f"column {name} is off in {said}")


def usefulness(found: Found) -> Finding | None:
    """Do they train a predictor as well as real rows do?"""
    for name, unit in (("utility.auc", "AUC"), ("utility.r2", "R²")):
        score = found.get(name)
        if score is None or not is_known(score.floor) or not is_known(score.ceiling):
            continue
        reach = score.floor - score.ceiling
        if reach < 0.03:
            continue  # real rows themselves predict no better than independent columns
        return _useful(score, (score.floor - score.value) / reach, found.blames(score), unit)
    return None


def _useful(score: Score, lost: float, is_blamed: bool, unit: str) -> Finding:
    said = f"({unit} {number(score.value)} of {number(score.floor)})"
    if lost <= 0.05 or (lost < 0.25 and not is_blamed):
        return Finding("usefulness", "good", f"as useful for training as real rows {said}")
    if not is_blamed:
        return Finding("usefulness", "unknown", f"too few rows to say whether they train as well as real rows {said}")
    if lost <= 0.25:
        return Finding("usefulness", "fair", f"nearly as useful for training as real rows {said}")
    how = "less useful for training than real rows" if lost <= 0.6 else "of little use for training"
    return Finding("usefulness", "poor", f"{how} {said}")


def row_copying(found: Found) -> Finding | None:
    """Are rows copies, or nearly, of training rows?"""
    return copying(found, "near_copies", "row")


def copying(found: Found, judge: str, what: str) -> Finding | None:
    """Are draws copies, or nearly, of training rows or pictures?"""
    exact, near = found.get(f"{judge}.exact"), found.get(f"{judge}.closer_tail", f"{judge}.closer")
    if exact and exact.value > max(0.01, 2 * or_(exact.floor, 0.0)) and found.blames(exact):
        level: Level = "poor" if exact.value > 0.05 else "fair"
        usual = f", {percent(exact.floor)} is usual" if is_known(exact.floor) else ""
        return Finding("copying", level, f"{percent(exact.value)} of the {what}s equal a training {what}{usual}")
    if near is None:
        return Finding("copying", "good", "no sign of copying") if exact else None
    said = f"({two(near.value)}, 0.50 is none)"
    if near.value > 0.6 and found.blames(near):
        return Finding("copying", "poor", f"many {what}s are near-copies of training {what}s {said}")
    if near.value > 0.55 and found.blames(near):
        return Finding("copying", "fair", f"{what}s lean towards training {what}s {said}")
    return Finding("copying", "good", "no sign of copying")


def membership(found: Found) -> Finding | None:
    """Does an attack tell training rows from others?"""
    score = found.get("membership.auc")
    if score is None:
        return None
    if score.value <= 0.53 or not found.blames(score):
        return Finding("membership", "good", "an attack does not find the training rows")
    level: Level = "poor" if score.value > 0.6 else "fair"
    return Finding("membership", level, f"an attack finds training rows (AUC {two(score.value)}, 0.50 is none)")


def two(value: float) -> str:
    """A number with two digits."""
    return f"{value:.2f}"


def or_(value: float, otherwise: float) -> float:
    """The value, where there is one."""
    return value if is_known(value) else otherwise


def _range(score: Score, what: str) -> str:
    return f"(AUC {two(score.value)}, {two(score.low)} to {two(score.high)} on {score.n:,} {what})"
