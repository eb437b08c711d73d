"""Rows on their way out: to a file, to standard output as CSV, or into the document of `--json`."""

import io
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

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


def is_watched(place: Path | None) -> bool:
    """Whether a bar can move on the terminal: not where rows are being printed on it."""
    return place is not None or not is_terminal(sys.stdout)


def put(
    screen: Screen, tables: "Iterable[pa.Table]", schema: Schema, place: Path | None, excel_safe: bool = False
) -> dict[str, Any]:
    """Sends the rows on, one table at a time, and says in a document where they went.

    Args:
        screen: Where they go without a place.
        tables: The rows.
        schema: Their columns.
        place: The file to write.
        excel_safe: See `genwright.data.write`.
    """
    from genwright.data.write import write

    if place is not None:
        write(tables, place, schema, excel_safe=excel_safe)
        screen.kept = f"{place} is written"
        return {"output": str(place)}
    if screen.is_json:
        stream = io.BytesIO()
        _stream(tables, stream, ".jsonl", schema, excel_safe=False)
        return {"rows": [json.loads(line) for line in stream.getvalue().splitlines()]}
    _stream(tables, sys.stdout.buffer, ".csv", schema, excel_safe)
    return {}


def _stream(tables: "Iterable[pa.Table]", stream: BinaryIO, form: str, schema: Schema, excel_safe: bool) -> None:
    """The rows as `write` would put them into a file."""
    from genwright.data.write import _writer

    put = _writer(form, stream, schema, excel_safe)
    for table in tables:
        put.table(table)
    put.close()
    stream.flush()
