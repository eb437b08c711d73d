"""The report of a classifier: one HTML page that needs nothing else, no script, no network, no other file.

In order: whether it foretells, in a sentence; the scores between trivial guess and best possible; which class is taken
for which; whether confidence is kept; ROC and precision-recall curves; groups of rows; how it was measured; the facts.
All figures are drawn from the details of the scores, so that a run that was loaded has them without its data.
"""

from pathlib import Path, PurePath
from typing import Any

from markupsafe import Markup

from genwright.core.config import to_json
from genwright.core.errors import DataError
from genwright.core.judge import Score
from genwright.core.predictions import METRICS, beyond_guess, ranking
from genwright.report import confusion_matrix, ranking_curve, reliability_diagram
from genwright.report.page import environment, fact_lines, protocols_of, score_row
from genwright.report.verdict import WORDS, Level
from genwright.report.words import number, percent, quantity, shorten
from genwright.runs.classifier_run import ClassifierRun

HIDDEN = ("path", "flavour", "is_text", "series", "shares", "split", "options")
ANCHORS = ("best possible", "trivial guess")
MOST_GROUPS = 60


def build(run: ClassifierRun, data: Any = None) -> str:
    """The page of a classifier as HTML; the run keeps the scores it has.

    Args:
        run: The run.
        data: Labelled rows to judge it on instead of those held out in the fit.

    Raises:
        DataError: `data` cannot be read, lacks a column, or has values that do not fit.
    """
    return render(run, scores_of(run, data))


def scores_of(run: ClassifierRun, data: Any = None) -> list[Score]:
    """The scores that the run has; measured anew on other rows, or where they lack what is drawn."""
    kept = run.artefact.scores
    if data is None and any(score.name == "macro_f1" for score in kept):
        return kept
    try:
        return run.judge(data)
    except DataError:
        if data is not None:
            raise
        return kept  # nothing was held out, or the data are gone
    finally:
        run.artefact.scores = kept


def render(run: ClassifierRun, scores: list[Score]) -> str:
    """The page with these scores."""
    artefact = run.artefact
    name = PurePath(str(artefact.facts.get("data", "run"))).name
    facts = {
        "model": artefact.model_name,
        "why": artefact.facts.get("why"),
        "settings": to_json(artefact.model.config),
        "seed": artefact.seed,
        **{k: v for k, v in artefact.facts.items() if k not in HIDDEN},
        "data": name,
    }
    protocols = protocols_of(scores)
    level, sentence = verdict(scores)
    styles = ("style.css", "classifier.css")
    template = environment().get_template("classifier.html.j2")
    return template.render(
        title=shorten(f"{name}: {run.target} · {artefact.model_name}", 200),
        summary=_summary(run),
        level=level,
        word=WORDS[level],
        sentence=sentence,
        scores=[score_row(s, protocols, ANCHORS) | _meaning(s) for s in scores],
        protocols=list(protocols),
        facts=list(fact_lines(facts)),
        style=Markup("".join(_text(file) for file in styles)),
        **figures(scores),
    )


def figures(scores: list[Score]) -> dict[str, Any]:
    """What is drawn of the scores' details; None or nothing where they have none."""
    found: dict[str, Any] = {}
    for score in scores:
        found |= score.details
    curves: list[tuple[str, str, Markup]] = []
    for curve in found.get("curves", []):
        words = f"{percent(curve['share'])} of the rows"
        for which in ("roc", "pr"):
            title = f"{shorten(curve['class'], 40)}: {ranking_curve.TITLES[which]}"
            curves.append((title, words, ranking_curve.draw(curve, which)))  # type: ignore[arg-type]
    return {
        "confusion": confusion_matrix.draw(found["classes"], found["confusion"]) if "confusion" in found else None,
        "confused": [(shorten(a, 60), shorten(b, 60), f"{n:,}") for a, b, n in found.get("confused", [])],
        "reliability": reliability_diagram.draw(found["bins"]) if found.get("bins") else None,
        "curves": curves,
        "groups": [_group(line) for line in found.get("groups", [])[:MOST_GROUPS]],
    }


def verdict(scores: list[Score]) -> tuple[Level, str]:
    """Whether it foretells more than the classes' shares do, and whether its confidence is kept."""
    by_name = {score.name: score for score in scores}
    if "cross_entropy" not in by_name or "accuracy" not in by_name:
        return "unknown", "There are no scores."
    cost, hits = by_name["cross_entropy"], by_name["accuracy"]
    said = f"{percent(hits.value)} of unseen rows are foretold, {percent(hits.ceiling)} by always naming one class"
    low, high = beyond_guess(cost)
    ranks = ranking(scores)
    if low > 0:
        opening = f"{ranks}, but its probabilities mislead: they" if ranks else "It misleads: its probabilities"
        return "poor", f"{opening} are worse than the classes' shares alone; {said}."
    if high >= 0:
        opening = f"{ranks}, but its probabilities are not" if ranks else "Not"
        return "fair", f"{opening} to be told from guessing by the classes' shares; {said}."
    ece = by_name.get("calibration_error")
    if ece and ece.low > 0.05:
        return "fair", f"{said}, but its confidence is off by {number(ece.value, 2)} on average{_whither(ece)}."
    return "good", f"{said}."


def _whither(ece: Score) -> str:
    """Whether it is surer than it is right, or the other way round; nothing where that is not known."""
    bins = ece.details.get("bins", [])
    beyond = sum(b["n"] * b["confidence"] - b["hits"] for b in bins) / max(1, sum(b["n"] for b in bins))
    if abs(beyond) < 0.5 * ece.value:
        return ""
    return " (too sure)" if beyond > 0 else " (not sure enough)"


def _summary(run: ClassifierRun) -> str:
    facts = run.artefact.facts
    n, many = facts.get("n_train"), len(run.columns)
    parts = [
        f"model {shorten(run.artefact.model_name, 40)}",
        f"foretells {shorten(run.target, 60)}, {facts.get('n_classes')} classes",
        f"from {many} column{'s' if many != 1 else ''}",
        f"learnt from {quantity(n, 9)} rows" if n else "",
    ]
    return ", ".join(part for part in parts if part)


def _meaning(score: Score) -> dict[str, str]:
    """What the number is, of metrics that are no judges of their own."""
    return {m.name: {"meaning": m.meaning} for m in METRICS}.get(score.name, {})


def _group(line: dict[str, Any]) -> dict[str, Any]:
    numbers = [line[name] for name in ("accuracy", "cross_entropy")]
    cells = [(number(value), f"{number(low)} to {number(high)}") for value, low, high in numbers]
    return {
        "column": shorten(line["column"], 40),
        "value": shorten(line["value"], 60),
        "n": f"{line['n']:,}",
        "numbers": cells,
    }


def _text(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
