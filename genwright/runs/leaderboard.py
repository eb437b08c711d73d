"""Families side by side: the same rows, the same judges, one order and one sentence.

The order, stated once: first the families that pass the check for copies, the one whose draws a boosted detector tells
least from real rows (lowest AUC) on top; then those that fail the check, with the reason; then those that could not be
judged; last those that could not be fitted. Two numbers count as different when their 95 % intervals do not meet.

Families of texts are ordered by the detector of texts: against unseen texts, or, where training texts themselves are
told from those, against texts learnt from; of rows with both, by the detector that tells more. Theirs is a check for
copied passages: the share of draws with a longer copy than 99 % of held-out texts, or that stand in the training texts
from end to end, does not lie above that of held-out texts.

Pictures are told apart by a linear SVM on what a small network sees of them (`svm_net`: a convolutional network finds
nearly every family's draws, and orders none), and checked for copies as rows are, by the shares of `picture_copies`. Of
pictures with other columns beside them the detector that tells more counts, and every check that was made. Draws like
nothing real share a few neighbours, and so may seem to lean: that counts only where some draw lies nearer to a training
picture than an unseen picture does.

The check for copies of rows: among the 5 % of draws that lie closest to any real row, the share that is closer to a
training row has an interval that does not lie above that of held-out rows in place of draws, nor above 0.5, the share
without copies (few held-out rows score far below it by chance: 0.29 on 1,000 rows of California housing); and the share
of draws that equal a training row does not lie above that of held-out rows either. The interval of held-out rows is
Wilson's, with as many rows in a share as the draws have there, in proportion.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from genwright.core.errors import FitError
from genwright.core.judge import Score
from genwright.core.statistics import share_measure
from genwright.runs.picture_evidence import JUDGED_PICTURES
from genwright.runs.run import JUDGED_ROWS, Run

DETECTOR = "detectability.boosting"
TAIL, EXACT = "near_copies.closer_tail", "near_copies.exact"
UNSEEN, SEEN = "text_detectability.unseen", "text_detectability.seen"
COPIED, WHOLE = "copied_text.share", "copied_text.whole"
PICTURES = "picture_detectability.svm_net"
PICTURE_TAIL, PICTURE_EXACT = "picture_copies.closer_tail", "picture_copies.exact"
COVERAGE = "precision_recall.coverage_net"
ELSEWHERE = 0.6  # AUC of training against unseen texts above which these are about other things


@dataclass(frozen=True)
class Entry:
    """One family's line.

    Args:
        model: Its name.
        run: The fit; None where it failed.
        scores: What the judges found.
        n_steps: Gradient steps that the fit came to, which repeat it; None for closed-form families.
        fit_seconds: Time to read, encode and learn.
        draw_seconds: Time to draw `Leaderboard.n_drawn` rows.
        notes: What the fit and the judges had to say.
        reason: Why it is not among the ranked; empty for those that are.
    """

    model: str
    run: Run | None = field(default=None, repr=False, compare=False)
    scores: tuple[Score, ...] = ()
    n_steps: int | None = None
    fit_seconds: float | None = None
    draw_seconds: float | None = None
    notes: tuple[str, ...] = ()
    reason: str = ""

    def score(self, name: str) -> Score | None:
        """The score of that name, if it was measured."""
        return next((s for s in self.scores if s.name == name), None)

    @property
    def detector(self) -> Score | None:
        """The AUC by which its draws are told from real rows, texts or pictures; the largest of these."""
        return strongest_detector({score.name: score for score in self.scores})

    @property
    def is_ranked(self) -> bool:
        """Whether it was judged and passes the check for copies."""
        return self.run is not None and not self.reason


@dataclass(frozen=True)
class Leaderboard:
    """Families in the order of this file's first lines.

    Args:
        entries: One a family, in order; see `ranked`.
        facts: What all of them have in common: data, rows, seed, budget.
        n_drawn: Rows whose drawing was timed.
    """

    entries: tuple[Entry, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    n_drawn: int = 0

    @property
    def text_detector(self) -> str:
        """The score by which texts are told apart, as the first family that has one goes by it; empty without texts."""
        found = (text_detector({score.name: score for score in entry.scores}) for entry in self.entries)
        return next((score.name for score in found if score), "")

    @property
    def best(self) -> Run:
        """The run on top.

        Raises:
            FitError: no family could be fitted; says why.
        """
        if not self.entries or self.entries[0].run is None:
            raise FitError("no family could be fitted: " + "; ".join(f"{e.model}: {e.reason}" for e in self.entries))
        return self.entries[0].run

    @cached_property
    def anchors(self) -> dict[str, Score]:
        """Score name → a score with the floor and the ceiling that all families share; NaN where each has its own."""
        found: dict[str, Score] = {}
        for score in (s for entry in self.entries for s in entry.scores):
            one = found.setdefault(score.name, score)
            floor, ceiling = (a if a == b else float("nan") for a, b in _both(one, score))
            found[score.name] = replace(one, floor=floor, ceiling=ceiling)
        return found

    @cached_property
    def sentence(self) -> str:
        """The choice and why, with its numbers."""
        return _sentence([entry for entry in self.entries if entry.run is not None])

    def to_frame(self) -> Any:
        """A pandas frame with one line a family and a column a score, then real rows and independent columns."""
        import pandas as pd

        lines = [_line(entry) for entry in self.entries]
        for label, end in (("real rows", "floor"), ("independent columns", "ceiling")):
            lines.append({"model": label, **{name: getattr(s, end) for name, s in self.anchors.items()}})
        return pd.DataFrame(lines)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; a score's anchors stand once, or with the family where it has its own."""
        return {
            **self.facts,
            "best": self.entries[0].model if self.entries and self.entries[0].run else None,
            "sentence": self.sentence,
            "n_drawn": self.n_drawn,
            "anchors": {name: _anchor_json(score) for name, score in self.anchors.items()},
            "families": [self._entry_json(entry) for entry in self.entries],
        }

    def _entry_json(self, entry: Entry) -> dict[str, Any]:
        scores = {}
        for s in entry.scores:
            known, own = self.anchors[s.name], {"value": s.value, "low": s.low, "high": s.high, "n": s.n}
            scores[s.name] = own | {
                e: getattr(s, e) for e in ("floor", "ceiling") if getattr(known, e) != getattr(s, e)
            }
        plain = ("model", "reason", "n_steps", "fit_seconds", "draw_seconds")
        return {
            **{name: getattr(entry, name) for name in plain},
            "is_ranked": entry.is_ranked,
            "notes": list(entry.notes),
            "scores": scores,
        }


def ranked(entries: Iterable[Entry], n_held_out: int) -> tuple[Entry, ...]:
    """The entries in order, each with the reason why it is not ranked, if there is one."""
    told = [replace(e, reason=e.reason or fault(e.scores, n_held_out)) if e.run else e for e in entries]
    return tuple(sorted(told, key=_place))


def fault(scores: Iterable[Score], n_held_out: int) -> str:
    """Why a family with these scores is not ranked; empty where it is.

    Args:
        scores: What the judges found.
        n_held_out: Held-out rows, which the floors rest on.
    """
    found = {s.name: s for s in scores}
    if strongest_detector(found) is None:
        return "no detector could judge it"
    checks = [check for names, check in _CHECKS if {*names} <= found.keys()]
    if not checks or (PICTURES in found and _fault_of_pictures not in checks):
        return "it could not be checked for copies"
    return next((told for check in checks if (told := check(found, n_held_out))), "")


def strongest_detector(scores: Mapping[str, Score]) -> Score | None:
    """Of rows, of texts and of pictures, the one that tells most."""
    found = [s for s in (scores.get(DETECTOR), text_detector(scores), scores.get(PICTURES)) if s is not None]
    return max(found, key=lambda score: score.value, default=None)


def text_detector(scores: Mapping[str, Score]) -> Score | None:
    """Against unseen texts; against those learnt from where the unseen ones are about other things."""
    unseen = scores.get(UNSEEN)
    return scores.get(SEEN, unseen) if unseen is not None and unseen.floor > ELSEWHERE else unseen


def _fault_of_texts(found: Mapping[str, Score], n: int) -> str:
    """Whether passages are copied more than in n held-out texts."""
    n = min(n, JUDGED_ROWS)
    for name, what in ((COPIED, "share a longer passage with"), (WHOLE, "stand from end to end in")):
        score = found[name]
        if is_above(score, min(n, round(score.n))):
            return f"copies: {_told(score)} of its texts {what} the training texts; unseen texts {score.floor:.3f}"
    return ""


def _fault_of_rows(found: Mapping[str, Score], n: int) -> str:
    """Whether draws lean to training rows, or equal them, more than n held-out rows do."""
    return _fault_of_copies(found[TAIL], found[EXACT], min(n, JUDGED_ROWS), "row")


def _fault_of_pictures(found: Mapping[str, Score], n: int) -> str:
    """The same for pictures, of which one may lean only where it lies near."""
    exact = found[PICTURE_EXACT]
    is_near = min((one["relative"] for one in exact.details.get("closest", ())), default=0.0) < 1
    return _fault_of_copies(found[PICTURE_TAIL], exact, min(n, JUDGED_PICTURES), "picture", is_near)


def _fault_of_copies(tail: Score, exact: Score, n: int, what: str, is_near: bool = True) -> str:
    if is_near and is_above(tail, round(tail.n * n / max(exact.n, n))):
        told, usual = _told(tail, 2), f"real {what}s {tail.floor:.2f}"
        return f"leans to training {what}s: {told} of its closest 5 % are nearer to one; {usual}"
    if is_above(exact, n):
        told, usual = _told(exact, 4), f"real {what}s {exact.floor:.4f}"
        return f"copies: {told} of its draws equal a training {what}; {usual}"
    return ""


_CHECKS = (
    ((TAIL, EXACT), _fault_of_rows),
    ((COPIED, WHOLE), _fault_of_texts),
    ((PICTURE_TAIL, PICTURE_EXACT), _fault_of_pictures),
)


def is_above(score: Score, n_floor: int) -> bool:
    """Whether a share's interval lies above that of its floor, a share of `n_floor` rows, and above a best of 0.5."""
    n, best = max(n_floor, 1), 0.5 if score.direction == "half" else 0.0
    return score.low > max(share_measure(round(score.floor * n), n).high, best)


def is_apart(a: Score, b: Score) -> bool:
    """Whether two intervals do not meet."""
    return a.high < b.low or b.high < a.low


def _place(entry: Entry) -> tuple[int, float, str]:
    detector = entry.detector
    group = 3 if entry.run is None else 2 if detector is None else int(bool(entry.reason))
    return group, detector.value if detector else 0.0, entry.model


def _sentence(fitted: list[Entry]) -> str:
    if not fitted:
        return "No family could be fitted."
    first, detector = fitted[0], fitted[0].detector
    use = f"use --model {first.model}"
    if detector is None:
        return f"Nothing tells the families apart, because no detector could judge them: hold out more rows, or {use}."
    anchors = f"real rows {detector.floor:.3f}, independent columns {detector.ceiling:.3f}"
    kind = _KINDS.get(detector.name, "detector of texts")
    numbers = f"AUC of a {kind} {_told(detector)}; {anchors}"
    if not first.is_ranked:
        is_checked = any(first.score(name) for name in (TAIL, COPIED, PICTURE_TAIL))
        why = "passes the check for copies" if is_checked else "could be checked for copies"
        told = f"{first.model} is hardest to tell from real rows ({numbers})"
        return f"No family {why}; {told}: {use} only where copies do no harm."
    copies = f"passes the check for copies ({_copies(first)}): {use}"
    second = next((e for e in fitted[1:] if e.is_ranked), None)
    other = second.detector if second else None
    if second is None or other is None:
        return f"{first.model} is hardest to tell from real rows ({numbers}) and {copies}."
    numbers = f"AUC of a {kind} {_told(detector)} against {_told(other)}; {anchors}"
    if is_apart(detector, other):
        return f"{first.model} is hardest to tell from real rows, ahead of {second.model} ({numbers}), and {copies}."
    return (
        f"{first.model} and {second.model} cannot be told apart, as their intervals meet ({numbers}); "
        f"{first.model} has the lower number and {copies}."
    )


def _copies(entry: Entry) -> str:
    """What the check for copies found."""
    if copied := entry.score(COPIED):
        return f"{copied.value:.3f} of its texts copy a long passage; unseen texts {copied.floor:.3f}"
    what, tail = "picture", entry.score(PICTURE_TAIL)
    if tail is None:
        what, tail = "row", entry.score(TAIL)
    if tail is None:
        return ""
    return f"of the closest 5 %, {tail.value:.2f} are nearer to a training {what}; real {what}s {tail.floor:.2f}"


_KINDS = {DETECTOR: "boosted detector", PICTURES: "linear SVM on pictures"}


def _told(score: Score, digits: int = 3) -> str:
    return f"{score.value:.{digits}f} [{score.low:.{digits}f} to {score.high:.{digits}f}]"


def _both(a: Score, b: Score) -> list[tuple[float, float]]:
    return [(a.floor, b.floor), (a.ceiling, b.ceiling)]


def _line(entry: Entry) -> dict[str, Any]:
    line: dict[str, Any] = {"model": entry.model, "is_ranked": entry.is_ranked}
    for s in entry.scores:
        line |= {s.name: s.value, f"{s.name}.low": s.low, f"{s.name}.high": s.high}
    own = {"n_steps": entry.n_steps, "fit_seconds": entry.fit_seconds, "draw_seconds": entry.draw_seconds}
    return line | own | {"reason": entry.reason, "notes": "; ".join(entry.notes)}


def _anchor_json(score: Score) -> dict[str, Any]:
    shared = {end: None if (v := getattr(score, end)) != v else v for end in ("floor", "ceiling")}
    return shared | {name: getattr(score, name) for name in ("unit", "direction", "protocol", "source")}
