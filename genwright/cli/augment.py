"""Add drawn rows, texts or pictures of classes where a classifier gains by them, and say what it gained.

Families, copies of rows and points between neighbours are tried on folds of the rows; the best is confirmed on other
folds and measured on held-out rows. Where nothing is gained, the rows come back unchanged, and that is said. Pictures
go to a folder, in folders by their class. Beside them comes a page: before and after, what was tried, what was drawn.
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genwright.cli.terminal.ink import printable
from genwright.cli.terminal.reading import Encoding, Header, Part, SkipBad, read_as_said
from genwright.cli.terminal.schema_file import SchemaFile, schema_as_said
from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.words import free_file, kinds, many, require, stem
from genwright.core.errors import GenwrightError

if TYPE_CHECKING:
    from genwright.runs.augmentation import Augmented, Report


Data = Annotated[str, typer.Argument(metavar="DATA", help="A table, texts, a folder of pictures, a built-in set.")]
Target = Annotated[str, typer.Option(metavar="COLUMN", help="The class whose prediction is to gain.")]
Out = Annotated[
    Path | None,
    typer.Option("-o", "--out", help="File, or of pictures a folder, for all rows; without it, CSV is printed."),
]
Page = Annotated[
    Path | None,
    typer.Option(
        "--report", metavar="PAGE", help="HTML page, before and after; without it, NAME.report.html beside -o."
    ),
]
Balance = Annotated[
    bool, typer.Option("--balance", help="Draw until classes are equally frequent; tries no other amount.")
]
HowMany = Annotated[
    str,
    typer.Option(
        metavar="HOW-MANY",
        help="balance; half: until each class has half of the largest; double; a number: times the rows; or auto.",
    ),
]
Makers = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="A family, copies, smote (tables), moved (pictures); again for more; without it, several are tried.",
    ),
]
JudgeModel = Annotated[
    str,
    typer.Option("--judge-model", metavar="NAME", help="The classifier that is to gain; auto: one for such rows."),
]
Metric = Annotated[
    str,
    typer.Option(metavar="NAME", help="What is to rise: pr_auc of the rarer of two classes, or balanced_accuracy."),
]
Minutes = Annotated[float | None, typer.Option(help="How long networks train, all of them together; 10 without it.")]
Steps = Annotated[int | None, typer.Option(help="Gradient steps of each network instead.")]
HeldOut = Annotated[float, typer.Option(help="Share of each class that measures the gain; 0: none.")]
Level = Annotated[
    float,
    typer.Option(help="The p of “no gain” must be below it; 0.5: likelier a gain than a loss, 0.05: proof of a gain."),
]
Anyway = Annotated[bool, typer.Option("--anyway", help="Draw by the best way even where nothing is gained.")]
Kind = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN=KIND", help="Read a column as this kind; omitted leaves it out; again for more."),
]
Seed = Annotated[int, typer.Option(help="Another seed gives other rows and other folds.")]
ExcelSafe = Annotated[
    bool, typer.Option("--excel-safe", help="Put ' before cells that a spreadsheet would run as a formula.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the file or folder that is there, and the page.")]


def command(
    screen: Screen,
    data: Data,
    target: Target,
    out: Out = None,
    report: Page = None,
    balance: Balance = False,
    amount: HowMany = "auto",
    model: Makers = None,
    judge_model: JudgeModel = "auto",
    metric: Metric = "auto",
    minutes: Minutes = None,
    steps: Steps = None,
    held_out: HeldOut = 0.2,
    level: Level = 0.5,
    anyway: Anyway = False,
    kind: Kind = None,
    schema: SchemaFile = None,
    header: Header = True,
    encoding: Encoding = None,
    part: Part = None,
    skip_bad: SkipBad = False,
    seed: Seed = 0,
    excel_safe: ExcelSafe = False,
    overwrite: Overwrite = False,
) -> dict[str, Any]:
    """Searches, measures, writes."""
    from genwright.cli.terminal.rows import rows_place
    from genwright.recipes.augment import augment

    require(not (balance and amount != "auto"), "--balance and --amount both say how many; leave one out")
    place = rows_place(out, overwrite)
    page, columns = _page_place(place, report, overwrite), schema_as_said(schema)
    with screen.progress() as progress:
        found = augment(
            read_as_said(data, header, encoding, part, skip_bad),
            target,
            model=model or "auto",
            amount=_amount(amount),
            balance=balance,
            judge_model=judge_model,
            metric=metric,
            held_out=held_out,
            level=level,
            anyway=anyway,
            minutes=minutes,
            steps=steps,
            seed=seed,
            schema=columns,
            kinds=kinds(kind or []),
            progress=progress,
        )
    document = _put(screen, found, place, excel_safe, overwrite)
    _tell(screen, found.report, place is not None)
    if place is not None:
        n, n_drawn = found.table.num_rows, found.report.n_drawn
        screen.say(f"{many(n)} in {place}, the last {n_drawn:,} of them drawn")
    written = _page(screen, found, page)
    return {**document, "page": written, **found.report.to_json(), "n_rows": found.table.num_rows, "seed": seed}


def _page_place(place: Path | None, report: Path | None, overwrite: bool) -> Path | None:
    """Where the page goes, checked before any work is done; None: nowhere."""
    if report is None and place is None:
        return None
    found = free_file(report or place.with_name(f"{stem(place.name)}.report.html"), overwrite)  # type: ignore[union-attr]
    require(found != place, f"{found} is to hold the rows and the page; name another file for one of them")
    return found


def _page(screen: Screen, found: "Augmented", place: Path | None) -> str | None:
    """Writes the page; the rows are good for use without it."""
    from genwright.report.augmentation import write

    if place is None:
        return None
    try:
        write(found, place)
    except GenwrightError as error:
        screen.note(f"no page: {error}", is_warning=True)
        return None
    screen.say(f"page: {place}")
    return str(place)


def _put(screen: Screen, found: "Augmented", place: Path | None, excel_safe: bool, overwrite: bool) -> dict[str, Any]:
    """Writes all rows, or prints them."""
    from genwright.cli.terminal.rows import is_folder, put
    from genwright.core.schema import Schema
    from genwright.data.write_pictures import LABEL, described, write_pictures

    if place is None:
        tables, schema = described([found.table], found.schema)
        return put(screen, tables, schema, place, excel_safe)
    if not is_folder(place):
        return put(screen, [found.table], found.schema, place, excel_safe)
    target, table, schema = found.report.target, found.table, found.schema
    if LABEL not in schema.names:  # folders are named by it
        schema = Schema(tuple(replace(c, name=LABEL) if c.name == target else c for c in schema))
        table = table.rename_columns([LABEL if name == target else name for name in table.column_names])
    write_pictures([table], place, schema, overwrite, white=found.white)
    screen.kept = f"{place} is written"
    return {"output": str(place)}


def _tell(screen: Screen, report: "Report", is_table_shown: bool) -> None:
    """What was tried, and what it gained."""
    for note in report.notes:
        screen.note(note)
    if is_table_shown and report.trials:
        _trials(screen, report)
    told = screen.result if is_table_shown else screen.say  # rows have standard output to themselves
    told(printable(report))
    for gain in report.gains[1:]:
        told(f"on held-out rows {gain}")


def _trials(screen: Screen, report: "Report", most: int = 8) -> None:
    """The best ways and their gains on the folds that chose."""
    screen.heading(f"{report.judge_model}: gain in {report.metric} on folds of the training rows")
    gains = ["failed" if t.reason else f"{t.gain:+.3f}" if math.isfinite(t.gain) else "–" for t in report.trials]
    rows = [(str(t.way), gain, len(t.gains)) for t, gain in zip(report.trials[:most], gains)]
    screen.table(("rows from", "gain", "folds"), rows, ("gain", "folds"))


def _amount(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text
