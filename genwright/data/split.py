"""Which rows are held out: a pure function of (seed, row), so that a stream is split without being read twice.

- By row: up to 100,000 rows an exact share of a seeded permutation; beyond, row i by a hash of (seed, i), the first
  row always learnt from and the last always held out.
- By time, where a column's `split` says "time": the latest share; rows of the same moment stay together, rows without
  a time are learnt from. The column may be left out of the model.
- By group, where it says "group": whole values by a hash of (seed, value), an exact share of the values.
- In order, where it says "order": the last share of the rows, as the end of a running text is held out.

From two rows (moments, groups) on, at least one is on each side. A share of 0 holds nothing out.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from genwright.core.config import check_share
from genwright.core.errors import DataError, SchemaError
from genwright.core.records import Records
from genwright.core.rng import derive, numpy_generator
from genwright.core.schema import Column, Schema
from genwright.data.typed import typed, typed_table

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

HeldOut = Callable[["pa.RecordBatch", int], "np.ndarray"]  # (typed batch, number of its first row) → (B,) booleans
MAX_EXACT = 100_000


def split(records: Records, schema: Schema, n_rows: int, share: float = 0.2, seed: int = 0) -> HeldOut:
    """The function that tells which rows of a typed batch are held out.

    Args:
        records: Read only where a column's `split` asks for it.
        schema: At most one of its columns may have a `split`.
        n_rows: Number of rows, as `Stats` has it.
        share: Of the rows to hold out, from 0 up to but not including 1.
        seed: Another seed holds out other rows.

    Raises:
        ConfigError: the share is out of range.
        SchemaError: two columns have a `split`, or a time column that is neither number nor datetime.
        DataError: there is only one moment or one group.
    """
    check_share(share)
    by = [column for column in schema if column.split]
    if len(by) > 1:
        raise SchemaError(f"columns {by[0].name!r} and {by[1].name!r} both have a split; keep one")
    if share == 0 or n_rows < 2:
        return _nothing
    if not by:
        return by_row(n_rows, share, seed)
    if by[0].split == "order":
        return _in_order(n_rows, share)
    return (_by_time if by[0].split == "time" else _by_group)(records, by[0], share, seed)


def by_row(n_rows: int, share: float, seed: int) -> HeldOut:
    """Rows at random."""
    import numpy as np

    if n_rows > MAX_EXACT:
        return lambda batch, first: _hashed(np.arange(first, first + batch.num_rows), n_rows, share, seed)
    n_held_out = min(max(round(share * n_rows), 1), n_rows - 1)
    mask = np.zeros(n_rows, dtype=bool)
    mask[numpy_generator(seed, "split").permutation(n_rows)[:n_held_out]] = True
    return lambda batch, first: mask[first : first + batch.num_rows]


def _in_order(n_rows: int, share: float) -> HeldOut:
    import numpy as np

    start = n_rows - min(max(round(share * n_rows), 1), n_rows - 1)
    return lambda batch, first: np.arange(first, first + batch.num_rows) >= start


def _nothing(batch: "pa.RecordBatch", first: int) -> "np.ndarray":
    import numpy as np

    return np.zeros(batch.num_rows, dtype=bool)


def _hashed(rows: "np.ndarray", n_rows: int, share: float, seed: int) -> "np.ndarray":
    """SplitMix64 (Steele, Lea and Flood, 2014, https://doi.org/10.1145/2660193.2660195) of seed and row (B,)."""
    import numpy as np

    z = np.uint64(derive(seed, "split")) + (rows.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    held_out = (z >> np.uint64(11)).astype(np.float64) / 2**53 < share
    return np.where(rows == 0, False, np.where(rows == n_rows - 1, True, held_out))


def _by_time(records: Records, column: Column, share: float, seed: int) -> HeldOut:
    import numpy as np

    if column.kind == "omitted" and "format" in column.options.get("parse", {}):
        column = replace(column, kind="datetime")
    times = np.concatenate([_ticks(batch.column(0), column) for batch in typed(records, Schema((column,)))])
    moments, counts = np.unique(times[~np.isnan(times)], return_counts=True)
    if len(moments) < 2:
        raise DataError(f"column {column.name!r} has {len(moments)} different times; a split by time needs two")
    later = counts[::-1].cumsum()[::-1]  # rows at this moment or after it
    start = int(np.abs(later - share * len(times))[1:].argmin()) + 1
    return lambda batch, first: _ticks(_values(batch, column), column) >= moments[start]


def _values(batch: "pa.RecordBatch", column: Column) -> "pa.Array":
    """The column's values as its kind has them; those of a column that a family leaves out come as text."""
    import pyarrow as pa

    values = batch.column(column.name)
    if column.kind not in ("datetime", "boolean") or not pa.types.is_string(values.type):
        return values
    return typed_table(pa.table({column.name: values}), Schema((column,))).column(0).combine_chunks()


def _ticks(values: "pa.Array", column: Column) -> "np.ndarray":
    """Times as float64 (B,), NaN where missing."""
    import pyarrow as pa

    from genwright.data.observe import is_numeric

    if pa.types.is_temporal(values.type):
        values = values.cast(pa.int32() if values.type.bit_width == 32 else pa.int64())
    elif not is_numeric(values.type):
        what = f"column {column.name!r} is of kind {column.kind}"
        raise SchemaError(f"{what}; a split by time needs a datetime or a number: set its kind, or drop its split")
    return values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)


def _by_group(records: Records, column: Column, share: float, seed: int) -> HeldOut:
    import numpy as np

    key = derive(seed, "split").to_bytes(8, "little")
    groups = np.array([], dtype=np.uint64)
    for batch in typed(records, Schema((column,))):
        groups = np.union1d(groups, _group_hashes(batch.column(0), key))
    if len(groups) < 2:
        raise DataError(f"column {column.name!r} has {len(groups)} group; a split by group needs two")
    last = groups[min(max(round(share * len(groups)), 1), len(groups) - 1) - 1]
    return lambda batch, first: _group_hashes(_values(batch, column), key) <= last


def _group_hashes(values: "pa.Array", key: bytes) -> "np.ndarray":
    """A 64-bit hash of every value (B,); missing is a group of its own."""
    import numpy as np

    coded = values.dictionary_encode(null_encoding="encode")
    texts = [_written(value).encode() for value in coded.dictionary]
    hashes = [int.from_bytes(hashlib.blake2b(t, digest_size=8, key=key).digest(), "little") for t in texts]
    return np.array(hashes, dtype=np.uint64)[coded.indices.to_numpy(zero_copy_only=False)]


def _written(value: "pa.Scalar") -> str:
    """A value as text; moments that Python has no object for by their number."""
    try:
        return repr(value.as_py())
    except (OverflowError, ValueError):
        return repr(value.value)
