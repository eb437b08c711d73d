"""Arrow columns of every source, brought to the few types that the rest of genwright handles.

Kept: booleans, integers, floats, decimals, strings, dates, timestamps, dictionaries (a declared category).
Changed: other string layouts → string, half floats → float32, narrow decimals → 128 bits, run-end encoded → plain,
times of day and UUIDs → string, durations → whole numbers, structs → one column a member (`address.city`), lists that
are sequences → plain lists, others and maps → JSON text.
Pictures (picture_types.py) stay as they are; other binary values and calendar intervals are refused.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from genwright.core.errors import DataError
from genwright.data.lists import sequence_type, texts_of
from genwright.data.names import column_names
from genwright.data.picture_types import holds_files, is_bytes, is_file_with_path, tensor_shape

if TYPE_CHECKING:
    import pyarrow as pa


def plain_schema(schema: "pa.Schema", place: str) -> "pa.Schema":
    """The names and types that `plain` gives for batches of this schema.

    Raises:
        DataError: a column holds intervals; or there are no columns.
    """
    import pyarrow as pa

    empty = pa.RecordBatch.from_arrays([pa.nulls(0, t) for t in schema.types], names=[f"c{i}" for i in schema.types])
    names, arrays = _flat(empty.rename_columns([str(n) for n in schema.names]), place)
    if not names:
        raise DataError(f"{place} has no columns; expected at least one")
    types = [_plain(array, name, place).type for name, array in zip(names, arrays)]
    return pa.schema(list(zip(column_names(names, place), types)))


def plain(batches: "Iterable[pa.RecordBatch]", schema: "pa.Schema", place: str) -> "Iterator[pa.RecordBatch]":
    """The batches with the names and types of `plain_schema`.

    Raises:
        DataError: a column holds binary values that are no pictures.
    """
    import pyarrow as pa

    for i, batch in enumerate(batches):
        if not i:
            refuse_bytes(batch, place)
        names, arrays = _flat(batch, place)
        columns = [_plain(array, name, place) for name, array in zip(names, arrays)]
        columns = [c if c.type.equals(f.type) else c.cast(f.type) for c, f in zip(columns, schema)]
        if batch.num_rows:
            yield pa.RecordBatch.from_arrays(columns, schema=schema)


def refuse_bytes(batch: "pa.RecordBatch", place: str) -> None:
    """Refuses columns of binary values that are no pictures, by the first values of a batch.

    Raises:
        DataError: there is one.
    """
    for name, array in zip(*_flat(batch, place)):
        is_of_files = is_bytes(array.type) or is_file_with_path(array.type)
        if is_of_files and not holds_files(array):
            advice = "drop it or turn it into text or numbers first"
            raise DataError(f"{place}: column {name!r} holds binary values that are no pictures; {advice}")


def _flat(batch: "pa.RecordBatch", place: str) -> "tuple[list[str], list[pa.Array]]":
    """Names and arrays with structs taken apart, but for those of pictures."""
    import pyarrow as pa

    names: list[str] = []
    arrays: list[pa.Array] = []
    for name, array in zip(batch.schema.names, batch.columns):
        if isinstance(array.type, pa.UuidType):
            array = pa.array([None if value is None else str(value) for value in array.to_pylist()], pa.string())
        is_plain_extension = isinstance(array, pa.ExtensionArray) and tensor_shape(array.type) is None
        array = array.storage if is_plain_extension else array
        if not pa.types.is_struct(array.type) or is_file_with_path(array.type):
            names.append(name)
            arrays.append(array)
            continue
        members = [f"{name}.{f.name}" for f in array.type]
        inner_names, inner = _flat(pa.RecordBatch.from_arrays(array.flatten(), names=members), place)
        names += inner_names
        arrays += inner
    return names, arrays


def _plain(array: "pa.Array", name: str, place: str) -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    t, types = array.type, pa.types
    if types.is_run_end_encoded(t):
        return _plain(pc.run_end_decode(array), name, place)
    if tensor_shape(t) is not None or is_file_with_path(t):
        return array
    if is_bytes(t):
        return array if types.is_binary(t) or types.is_large_binary(t) else array.cast(pa.large_binary())
    if types.is_interval(t):
        raise DataError(f"{place}: column {name!r} holds calendar intervals; turn them into days or text first")
    if types.is_dictionary(t):
        return _plain_dictionary(array, name, place)
    if types.is_nested(t):
        kept = sequence_type(t)
        if kept is not None and types.is_list_view(t):  # Arrow's own cast loses the last offset before a missing list
            return pa.array(array.to_pylist(), kept)
        return pa.array(texts_of(array), pa.string()) if kept is None else array if kept == t else array.cast(kept)
    target = _target(t)
    if types.is_float16(t):
        return pa.array(array.to_numpy(zero_copy_only=False).astype("float32"), target, from_pandas=True)
    return array if target == t else array.cast(target)


def _target(t: "pa.DataType") -> "pa.DataType":
    """The type that stands for t."""
    import pyarrow as pa

    types = pa.types
    if types.is_large_string(t) or t == pa.string_view() or types.is_null(t) or types.is_time(t):
        return pa.string()
    if types.is_float16(t):
        return pa.float32()
    if types.is_decimal(t) and t.bit_width < 128:  # which Arrow cannot count
        return pa.decimal128(t.precision, t.scale)
    return pa.int64() if types.is_duration(t) else t


def _plain_dictionary(array: "pa.DictionaryArray", name: str, place: str) -> "pa.Array":
    """A declared category with 32-bit codes and values of a plain type."""
    import pyarrow as pa

    values = _plain(array.dictionary, name, place)
    return pa.DictionaryArray.from_arrays(array.indices.cast(pa.int32()), values)
