"""Show a run (its card) or data (how its columns are read, and their statistics).

`genwright show customers.csv --json` writes the schema, ready to be edited and given to `genwright fit --schema`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genwright.cli.terminal.reading import Encoding, Header, Part, SkipBad, is_run, read_as_said
from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.words import kinds, many, require

if TYPE_CHECKING:
    from genwright.core.records import Records
    from genwright.runs.run import Run


def command(
    screen: Screen,
    what: Annotated[
        str, typer.Argument(metavar="RUN|DATA", help="Folder of a run, a file of data, or the name of a built-in set.")
    ],
    kind: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=KIND", help="Read a column of data as this kind; again for more."),
    ] = None,
    header: Header = True,
    encoding: Encoding = None,
    part: Part = None,
    skip_bad: SkipBad = False,
) -> dict[str, Any]:
    """A run where there is one, else data."""
    asked = kinds(kind or [])
    if not is_run(what):
        return _data(screen, read_as_said(what, header, encoding, part, skip_bad), asked)
    require(not asked, "--kind is for data; the kinds of a run's columns are settled")
    return _run(screen, Path(what))


def _data(screen: Screen, records: "Records", asked: dict[str, str]) -> dict[str, Any]:
    from genwright.cli.terminal.columns import show_schema
    from genwright.data.infer import infer

    with screen.progress() as progress:
        progress(0.0, f"reading {records.name}")
        schema, stats = infer(records, asked)
    screen.heading(f"{records.name}: {many(stats.n_rows)}, {many(len(schema), 'column')}")
    show_schema(screen, schema, stats, most=len(schema), with_values=True)
    return {"data": records.name, "n_rows": stats.n_rows, "schema": schema.to_json(), "statistics": stats.to_json()}


def _run(screen: Screen, path: Path) -> dict[str, Any]:
    from genwright.cli.terminal.columns import show_schema
    from genwright.cli.terminal.guesses import show_guesses
    from genwright.cli.terminal.scores import show_scores
    from genwright.core.config import to_json
    from genwright.pipeline import load
    from genwright.runs.classifier_run import ClassifierRun

    run = load(path)
    artefact = run.artefact
    name = path.resolve().name if path.name in ("", "..") else path
    screen.heading(f"{name}: {artefact.model_name} of {artefact.facts.get('data', 'a table')}")
    screen.table(["", ""], [(name, _told(value)) for name, value in _facts(run).items()])
    show_schema(screen, run.schema, most=len(run.schema))
    if run.scores and isinstance(run, ClassifierRun):
        show_guesses(screen, run.scores)
    elif run.scores:
        show_scores(screen, run.scores)
    else:
        screen.more(f"not judged yet: genwright judge {path}")
    return {
        "run": str(path),
        "model": artefact.model_name,
        "settings": to_json(artefact.model.config),
        "about": artefact.model.describe(),
        "seed": artefact.seed,
        "facts": artefact.facts,
        "schema": run.schema.to_json(),
        "scores": [score.to_json() for score in run.scores],
    }


def _facts(run: "Run") -> dict[str, Any]:
    """What a reader wants to know first."""
    from genwright.core.config import to_json

    artefact = run.artefact
    settings = {f"setting {name}": value for name, value in to_json(artefact.model.config).items()}
    facts = {name: value for name, value in artefact.facts.items() if name not in ("flavour", "series")}
    return {**facts, "seed": artefact.seed, **settings, **artefact.model.describe()}


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_told(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_told, value)) or "–"
    return (
        "–" if value is None else f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    )
