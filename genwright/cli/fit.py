"""Learn from data: a table, a text, a folder of pictures, or the name of a built-in set.

Prints how the columns are read, fits a model, scores its draws against rows held out, and saves everything as a run,
a folder that `genwright sample`, `impute`, `judge`, `report` and `show` work with.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genwright.cli.terminal.reading import Encoding, Header, Part, SkipBad, read_as_said
from genwright.cli.terminal.schema_file import read_schema
from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.unfinished import can_go_on, read_before
from genwright.cli.terminal.words import column_options, free_folder, kinds, many, require, stem
from genwright.core.errors import GenwrightError, UnknownNameError
from genwright.core.files import is_free
from genwright.core.registry import MODELS

if TYPE_CHECKING:
    from genwright.core.records import Records
    from genwright.core.schema import Schema
    from genwright.runs.run import Run

RUNS = Path("runs")
MOST_TOLD = 3  # columns of which a model tells what it learnt


Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A CSV, JSON lines, Parquet, text, .npz or IDX file, a folder of pictures or texts, a built-in set.",
    ),
]
Family = Annotated[
    str,
    typer.Option(
        help="A family of `genwright list models`; auto chooses by the data.",
        autocompletion=lambda: ["auto", *MODELS.names()],
    ),
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting of the model; again for more.")
]
Prior = Annotated[
    str | None,
    typer.Option(metavar="FAMILY", help="Of vqvae: the family that learns its codes, the same as --set prior=FAMILY."),
]
Seed = Annotated[int | None, typer.Option(help="The same seed fits the same model; 0 without it.")]
Rows = Annotated[
    str | None,
    typer.Option(
        metavar="WAY",
        help="Of a text file: lines, passages or paragraphs; of a folder also files; chosen without it.",
        autocompletion=lambda: ["lines", "passages", "paragraphs", "files"],
    ),
]
Share = Annotated[
    float | None, typer.Option(help="Share of the rows kept for judging, 0.2 without it; 0: none, and no scores.")
]
Minutes = Annotated[float | None, typer.Option(help="How long a neural family trains.")]
Steps = Annotated[int | None, typer.Option(help="The same in gradient steps.")]
Resume = Annotated[
    Path | None, typer.Option(metavar="RUN", help="Go on with the fit to this folder, which was killed.")
]
Given = Annotated[
    list[str] | None, typer.Option(metavar="COLUMN", help="A column always known when sampling; again for more.")
]
Kind = Annotated[
    list[str] | None, typer.Option(metavar="COLUMN=KIND", help="Read a column as this kind; again for more.")
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="COLUMN.NAME=VALUE",
        help="How a column is encoded, e.g. text.tokenizer=bpe; settings: `genwright list codecs KIND`.",
    ),
]
SchemaFile = Annotated[
    Path | None, typer.Option(help="Kinds of the columns, as JSON; `genwright show DATA --json` writes it.")
]
Target = Annotated[
    list[str] | None, typer.Option(metavar="COLUMN", help="A column whose prediction matters; again for more.")
]
Judge = Annotated[bool, typer.Option("--judge/--no-judge", help="Score the fit.")]
Out = Annotated[Path | None, typer.Option(help="Folder of the run; without it, runs/ and the name of the data.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the run that is there.")]


def command(
    screen: Screen,
    data: Data,
    model: Family = "auto",
    settings: Settings = None,
    prior: Prior = None,
    seed: Seed = None,
    rows: Rows = None,
    encoding: Encoding = None,
    header: Header = True,
    part: Part = None,
    skip_bad: SkipBad = False,
    held_out: Share = None,
    minutes: Minutes = None,
    steps: Steps = None,
    resume: Resume = None,
    given: Given = None,
    kind: Kind = None,
    column: Options = None,
    schema: SchemaFile = None,
    target: Target = None,
    judge: Judge = True,
    out: Out = None,
    overwrite: Overwrite = False,
    threads: int | None = None,
) -> dict[str, Any]:
    """Fits, judges, saves and reports."""
    is_share = held_out is None or 0 <= held_out < 1
    require(is_share, f"--held-out {held_out}: expected a share of the rows, from 0 up to but not 1")
    is_there = out is None or resume is None or out == resume
    require(is_there, f"--resume {resume} --out {out}: a fit goes on where it was; leave out --out")
    settings = [*(settings or []), *([f"prior={prior}"] if prior else [])]
    asked: dict[str, Any] = {"model": model, "settings": _settings(model, settings, threads, resume is not None)}
    asked |= {"seed": seed, "held_out": held_out, "minutes": minutes, "steps": steps, "resume": resume is not None}
    of_columns, of_kinds = column_options(column or []), kinds(kind or [])
    records = read_as_said(data, header, encoding, part, skip_bad, rows, read_before(resume))
    place = _place(data, resume or out, overwrite)
    if resume is not None and not of_columns:  # columns are as they were
        asked |= {"kinds": of_kinds, "given": given, "schema": None if schema is None else read_schema(schema)}
    else:
        records, columns = _schema(screen, records, schema, of_kinds, of_columns)
        target, asked["given"] = _names(target, columns), _names(given, columns)
        asked["schema"] = columns
    asked["given"] = asked["given"] or None
    run = _fitted(screen, records, place, overwrite, asked)
    return _told(screen, run, place, overwrite, judge, target or [])


def _settings(model: str, asked: list[str] | None, threads: int | None, is_resumed: bool) -> dict[str, str]:
    """Settings of the model and its training, known to be right before any data are read."""
    from genwright.core.config import parse_settings

    chosen = _checked(model, parse_settings(asked or []))
    if threads is not None and (is_resumed or model == "auto" or _is_neural(model)):
        chosen.setdefault("threads", str(threads))
    return chosen


def _names(asked: list[str] | None, columns: "Schema") -> list[str]:
    """The columns that are named, also several at once with commas between them.

    Raises:
        UnknownNameError: there is no such column.
    """
    apart = [[name] if name in columns.names else name.split(",") for name in asked or []]
    return [columns[name.strip()].name for names in apart for name in names]


def _told(screen: Screen, run: "Run", place: Path, overwrite: bool, judge: bool, targets: list[str]) -> dict[str, Any]:
    """Saves, judges and reports, in the main process."""
    from genwright.training.processes import by_main

    told: dict[str, Any] = {}
    by_main(lambda: told.update(_saved_and_judged(screen, run, place, overwrite, judge, targets)))
    return told


def _saved_and_judged(
    screen: Screen, run: "Run", place: Path, overwrite: bool, judge: bool, targets: list[str]
) -> dict[str, Any]:
    from genwright.training.checkpoint import beside, remove

    for note in run.artefact.facts.get("notes", []):
        if note not in screen.notes:  # said on the way
            screen.note(note, is_warning=True)
    kept = beside(place)
    place = _saved(screen, run, place, overwrite)
    remove(kept)
    screen.kept = f"the fit is kept in {place}, without scores"
    if judge and run.held_out is not None and len(run.held_out) >= 2:
        _judged(screen, run, place, targets)
    elif judge:
        screen.note(f"not judged: rows held out are {run.artefact.facts['n_held_out']}, and two or more are needed")
    return _closing(screen, run, place)


def _checked(model: str, settings: dict[str, str]) -> dict[str, str]:
    """The settings, with model and settings known to be right before any data are read."""
    if model == "auto":
        return settings
    if model not in MODELS.names():
        raise UnknownNameError(model, ["auto", *MODELS.names()], MODELS.package)
    if settings:
        from genwright.training.settings import divided

        divided(MODELS.get(model), settings)
    return settings


def _is_neural(model: str) -> bool:
    """Whether it learns by gradient steps, and so has settings of training."""
    if model == "auto":
        return False
    from genwright.core.model import HasLoss

    return issubclass(MODELS.get(model), HasLoss)


def _place(data: str, out: Path | None, overwrite: bool) -> Path:
    """Where the run goes; a place that is taken is refused before the work begins."""
    from genwright.runs import check_target

    if out is None and not overwrite:
        return free_folder(RUNS, stem(data))
    place = out or RUNS / stem(data)
    check_target(place, overwrite=overwrite)
    return place


def _schema(
    screen: Screen,
    records: "Records",
    path: Path | None,
    asked: dict[str, str],
    options: dict[str, dict[str, str]],
) -> "tuple[Records, Schema]":
    """The columns, inferred or read from a file, and shown; with them the records, now counted."""
    from genwright.cli.terminal.columns import show_schema
    from genwright.data.infer import infer

    schema = None if path is None else read_schema(path)
    stats = None
    if schema is None or asked:
        with screen.progress() as progress:
            progress(0.0, f"reading {records.name}")
            inferred, stats = infer(records, asked)
        schema = inferred if schema is None else schema.with_inferred(inferred[name] for name in asked)
    schema = schema.with_options(options)
    records = replace(records, n_rows=stats.n_rows) if stats else records
    rows = "" if records.n_rows is None else f"{many(records.n_rows)}, "
    screen.heading(f"{records.name}: {rows}{many(len(schema), 'column')}")
    if not screen.is_quiet:
        show_schema(screen, schema, stats)
    return records, schema


def _fitted(screen: Screen, records: "Records", place: Path, overwrite: bool, asked: dict[str, Any]) -> "Run":
    """The fit, with its checkpoint beside the place where the run goes."""
    from genwright.pipeline import fit
    from genwright.training.checkpoint import beside

    with can_go_on(screen, place), screen.progress() as progress:
        run = fit(records, **asked, judge=False, checkpoint=beside(place), overwrite=overwrite, progress=progress)
    facts = run.artefact.facts
    screen.heading(f"Model: {run.artefact.model_name} ({facts['why']})")
    rows = f"{facts['n_train']:,} row{'s' if facts['n_train'] != 1 else ''}"
    about = _about(run.model.describe())
    told = f"{about}; " if about else ""
    screen.more(f"{told}fitted in {facts['seconds']:.1f} s to {rows}; {facts['n_held_out']:,} held out\n")
    return run


def _about(learnt: Mapping[str, Any]) -> str:
    """What a family tells of what it learnt, as far as it is short: "states 4", "text: order 6, n-grams 111,833"."""
    deeper = {name: _about(value) for name, value in learnt.items() if isinstance(value, Mapping)}
    found = [f"{name}: {told}" for name, told in deeper.items() if told]
    plain = [f"{name} {value:,}" for name, value in learnt.items() if isinstance(value, int)]
    return "; ".join([*([", ".join(plain)] if plain else []), *found[:MOST_TOLD]])


def _next(run: "Run", place: Path) -> list[str]:
    """Commands to go on with, as suits what was modelled."""
    kinds = {run.schema[name].kind for name in run.artefact.codec.modelled}
    own = [f"sample {place} -n 1000 -o synthetic.csv"]
    if kinds == {"text"}:
        how = "--stream" if run.schema.is_running_text else "-n 100 -o synthetic.txt"
        own = [f"sample {place} {how}"]
    elif "image" in kinds:
        own = [f"sample {place} -n 64 -o drawn"]
    elif run.artefact.model_name == "hmm":
        task = f'tag {place} "some words"' if run.model.describe().get("states are") else f"segment {place} DATA"
        own = [task, f"sample {place} -n 1"]
    return [*own, f"show {place}"]


def _saved(screen: Screen, run: "Run", place: Path, overwrite: bool) -> Path:
    """Where the run is: beside its place when another process took that during the fit."""
    if not (overwrite or is_free(place)):
        taken, place = place, free_folder(place.parent, place.name)
        screen.note(f"{taken} was taken while fitting; saving {place} instead", is_warning=True)
    run.save(place, overwrite=overwrite)
    return place


def _judged(screen: Screen, run: "Run", place: Path, targets: list[str]) -> None:
    from genwright.cli.terminal.scores import show_scores

    try:
        with screen.progress() as progress:
            scores = run.judge(targets=targets, progress=progress)
    except GenwrightError as error:  # the fit is saved and good for use
        screen.note(f"not judged: {error}", is_warning=True)
        return
    run.save(place, overwrite=True)  # the run saved above, now with its scores
    screen.kept = f"the fit and its scores are kept in {place}"
    if not screen.is_quiet:
        show_scores(screen, scores)


def _closing(screen: Screen, run: "Run", place: Path) -> dict[str, Any]:
    """The report, where everything is, and what to do next."""
    from genwright.report.build import build_report
    from genwright.runs import add_file

    page = None
    try:
        with screen.progress() as progress:
            progress(0.0, "writing the report")
            page = add_file(place, "report.html", build_report(run))
    except GenwrightError as error:
        screen.note(f"no report: {error}", is_warning=True)
    if screen.is_quiet:
        screen.result(str(place))
    screen.more(f"saved {place}" + (f" (report: {place / page.name})" if page else ""))
    for i, words in enumerate(_next(run, place)):
        screen.more(f"{'next:' if not i else '     '} genwright {words}")
    facts = run.artefact.facts
    told = ("data", "why", "n_rows", "n_train", "n_held_out", "seconds")
    return {
        "run": str(place),
        "report": str(place / page.name) if page else None,
        "model": run.artefact.model_name,
        "seed": run.artefact.seed,
        **{key: facts.get(key) for key in told},
        "schema": run.schema.to_json(),
        "scores": [score.to_json() for score in run.scores],
    }
