"""Draw new rows from a run, to a file or to standard output.

A file's ending says what it becomes: .csv, .tsv, .jsonl or .parquet. Without -o, rows are printed as CSV. The same
seed draws the same rows, and row i is the same however many are drawn.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.words import count, require

if TYPE_CHECKING:
    import pyarrow as pa

    from genwright.core.model import Progress
    from genwright.runs.draw import Draw


def command(
    screen: Screen,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")],
    n: Annotated[
        str, typer.Option("-n", "--rows", metavar="N", help="Number of rows: 1000, 1_000, 10k, 1e6.")
    ] = "1000",
    out: Annotated[Path | None, typer.Option("-o", "--out", help="File to write; without it, CSV is printed.")] = None,
    given: Annotated[
        str | None, typer.Option(help="Conditions on the rows, e.g. \"age > 60 and income = '>50K'\".")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed draws the same rows; without it, the run's.")] = None,
    temperature: Annotated[float, typer.Option(help="Below 1: likelier rows; above 1: less likely ones.")] = 1.0,
    excel_safe: Annotated[
        bool, typer.Option("--excel-safe", help="Put ' before cells that a spreadsheet would run as a formula.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file that is there.")] = False,
) -> dict[str, Any]:
    """Draws, and says how many candidates met the conditions."""
    from genwright.cli.terminal.rows import is_watched, put, table_file
    from genwright.core.given import parse
    from genwright.pipeline import load

    wanted = count(n)
    require(0 < temperature < float("inf"), f"--temperature {temperature}: expected a number above 0")
    place = table_file(out, overwrite)
    parse(given)  # raises for text that cannot be read, before the run is
    fitted = load(run)
    draw = fitted.draw(given, seed=seed, temperature=temperature)
    with screen.progress(is_watched(place)) as progress:
        document = put(screen, _told(draw.tables(wanted), wanted, progress), fitted.schema, place, excel_safe)
    _acceptance(screen, draw)
    if place is not None:
        screen.say(f"{wanted:,} rows in {place}")
    return {
        **document,
        "n_rows": wanted,
        "seed": draw.seed,
        "given": [str(c) for c in draw.conditions],
        "acceptance": draw.acceptance,
    }


def _told(tables: "Iterator[pa.Table]", n: int, progress: "Progress") -> "Iterator[pa.Table]":
    """The tables, with progress told as they pass."""
    done = 0
    progress(0.0, "drawing")
    for table in tables:
        done += table.num_rows
        progress(done / n if n else 1.0, "drawing")
        yield table


def _acceptance(screen: Screen, draw: "Draw") -> None:
    if not draw.conditions:
        return
    if draw.n_tried:
        counts = f"{draw.n_kept:,} of {draw.n_tried:,} candidate rows met the conditions"
        screen.say(f"{counts} (acceptance rate {draw.acceptance:.2g})")
    elif not draw.rest:
        screen.say("the model meets the conditions itself (acceptance rate 1)")
