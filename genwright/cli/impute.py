"""Fill missing cells with values that the rest of their row makes likely.

Each hole gets a draw, not a mean, so that filled columns keep their spread: fill with several seeds for a multiple
imputation. A column of the run that the file lacks is filled from top to bottom.
"""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from genwright.cli.terminal.reading import Encoding, Header, Part, SkipBad, read_as_said
from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.words import many

DELIMITED = (".csv", ".tsv")  # files in which all cells are text


def command(
    screen: Screen,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")],
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="The file with holes; columns as in the data of the run.")
    ],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="File to write; without it, CSV is printed.")] = None,
    header: Header = True,
    encoding: Encoding = None,
    part: Part = None,
    skip_bad: SkipBad = False,
    seed: Annotated[int, typer.Option(help="Another seed gives another filling, as good as the first.")] = 0,
    excel_safe: Annotated[
        bool, typer.Option("--excel-safe", help="Put ' before cells that a spreadsheet would run as a formula.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file that is there.")] = False,
) -> dict[str, Any]:
    """Fills row by row, in the file's order."""
    from genwright.cli.terminal.rows import is_watched, put, table_file
    from genwright.pipeline import load
    from genwright.recipes.impute import filled, filled_schema, holes

    place = table_file(out, overwrite)
    fitted = load(run)
    records = read_as_said(data, header, encoding, part, skip_bad)
    is_delimited = not screen.is_json if place is None else place.name.lower().removesuffix(".gz").endswith(DELIMITED)
    n_rows, left = 0, Counter[str]()

    def counted() -> Any:
        nonlocal n_rows
        for table in filled(fitted, records, seed=seed, as_written=is_delimited):
            n_rows += table.num_rows
            left.update(holes(table))
            progress(n_rows / (records.n_rows or n_rows * 2), f"filling, {n_rows:,} rows done")
            yield table

    with screen.progress(is_watched(place)) as progress:
        progress(0.0, "filling")
        document = put(screen, counted(), filled_schema(fitted, records), place, excel_safe)
    if left:
        told = ", ".join(f"{n:,} in {name}" for name, n in left.most_common(5)) + (", …" if len(left) > 5 else "")
        screen.note(f"{left.total():,} cells are still empty: {told}; the run does not model these columns")
    if place is not None:
        screen.say(f"{many(n_rows)} {'' if left else 'without holes '}in {place}")
    return {**document, "n_rows": n_rows, "n_empty": dict(left), "seed": seed}
