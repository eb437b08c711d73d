"""Families side by side: the same rows, the same judges, one order and one sentence.

The order, stated once: first the families that pass the check for copies (`copy_checks`), the one with the smallest
score of the kind of data (`yardsticks`) on top; then those that fail the check, with the reason; then those that could
not be judged; last those that could not be fitted. The second is as good as the first, as far as anyone can tell, where
its value lies within the first one's 95 % interval.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from genwright.core.errors import FitError
from genwright.core.judge import Score
from genwright.runs.copy_checks import copies_told, copy_fault, with_interval
from genwright.runs.run import Run
from genwright.runs.yardsticks import ROWS, Yardstick, is_within, text_detector

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Entry:
    """One family's line.

    Args:
        model: Its name.
        run: The fit; None where it failed.
        scores: What the judges found.
        n_steps: Gradient steps that were done; None for closed-form families. The run's `steps` repeat the fit.
        fit_seconds: Time to read, encode and learn.
        draw_seconds: Time to draw `Leaderboard.n_drawn` rows.
        notes: What the fit and the judges had to say.
        reason: Why it is not among the ranked; empty for those that are.
        minutes: Its part of the budget; None for closed-form families, and where steps were asked for.
        left_out: Columns that it does not model, and without which its score does not compare.
        drawn: Some of its draws, for a reader to look at.
    """

    model: str
    run: Run | None = field(default=None, repr=False, compare=False)
    scores: tuple[Score, ...] = ()
    n_steps: int | None = None
    fit_seconds: float | None = None
    draw_seconds: float | None = None
    notes: tuple[str, ...] = ()
    reason: str = ""
    minutes: float | None = None
    left_out: tuple[str, ...] = ()
    drawn: "pa.Table | None" = field(default=None, repr=False, compare=False)

    @cached_property
    def by_name(self) -> dict[str, Score]:
        """Its scores."""
        return {score.name: score for score in self.scores}

    def score(self, name: str) -> Score | None:
        """The score of that name, if it was measured."""
        return self.by_name.get(name)

    @property
    def is_ranked(self) -> bool:
        """Whether it was judged and passes the check for copies."""
        return self.run is not None and not self.reason


@dataclass(frozen=True, repr=False)
class Leaderboard:
    """Families in the order of this file's first lines.

    Args:
        entries: One a family, in order; see `ranked`.
        facts: What all of them have in common: data, rows, seed, budget.
        n_drawn: Rows whose drawing was timed.
        yardstick: What the order goes by.
        real: Some held-out rows, to be looked at beside the draws.
    """

    entries: tuple[Entry, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    n_drawn: int = 0
    yardstick: Yardstick = ROWS
    real: "pa.Table | None" = field(default=None, repr=False, compare=False)

    def __repr__(self) -> str:
        """One line for whoever looks at it; `to_frame` and `sentence` have the rest."""
        names = ", ".join(entry.model for entry in self.entries[:3]) + (", …" if len(self.entries) > 3 else "")
        return f"Leaderboard({len(self.entries)} families of {self.facts.get('data', 'a table')}: {names})"

    def rank_score(self, entry: Entry) -> Score | None:
        """What a family is ranked by."""
        return self.yardstick.of(entry.by_name)

    @property
    def text_detector(self) -> str:
        """The score by which texts are told apart, as the first family that has one goes by it; empty without texts."""
        found = (text_detector(entry.by_name) for entry in self.entries)
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

    @property
    def is_beyond_trivial(self) -> bool:
        """Whether the family on top is surely better than the trivial model, or as good as real rows."""
        score = self.rank_score(self.entries[0]) if self.entries else None
        return score is not None and not _is_trivial(score)

    @cached_property
    def sentence(self) -> str:
        """The choice and why, with its numbers."""
        return _sentence([entry for entry in self.entries if entry.run is not None], self.yardstick)

    def to_frame(self) -> Any:
        """A pandas frame with one line a family and a column a score, then real rows and independent columns."""
        import pandas as pd

        lines = [_line(entry) for entry in self.entries]
        for label, end in (("real rows", "floor"), (self.yardstick.independent, "ceiling")):
            lines.append({"model": label, **{name: getattr(s, end) for name, s in self.anchors.items()}})
        return pd.DataFrame(lines)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; a score's anchors stand once, or with the family where it has its own."""
        return {
            **self.facts,
            "best": self.entries[0].model if self.entries and self.entries[0].run else None,
            "sentence": self.sentence,
            "kind": self.yardstick.kind,
            "ranked_by": self.yardstick.what,
            "n_drawn": self.n_drawn,
            "anchors": {name: _anchor_json(score) for name, score in self.anchors.items()},
            "families": [self._entry_json(entry) for entry in self.entries],
        }

    def _entry_json(self, entry: Entry) -> dict[str, Any]:
        scores = {}
        for s in entry.scores:
            own = {"value": _finite(s.value), "low": _finite(s.low), "high": _finite(s.high), "n": s.n}
            apart = [e for e in ("floor", "ceiling") if getattr(self.anchors[s.name], e) != getattr(s, e)]
            scores[s.name] = own | {e: _finite(getattr(s, e)) for e in apart}
        plain = ("model", "reason", "n_steps", "minutes", "fit_seconds", "draw_seconds")
        by = self.rank_score(entry)
        return {
            **{name: getattr(entry, name) for name in plain},
            "is_ranked": entry.is_ranked,
            "ranked_by": by.name if by else None,
            "notes": list(entry.notes),
            "scores": scores,
        }


def ranked(entries: Iterable[Entry], n_held_out: int, by: Yardstick = ROWS) -> tuple[Entry, ...]:
    """The entries in order, each with the reason why it is not ranked, if there is one."""
    told = [replace(e, reason=_fault(e, n_held_out, by)) if e.run else e for e in entries]
    return tuple(sorted(told, key=lambda entry: _place(entry, by)))


def _fault(entry: Entry, n_held_out: int, by: Yardstick) -> str:
    """Why a family that was judged is not ranked; empty where it is."""
    if entry.left_out:
        names = ", ".join(map(repr, entry.left_out[:5]))
        return f"it leaves out {names}, so that its score does not compare"
    if entry.reason:
        return entry.reason
    if by.of(entry.by_name) is None:
        return by.lacks
    return "" if by.checked is None else copy_fault(entry.scores, n_held_out, by.checked)


def _place(entry: Entry, by: Yardstick) -> tuple[int, float, str]:
    score = by.of(entry.by_name)
    group = 3 if entry.run is None else 2 if score is None else int(bool(entry.reason))
    return group, score.value if score else 0.0, entry.model


def _sentence(fitted: list[Entry], by: Yardstick) -> str:
    """Which family won and why, whether the second is as good, and how the check for copies went."""
    if not fitted:
        return "No family could be fitted."
    first, score = fitted[0], by.of(fitted[0].by_name)
    use = f"use --model {first.model}"
    if score is None:
        return f"Nothing tells the families apart ({by.lacks}): hold out more rows, or {use}."
    won = f"{first.model} {by.best} ({_numbers(score, by)})"
    if not first.is_ranked:
        if first.left_out:
            return f"No family models all columns: {won}; {use} with care."
        why = "could be checked for copies" if "could not be checked" in first.reason else "passes the check for copies"
        return f"No family {why}: {won}; {use} only where copies do no harm."
    told = f"{won}{_second(fitted, score, by)}; {first.model} {_checked(first)}"
    if _is_trivial(score):
        won = f"No family is surely better than {by.independent}: {told}"
        return f"{won}. Give them more rows or minutes before you {use}."
    return f"{told}: {use}."


def _is_trivial(score: Score) -> bool:
    """Whether it may be as bad as the trivial model's, and is not as good as that of real rows; less is better."""
    return score.high >= score.ceiling and not score.low <= score.floor


def _numbers(score: Score, by: Yardstick) -> str:
    ends = ((by.real, score.floor), (by.independent, score.ceiling))
    return f"{by.name_of(score)} {with_interval(score)}; " + ", ".join(f"{what} {value:.3f}" for what, value in ends)


def _second(fitted: list[Entry], best: Score, by: Yardstick) -> str:
    """Whether the next family that is ranked lies within the interval of the best; nothing where there is none."""
    second = next((e for e in fitted[1:] if e.is_ranked), None)
    other = by.of(second.by_name) if second else None
    if second is None or other is None:
        return ""
    where = "within this interval" if is_within(other, best) else "outside this interval"
    return f"; {second.model}, the second with {with_interval(other)}, lies {where}"


def _checked(entry: Entry) -> str:
    told = copies_told(entry.by_name)
    return f"passes the check for copies ({told})" if told else "was not checked for copies"


def _both(a: Score, b: Score) -> list[tuple[float, float]]:
    return [(a.floor, b.floor), (a.ceiling, b.ceiling)]


def _line(entry: Entry) -> dict[str, Any]:
    line: dict[str, Any] = {"model": entry.model, "is_ranked": entry.is_ranked}
    for s in entry.scores:
        line |= {s.name: s.value, f"{s.name}.low": s.low, f"{s.name}.high": s.high}
    own = {"n_steps": entry.n_steps, "fit_seconds": entry.fit_seconds, "draw_seconds": entry.draw_seconds}
    return line | own | {"reason": entry.reason, "notes": "; ".join(entry.notes)}


def _anchor_json(score: Score) -> dict[str, Any]:
    shared = {end: _finite(getattr(score, end)) for end in ("floor", "ceiling")}
    return shared | {name: getattr(score, name) for name in ("unit", "direction", "protocol", "source")}


def _finite(value: float) -> float | None:
    """JSON has no other numbers."""
    return value if math.isfinite(value) else None
