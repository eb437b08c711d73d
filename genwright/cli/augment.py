"""Add drawn rows of rare classes where a classifier gains by them, and say what it gained.

Families, copies of rows and points between neighbours are tried on folds of the rows; the best is confirmed on other
folds and measured on held-out rows. Where nothing is gained, the rows come back unchanged, and that is said.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.words import kinds, require


def command(
    screen: Screen,
    data: Annotated[str, typer.Argument(metavar="DATA", help="A table, or the name of a built-in set.")],
    target: Annotated[str, typer.Option(metavar="COLUMN", help="The class whose prediction is to gain.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="File to write all rows to; without it, CSV is printed.")
    ] = None,
    balance: Annotated[
        bool, typer.Option("--balance", help="Draw until classes are equally frequent; tries no other amount.")
    ] = False,
    amount: Annotated[
        str,
        typer.Option(
            metavar="HOW-MANY",
            help="balance; half: until each class has half of the largest; double; a number: times the rows; or auto.",
        ),
    ] = "auto",
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A family, copies or smote; again for more; without it, several are tried."),
    ] = None,
    judge_model: Annotated[
        str, typer.Option("--judge-model", metavar="NAME", help="The classifier that is to gain.")
    ] = "boosting",
    held_out: Annotated[float, typer.Option(help="Share of each class that measures the gain; 0: none.")] = 0.2,
    level: Annotated[float, typer.Option(help="The p of “no gain” must be below it.")] = 0.05,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Draw by the best way even where nothing is gained.")
    ] = False,
    kind: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=KIND", help="Read a column as this kind; omitted leaves it out; again for more."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed gives other rows and other folds.")] = 0,
    excel_safe: Annotated[
        bool, typer.Option("--excel-safe", help="Put ' before cells that a spreadsheet would run as a formula.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file that is there.")] = False,
) -> dict[str, Any]:
    """Searches, measures, writes."""
    from genwright.cli.terminal.rows import put, table_file
    from genwright.recipes.augment import augment

    require(not (balance and amount != "auto"), "--balance and --amount both say how many; leave one out")
    place = table_file(out, overwrite)
    with screen.progress() as progress:
        found = augment(
            data,
            target,
            model=model or "auto",
            amount=_amount(amount),
            balance=balance,
            judge_model=judge_model,
            held_out=held_out,
            level=level,
            anyway=anyway,
            seed=seed,
            kinds=kinds(kind or []),
            progress=progress,
        )
    report = found.report
    document = put(screen, [found.table], found.schema, place, excel_safe)
    for note in report.notes:
        screen.note(note)
    if place is not None and report.trials:
        _trials(screen, report)
    screen.say(str(report))
    for gain in report.gains[1:]:
        screen.say(f"on held-out rows {gain}")
    if place is not None:
        screen.say(f"{found.table.num_rows:,} rows in {place}, the last {report.n_drawn:,} of them drawn")
    return {**document, **report.to_json(), "n_rows": found.table.num_rows, "seed": seed}


def _trials(screen: Screen, report: Any, most: int = 8) -> None:
    """The best ways and their gains on the folds that chose."""
    screen.heading(f"{report.judge_model}: gain in {report.metric} on folds of the training rows")
    rows = [(str(t.way), "failed" if t.reason else f"{t.gain:+.3f}") for t in report.trials[:most]]
    screen.table(("rows from", "gain"), rows, ("gain",))


def _amount(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text
