"""Rows on their way out: to a file, to standard output as CSV or as plain texts, or into the document of `--json`."""

import io
import json
import sys
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genwright.cli.terminal.ink import is_terminal
from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.words import free_file
from genwright.core.schema import Schema

if TYPE_CHECKING:
    import pyarrow as pa


def table_file(path: Path | None, overwrite: bool) -> Path | None:
    """A place that rows can be written to, checked before any work is done; None stays None."""
    if path is None:
        return None
    from genwright.data.write import check_ending

    check_ending(path)
    return free_file(path, overwrite)


def rows_place(out: Path | None, overwrite: bool) -> Path | None:
    """Where rows go, a file or a folder of pictures, checked before any work is done; None stays None."""
    from genwright.data.write_pictures import check_folder

    if out is None or not is_folder(out):
        return table_file(out, overwrite)
    place = out.expanduser()
    check_folder(place, overwrite)
    return place


def is_folder(out: Path) -> bool:
    """Whether a place is that of a folder of pictures: it is one, or has no ending and is nothing else yet."""
    place = out.expanduser()
    return place.is_dir() or not (place.suffix or place.exists())


def is_watched(place: Path | None) -> bool:
    """Whether a bar can move on the terminal: not where rows are being printed on it."""
    return place is not None or not is_terminal(sys.stdout)


def put(
    screen: Screen,
    tables: "Iterable[pa.Table]",
    schema: Schema,
    place: Path | None,
    excel_safe: bool = False,
    form: str = ".csv",
) -> dict[str, Any]:
    """Sends the rows on, one table at a time, and says in a document where they went.

    Args:
        screen: Where they go without a place: to its document with `--json`, else they are printed as CSV.
        tables: The rows.
        schema: Their columns.
        place: The file to write.
        excel_safe: See `genwright.data.write`.
        form: What is printed, by the ending of a file that would hold it.
    """
    from genwright.data.write import write

    if place is not None:
        write(tables, place, schema, excel_safe=excel_safe)
        screen.kept = f"{place} is written"
        return {"output": str(place)}
    if screen.is_json:
        screen.items("rows", _as_json(tables, schema))
    else:
        _print(tables, schema, form, excel_safe)
    return {}


def _as_json(tables: "Iterable[pa.Table]", schema: Schema) -> Iterator[Any]:
    """One object a row, as a file of JSON lines has it."""
    from genwright.data.write import row_writer

    for table in tables:
        stream = io.BytesIO()
        row_writer(".jsonl", stream, schema).table(table)
        yield from map(json.loads, stream.getvalue().splitlines())


def _print(tables: "Iterable[pa.Table]", schema: Schema, form: str, excel_safe: bool) -> None:
    """The rows on standard output; the header comes with the first of them, so that a failure stands alone."""
    from genwright.data.write import row_writer

    stream, tables = sys.stdout.buffer, iter(tables)
    first = list(islice(tables, 1))
    put = row_writer(form, stream, schema, excel_safe)
    for table in chain(first, tables):
        put.table(table)
    put.close()
    stream.flush()
