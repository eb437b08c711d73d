"""A schema for a reader at a terminal: each column with its kind, what is missing, and why it is taken so."""

from typing import TYPE_CHECKING

from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.table import short
from genwright.core.schema import Column, Schema

if TYPE_CHECKING:
    from genwright.data.stats import ColumnStats, Stats

MOST = 60  # columns that are shown beside something else
NO_TIME = (".000000", " 00:00:00")  # left away where a column of dates begins and ends so
N_TOP = 3  # frequent values that are shown


def show_schema(
    screen: Screen, schema: Schema, stats: "Stats | None" = None, most: int = MOST, with_values: bool = False
) -> None:
    """The columns as a table.

    Args:
        screen: Where to.
        schema: The columns.
        stats: Facts about them, where they are at hand.
        most: Columns that are shown; the others are counted.
        with_values: Also say from where to where, or which values are frequent.
    """
    found = {column.name: column for column in stats or ()}
    counts = ("missing", "distinct") if stats else ()
    values = ("values",) if stats and with_values else ()

    def row(column: Column) -> tuple[str, ...]:
        facts = found.get(column.name)
        counted = _counts(facts)[: len(counts)]
        return short(column.name), column.kind, *counted, *(_values(facts) for _ in values), column.why

    columns = list(schema)
    screen.table(("column", "kind", *counts, *values, "why"), [row(c) for c in columns[:most]], counts)
    if len(columns) > most:
        screen.more(f"… and {len(columns) - most:,} more columns; genwright show lists all\n")


def _counts(facts: "ColumnStats | None") -> tuple[str, str]:
    if facts is None:
        return "–", "–"
    return f"{facts.missing:,}", f"{'' if facts.is_exact else '≥ '}{facts.distinct:,}"


def _values(facts: "ColumnStats | None") -> str:
    """From where to where, or the most frequent values with their share."""
    if facts is None:
        return ""
    if facts.low is not None:
        mean = "" if facts.mean is None else f", mean {_shown(facts.mean)}"
        ends = (_shown(facts.low), _shown(facts.high))
        for nothing in NO_TIME:
            if all(end.endswith(nothing) for end in ends):
                ends = (ends[0].removesuffix(nothing), ends[1].removesuffix(nothing))
        return f"{' … '.join(ends)}{mean}"
    if facts.n_characters is not None:
        return f"{facts.n_characters:,} characters"
    known = max(facts.n - facts.missing, 1)
    top = [f"{short(value)} {n / known:.0%}" for value, n in facts.top[:N_TOP] if n > 1]
    return ", ".join(top)


def _shown(value: float | str | None) -> str:
    from genwright.report.words import quantity

    return str(value) if isinstance(value, str) else quantity(value)  # type: ignore[arg-type]
