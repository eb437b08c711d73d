"""Rows as a table of a page: long cells are cut and have the whole as their title, numbers stand right.

Dates are written as the data write them; days that came typed have no time of day.
"""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from genwright.core.schema import Column, Schema
from genwright.data.dates import without_midnights
from genwright.data.typed import as_written
from genwright.report.words import clean, shorten, steps

MAX_CELL = 80  # characters


def view(rows: pa.Table, names: Sequence[str], schema: Schema) -> dict[str, Any]:
    """Columns as (short name, whole name, class) and rows, each cell as (short, whole)."""
    names = [name for name in names if name in rows.column_names]
    columns = [_written(rows.column(name), schema[name]).to_pylist() for name in names]
    return {
        "names": [(shorten(name, 30), clean(name[:1000]), _class(rows.column(name))) for name in names],
        "rows": [[_cell(value) for value in row] for row in zip(*columns, strict=True)],
    }


def _written(values: pa.ChunkedArray, column: Column) -> pa.Array | pa.ChunkedArray:
    """Dates as the data write them; missing ones, and other values, as they are."""
    return without_midnights(as_written(values, column)) if column.kind == "datetime" else values


def _class(column: pa.ChunkedArray) -> str:
    """Numbers stand right, so that their digits do too."""
    kind = column.type
    return "number" if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) else ""


def _cell(value: Any) -> tuple[str, str]:
    if value is None or value != value:
        return "–", "missing"
    if isinstance(value, float):
        return f"{value + 0.0:.10g}", ""  # + 0.0: no −0
    if isinstance(value, (bytes, bytearray)):
        return f"{len(value):,} bytes", ""
    whole = steps(value) if isinstance(value, list) else str(value)
    short = shorten(whole, MAX_CELL)
    return short, clean(whole[:1000]) if short != whole else ""
