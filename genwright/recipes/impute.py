"""Fill missing cells with draws from p(missing | observed): each hole gets a value its row makes likely.

Source:
    Multiple imputation, Rubin (1987): a draw, not a mean, so that filled columns keep their spread.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from genwright.core.dataset import select
from genwright.core.errors import UnsupportedError
from genwright.core.model import Conditions
from genwright.core.rng import torch_generator
from genwright.core.space import Batch, Category
from genwright.data.read import read
from genwright.data.typed import readable, typed
from genwright.runs.draw import complete
from genwright.runs.run import Run, frame

ROWS = 2_048  # rows filled at a time


def impute(run: Run, rows: Any, *, seed: int = 0, flavour: Any = None) -> Any:
    """The rows with every missing cell of a modelled column filled.

    Args:
        run: A fitted run.
        rows: Records with the run's columns; a column may be absent, then it is filled from top to bottom.
        seed: Another seed gives another draw of the same quality: several make a multiple imputation.
        flavour: "pandas", "polars" or "arrow"; what `rows` is where it is not given.

    Returns:
        A frame with the same rows in the same order.

    Raises:
        DataError: the rows cannot be read.
        UnsupportedError: the family cannot condition on single cells.
    """
    records = read(rows)
    table = readable(pa.concat_tables(list(filled(run, rows, seed=seed))), run.schema, records.is_text)
    return frame(table, flavour or records.flavour)


def filled(run: Run, rows: Any, *, seed: int = 0) -> Iterator[pa.Table]:
    """The same, streaming: one Arrow table for every chunk of rows."""
    if not isinstance(run.model, Conditions):
        raise UnsupportedError(f"{run.artefact.model_name} cannot fill cells: it cannot condition on single columns")
    records = read(rows)
    turn = 0
    for batch in typed(records, run.schema):
        for start in range(0, batch.num_rows, ROWS):
            yield _fill(run, pa.Table.from_batches([batch.slice(start, ROWS)]), seed, turn)
            turn += 1


def _fill(run: Run, table: pa.Table, seed: int, turn: int) -> pa.Table:
    codec = run.artefact.codec
    names = [n for n in codec.modelled if n in table.column_names]
    absent = [n for n in codec.modelled if n not in table.column_names]
    is_hole = np.stack(
        [table.column(n).is_null(nan_is_null=True).to_numpy() for n in names]
        + [np.ones(table.num_rows, bool) for _ in absent],
        axis=1,
    )  # (B, D)
    known = codec.encode(table, names)
    patterns, which = np.unique(is_hole, axis=0, return_inverse=True)
    for i, pattern in enumerate(patterns):
        if not pattern.any():
            continue
        at = np.flatnonzero(which.reshape(-1) == i)
        holes = [n for n, hole in zip(names + absent, pattern, strict=True) if hole]
        given = {n: x[at] for n, x in known.items() if n not in holes}
        draws = _draw(run, given, len(at), holes, torch_generator(seed, "impute", turn, i))
        table = _put(table, codec, draws, holes, at)
    return table.select([n for n in codec.schema.names if n in table.column_names])


def _draw(run: Run, given: Batch, n: int, holes: list[str], generator: torch.Generator) -> Batch:
    if not given:
        return run.model.sample(n, {}, generator)
    missing_code = {name: _missing_code(run, name) for name in holes}

    def is_filled(rows: Batch) -> np.ndarray:
        return np.all([_is_known(rows[name], missing_code[name]) for name in holes], axis=0)

    rows, _ = complete(run.model, given, generator, is_filled)
    return select(rows, slice(None))


def _missing_code(run: Run, name: str) -> int | None:
    """The code of the missing value of a category column, if it has one."""
    codec = run.artefact.codec.codecs[name]
    support = codec.field.support
    if not isinstance(support, Category):
        return None
    is_null = codec.decode(torch.arange(support.n)).is_null().to_numpy(zero_copy_only=False)
    return int(np.flatnonzero(is_null)[0]) if is_null.any() else None


def _is_known(x: torch.Tensor, missing_code: int | None) -> np.ndarray:
    return ~x.isnan().numpy() if x.is_floating_point() else (x != missing_code).numpy()


def _put(table: pa.Table, codec: Any, draws: Batch, holes: list[str], at: np.ndarray) -> pa.Table:
    """The table with the drawn values in the holes of the rows `at`."""
    for name in holes:
        values = codec.codecs[name].decode(draws[name])
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows, values.type))
        old = table.column(name).combine_chunks()
        index = np.arange(len(old))
        index[at] = len(old) + np.arange(len(at))
        both = pa.concat_arrays([old.cast(values.type), values])
        table = table.set_column(table.column_names.index(name), name, both.take(pa.array(index)))
    return table
