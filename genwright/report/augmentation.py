"""What drawn rows gained a classifier, before and after: one HTML page that needs nothing else, no script, no network.

In order: the finding in a sentence; rows of each class, real and added; scores on held-out rows before and after, and
which class is taken for which; every way that was tried, on folds; drawn rows beside real ones; which rows decided
what, and what none of it shows; the facts.
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from markupsafe import Markup

from genwright.core.paired import RESAMPLES, Gain, fold_interval
from genwright.report import before_after, class_counts, confusion_matrix, drawn_examples, gain_line
from genwright.report.page import environment, put
from genwright.report.words import clean, heading, is_known, number, quantity, shorten, signed
from genwright.runs.augmentation import Augmented, Report, Trial, Way

Level = Literal["good", "fair", "poor", "unknown"]
MAX_NAME, MAX_REASON = 60, 400
MAKERS = {
    "copies": "real rows again: random oversampling",
    "smote": "points between neighbours of a class: SMOTE-NC",
    "moved": "real pictures, half of them moved a little",
}
METRICS = {
    "pr_auc": "Area under the precision-recall curve of {rare}, the rarer class: how precisely its rows are found.",
    "balanced_accuracy": "Share of hits within each class, averaged, so that a rare class counts as much as another.",
}
FACTS = {
    "n_rows": "Rows with a class",
    "n_train": "Training rows",
    "n_looked_at": "Training rows that chose and confirmed",
    "n_held_out": "Held-out rows",
    "n_folds": "Folds",
    "minutes": "Minutes for all networks, at most",
    "steps": "Gradient steps of each network",
    "seed": "Seed",
}
STYLES = ("style.css", "pictures.css", "augmentation.css")


def write(found: Augmented, path: str | Path) -> Path:
    """The page as a file; the old one stays if anything fails.

    Raises:
        GenwrightError: the file cannot be written; says why.
    """
    return put(render(found), path)


def render(found: Augmented) -> str:
    """The page as HTML."""
    report, folder = found.report, Path(__file__).parent
    level, word, sentence = verdict(report)
    page = (
        environment()
        .get_template("augmentation.html.j2")
        .render(
            title=shorten(f"{report.facts.get('data', 'data')}: {report.target}", 200),
            summary=_summary(report),
            level=level,
            word=word,
            sentence=sentence,
            counts=class_counts.draw(report.counts, report.drawn),
            n_hidden=len(report.counts) - len(class_counts.shown(report.counts)),
            n_drawn=report.n_drawn,
            gains=_gains(report),
            confusions=_confusions(report),
            judge=shorten(report.judge_model, MAX_NAME),
            metric=_metric(report.metric),
            meaning=_meaning(report, report.metric),
            before=number(report.before),
            is_known_before=is_known(report.before),
            ways=_ways(report),
            examples=drawn_examples.view(found),
            steps=protocol(report),
            level_of_p=f"{report.level:g}",
            notes=[shorten(note, MAX_REASON) for note in report.notes],
            facts=_facts(report),
            style=Markup("\n").join(Markup((folder / name).read_text(encoding="utf-8")) for name in STYLES),
        )
    )
    return clean(page)


def verdict(report: Report) -> tuple[Level, str, str]:
    """How good the finding is, in a few words, and in a sentence with its numbers."""
    if report.chosen is None:
        return _declined(report)
    kept = "Kept" if report.p < report.level else "Kept, as asked"
    first = f"{report.n_drawn:,} rows were added by {_named(report.chosen)}"
    if not report.gains:
        return "fair", f"{kept}; not measured", f"{first}; {_on_folds(report)}. No rows were held out."
    gain = report.gains[0]
    what = "gain" if gain.gain > 0 else "change"
    told = (
        f"{first}: {_metric(gain.metric)} of {shorten(report.judge_model, MAX_NAME)} on {gain.n:,} held-out rows went "
        f"from {number(gain.before)} to {number(gain.after)}, a {what} of {signed(gain.gain)} "
        f"(95 % interval {signed(gain.low)} to {signed(gain.high)})."
    )
    told += "".join(f" {_lost(other)}" for other in report.gains[1:] if other.gain < 0 and other.high <= 0)
    if gain.low > 0:
        return "good", kept, told
    if gain.high < 0:
        return "poor", f"{kept}; it lost", f"{told} These rows were foretold better without."
    return "fair", f"{kept}; no sure gain", f"{told} {_first_up(_on_folds(report))}."


def _lost(gain: Gain) -> str:
    """Another score that fell, as far as these rows tell."""
    between = f"95 % interval {signed(gain.low)} to {signed(gain.high)}"
    return f"{heading(gain.metric)} fell from {number(gain.before)} to {number(gain.after)} ({between})."


def _declined(report: Report) -> tuple[Level, str, str]:
    if not report.trials:
        return "unknown", "Nothing to add", f"{_first_up(str(report))}."
    n, best = len(report.trials), _named(report.trials[0].way)
    ways = f"the best of {n} ways was {best}" if n > 1 else f"tried was {best}"
    told = f"No gain was found, and the rows are unchanged: {ways}; {_on_folds(report)}"
    return "unknown", "Declined", f"{told}, and p had to be below {report.level:g}."


def _on_folds(report: Report) -> str:
    """What the folds of the training rows say."""
    where = "on folds that it was not chosen on" if report.fresh else "on the folds that chose"
    gain = f"the gain in {_metric(report.metric)} was {signed(report.confirmed)}"
    return f"{where}, {gain} (p of “no gain” {number(report.p, 2)})"


def _first_up(words: str) -> str:
    return words[:1].upper() + words[1:]


def _named(way: Way) -> str:
    return shorten(str(way), 120)


def _metric(name: str) -> str:
    """Within a sentence: PR AUC, balanced accuracy."""
    words = heading(name)
    return words if words[:2].isupper() else words[:1].lower() + words[1:]


def _summary(report: Report) -> str:
    facts = report.facts
    parts = [
        f"{len(report.counts)} classes",
        f"{quantity(sum(report.counts.values()), 9)} rows",
        f"{quantity(facts['n_held_out'], 9)} of them held out" if facts.get("n_held_out") else "",
        f"classifier {shorten(report.judge_model, 40)}",
    ]
    return ", ".join(part for part in parts if part)


def _gains(report: Report) -> list[dict[str, Any]]:
    """Lines of the table of held-out rows; the gains share a scale."""
    ends = gain_line.limits(v for g in report.gains for v in (g.gain, g.low, g.high))
    return [_gain(g, ends) | {"meaning": _meaning(report, g.metric)} for g in report.gains]


def _meaning(report: Report, metric: str) -> str:
    rare = min(report.counts, key=lambda name: report.counts[name])
    return METRICS.get(metric, "").replace("{rare}", shorten(rare, 40))


def _gain(gain: Gain, ends: tuple[float, float]) -> dict[str, Any]:
    return {
        "name": heading(gain.metric),
        "before": (number(gain.before), before_after.spread(gain.before_range)),
        "after": (number(gain.after), before_after.spread(gain.after_range)),
        "both": before_after.draw(gain),
        "gain": (signed(gain.gain), f"{signed(gain.low)} to {signed(gain.high)}"),
        "line": gain_line.draw(gain.gain, (gain.low, gain.high), ends, whose=f"{heading(gain.metric)}, held-out rows"),
        "n": quantity(gain.n, 9),
    }


def _confusions(report: Report) -> list[tuple[str, Markup]]:
    names = list(report.counts)
    sides = zip(("Before", "After"), report.confusion, strict=False)
    return [(side, confusion_matrix.draw(names, counts)) for side, counts in sides]


def _ways(report: Report) -> list[dict[str, Any]]:
    """Lines of the table of ways on one scale; the last one is the best of them on other folds."""
    whole = [t for t in report.trials if len(t.gains) == max(len(t.gains) for t in report.trials)]
    spread = [v for t in whole for v in (*t.gains, *_interval(report, t.gains))]
    ends = gain_line.limits([*(t.gain for t in report.trials), *spread, *report.fresh])
    lines = [_way(report, trial, ends) for trial in report.trials]
    if report.fresh:
        again = _way(report, Trial(report.trials[0].way, report.fresh), ends)
        lines.append(again | {"is_again": True, "p": number(report.p, 2)})
    names = [line["name"] for line in lines]
    return [
        line | {"meaning": MAKERS.get(line["name"], "") * (names.index(line["name"]) == i)}
        for i, line in enumerate(lines)
    ]


def _way(report: Report, trial: Trial, ends: tuple[float, float]) -> dict[str, Any]:
    between = _interval(report, trial.gains)
    return {
        "name": shorten(trial.way.maker, MAX_NAME),
        "how": trial.way.how,
        "is_chosen": trial.way == report.chosen,
        "is_again": False,
        "reason": shorten(trial.reason, MAX_REASON) if trial.reason else "",
        "gain": signed(trial.gain),
        "interval": f"{signed(between[0])} to {signed(between[1])}" if is_known(between[0]) else "",
        "line": gain_line.draw(trial.gain, between, ends, trial.gains, _named(trial.way)),
        "n": len(trial.gains),
    }


def _interval(report: Report, gains: list[float]) -> tuple[float, float]:
    """Of the mean over folds; of two folds it would say nothing."""
    n_folds = report.facts.get("n_folds", 0)
    known = np.array([g for g in gains if is_known(g)])
    return fold_interval(known, 1 / (n_folds - 1)) if len(known) > 2 and n_folds > 1 else (np.nan, np.nan)


def protocol(report: Report) -> list[tuple[str, str]]:
    """Which rows decided what."""
    held = report.facts.get("n_held_out", 0)
    steps = [("Chosen", _chosen(report))] if report.trials else []
    steps += [("Confirmed", _confirmed(report))] if report.fresh else []
    if report.gains:
        words = f"once, on {quantity(held, 9)} held-out rows that neither step had seen. The interval is of the "
        steps.append(("Measured", f"{words}difference on the same rows, from {RESAMPLES:,} resamples of them."))
    elif held and report.trials:
        steps.append(("Not measured", f"on the {quantity(held, 9)} held-out rows: nothing was added."))
    if report.n_drawn:
        rows = "all rows, the held-out ones among them" if held else "all rows"
        steps.append(("Drawn", f"anew, from {rows}. The real rows are as they were."))
    return steps


def _chosen(report: Report) -> str:
    folds, seen = report.facts.get("n_folds", 0), quantity(report.facts.get("n_looked_at"), 9)
    return (
        f"on {folds} folds of {seen} training rows: what draws and what classifies learnt from the other folds alone. "
        "After each fold the worse half of the ways was out, so that many have fewer folds."
    )


def _confirmed(report: Report) -> str:
    return (
        f"on {len(report.fresh)} other folds of the same training rows, against doing nothing, because the best of "
        f"many looks better than it is. Unless it is asked for, nothing is kept without a p of “no gain” below "
        f"{report.level:g} there (the test of Nadeau and Bengio, 2003, for training sets that overlap)."
    )


def _facts(report: Report) -> list[tuple[str, str]]:
    facts = report.facts
    lines = [(label, quantity(facts[key], 9)) for key, label in FACTS.items() if facts.get(key) is not None]
    return [
        ("Class to be found better", shorten(report.target, MAX_NAME)),
        ("Classifier that is to gain", shorten(report.judge_model, MAX_NAME)),
        ("What decided", heading(report.metric)),
        ("p had to be below", f"{report.level:g}"),
        *lines,
    ]
