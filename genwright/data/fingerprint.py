"""A fingerprint of records: SHA-256 over column names, types and values, whatever the chunks they come in.

Each column feeds three running hashes: which rows are missing, the lengths of its strings, its values; lists feed two
more, which of them are missing and how long they are. Missing rows count as empty, so what lies behind them in memory
does not matter. Of pictures with their paths the pictures alone count.
"""

import hashlib
from typing import TYPE_CHECKING

from genwright.core.records import Records
from genwright.data.lists import flat_streams, is_list

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


class Fingerprint:
    """A running fingerprint; `update` with batch after batch, then `hexdigest`.

    Args:
        schema: Names and types of the batches.
    """

    def __init__(self, schema: "pa.Schema"):
        self.schema = schema
        self.hashes = [[hashlib.sha256() for _ in range(3 + 2 * _depth(f.type))] for f in schema]

    def update(self, batch: "pa.RecordBatch") -> None:
        """Takes in some rows."""
        for hashes, column in zip(self.hashes, batch.columns):
            for running, data in zip(hashes, _streams(column)):
                running.update(data)

    def hexdigest(self) -> str:
        """The fingerprint of all rows so far."""
        whole = hashlib.sha256()
        for field, hashes in zip(self.schema, self.hashes):
            whole.update(repr((field.name, str(_canonical(field.type)))).encode())
            for running in hashes:
                whole.update(running.digest())
        return whole.hexdigest()


def fingerprint(records: Records) -> str:
    """The fingerprint of records, in one pass."""
    running = Fingerprint(records.arrow_schema)
    for batch in records.open():
        running.update(batch)
    return running.hexdigest()


def _depth(kind: "pa.DataType") -> int:
    """Levels of lists in each other."""
    return 1 + _depth(kind.value_type) if is_list(kind) else 0


def _canonical(kind: "pa.DataType") -> "pa.DataType":
    """Layouts of the same values count as one type."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _canonical(kind.value_type)
    if is_list(kind):  # Parquet calls the items of a list by another name than Arrow
        size = kind.list_size if pa.types.is_fixed_size_list(kind) else -1
        return pa.list_(_canonical(kind.value_type), size)
    if isinstance(kind, pa.FixedShapeTensorType):
        return pa.fixed_shape_tensor(kind.value_type, kind.shape)
    if pa.types.is_large_binary(kind) or pa.types.is_struct(kind):
        return pa.binary()
    return pa.string() if pa.types.is_large_string(kind) or pa.types.is_decimal(kind) else kind


def _streams(column: "pa.Array") -> "list[np.ndarray]":
    """(missing rows, string lengths, values) as bytes."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_struct(column.type):
        column = pc.struct_field(column, "bytes")
    if is_list(column.type):
        outer, items = flat_streams(column)
        return [*outer, *_streams(items)]
    is_valid = column.is_valid().to_numpy(zero_copy_only=False).astype(np.uint8)
    if _is_fixed(column.type):
        return [is_valid, np.empty(0, np.uint8), np.ascontiguousarray(_fixed(column))]
    if isinstance(column, pa.FixedShapeTensorArray):
        return [is_valid, np.empty(0, np.uint8), np.asarray(column.storage.drop_null().flatten())]
    is_binary = pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)
    texts = column.cast(pa.large_binary() if is_binary else pa.large_string()).fill_null(b"" if is_binary else "")
    _, offsets_buffer, data = texts.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    values = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    return [is_valid, np.diff(offsets), values[offsets[0] : offsets[-1]] if len(texts) else values[:0]]


def _is_fixed(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    types = pa.types
    return types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_temporal(kind)


def _fixed(column: "pa.Array") -> "np.ndarray":
    """Values with zeros where they are missing."""
    import pyarrow as pa

    if pa.types.is_temporal(column.type):
        column = column.cast(pa.int32() if column.type.bit_width == 32 else pa.int64())
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    return column.fill_null(0).to_numpy(zero_copy_only=False)
