"""Fit every family to the same rows, judge all of them alike, and say which one to use.

Closed-form families take the time they need, neural ones share what is left of the minutes. With --out every run is
kept, in a folder of the model's name, beside leaderboard.html, a page with all scores.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genwright.cli.terminal.reading import Encoding, Header, Part, SkipBad, again, as_typed, read_as_said
from genwright.cli.terminal.schema_file import SchemaFile, schema_as_said
from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.words import kinds, require
from genwright.core.errors import GenwrightError, RunError
from genwright.core.registry import MODELS

if TYPE_CHECKING:
    from genwright.runs.leaderboard import Entry, Leaderboard

PAGE = "leaderboard.html"


def command(
    screen: Screen,
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="A file or a folder: a table, texts, pictures; or the name of a built-in set."
        ),
    ],
    minutes: Annotated[
        float | None, typer.Option(help="How long all fits may take together; 10 without it. Judging comes on top.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Gradient steps of each neural family, instead of minutes.")] = None,
    models: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME",
            help="Families of `genwright list models`; all without it.",
            autocompletion=MODELS.names,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed splits and fits the same.")] = 0,
    held_out: Annotated[float, typer.Option(help="Share of the rows kept for judging.")] = 0.2,
    target: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="A column whose prediction matters; again for more.")
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN=KIND", help="Read a column as this kind; again for more.")
    ] = None,
    schema: SchemaFile = None,
    header: Header = True,
    encoding: Encoding = None,
    part: Part = None,
    skip_bad: SkipBad = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for all runs and the page; without it, none is kept.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the runs and the page that are there.")
    ] = False,
) -> dict[str, Any]:
    """Fits, judges, ranks and explains."""
    from genwright.cli.terminal.leaderboard import show_entry, show_leaderboard
    from genwright.recipes.compare import compare

    require(0 < held_out < 1, f"--held-out {held_out}: expected a share of the rows, above 0 and below 1")
    names = None if models is None else [name.strip() for name in models.split(",") if name.strip()]
    require(names != [], f"--models {models}: expected names with commas between them, for example trees,vae")
    if out is not None and not overwrite and (page := out.expanduser() / PAGE).exists():
        raise RunError(f"{page} exists; add --overwrite to replace it, or name another folder")

    columns = schema_as_said(schema)

    def each(entry: "Entry") -> None:
        show_entry(screen, entry)
        if out is not None and entry.run is not None:
            screen.kept = f"the runs that were fitted are kept in {out}"

    with screen.progress() as progress:
        board = compare(
            read_as_said(data, header, encoding, part, skip_bad),
            minutes,
            names,
            steps=steps,
            seed=seed,
            held_out=held_out,
            schema=columns,
            kinds=kinds(kind or []),
            targets=target or [],
            out=out,
            overwrite=overwrite,
            progress=progress,
            each=each,
        )
    show_leaderboard(screen, board)
    return _closing(screen, board, [data, *again(kind, schema, header, encoding, part, skip_bad)], out)


def _closing(screen: Screen, board: "Leaderboard", data: list[str], out: Path | None) -> dict[str, Any]:
    """The page, where everything is, and what to do next; `data` are the words that read them."""
    from genwright.report.leaderboard import write

    best, page = board.entries[0].model, None
    if out is None:
        screen.more(f"next: {as_typed('fit', *data, '--model', best)}")
    else:
        try:
            page = write(board, out / PAGE)
        except GenwrightError as error:  # the runs are saved and good for use
            screen.note(f"no page: {error}", is_warning=True)
        screen.more(f"saved {out}" + (f" (page: {page})" if page else ""))
        screen.more(f"next: {as_typed('sample', out / best, '-n', 1000, '-o', 'synthetic.csv')}")
    return {"out": str(out) if out else None, "page": str(page) if page else None, **board.to_json()}
