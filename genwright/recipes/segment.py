"""Which state is each step in? The most probable path of a hidden Markov model, with each state's probability.

    ẑ = argmax_z p(z | x)  (Viterbi),        p(z_t = ẑ_t | x)  (forward and backward)

A step whose probability is low lies between states; the path as a whole is still the most probable one.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import torch

from genwright.core.errors import DataError
from genwright.core.records import Records
from genwright.core.schema import Column, Schema
from genwright.core.space import Batch
from genwright.data.read import read
from genwright.data.series import Series, split_at
from genwright.data.typed import typed
from genwright.models.hmm import HMM
from genwright.runs.run import Run
from genwright.runs.states import encoded, hmm_of, state_names

STATE, PROBABILITY = "state", "probability"


def segment(run: Run, data: Any) -> pa.Table:
    """The steps of some data with their states.

    Args:
        run: Of an `hmm`.
        data: A path, a frame or a table, with the columns of the data of the fit. Sequences may be longer than those.

    Returns:
        One row a step. Of a table whose rows are steps: its columns, `state` and `probability`. Of a table with
        sequences: `row` and `step`, counted from 1, what stood there, `state` and `probability`.

    Raises:
        UnsupportedError: the run is of another family.
        DataError: a column is absent, or a value does not fit.
    """
    model, records = hmm_of(run), read(data)
    is_steps = run.series is not None and run.schema.names[0] not in records.arrow_schema.names
    if run.series is not None and is_steps:
        return _of_steps(run, model, run.series, records)
    return _of_rows(run, model, records)


def segment_schema(table: pa.Table) -> Schema:
    """How such a table is written."""
    return Schema(tuple(Column(name, "number" if name == PROBABILITY else "category") for name in table.column_names))


def _of_steps(run: Run, model: HMM, series: Series, records: Records) -> pa.Table:
    """A table whose rows are steps, in its own order."""
    x, owner = series.steps(records)
    pieces = split_at(x, owner)
    rows = np.full((len(pieces), max(map(len, pieces)), x.shape[1]), np.inf)
    for row, piece in zip(rows, pieces, strict=True):
        row[: len(piece)] = piece
    states, share = _states(model, {run.schema.names[0]: torch.from_numpy(rows)})
    order = np.argsort(owner, kind="stable")
    inside = states >= 0
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    table = pa.Table.from_batches(list(records.open()))
    return _with_states(table, run, states[inside][back], share[inside][back])


def _of_rows(run: Run, model: HMM, records: Records) -> pa.Table:
    """A table with sequences, unrolled."""
    names = list(model.space)
    absent = [n for n in names if n not in records.arrow_schema.names and n != model.tags]
    if absent:
        raise DataError(f"{records.name} has no column {absent[0]!r}, which the run looks at")
    names = [n for n in names if n in records.arrow_schema.names]
    table = pa.Table.from_batches(list(typed(records, Schema(tuple(run.schema[n] for n in names)))))
    states, share = _states(model, encoded(run, table))
    inside = states >= 0
    row, step = np.nonzero(inside)
    found: dict[str, Any] = {"row": row + 1, "step": step + 1}
    for name in names:
        lists = table.column(name).to_pylist()
        found[name] = pa.array([(lists[i] or [])[t] if lists[i] else None for i, t in zip(row.tolist(), step.tolist())])
    return _with_states(pa.table(found), run, states[inside], share[inside])


def _states(model: HMM, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """States of the most probable paths and their posterior probabilities, both (B, T); −1 behind the end."""
    states, _ = model.best_paths(batch)
    gamma = model.posteriors(batch)
    return states, np.take_along_axis(gamma, np.maximum(states, 0)[:, :, None], 2)[:, :, 0]


def _with_states(table: pa.Table, run: Run, states: np.ndarray, share: np.ndarray) -> pa.Table:
    names = state_names(run)
    column = pa.array([names[k] for k in states.tolist()], pa.string())
    if all(name.isdigit() for name in names):
        column = column.cast(pa.int64())
    for name, values in ((STATE, column), (PROBABILITY, pa.array(np.round(share, 6)))):
        free = name if name not in table.column_names else f"{name}_of_run"
        table = table.append_column(free, values)
    return table
