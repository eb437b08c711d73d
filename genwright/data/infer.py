"""The schema of some records and plain facts about each column, found in one pass over all rows in bounded memory.

The rules stand in decide.py, how missing values are told in missing.py. Distinct values are counted exactly up to
100,000 a column; in tables of more than 50 columns the limit shrinks, so that all columns together keep 5 million.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from genwright.core.config import check_mapping
from genwright.core.errors import DataError, SchemaError, UnknownNameError, quoted
from genwright.core.records import Records
from genwright.core.schema import Column, Schema, check_kind, in_words
from genwright.data.decide import Facts, as_class, decide_text, decide_typed, forced, is_day_month_open
from genwright.data.lists import ListColumn, is_list
from genwright.data.marks import has_own_null, mark_of
from genwright.data.observe import TextColumn, TypedColumn
from genwright.data.picture_column import PictureColumn
from genwright.data.picture_types import is_picture_type
from genwright.data.read import read
from genwright.data.stats import ColumnStats, Stats

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("genwright")
MAX_DISTINCT, MAX_DISTINCT_TOTAL, MAX_MARKED = 100_000, 5_000_000, 1_000
PICTURE_KINDS = ("image", "omitted")  # kinds that a column of pictures can have
N_TOP, SHOWN = 10, 200  # frequent values that are told, and characters of a text among them


def infer(data: Any, kinds: Mapping[str, str] | None = None) -> tuple[Schema, Stats]:
    """Kind and facts of every column.

    Args:
        data: Records, or what `read` makes records of: a path, a frame, a table, an array. Read once, to the end.
        kinds: Kinds that the user sets, by column name.

    Raises:
        DataError: the rows cannot be read, or a column cannot be read as the kind that was set.
        UnknownNameError: `kinds` names a column or a kind that does not exist.
        SchemaError: `kinds` names a kind that is not modelled yet.
        ConfigError: `kinds` is no mapping.
    """
    check_mapping(kinds or {}, "kinds", '{"zip": "category"}')
    records, kinds = read(data), dict(kinds or {})
    for name, kind in kinds.items():
        if name not in records.arrow_schema.names:
            raise UnknownNameError(name, records.arrow_schema.names, f"the columns of {records.name}")
        check_kind(kind, name)
    facts, n_rows = _observe(records)
    columns = [_decide(records, field, facts[field.name], kinds.get(field.name)) for field in records.arrow_schema]
    if any(column.kind == "image" for column in columns):
        columns = [c if c.name in kinds else as_class(c, facts[c.name]) for c in columns]
    for column in columns:
        _note(records, column, facts[column.name])
    return Schema(tuple(columns)), Stats(n_rows, tuple(_stats(c, facts[c.name]) for c in columns))


def _observe(records: Records) -> tuple[dict[str, Facts], int]:
    """One pass over the rows."""
    fields = list(records.arrow_schema)
    limit = max(1_000, min(MAX_DISTINCT, MAX_DISTINCT_TOTAL // max(len(fields), 1)))
    facts: dict[str, Facts] = {f.name: _facts(f, limit) for f in fields}
    n_rows = 0
    for batch in records.open():
        for name, column in zip(batch.schema.names, batch.columns):
            try:
                facts[name].add(column, n_rows)
            except DataError as error:
                raise DataError(f"{records.name}: column {name!r}, {error}") from None
        n_rows += batch.num_rows
    if not n_rows:
        raise DataError(f"{records.name} has no rows; expected at least one")
    return facts, n_rows


def _facts(field: "pa.Field", limit: int) -> Facts:
    """Empty facts; passages are long, so that fewer are kept."""
    if is_picture_type(field.type):
        return PictureColumn(limit)
    if not _is_text(field):
        return ListColumn(limit) if is_list(field.type) else TypedColumn(limit)
    mark = mark_of(field)
    return TextColumn(limit if mark is None or mark.split is None else MAX_MARKED)


def _is_text(field: "pa.Field") -> bool:
    import pyarrow as pa

    return pa.types.is_string(field.type)


def _decide(records: Records, field: "pa.Field", facts: Facts, kind: str | None) -> Column:
    mark = mark_of(field)
    if isinstance(facts, TypedColumn):
        column = mark or decide_typed(field.name, facts, field.type)
        return column if kind is None else _set_typed(records, field, column, kind)
    if mark is not None and (kind == mark.kind or (kind is None and not _is_numbers(facts))):
        return mark
    if kind is None:
        return _as_written(field, decide_text(field.name, facts))
    column_or_none = forced(field.name, kind, facts)
    if kind == "image":
        advice = (
            "to read pictures by their paths, name the folder that they are in, with the table in it as metadata.csv"
        )
        raise SchemaError(f"{records.name}: column {field.name!r} holds text, so it cannot be an image; {advice}")
    if column_or_none is None:
        raise DataError(f"{records.name}: column {field.name!r} cannot be a {kind}: {_obstacle(facts, kind)}")
    return _as_written(field, column_or_none)


def _as_written(field: "pa.Field", column: Column) -> Column:
    """The column, in which no text stands for a missing one where the source has its own way to say that."""
    if column.kind != "text" or not has_own_null(field):
        return column
    return replace(column, options={**column.options, "parse": {"verbatim": True}})


def _is_numbers(facts: TextColumn) -> bool:
    """Whether the lines of a text are numbers, one and all, and more than one."""
    return facts.n > 1 and facts.numbers.n + facts.n_missing == facts.n and facts.numbers.is_alive


def _set_typed(records: Records, field: "pa.Field", column: Column, kind: str) -> Column:
    import pyarrow as pa

    from genwright.data.observe import is_numeric

    possible = {"number": is_numeric(field.type), "datetime": pa.types.is_temporal(field.type)}
    possible["sequence"] = is_list(field.type)
    possible["image"] = is_picture_type(field.type)
    if not possible.get(kind, True) or (possible["image"] and kind not in PICTURE_KINDS):
        raise SchemaError(
            f"{records.name}: column {field.name!r} holds {in_words(field.type)}, so it cannot be a {kind}"
        )
    return Column(column.name, kind, why="set by the user")


def _obstacle(facts: TextColumn, kind: str) -> str:
    if kind == "number" and facts.numbers.first_odd:
        row, word = facts.numbers.first_odd
        return f"row {row} holds {quoted(word)}; mend the value, or set the kind to category"
    if kind == "datetime":
        some = [value for value, _ in facts.counter.top(3)]
        return f"no one format fits all of its values, such as {some}; write dates as 2024-12-31"
    if kind == "boolean":
        return f"it has {facts.counter.n_distinct} different values; expected two"
    return "none of its values is one"


def _note(records: Records, column: Column, facts: Facts) -> None:
    """Tells what a user should know about the choice."""
    where = f"{records.name}: column {column.name!r}"
    if isinstance(facts, TypedColumn):
        return
    if column.kind == "number" and facts.numbers.first_odd:
        row, word = facts.numbers.first_odd
        n = facts.numbers.n_odd
        log.warning("%s: %d values are no numbers and count as missing, the first is %r in row %d", where, n, word, row)
    if column.kind == "datetime" and is_day_month_open(facts):
        order = "month first" if facts.dates.alive and "m" in facts.dates.alive[0][:3] else "day first"
        log.warning("%s: day and month could be either way round; read %s", where, order)
    if any(word in column.why for word in ("commas", "leading zeros", "the others", "unit or colon")):
        log.warning("%s: %s", where, column.why)


def _stats(column: Column, facts: Facts) -> ColumnStats:
    """The facts, with values as text."""
    n_missing, counter = facts.n_missing, facts.counter
    top = tuple((str(value), count) for value, count in counter.top(N_TOP))
    low: float | str | None = None
    high: float | str | None = None
    mean = None
    if isinstance(facts, TypedColumn):
        numbers = facts.moments.summary()
        low, high = facts.range or (None, None)
        top = () if facts.range else top
    else:
        numbers = facts.numbers.moments.summary() if column.kind == "number" else None
        n_missing += _n_words_missing(column, facts)
        low, high = _date_range(column, facts)
    if numbers:
        low, high, mean = numbers
    n_distinct = counter.n_distinct
    if isinstance(facts, TextColumn) and column.options.get("parse", {}).get("verbatim"):
        n_missing, n_distinct = n_missing - facts.tokens.total(), n_distinct + len(facts.tokens)
    if isinstance(facts, PictureColumn):
        top = facts.top(N_TOP)
    found = ColumnStats(column.name, facts.n, n_missing, n_distinct, counter.is_exact, low, high, mean, top)
    if column.kind != "text" or isinstance(facts, TypedColumn):
        return found
    short = tuple((value if len(value) <= SHOWN else value[:SHOWN] + "…", count) for value, count in top)
    return replace(found, top=short, n_characters=facts.n_written)


def _n_words_missing(column: Column, facts: TextColumn) -> int:
    """Words that count as missing only because of the column's kind."""
    if column.kind not in ("number", "datetime"):
        return 0
    return sum(facts.unclear.values()) + (facts.numbers.n_odd if column.kind == "number" else 0)


def _date_range(column: Column, facts: TextColumn) -> tuple[str | None, str | None]:
    import numpy as np

    from genwright.data.dates import format_dates

    if column.kind != "datetime":
        return None, None
    parse = column.options["parse"]
    ends = np.array(facts.dates.range[parse["format"]])
    first, last = format_dates(ends, parse["format"], parse.get("offset", 0), parse.get("min_digits", 6))
    return first, last
