"""Foretell a column from the others: choose, fit and score a classifier, and keep it.

`--model auto` compares a few fast families on folds of the training rows. Scores are of rows held out, each between
what the shares of the classes alone reach and the best possible on these rows.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genwright.cli.terminal.ink import printable
from genwright.cli.terminal.reading import Encoding, Header, Part, SkipBad, is_run, read_as_said
from genwright.cli.terminal.schema_file import SchemaFile, schema_as_said
from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.unfinished import can_go_on, read_before
from genwright.cli.terminal.words import free_folder, kinds, require, stem
from genwright.core.config import parse_settings
from genwright.core.errors import UnknownNameError
from genwright.core.registry import CLASSIFIERS

if TYPE_CHECKING:
    from genwright.runs.classifier_run import ClassifierRun

RUNS = Path("runs")

Data = Annotated[str, typer.Argument(metavar="DATA", help="A file, a folder, a built-in set, or a run that draws.")]
Target = Annotated[str, typer.Option(metavar="COLUMN", help="The column to foretell.")]
Family = Annotated[
    str,
    typer.Option(
        "--model",
        help="A classifier of `genwright list classifiers`, or auto.",
        autocompletion=lambda: ["auto", *CLASSIFIERS.names()],
    ),
]
Out = Annotated[Path | None, typer.Option("-o", "--out", help="Folder of the run; without it, runs/NAME.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting of the classifier; again for more.")
]
Kind = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN=KIND", help="Read a column as this kind; omitted leaves it out; again for more."),
]
HeldOut = Annotated[
    float | None,
    typer.Option(help="Share of each class that it does not learn from and is scored on, 0.2 without it."),
]
Minutes = Annotated[float | None, typer.Option(help="How long a network trains.")]
Steps = Annotated[int | None, typer.Option(help="The same in gradient steps.")]
Resume = Annotated[
    Path | None, typer.Option(metavar="RUN", help="Go on with the network's fit to this folder, which was killed.")
]
Seed = Annotated[int | None, typer.Option(help="Another seed holds out other rows; 0 without it.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the run that is there.")]


def command(
    screen: Screen,
    data: Data,
    target: Target,
    model: Family = "auto",
    out: Out = None,
    settings: Settings = None,
    kind: Kind = None,
    schema: SchemaFile = None,
    header: Header = True,
    encoding: Encoding = None,
    part: Part = None,
    skip_bad: SkipBad = False,
    held_out: HeldOut = None,
    minutes: Minutes = None,
    steps: Steps = None,
    resume: Resume = None,
    seed: Seed = None,
    overwrite: Overwrite = False,
) -> dict[str, Any]:
    """Chooses, fits, scores, saves."""
    from genwright.pipeline import load
    from genwright.recipes.classify import classify
    from genwright.training.checkpoint import beside, remove

    if model != "auto" and model not in CLASSIFIERS.names():
        raise UnknownNameError(model, ["auto", *CLASSIFIERS.names()], CLASSIFIERS.package)
    require(
        model != "auto" or not settings or resume is not None,
        "--set is for a classifier that is named: add --model NAME",
    )
    own, asked = parse_settings(settings or []), kinds(kind or [])
    columns = schema_as_said(schema)
    before = read_before(resume)
    place = _place(data, resume, out, overwrite)
    with can_go_on(screen, place), screen.progress() as progress:
        run = classify(
            load(data) if is_run(data) else read_as_said(data, header, encoding, part, skip_bad, None, before),
            target,
            model,
            settings=own,
            seed=seed,
            held_out=held_out,
            minutes=minutes,
            steps=steps,
            checkpoint=beside(place),
            resume=resume is not None,
            schema=columns,
            kinds=asked,
            overwrite=overwrite,
            progress=progress,
        )
    run.save(place, overwrite=overwrite)
    remove(beside(place))
    screen.kept = f"the run is kept in {place}"
    _told(screen, run)
    _closing(screen, run, place)
    return _document(run, place)


def _place(data: str, resume: Path | None, out: Path | None, overwrite: bool) -> Path:
    """Where the run goes; a place that is taken is refused before the work begins."""
    from genwright.runs import check_target

    require(resume is None or out is None, "--resume names the folder of the run already: leave out --out")
    place = resume or out or (RUNS / stem(data) if overwrite else free_folder(RUNS, stem(data)))
    check_target(place, overwrite=overwrite)
    return place


def _told(screen: Screen, run: "ClassifierRun") -> None:
    """What was chosen, of what, and what to know about it."""
    facts = run.artefact.facts
    for note in facts["notes"]:
        if note not in screen.notes:  # said on the way
            screen.note(note, is_warning=True)
    screen.heading(f"Model: {run.artefact.model_name} ({facts['why']})")
    rows = f"{facts['n_train']:,} rows learnt from, {facts['n_held_out']:,} held out"
    classes = ", ".join(f"{name} {share:.0%}" for name, share in zip(run.classes[:5], facts["shares"], strict=False))
    more = f" and {facts['n_classes'] - 5} more" if facts["n_classes"] > 5 else ""
    screen.more(printable(f"{run.target}: {classes}{more}; {rows}; {facts['seconds']:.1f} s") + "\n")


def _closing(screen: Screen, run: "ClassifierRun", place: Path) -> None:
    """Its scores, where it is, and what to do next."""
    from genwright.cli.terminal.guesses import show_guesses

    if run.scores:
        show_guesses(screen, run.scores)
    else:
        screen.note("not scored: no rows were held out")
    if screen.is_quiet:
        screen.result(str(place))
    screen.more(f"saved {place}")
    screen.more(f"next: genwright predict {place} new.csv -o predicted.csv")
    screen.more(f"      genwright show {place}")


def _document(run: "ClassifierRun", place: Path) -> dict[str, Any]:
    facts = run.artefact.facts
    told = ("data", "why", "n_rows", "n_train", "n_held_out", "seconds", "notes")
    return {
        "run": str(place),
        "model": run.artefact.model_name,
        "target": run.target,
        "classes": [str(name) for name in run.classes],
        "seed": run.artefact.seed,
        **{key: facts.get(key) for key in told},
        "schema": run.schema.to_json(),
        "scores": [score.to_json() for score in run.scores],
    }
