"""Fill missing cells with draws from p(missing | observed): each hole gets a value its row makes likely.

Rows are filled `ROWS` at a time, whatever pieces they come in; each has its own holes, and all are weighed together
(see `complete` in `runs/draw`). A row's values are a function of (run, seed, the rows of its piece).

Source:
    Multiple imputation, Rubin (1987): a draw, not a mean, so that filled columns keep their spread.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from genwright.codecs.sequence import Sequence
from genwright.core.codec import Codec
from genwright.core.dataset import select
from genwright.core.errors import DataError, UnsupportedError
from genwright.core.given import is_of_strings
from genwright.core.model import Conditions
from genwright.core.records import Records
from genwright.core.rng import torch_generator
from genwright.core.schema import Column, Schema
from genwright.core.space import Batch, Category, Real, Tokens, Vectors, row_shape
from genwright.data.infer import infer
from genwright.data.missing import ALWAYS, is_token, trimmed
from genwright.data.read import read
from genwright.data.typed import readable, typed, untyped
from genwright.runs.draw import POOLED_ROWS, complete
from genwright.runs.frames import frame, gapped, known_flavour
from genwright.runs.run import Run

ROWS = 2_048  # rows filled at a time
NO_ITEMS = pa.list_(pa.null())  # the type of lists without one known step
FORMED = {"datetime": (), "boolean": ("true", "false")}  # kinds whose texts have a form; words of a truth value
TURNS = 4  # times that proposals are drawn for a row before its holes are filled without regard to its known cells


def impute(run: Run, rows: Any, *, seed: int = 0, flavour: Any = None) -> Any:
    """The rows with every missing cell of a modelled column filled.

    Args:
        run: A fitted run.
        rows: Records with columns of the run. A modelled column that is absent is appended and filled from top to
            bottom; columns that the run does not know or does not model pass through as they are.
        seed: Another seed gives another draw of the same quality: several make a multiple imputation.
        flavour: "pandas", "polars" or "arrow"; what `rows` is where it is not given.

    Returns:
        A frame with the same rows in the same order; known cells are as they were.

    Raises:
        DataError: the rows cannot be read, or share no column with the run.
        UnsupportedError: the family cannot condition on single cells.
    """
    known_flavour(flavour)
    records = read(rows)
    schema = filled_schema(run, records)
    pieces = [
        piece.table.select(schema.names) if records.is_text else _as_given(piece, schema)
        for piece in _pieces(run, records, schema, seed)
    ]
    table = pa.concat_tables(pieces, promote_options="permissive")
    table, with_gaps = (readable(table, schema, True), []) if records.is_text else (table, gapped(table, rows))
    found = frame(table, flavour or records.flavour, with_gaps)
    is_frame = type(rows).__name__ == "DataFrame" and (flavour or records.flavour) == "pandas"
    return _as_before(found, rows) if is_frame and records.flavour == "pandas" else found


def filled(run: Run, rows: Any, *, seed: int = 0, as_written: bool = False) -> Iterator[pa.Table]:
    """The same, streaming: Arrow tables of at most `ROWS` rows, with the columns of `filled_schema`.

    Args:
        run: As in `impute`.
        rows: The same.
        seed: The same.
        as_written: Columns of a text file are text, known cells letter for letter; without it, they are typed.
    """
    records = read(rows)
    schema = filled_schema(run, records)
    pieces = _pieces(run, records, schema, seed)
    is_text = as_written and records.is_text
    return (_as_given(piece, schema) if is_text else piece.table.select(schema.names) for piece in pieces)


def holes(table: pa.Table) -> Counter[str]:
    """Column → its cells that are missing still: of columns that the run does not model, nothing is known to fill them.

    Args:
        table: Of those that `filled` yields.
    """
    found: Counter[str] = Counter()
    for name, column in zip(table.column_names, table.columns, strict=True):
        n = column.null_count
        if pa.types.is_string(column.type):
            n += sum(pc.sum(is_token(trimmed(chunk), ALWAYS)).as_py() or 0 for chunk in column.chunks)
        if n:
            found[name] = n
    return found


def filled_schema(run: Run, rows: Any) -> Schema:
    """The columns that filled rows have: those of the rows in their order, then those of the run they lack.

    Dates and truth values that are text here, and were not in the data of the fit, are written as these rows have them.

    Raises:
        DataError: the rows share no column with the run.
        UnsupportedError: the family cannot condition on single cells.
    """
    if not isinstance(run.model, Conditions):
        raise UnsupportedError(f"{run.artefact.model_name} cannot fill cells: it cannot condition on single columns")
    records, known = read(rows), {c.name: c for c in run.schema}
    names, modelled = records.arrow_schema.names, run.artefact.codec.modelled
    if not set(names) & set(modelled):
        raise DataError(f"{records.name} has none of the run's columns {', '.join(modelled[:10])}; found {names[:10]}")
    there = set(names)
    absent = [name for name in modelled if name not in there]
    known |= _written_here(records, [known[name] for name in names if name in known])
    return Schema(tuple(known.get(name, Column(name, "text")) for name in [*names, *absent]))


def _written_here(records: Records, columns: list[Column]) -> dict[str, Column]:
    """Columns of dates and truth values with how the rows write them, where the run knows none of their forms."""
    texts = {f.name for f in records.arrow_schema if is_of_strings(f.type)}
    bare = [c for c in columns if c.kind in FORMED and c.name in texts and "parse" not in c.options]
    found: dict[str, Column] = {}
    for column in bare:
        with suppress(DataError):  # told, with its row, when the cells are read
            found[column.name] = infer(_only(records, column.name), {column.name: column.kind})[0][column.name]
    words = {
        name: [str(c.options["parse"].get(word)).lower() for word in FORMED["boolean"]] for name, c in found.items()
    }
    return {name: c for name, c in found.items() if c.kind != "boolean" or words[name] == ["true", "false"]}


def _only(records: Records, name: str) -> Records:
    """One of the columns."""
    return replace(
        records,
        arrow_schema=pa.schema([records.arrow_schema.field(name)]),
        open=lambda: (batch.select([name]) for batch in records.open()),
    )


@dataclass
class _Piece:
    """Some rows.

    Args:
        raw: As they came.
        table: Typed, with holes filled.
        is_hole: Modelled column → which of its cells were filled (B,).
    """

    raw: pa.Table
    table: pa.Table
    is_hole: dict[str, np.ndarray] = field(default_factory=dict)


def _pieces(run: Run, records: Records, schema: Schema, seed: int) -> Iterator[_Piece]:
    present = Schema(tuple(schema[c.name] for c in run.schema if c.name in set(records.arrow_schema.names)))
    raws, tables = _chunks(records.open()), _chunks(typed(records, present))
    for k, (raw, table) in enumerate(zip(raws, tables, strict=True)):
        others = [name for name in raw.column_names if name not in set(present.names)]
        for name in others:
            table = table.append_column(raw.schema.field(name), raw.column(name))
        table = _with_list_types(table, run)
        piece = _Piece(raw, table)
        _fill(run, piece, seed, k)
        yield piece


def _with_list_types(table: pa.Table, run: Run) -> pa.Table:
    """Lists whose own type does not tell of what they are, in the type that the run learnt."""
    for name in run.artefact.codec.modelled:
        codec = run.artefact.codec.codecs[name]
        if isinstance(codec, Sequence) and name in table.column_names and table.column(name).type == NO_ITEMS:
            table = table.set_column(table.column_names.index(name), name, table.column(name).cast(codec.type))
    return table


def _chunks(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The same rows in tables of `ROWS` rows; the last one may be shorter."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        n = sum(b.num_rows for b in waiting)
        if n < ROWS:
            continue
        table = pa.Table.from_batches(waiting)
        yield from (table.slice(start, ROWS) for start in range(0, n - ROWS + 1, ROWS))
        waiting = table.slice(n // ROWS * ROWS).to_batches()
    if any(b.num_rows for b in waiting):
        yield pa.Table.from_batches(waiting)


def _fill(run: Run, piece: _Piece, seed: int, k: int) -> None:
    """Fills the holes of the modelled columns of a piece, the k-th one."""
    codecs, n = run.artefact.codec.codecs, piece.raw.num_rows
    columns = dict(zip(piece.table.column_names, piece.table.columns, strict=True))
    for name in run.artefact.codec.modelled:
        nulls = columns[name].is_null().to_numpy() if name in columns else np.ones(n, bool)
        piece.is_hole[name] = nulls
    at = np.flatnonzero(np.any(list(piece.is_hole.values()), axis=0))
    if not len(at):
        return
    cells = {name: _encoded(columns.get(name), codecs[name], n)[at] for name in piece.is_hole}
    known = {name: torch.from_numpy(~hole[at]) for name, hole in piece.is_hole.items()}
    _draw(run, cells, known, seed, k)
    for name, hole in piece.is_hole.items():
        if hole.any():
            values = codecs[name].decode(cells[name][hole[at]])
            piece.table = _put(piece.table, name, hole, values)


def _encoded(column: pa.ChunkedArray | None, codec: Codec, n: int) -> torch.Tensor:
    """A column as a tensor (n, *event_shape), with any value in its holes."""
    if column is None or column.null_count == len(column):
        dtype = torch.float64 if isinstance(codec.field.support, Real | Vectors) else torch.int64
        return torch.zeros(n, *row_shape(codec.field), dtype=dtype)
    whole = column.fill_null(column.drop_null()[0]) if column.null_count else column
    return codec.encode(pa.concat_arrays(whole.chunks))


def _draw(run: Run, cells: Batch, known: Batch, seed: int, k: int) -> None:
    """Puts draws into the cells that are not known, in place."""
    missing_code = {name: _missing_code(run.artefact.codec.codecs[name]) for name in cells}

    def is_filled(rows: Batch) -> np.ndarray:
        return np.all([_is_there(rows[name], missing_code[name]) for name in cells], axis=0)

    for turn in range(TURNS):
        left = np.flatnonzero(~np.all([x.numpy() for x in known.values()], axis=0))
        for part in np.split(left, range(POOLED_ROWS, len(left), POOLED_ROWS)):
            if len(part):
                generator = torch_generator(seed, "impute", k, turn, int(part[0]))
                drawn = complete(run.model, select(cells, part), select(known, part), generator, is_filled)
                _keep(cells, known, part, drawn, missing_code)
    if not all(x.all() for x in known.values()):
        alone = run.model.sample(run.model.chunk, {}, torch_generator(seed, "impute", k, TURNS))
        _draw_alone(cells, known, alone, missing_code)


def _draw_alone(cells: Batch, known: Batch, alone: Batch, missing_code: dict[str, int | None]) -> None:
    """Takes what is still missing from rows drawn without regard to anything known."""
    for name in cells:
        left = np.flatnonzero(~known[name].numpy())
        donors = np.flatnonzero(_is_there(alone[name], missing_code[name]))
        if len(left) and len(donors):
            cells[name][left] = alone[name][donors[np.arange(len(left)) % len(donors)]]


def _keep(cells: Batch, known: Batch, part: np.ndarray, drawn: Batch, missing_code: dict[str, int | None]) -> None:
    """Takes over the drawn cells of the rows `part` that are not missing; from now on they are known."""
    for name, x in drawn.items():
        is_new = ~known[name][part].numpy() & _is_there(x, missing_code[name])
        cells[name][part[is_new]] = x[is_new]
        known[name][part[is_new]] = True


def _missing_code(codec: Codec) -> int | None:
    """The code of the missing value of a category column, if it has one; that which missing sequences begin with."""
    support = codec.field.support
    if isinstance(support, Tokens):
        with suppress(DataError):  # a tokenizer that was brought may know no missing texts
            return int(codec.encode(pa.nulls(1))[0, 0])
    if not isinstance(support, Category):
        return None
    is_null = codec.decode(torch.arange(support.n)).is_null().to_numpy(zero_copy_only=False)
    return int(np.flatnonzero(is_null)[0]) if is_null.any() else None


def _is_there(x: torch.Tensor, missing_code: int | None) -> np.ndarray:
    """Which values (B,) are not missing."""
    if x.is_floating_point():
        return (~x.isnan()).unsqueeze(1).flatten(1).any(1).numpy()
    if missing_code is None:
        return np.ones(len(x), bool)
    return ((x if x.dim() == 1 else x[:, 0]) != missing_code).numpy()


def _put(table: pa.Table, name: str, hole: np.ndarray, values: pa.Array) -> pa.Table:
    """The table with drawn values in the holes (B,) of a column, which keeps its type if they fit into it."""
    if name not in table.column_names:
        return table.append_column(name, values)
    old = pa.concat_arrays(table.column(name).chunks)
    if not pa.types.is_null(old.type):
        with suppress(pa.ArrowException):  # drawn fractions in a column of whole numbers: it becomes what is drawn
            values = values.cast(old.type)
    known = old.cast(values.type) if old.null_count < len(old) else pa.nulls(len(old), values.type)
    both = pa.concat_arrays([known, values])
    rows = np.where(hole, len(old) + np.cumsum(hole) - 1, np.arange(len(old)))
    return table.set_column(table.column_names.index(name), name, both.take(pa.array(rows)))


def _as_given(piece: _Piece, schema: Schema) -> pa.Table:
    """The rows as their user wrote them: only filled cells are new."""
    table = piece.table.select(schema.names)
    for i, name in enumerate(piece.raw.column_names):
        raw = piece.raw.column(name)
        hole = piece.is_hole.get(name)
        if hole is None:
            table = table.set_column(i, name, raw)
        elif is_of_strings(raw.type) and not pa.types.is_nested(table.column(name).type):
            texts = untyped(table.select([name]), Schema((schema[name],))).column(0).cast(raw.type)
            table = table.set_column(i, name, pc.if_else(pa.array(hole), texts, raw))
    return table


def _as_before(found: Any, rows: Any) -> Any:
    """A pandas frame with the index and, where values allow it, the types of the one it was made from."""
    import pandas as pd

    if [str(name) for name in rows.columns] != list(found.columns[: len(rows.columns)]):
        return found
    for i, name in enumerate(found.columns[: len(rows.columns)]):
        before = rows.dtypes.iloc[i]
        if isinstance(before, pd.CategoricalDtype):
            more = found[name].dropna().drop_duplicates()
            values = before.categories.append(pd.Index(more[~more.isin(before.categories)]))
            found[name] = found[name].astype(pd.CategoricalDtype(values, before.ordered))
        elif found[name].dtype != before and not found[name].isna().any():
            try:
                found[name] = found[name].astype(before)
            except (TypeError, ValueError):
                continue
    return found.set_axis(rows.index, axis=0)
