"""Leaderboards made of scores alone, for the tests of their order, their page and their table."""

from typing import Any, cast

from genwright.core.judge import Direction, Score
from genwright.runs.leaderboard import Entry, Leaderboard, ranked
from genwright.runs.run import Run

FITTED = cast(Run, object())  # stands in where nobody asks the run for anything
FACTS = {"data": "customers.csv", "n_rows": 5_000, "n_train": 4_000, "n_held_out": 1_000, "seed": 0, "minutes": 2.0}


def score(
    name: str,
    value: float,
    half: float = 0.02,
    floor: float = 0.5,
    ceiling: float = 0.98,
    n: int = 10_000,
    unit: str = "AUC",
    direction: Direction = "half",
) -> Score:
    low, high = max(0.0, value - half), min(1.0, value + half)
    return Score(name, value, low, high, n, floor, ceiling, unit, direction, f"{name} was measured", "Someone (1999)")


def scores(auc: float, tail: float = 0.5, exact: float = 0.0, half: float = 0.02, useful: float = 0.8) -> list[Score]:
    return [
        score("detectability.boosting", auc, half, n=2_000),
        score("near_copies.closer_tail", tail, 0.03, ceiling=0.49, n=1_000, unit="share"),
        score("near_copies.exact", exact, 0.001, floor=0.001, ceiling=0.0, unit="share", direction="lower"),
        score("utility.auc", useful, floor=0.85, ceiling=0.5, n=1_000, direction="higher"),
    ]


def entry(model: str, auc: float, **more: Any) -> Entry:
    return Entry(model, FITTED, tuple(scores(auc, **more)), fit_seconds=2.5, draw_seconds=0.25)


def board(*entries: Entry) -> Leaderboard:
    return Leaderboard(ranked(entries, 1_000), FACTS, 10_000)


def whole() -> Leaderboard:
    """One of everything: two that are close, one that copies, one not judged, one not fitted."""
    return board(
        entry("marginals", 0.98, useful=0.5),
        Entry("gpt", reason="gpt cannot model column 'age' (real)"),
        entry("vae", 0.56, useful=0.78),
        Entry("unlucky", FITTED, reason="could not be judged: ValueError: no rows"),
        entry("parrot", 0.5, tail=0.9),
        Entry("trees", FITTED, tuple(scores(0.54)), 300, 12.0, 1.5, ("Stopped by hand at step 3.",)),
    )
