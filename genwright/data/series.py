"""A table whose rows are time steps, as sequences: one, or one for each value of a column.

Columns of numbers become the vectors of a sequence column `series`. Columns that only say when a step was (dates, ids,
numbers that rise evenly) are left out, and so are constant ones; any other column is refused by name. A single
sequence becomes two rows, a beginning to learn from and an end that is held out; sequences are cut into windows only
where asked.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genwright.core.errors import SchemaError
from genwright.core.records import Records
from genwright.core.schema import Column, Schema
from genwright.data.table import from_table
from genwright.data.typed import typed

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

log = logging.getLogger("genwright")
NAME = "series"
CLOCKS = ("id", "datetime")


@dataclass(frozen=True)
class Series:
    """How steps and rows of sequences belong together.

    Args:
        columns: The columns of numbers, as the table's schema has them.
        group: The column that tells sequences apart; None: there is one sequence.
        window: Longest passage; 0: not cut.
    """

    columns: tuple[Column, ...]
    group: Column | None = None
    window: int = 0

    @property
    def names(self) -> list[str]:
        """Names of the numbers of a step."""
        return [c.name for c in self.columns]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        group = Schema((self.group,)).to_json() if self.group else []
        return {"columns": Schema(self.columns).to_json(), "group": group, "window": self.window}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> "Series":
        """The inverse of `to_json`."""
        group = Schema.from_json(state["group"]).columns
        return cls(Schema.from_json(state["columns"]).columns, group[0] if group else None, state["window"])

    def steps(self, records: Records) -> "tuple[np.ndarray, np.ndarray]":
        """The numbers (N, D), NaN where missing, and which sequence each step belongs to (N,).

        Raises:
            DataError: a value is no number.
            SchemaError: a column is absent.
        """
        import numpy as np
        import pyarrow as pa

        wanted = (*self.columns, *([self.group] if self.group else []))
        table = pa.Table.from_batches(list(typed(records, Schema(wanted))))
        x = np.column_stack([_floats(table.column(c.name)) for c in self.columns])
        if self.group is None:
            return x, np.zeros(len(x), np.int64)
        coded = table.column(self.group.name).combine_chunks().dictionary_encode(null_encoding="encode")
        return x, coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)

    def rows(self, records: Records, held_out: float = 0.0) -> Records:
        """The table as rows of sequences; a single one is parted so that its end can be held out."""
        import pyarrow as pa

        x, owner = self.steps(records)
        lists = [part for piece in split_at(x, owner) for part in self._windows(piece)]
        if len(lists) == 1 and held_out and len(x) > 1:
            first = min(max(round((1 - held_out) * len(x)), 1), len(x) - 1)
            lists = [x[:first], x[first:]]
        return from_table(pa.table({NAME: as_lists(lists, len(self.columns))}), records.name)

    def _windows(self, piece: "np.ndarray") -> "list[np.ndarray]":
        size = self.window or max(len(piece), 1)
        return [piece[i : i + size] for i in range(0, len(piece), size)]

    def schema(self) -> Schema:
        """The schema of those rows."""
        split = None if self.group else "order"
        shown = f"{len(self.columns)} numbers a step" + (f", one sequence a {self.group.name}" if self.group else "")
        return Schema((Column(NAME, "sequence", {"names": self.names}, split, shown),))  # type: ignore[arg-type]

    def unrolled(self, table: "pa.Table", start: int = 0) -> "pa.Table":
        """Rows of sequences as a table of steps: `sequence`, counted from 1, and the columns of numbers."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        lists = table.column(NAME).combine_chunks()
        lengths = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
        steps = lists.flatten()
        flat = np.full((len(steps), len(self.columns)), np.nan)
        is_there = steps.is_valid().to_numpy(zero_copy_only=False)  # a step of which nothing is known is null itself
        known = steps.drop_null().flatten().to_numpy(zero_copy_only=False)
        flat[is_there] = known.reshape(-1, len(self.columns))
        found: dict[str, Any] = {"sequence": np.repeat(np.arange(len(lists)) + start + 1, lengths)}
        return pa.table(found | {c.name: _written(c, flat[:, i]) for i, c in enumerate(self.columns)})

    def all_unrolled(self, tables: "Iterable[pa.Table]") -> "Iterator[pa.Table]":
        """Tables of sequences, one below the other, as tables of steps."""
        start = 0
        for table in tables:
            yield self.unrolled(table, start)
            start += table.num_rows

    def unrolled_schema(self) -> Schema:
        """The schema of such a table of steps."""
        plain = (Column(c.name, "number") for c in self.columns)
        return Schema((Column("sequence", "number"), *plain))


def series_of(records: Records, schema: Schema, group: str = "", window: int = 0) -> Series | None:
    """How a table's rows are steps; None where it has sequences already.

    Raises:
        SchemaError: a column is neither numbers nor time, or none is left; says what to do.
        UnknownNameError: there is no such group.
    """
    if any(c.kind in ("sequence", "text") for c in schema):
        return None
    grouping = schema[group] if group else None
    rest = [c for c in schema if c.name != group]
    odd = [c for c in rest if c.kind not in ("number", "constant", *CLOCKS)]
    if odd:
        advice = f"drop it, or let it tell sequences apart with --set group={odd[0].name}"
        raise SchemaError(
            f"{records.name}: rows as time steps need numbers; {odd[0].name} is a {odd[0].kind}: {advice}"
        )
    numbers = tuple(c for c in rest if c.kind == "number")
    found = Series(numbers, grouping, window)
    clocks = _clocks(found, records) if len(numbers) > 1 else []
    left_out = [f"{c.name} (does not vary)" for c in rest if c.kind == "constant"]
    left_out += [f"{name} (tells which step it is)" for name in [c.name for c in rest if c.kind in CLOCKS] + clocks]
    if left_out:
        log.warning("%s: left out %s", records.name, ", ".join(left_out))
    numbers = tuple(c for c in numbers if c.name not in clocks)
    if not numbers:
        raise SchemaError(f"{records.name} has no column of numbers that vary; expected rows as time steps")
    return Series(numbers, grouping, window)


def _clocks(series: Series, records: Records) -> list[str]:
    """Numbers that rise evenly in every sequence."""
    import numpy as np

    x, owner = series.steps(records)
    steps = [np.diff(piece, axis=0) for piece in split_at(x, owner) if len(piece) > 2]
    found = []
    for i, name in enumerate(series.names):
        rises = np.concatenate([step[:, i] for step in steps]) if steps else np.zeros(0)
        is_even = len(rises) > 2 and rises[0] > 0 and bool((np.abs(rises - rises[0]) <= 1e-6 * rises[0]).all())
        if is_even:
            found.append(name)
    return found if len(found) < len(series.names) else []


def split_at(x: "np.ndarray", owner: "np.ndarray") -> "list[np.ndarray]":
    """The steps of every sequence, in the table's order."""
    import numpy as np

    order = np.argsort(owner, kind="stable")
    return np.split(x[order], np.cumsum(np.bincount(owner))[:-1])


def as_lists(pieces: "list[np.ndarray]", n_dims: int) -> "pa.Array":
    """Sequences (T, D) as lists of vectors; NaN is missing."""
    import numpy as np
    import pyarrow as pa

    offsets = pa.array(np.append(0, np.cumsum([len(p) for p in pieces])).astype(np.int32))
    flat = np.concatenate(pieces).ravel()
    numbers = pa.array(flat, mask=np.isnan(flat))
    return pa.ListArray.from_arrays(offsets, pa.FixedSizeListArray.from_arrays(numbers, n_dims))


def _floats(column: "pa.ChunkedArray") -> "np.ndarray":
    import pyarrow as pa

    return column.cast(pa.float64(), safe=False).to_numpy()


def _written(column: Column, x: "np.ndarray") -> "pa.Array":
    """Numbers as a file has them: whole ones where the data's were and these are."""
    import numpy as np
    import pyarrow as pa

    values = pa.array(x, mask=np.isnan(x))
    is_whole = column.options.get("parse", {}).get("type") == "int64" and bool((x[~np.isnan(x)] % 1 == 0).all())
    return values.cast(pa.int64()) if is_whole else values
