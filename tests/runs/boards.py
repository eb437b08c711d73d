"""Leaderboards made of scores alone, for the tests of their order, their page and their table."""

from typing import Any, cast

from genwright.core.judge import Direction, Score
from genwright.runs.leaderboard import Entry, Leaderboard, ranked
from genwright.runs.run import Run
from genwright.runs.yardsticks import OF_PICTURES, ROWS, TEXTS, Yardstick

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


def board(*entries: Entry, by: Yardstick = ROWS) -> Leaderboard:
    return Leaderboard(ranked(entries, 1_000, by), FACTS, 10_000, by)


def of_texts(
    model: str,
    bits: float | None = 2.0,
    half: float = 0.05,
    unseen: float = 0.6,
    copied: float = 0.01,
    whole: float = 0.0,
    bound: bool = False,
) -> Entry:
    share = {"floor": 0.01, "ceiling": 0.0, "n": 600, "unit": "share", "direction": "lower"}
    found = [
        score("text_detectability.unseen", unseen, n=600),
        score("text_detectability.seen", unseen, n=600),
        score("copied_text.share", copied, 0.01, **share),  # type: ignore[arg-type]
        score("copied_text.whole", whole, 0.01, **share),  # type: ignore[arg-type]
    ]
    if bits is not None:
        name, ends = "bits_per_char" + (".bound" if bound else ""), (bits - half, bits + half)
        own = ("bits per character", "lower", "Texts.", "Someone (1999)")
        found.append(Score(name, bits, *ends, 500, bits - 0.2, 4.9, *own))  # type: ignore[arg-type]
    return Entry(model, FITTED, tuple(found), fit_seconds=2.5, draw_seconds=0.25)


def of_pictures(model: str, frechet: float | None, tail: float = 0.5, exact: float = 0.0, auc: float = 0.9) -> Entry:
    share = {"n": 2_000, "unit": "share", "direction": "lower", "ceiling": 0.0}
    found = [
        score("picture_detectability.svm_net", auc, n=4_000),
        score("precision_recall.coverage_net", 0.43, floor=0.9, ceiling=0.1, unit="share", direction="higher"),
        score("picture_copies.closer_tail", tail, 0.06, n=100, unit="share"),
        score("picture_copies.exact", exact, 0.005, floor=0.0, **share),  # type: ignore[arg-type]
    ]
    if frechet is not None:
        found.append(score("frechet_net", frechet, 0.01, 0.004, 0.4, 2_000, "share of variance", "lower"))
    return Entry(model, FITTED, tuple(found), fit_seconds=2.5, draw_seconds=0.25)


def texts() -> Leaderboard:
    """Two that are close, one with a bound, one that copies, one without a likelihood."""
    others = (of_texts("vae", 2.5, bound=True), of_texts("parrot", 1.0, copied=0.9), of_texts("mute", None))
    return board(of_texts("gpt", 2.04), of_texts("ngram", 2.0), *others, by=TEXTS)


def pictures() -> Leaderboard:
    """One ahead of another, one that replays training pictures, one that could not be measured."""
    entries = (of_pictures("vae", 0.2), of_pictures("gan", 0.02), of_pictures("replay", 0.005, exact=0.9))
    return board(*entries, of_pictures("blind", None), by=OF_PICTURES)


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
