"""Strings → typed Arrow columns as the schema says, and back to strings as the file wrote them.

number → int64 or float64, boolean → bool, datetime → timestamp, anything else → string (the numbers 0 and 1 of a
category, and whole-number ids → int64); missing → null. Columns that came typed keep their type; NaN → null.
Sequences without one known step, which sources without a type for them give as text, are lists again.
A row without its picture is refused.

`Column.options["parse"]` holds what this file needs of a column of strings: `missing` (tokens, the most frequent
first), `type`, `decimals` and `min_decimals` (digits behind the point), `true` and `false`, `format`, `unit`, `offset`
(minutes east of UTC), `min_digits` (of a fraction of a second) and `verbatim` (no value stands for missing). Its
presence says that the column holds strings.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from genwright.core.errors import DataError, SchemaError, quoted
from genwright.core.records import Records
from genwright.core.schema import Column, Schema
from genwright.data import dates, numbers
from genwright.data.lists import lists_of
from genwright.data.missing import ALWAYS, SOMETIMES, is_token, trimmed
from genwright.data.picture_types import is_picture_type, missing

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


class _Unreadable(Exception):
    """A value does not fit: its place in the batch, itself, what was expected."""

    def __init__(self, row: int, value: Any, expected: str):
        self.row, self.value, self.expected = row, value, expected


def typed(records: Records, schema: Schema) -> "Iterator[pa.RecordBatch]":
    """The records as typed batches, in the schema's column order; columns that the schema does not have are left out.

    Raises:
        DataError: a value does not fit the schema, or is infinite; names file, row, column and value.
        SchemaError: a column of the schema is absent.
    """
    import pyarrow as pa

    names = set(records.arrow_schema.names)
    absent = [c.name for c in schema if c.name not in names]
    if absent:
        found = ", ".join(records.arrow_schema.names[:10])
        raise SchemaError(f"{records.name} has no column {absent[0]!r}; expected {len(schema)} columns, found {found}")
    first_row = 0
    for batch in records.open():
        by_name = dict(zip(batch.schema.names, batch.columns))
        arrays = [_column(records.name, c, by_name[c.name], first_row) for c in schema]
        yield pa.RecordBatch.from_arrays(arrays, names=schema.names)
        first_row += batch.num_rows


def typed_table(table: "pa.Table", schema: Schema, name: str = "the rows") -> "pa.Table":
    """A table in memory as typed columns, as `typed` does."""
    import pyarrow as pa

    arrays = [_column(name, c, _one(table.column(c.name)), 0) for c in schema]
    return pa.Table.from_arrays(arrays, names=schema.names)


def typed_value(column: Column, value: Any) -> Any:
    """One value as the typed column holds it: `"yes"` → True, `"31/12/2024"` → a date; what does not fit stays."""
    import pyarrow as pa

    if not isinstance(value, str) or "parse" not in column.options:
        return value
    try:
        return _typed_strings(column, pa.array([value]))[0].as_py()
    except _Unreadable:
        return value


def untyped(table: "pa.Table", schema: Schema) -> "pa.Table":
    """The inverse of `typed`: columns that were strings are strings again, written as the file wrote them."""
    import pyarrow as pa

    columns = {c.name: c for c in schema}
    found = {name: array for name, array in zip(table.schema.names, table.columns) if name in columns}
    names = list(found)
    arrays = [_strings(columns[name], _one(array)) for name, array in found.items()]
    return pa.Table.from_arrays(arrays, names=names)


def as_written(values: "pa.Array | pa.ChunkedArray", column: Column) -> "pa.Array":
    """Typed values of one column as its file wrote them; null where missing, whatever the file has there."""
    import pyarrow as pa
    import pyarrow.compute as pc

    array = values if isinstance(values, pa.Array) else _one(values)
    written = _strings(column, array)
    return pc.if_else(array.is_valid(), written, pa.scalar(None, written.type)) if array.null_count else written


def readable(table: "pa.Table", schema: Schema, is_text: bool) -> "pa.Table":
    """A typed table as its user knows it.

    Columns of a frame that were strings are strings again. Of a text file, numbers and dates stay typed, and truth
    values that the file does not write as true and false are its words again.
    """
    if not is_text:
        return untyped(table, schema)
    for column in filter(has_words, schema):
        written = as_written(table.column(column.name), column)
        table = table.set_column(table.column_names.index(column.name), column.name, written)
    return table


def has_words(column: Column) -> bool:
    """Whether truth values are written in other words than true and false."""
    parse = column.options.get("parse")
    if column.kind != "boolean" or parse is None:
        return False
    return (str(parse.get("true")).lower(), str(parse.get("false")).lower()) != ("true", "false")


def _column(place: str, column: Column, values: "pa.Array", first_row: int) -> "pa.Array":
    import pyarrow as pa

    try:
        if pa.types.is_string(values.type):
            return _typed_strings(column, values)
        return _clean(column, values)
    except _Unreadable as error:
        row = first_row + error.row + 1
        where = f"{place}: row {row}, column {column.name!r}"
        raise DataError(f"{where} holds {quoted(error.value)}; expected {error.expected}") from None


def _clean(column: Column, values: "pa.Array") -> "pa.Array":
    """Typed values without NaN; infinite numbers are refused."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
        _refuse_infinite(values)
    if column.kind == "image" and is_picture_type(values.type):
        _refuse_absent(values)
    if column.kind == "boolean" and not pa.types.is_boolean(values.type):
        return _as_boolean(values)
    return values


def _refuse_absent(pictures: "pa.Array") -> None:
    row = missing(pictures).index(True).as_py()
    if row >= 0:
        raise _Unreadable(row, None, "a picture; drop the rows without one")


def _as_boolean(values: "pa.Array") -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    if values.null_count == len(values):
        return pa.nulls(len(values), pa.bool_())
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        row = pc.is_in(values, value_set=pa.array([0, 1, None], values.type)).index(False).as_py()
        if row >= 0:
            raise _Unreadable(row, values[row].as_py(), "0 or 1; set its kind to number or category")
    try:
        return values.cast(pa.bool_())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise _Unreadable(0, values[0].as_py(), "true or false") from None


def _refuse_infinite(values: "pa.Array") -> None:
    import pyarrow.compute as pc

    infinite = pc.is_inf(values).fill_null(False)
    if pc.any(infinite).as_py():
        row = infinite.index(True).as_py()
        raise _Unreadable(row, values[row].as_py(), "a finite number; remove the row, or cap the value")


def _typed_strings(column: Column, values: "pa.Array") -> "pa.Array":
    """Strings as the column's own type."""
    import pyarrow as pa
    import pyarrow.compute as pc

    parse = column.options.get("parse", {})
    if parse.get("verbatim"):
        return values
    is_measure = column.kind in ("number", "datetime", "boolean")
    bare = trimmed(values)
    known = pc.invert(is_token(bare, {*ALWAYS, *parse.get("missing", ()), *(SOMETIMES if is_measure else ())}))
    nothing = pa.scalar(None, pa.string())
    if not is_measure and "type" not in parse:
        texts = pc.if_else(known, values, nothing)
        return lists_of(texts) if column.kind == "sequence" else texts
    bare = pc.if_else(known, bare, nothing)
    if column.kind == "datetime":
        return _dates(column, parse, bare)
    return _booleans(parse, bare) if column.kind == "boolean" else _numbers(parse, bare)


def _numbers(parse: dict[str, Any], bare: "pa.Array") -> "pa.Array":
    is_whole = parse.get("type") == "int64"
    found = numbers.parse_integers(bare) if is_whole else numbers.parse_floats(bare)
    _refuse_unread(bare, found, "a whole number" if is_whole else "a number")
    if not is_whole:
        _refuse_infinite(found)
    return found


def _booleans(parse: dict[str, Any], bare: "pa.Array") -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    words = [parse.get("false", "false").strip(), parse.get("true", "true").strip()]
    as_said = bare if "true" in parse else pc.utf8_lower(bare)  # of a column that came typed: True, TRUE
    found = pc.index_in(as_said, value_set=pa.array(words)).cast(pa.bool_())
    _refuse_unread(bare, found, " or ".join(words))
    return found


def _dates(column: Column, parse: dict[str, Any], bare: "pa.Array") -> "pa.Array":
    import numpy as np
    import pyarrow as pa

    form = parse.get("format", "")
    if not form and (found := _iso_dates(bare)) is not None:
        return found
    if not form:
        row = _first_unlike(bare)
        expected = "a date such as 2024-12-31; of another form the schema needs a format, such as %d.%m.%Y"
        raise _Unreadable(row, bare[row].as_py(), expected)
    if not dates.is_format(form):
        raise SchemaError(f"column {column.name!r} is a datetime without a format; add format, such as %Y-%m-%d")
    read = dates.parse(bare, form)
    is_null = bare.is_null().to_numpy(zero_copy_only=False)
    bad = np.flatnonzero(~read.ok & ~is_null)
    if len(bad):
        raise _Unreadable(int(bad[0]), bare[int(bad[0])].as_py(), f"a date such as {form}")
    per_unit = {"s": 1_000_000, "ms": 1_000, "us": 1}[parse.get("unit", "us")]
    ticks = pa.array(np.where(is_null, 0, read.microseconds) // per_unit, mask=is_null)
    return ticks.cast(pa.timestamp(parse.get("unit", "us"), _zone(parse)))


def _iso_dates(bare: "pa.Array") -> "pa.Array | None":
    """Strings where the schema was made of dates that came typed: ISO 8601, which needs no format; None: another."""
    import pyarrow as pa

    for zone in (None, "UTC"):
        try:
            return bare.cast(pa.timestamp("us", zone))
        except pa.ArrowInvalid:  # has or lacks an offset, or is written in another way
            continue
    return None


def _first_unlike(bare: "pa.Array") -> int:
    """Place of a date that is not in ISO 8601, the first one unless some have an offset and others lack one."""
    low, high = 0, len(bare)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _iso_dates(bare[low:middle]) is None else (middle, high)
    return low


def _zone(parse: dict[str, Any]) -> str | None:
    if "offset" not in parse:
        return None
    text = dates.zone_text(parse["offset"])
    return "UTC" if text == "Z" else text


def _refuse_unread(bare: "pa.Array", found: "pa.Array", expected: str) -> None:
    import pyarrow.compute as pc

    if found.null_count > bare.null_count:
        row = pc.and_(bare.is_valid(), found.is_null()).index(True).as_py()
        raise _Unreadable(row, bare[row].as_py(), expected)


def _one(column: "pa.ChunkedArray") -> "pa.Array":
    import pyarrow as pa

    return (
        column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays([*column.chunks, column.slice(0, 0).chunk(0)])
    )


def _strings(column: Column, values: "pa.Array") -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    if "parse" not in column.options:
        return values
    parse = column.options["parse"]
    texts = _texts(parse, values.drop_null())
    absent = parse["missing"][0] if parse.get("missing") else None
    if not values.null_count:
        return texts
    places = pc.cumulative_sum(values.is_valid().cast(pa.int64()))
    index = pc.if_else(values.is_valid(), pc.subtract(places, 1), pa.scalar(len(texts), pa.int64()))
    return pa.concat_arrays([texts, pa.array([absent], pa.string())]).take(index)


def _texts(parse: dict[str, Any], known: "pa.Array") -> "pa.Array":
    """Values that are there, as text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    types = pa.types
    if types.is_boolean(known.type) and "true" in parse:
        return pc.if_else(known, parse["true"], parse["false"]).cast(pa.string())
    if types.is_timestamp(known.type) and "format" in parse:
        coded = known.dictionary_encode()
        form, offset, min_digits = parse["format"], parse.get("offset", 0), parse.get("min_digits", 6)
        texts = pa.array(dates.format_dates(_micros(coded.dictionary), form, offset, min_digits), pa.string())
        return texts.take(coded.indices)
    if types.is_floating(known.type):
        values = known.cast(pa.float64()).to_numpy(zero_copy_only=False)
        return pa.array(numbers.format_floats(values, parse.get("decimals"), parse.get("min_decimals", 0)), pa.string())
    return known.cast(pa.string())


def _micros(known: "pa.Array") -> "np.ndarray":
    """Microseconds since 1970 (N,), also for the years that nanoseconds cannot hold."""
    import pyarrow as pa

    factor = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 0}[known.type.unit]
    ticks = known.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return ticks * factor if factor else ticks // 1_000
