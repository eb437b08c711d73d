"""The model card of a run: what it learnt from, how, how well, and what it is not for, in plain Markdown.

The sections follow Mitchell et al. (2019), Model Cards for Model Reporting: https://arxiv.org/abs/1810.03993
"""

import html
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from genwright.core.classifier import Classifier
from genwright.core.config import describe
from genwright.core.errors import GenwrightError
from genwright.core.judge import Score, owner
from genwright.core.predictions import METRICS
from genwright.core.registry import JUDGES
from genwright.core.schema import Column

if TYPE_CHECKING:
    from genwright.runs.artefact import Artefact

_DIRECTIONS = {"lower": "lower is better", "higher": "higher is better", "half": "0.5 is best"}
_LABELS = {
    "data": "Data",
    "target": "Target",
    "classes": "Classes",
    "fingerprint": "Fingerprint (SHA-256)",
    "n_rows": "Rows",
    "n_train": "Rows learnt from",
    "n_held_out": "Rows held out",
    "held_out": "Share held out",
    "why": "Why this model",
    "seconds": "Seconds",
    "created": "Created",
    "versions": "Versions",
    "options": "Read with",
}
_UNSHOWN = ("notes", "path", "flavour", "series")  # shown elsewhere, or of the fitting machine only
_DRAWS = "A generative model fitted with genwright: a distribution over the rows of a table, to draw new rows from."
_USE = """\
## Intended use

Draws resemble the data above: for trying out software and analyses, for enlarging or balancing a training set, for
filling gaps, for sharing where the data itself cannot be shared *and the scores below allow it*.

## Limits

- The draws carry over whatever is wrong in the data: errors, gaps, unfair differences between groups.
- What is rare in the data is rarer still, or absent, in the draws; relations the scores do not measure may be lost.
- **The near-copy check is not a proof of privacy.** It finds rows that were copied or nearly so; it cannot show that
  nothing about a person can be learnt. Where that must be guaranteed, a differentially private method is needed.
- A draw is not a fact: it must not be used to decide about a real person."""
_PREDICTS = """\
## Intended use

For foretelling {target} of new rows that come as the rows above did, with a probability for each class that says how
sure it is.

## Limits

- It carries over whatever is wrong in the data: errors, gaps, unfair differences between groups.
- Rows unlike those above get an answer all the same. Scores below hold for rows drawn as the held-out ones were.
- Where the classes' shares differ from those above, probabilities are off; where the world has changed, all of it is.
- It says what goes with {target}, not what causes it.
- Before it decides about a person, look at its errors in each group that matters; leave the last word to someone."""
_HOLDS_ROWS = """
- **This folder holds training data in encoded form.** It is as private as the data: share the draws, not the
  run."""
_LOADING = """\
## Loading it

```python
import genwright as gw

run = gw.load("path/to/this/folder")
rows = run.sample(1000)
```

Loading executes nothing from this folder and compares every file with `manifest.json`. The same seed draws the same
rows."""

_PREDICTING = """\
## Loading it

```python
import genwright as gw

run = gw.load("path/to/this/folder")
predicted = run.predict("new.csv")  # class, probability, how sure
```

Loading executes nothing from this folder and compares every file with `manifest.json`."""
_BETWEEN = (
    "The floor is the same measurement on real rows (as good as it gets), the ceiling on independent columns "
    "(the trivial model)."
)
_BETWEEN_GUESSES = (
    "The floor is the best that any function of the columns reaches on these rows, the ceiling the guess that knows "
    "only how frequent the classes are."
)


def card(artefact: "Artefact") -> str:
    """The card as Markdown; names and values from the data are escaped."""
    facts, model = artefact.facts, artefact.model
    target = _cell(model.target) if isinstance(model, Classifier) else ""
    parts = [
        f"# {_cell(artefact.model_name)} model of {_cell(facts.get('data', 'a table'))}",
        f"A classifier fitted with genwright: p({target} | the other columns of a row)." if target else _DRAWS,
        "## Data\n\n" + _facts(facts, artefact.seed),
        "## Columns\n\n" + _columns(artefact),
        f"## Model\n\n`{artefact.model_name}`, with these settings:\n\n" + _settings(artefact),
        _model_facts(artefact),
        (_PREDICTS.format(target=target) if target else _USE) + (_HOLDS_ROWS if model.holds_rows else ""),
        "## Scores\n\n" + _scores(artefact.scores, _BETWEEN_GUESSES if target else _BETWEEN),
        _notes(facts.get("notes", [])),
        _PREDICTING if target else _LOADING,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(facts: Mapping[str, Any], seed: int) -> str:
    known = [(_LABELS[name], facts[name]) for name in _LABELS if name in facts]
    others = [(name, value) for name, value in facts.items() if name not in {*_LABELS, *_UNSHOWN}]
    return _table(("Fact", "Value"), [*known, ("Seed", seed), *others])


def _columns(artefact: "Artefact") -> str:
    def row(column: Column) -> tuple[str, ...]:
        is_modelled = artefact.codec.codecs[column.name].is_modelled
        return column.name, column.kind, "yes" if is_modelled else "no", column.why

    return _table(("Column", "Kind", "Modelled", "Why this kind"), [row(c) for c in artefact.codec.schema])


def _settings(artefact: "Artefact") -> str:
    config = artefact.model.config
    rows = [(s.name, getattr(config, s.name), s.comment) for s in describe(type(config))]
    return _table(("Setting", "Value", "Meaning"), rows) if rows else "It has no settings."


def _model_facts(artefact: "Artefact") -> str:
    described = artefact.model.describe()
    return _table(("About the fitted model", ""), list(described.items())) if described else ""


def _scores(scores: list[Score], reading: str) -> str:
    if not scores:
        return "Not judged yet."
    head = ("Score", "Value", "95 % interval", "Floor", "Ceiling", "Unit", "Better", "Rows")
    rows = [
        (
            s.name,
            s.value,
            f"{_text(s.low)} … {_text(s.high)}",
            s.floor,
            s.ceiling,
            s.unit,
            _DIRECTIONS[s.direction],
            s.n,
        )
        for s in scores
    ]
    how = [
        f"- {_cell(s.name)}: {_cell(_meaning(s.name) + s.protocol, 1000)} Source: {_cell(s.source, 300)}"
        for s in scores
    ]
    return "\n\n".join([_table(head, rows), reading, "\n".join(how)])


def _meaning(name: str) -> str:
    """What the judge says the number is, and a blank; nothing for a judge that is not installed."""
    of_predictions = [metric.meaning for metric in METRICS if metric.name == name]
    if of_predictions:
        return of_predictions[0] + " "
    judge, part = owner(name)
    try:
        return JUDGES.get(judge).parts[part].meaning + " "
    except (GenwrightError, ImportError, AttributeError, KeyError):
        return ""


def _notes(notes: list[str]) -> str:
    return "## Notes\n\n" + "\n".join(f"- {_cell(note, 1000)}" for note in notes) if notes else ""


def _table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    lines = [head, ("---",) * len(head), *(tuple(_cell(v) for v in row) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: Any, width: int = 200) -> str:
    """A value on one line, with nothing in it that Markdown or HTML would act upon."""
    text = re.sub(r"\s+", " ", _text(value)).strip()
    text = text if len(text) <= width else text[: width - 1] + "…"
    text = re.sub(r"([\\`*\[\]|~#])|(?<!\w)(_)|(_)(?!\w)", r"\\\g<0>", text)
    return html.escape(text, quote=False)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return "–" if value != value else f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_text(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_text, value))
    return "–" if value is None else str(value)
