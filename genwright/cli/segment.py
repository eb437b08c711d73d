"""Say which state each step of a series or sequence is in.

The run is an hmm. For a table whose rows are steps, its columns come back with `state`, of the most probable path, and
`probability`, of that state at that step; for a table with sequences, every step is a row.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from genwright.cli.terminal.reading import Encoding, Header, read_as_said
from genwright.cli.terminal.screen import Screen


def command(
    screen: Screen,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")],
    data: Annotated[str, typer.Argument(metavar="DATA", help="A file with the columns of the data of the run.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="File to write; without it, CSV is printed.")] = None,
    header: Header = True,
    encoding: Encoding = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file that is there.")] = False,
) -> dict[str, Any]:
    """Finds states, writes them, and says how often each occurs."""
    from genwright.cli.terminal.rows import put, table_file
    from genwright.pipeline import load
    from genwright.recipes.segment import segment, segment_schema
    from genwright.runs.states import state_names

    place = table_file(out, overwrite)
    fitted = load(run)
    table = segment(fitted, read_as_said(data, header, encoding, None, False))
    document = put(screen, [table], segment_schema(table), place)
    counts = table.column(table.column_names[-2]).value_counts().to_pylist()
    share = {str(c["values"]): c["counts"] / table.num_rows for c in counts}
    if place is not None:
        shown = ", ".join(f"{name} {share.get(name, 0):.0%}" for name in state_names(fitted)[:12])
        screen.say(f"{table.num_rows:,} steps in {place}; states: {shown}")
    return {**document, "n_steps": table.num_rows, "share": share}
