"""The report of a fit: one HTML page that needs nothing else, no script, no network, no other file.

In order: the verdict in a sentence, the scores between their anchors, pictures and texts real beside drawn, the longest
passage that was copied, every column real over synthetic, the pairs of columns, the check for copies, what can be drawn
of the model itself, ten synthetic rows, how it was measured, and the facts of the fit. Names and values come from other
people's files: everything is escaped, and what is very long is cut.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from genwright.core.errors import GenwrightError
from genwright.core.files import replace_file
from genwright.core.judge import Score, owner
from genwright.core.registry import JUDGES
from genwright.core.schema import Schema
from genwright.data.write_pictures import described
from genwright.report import (
    association_map,
    column_overlay,
    copied_passage,
    near_copies,
    sample_rows,
    score_bar,
    text_samples,
)
from genwright.report.model_figures import NO_FIGURES, ModelFigures
from genwright.report.picture_figures import PictureFigures
from genwright.report.values import Pair, pair
from genwright.report.verdict import verdict
from genwright.report.words import clean, heading, is_known, number, quantity, shorten

MAX_COLUMNS, MAX_ROWS, N_SAMPLE, MAX_NAME = 60, 5_000, 10, 60
LABELS = {
    "model": "Model",
    "why": "Why this model",
    "settings": "Settings",
    "n_rows": "Rows",
    "n_train": "Training rows",
    "n_held_out": "Held-out rows",
    "held_out": "Held-out share",
    "seconds": "Seconds to fit",
    "fingerprint": "Data fingerprint",
}


@dataclass(frozen=True)
class Material:
    """Everything a page shows.

    Args:
        title: What was learnt and by what: "customers.csv · trees".
        schema: The columns.
        scores: What the judges measured.
        real: Held-out or training records; at most 5,000 are drawn.
        fake: Draws with the same columns.
        facts: Model name, why, settings, rows, seconds, fingerprint, seed, versions, created; values are plain JSON.
        figures: What can be drawn of the model itself.
        pictures: Of columns of pictures; None where there are none.
    """

    title: str
    schema: Schema
    scores: list[Score]
    real: pa.Table
    fake: pa.Table
    facts: dict[str, Any]
    figures: ModelFigures = NO_FIGURES
    pictures: PictureFigures | None = None


def write(material: Material, path: str | Path) -> Path:
    """The page as a file; the old one stays if anything fails.

    Raises:
        GenwrightError: the file cannot be written; says why.
    """
    return put(render(material), path)


def put(page: str, path: str | Path) -> Path:
    """A page's HTML in its file, whole or not at all.

    Raises:
        GenwrightError: the file cannot be written; says why.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, page.encode("utf-8", "replace"))
    except OSError as error:
        raise GenwrightError(f"{path}: the page cannot be written ({error.strerror}); choose another place") from None
    return path


def render(material: Material) -> str:
    """The page as HTML."""
    real, fake = material.real.slice(0, MAX_ROWS), material.fake.slice(0, MAX_ROWS)
    pairs = [pair(column, real, fake) for column in material.schema]
    shown = furthest(pairs, MAX_COLUMNS)
    associations = association_map.from_scores(material.scores) or association_map.from_records(shown)
    texts = text_samples.views(list(material.schema), real, fake)
    words = verdict(material.scores, _to_blame(pairs, associations))
    protocols = protocols_of(material.scores)
    page = (
        environment()
        .get_template("page.html.j2")
        .render(
            title=shorten(material.title, 200),
            verdict=words,
            summary=_summary(material),
            scores=[score_row(score, protocols) for score in material.scores],
            why_not=_why_not(material.facts),
            texts=texts,
            copied=copied_passage.view(material.scores),
            columns=[_column_card(both) for both in shown],
            n_columns=len(pairs),
            n_real=real.num_rows,
            n_fake=fake.num_rows,
            associations=_association_view(associations),
            copies=_copies_view(material.scores),
            figures=material.figures.view(),
            pictures=material.pictures,
            sample=_sample(fake, material.schema, shown) if len(texts) < len(pairs) else None,
            protocols=list(protocols),
            facts=list(fact_lines(material.facts)),
            style=Markup("".join(_text(name) for name in ("style.css", "network_graph.css", "pictures.css"))),
        )
    )
    return clean(page)


def _text(name: str) -> str:
    """A file beside this one."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def furthest(pairs: list[Pair], n: int) -> list[Pair]:
    """At most n columns, those that differ most, in the table's order."""
    if len(pairs) <= n:
        return pairs
    order = sorted(range(len(pairs)), key=lambda i: -_distance(pairs[i]))
    return [pairs[i] for i in sorted(order[:n])]


@cache
def environment() -> Environment:
    """The templates of this folder; everything they are handed is escaped."""
    loader = FileSystemLoader(Path(__file__).parent)
    found = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    found.filters["breakable"] = _breakable
    return found


def _breakable(name: str) -> Markup:
    """Words that a narrow page breaks after an underscore rather than anywhere, and not between number and %."""
    return Markup("_<wbr>").join(escape(part) for part in name.replace(" %", "\u00a0%").split("_"))


def _distance(both: Pair) -> float:
    return both.distance if is_known(both.distance) else -1.0


def _to_blame(pairs: list[Pair], associations: association_map.Associations | None) -> str:
    """Columns that are off by more than chance, or else the pairs that are furthest off."""
    off = [p for p in pairs if is_known(p.distance) and p.distance > 0.02 + p.noise]
    worst = sorted(off, key=lambda p: -p.distance)[:3]
    if worst:
        return f"worst column{'s' if len(worst) > 1 else ''}: {', '.join(_blamed(p) for p in worst)}"
    limit = 2 * associations.floor if associations and is_known(associations.floor) else 0.1
    found = [(a, b) for a, b, d in associations.worst(3) if d > limit] if associations else []
    listed = ", ".join(f"{shorten(a, 30)} with {shorten(b, 30)}" for a, b in found)
    return f"worst pair{'s' if len(found) > 1 else ''}: {listed}" if listed else ""


def _blamed(both: Pair) -> str:
    """A column's name, and that of a text only the length was compared."""
    return shorten(both.name, 40) + (" (its length)" if both.kind == "text" else "")


def _summary(material: Material) -> str:
    """The line under the title."""
    facts = material.facts
    model, n = facts.get("model"), facts.get("n_train", facts.get("rows"))
    seconds = facts.get("seconds")
    parts = [
        f"model {shorten(model, 40)}" if model else "",
        f"{len(material.schema)} column{'s' if len(material.schema) > 1 else ''}",
        f"learnt from {quantity(n, 9)} rows" if is_known(n) else "",
        f"fitted in {quantity(seconds)} s" if is_known(seconds) else "",
    ]
    return ", ".join(p for p in parts if p)


def _why_not(facts: Mapping[str, Any]) -> str:
    """Why there are no scores."""
    n = facts.get("n_held_out")
    if n == 0:
        return "no rows were held out to judge the fit"
    if n == 1:
        return "one row was held out, and two or more are needed to judge the fit"
    return "the fit was not judged"


def protocols_of(scores: Iterable[Score]) -> dict[tuple[str, str], int]:
    """(protocol, source) → the number of its footnote."""
    found: dict[tuple[str, str], int] = {}
    for score in scores:
        found.setdefault((score.protocol, score.source), len(found) + 1)
    return found


def score_row(
    score: Score, protocols: Mapping[tuple[str, str], int], anchors: tuple[str, str] = score_bar.ANCHORS
) -> dict[str, Any]:
    """A line of the table of scores; `anchors` name floor and ceiling."""
    name = heading(score.name)
    return {
        "name": shorten(name, MAX_NAME),
        "full": clean(name),
        "meaning": _meaning(score.name),
        "value": number(score.value),
        "interval": f"{number(score.low)} to {number(score.high)}" if is_known(score.low) else "",
        "floor": number(score.floor),
        "ceiling": number(score.ceiling),
        "unit": shorten(score.unit, 30),
        "better": score_bar.BETTER[score.direction],
        "n": quantity(score.n, 9),
        "bar": score_bar.draw(score, anchors=anchors),
        "footnote": protocols[(score.protocol, score.source)],
    }


def _meaning(name: str) -> str:
    """What the judge itself says the number is; nothing for a judge that is not installed."""
    judge, part = owner(name)
    try:
        return JUDGES.get(judge).parts[part].meaning
    except (GenwrightError, ImportError, AttributeError, KeyError):
        return ""


def _column_card(both: Pair) -> dict[str, Any]:
    drawing = column_overlay.draw(both)
    note = column_overlay.note(both) if drawing or both.shape == "nothing" else "no rows to draw"
    return {
        "name": shorten(both.name, MAX_NAME),
        "full": clean(both.name),
        "kind": both.kind,
        "distance": number(both.distance) if drawing else "",
        "chance": f"{min(both.noise, 1.0):.2f}" if drawing else "",
        "drawing": drawing,
        "note": shorten(note, 160) if note else "",
    }


def _association_view(found: association_map.Associations | None) -> dict[str, Any] | None:
    if found is None:
        return None
    is_partial = bool(np.isnan(found.distances[~np.eye(len(found.names), dtype=bool)]).any())
    limits = association_map.shades(found.trimmed(association_map.N_SHOWN))
    return {
        "drawing": association_map.draw(found),
        "limits": [f"{low:.2f} to {high:.2f}" for low, high in pairwise(limits)],
        "worst": [(shorten(a, 40), shorten(b, 40), number(d)) for a, b, d in found.worst(5)],
        "floor": number(found.floor) if is_known(found.floor) else "",
        "is_partial": is_partial,
        "n": len(found.names),
        "n_shown": min(len(found.names), association_map.N_SHOWN),
    }


def _copies_view(scores: list[Score]) -> dict[str, Any] | None:
    found = near_copies.races(scores)
    if not found:
        return None
    quantiles = near_copies.distances(scores)
    return {
        "races": near_copies.draw_races(found),
        "meanings": [(near_copies.label(s), words) for s in found if (words := _meaning(s.name))],
        "distances": near_copies.draw_distances(quantiles) if quantiles else "",
    }


def _sample(fake: pa.Table, schema: Schema, shown: list[Pair]) -> dict[str, Any]:
    """The first rows, with pictures told in words."""
    tables, _ = described([fake.slice(0, N_SAMPLE)], schema)
    return sample_rows.view(next(iter(tables)), [both.name for both in shown], schema)


def fact_lines(facts: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Facts as a page lists them: name and words."""
    for key, value in facts.items():
        if value not in (None, "", {}, []):
            name = LABELS.get(key, heading(str(key).replace(".", " ")))
            words = quantity(value, 9) if str(key).startswith("n_") and is_known(value) else _plain(value)
            yield shorten(name, MAX_NAME), shorten(words, 600)


def _plain(value: Any) -> str:
    """A value of the facts in a line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{k} = {_plain(v) or 'none'}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_plain(v) for v in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
