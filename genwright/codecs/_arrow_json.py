"""Arrow types and values as plain JSON and back, to the last bit.

A type is written as Arrow prints it (`timestamp[us, tz=UTC]`, `decimal128(10, 2)`). Values are written as text, so
that integers beyond 2^53, decimals, NaN, bytes and instants come back exactly; what has no text form (lists, structs)
is kept as an Arrow stream in base64.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from genwright.core.errors import DataError

_ALIASES = {
    **{str(t): t for t in (pa.null(), pa.bool_(), pa.string(), pa.large_string(), pa.binary(), pa.large_binary())},
    **{str(t): t for t in (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float16(), pa.float32(), pa.float64())},
    **{str(t): t for t in (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64(), pa.string_view(), pa.binary_view())},
    **{str(t): t for t in (pa.date32(), pa.date64(), pa.time32("s"), pa.time32("ms"), pa.time64("us"))},
    **{str(t): t for t in (pa.time64("ns"), *(pa.duration(u) for u in ("s", "ms", "us", "ns")))},
}


def type_to_text(kind: pa.DataType) -> str:
    """The type's name; a base64 schema where the name does not tell everything."""
    if _parse(str(kind)) == kind:
        return str(kind)
    schema = pa.schema([pa.field("x", kind)])
    return "ipc:" + base64.b64encode(schema.serialize().to_pybytes()).decode()


def type_from_text(text: str) -> pa.DataType:
    """The inverse of `type_to_text`.

    Raises:
        DataError: not a type.
    """
    if text.startswith("ipc:"):
        return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text[4:]))).field(0).type
    kind = _parse(text)
    if kind is None:
        raise DataError(f"{text!r} is not an Arrow type; the codec's state is damaged or of a later version")
    return kind


def _parse(text: str) -> pa.DataType | None:
    if text in _ALIASES:
        return _ALIASES[text]
    if match := re.fullmatch(r"timestamp\[(s|ms|us|ns)(?:, tz=(.+))?\]", text):
        return pa.timestamp(match[1], match[2])
    if match := re.fullmatch(r"fixed_size_binary\[(\d+)\]", text):
        return pa.binary(int(match[1]))
    if match := re.fullmatch(r"(decimal\d+)\((\d+), (-?\d+)\)", text):
        return getattr(pa, match[1])(int(match[2]), int(match[3]))
    return None


def array_to_json(values: pa.Array) -> dict[str, Any]:
    """Type and values as plain JSON."""
    kind = values.type
    if _parse(str(kind)) != kind:
        return {"ipc": base64.b64encode(_stream(values)).decode()}
    return {"type": str(kind), "values": _to_text(values)}


def array_from_json(state: Mapping[str, Any]) -> pa.Array:
    """The inverse of `array_to_json`."""
    if "ipc" in state:
        with pa.ipc.open_stream(base64.b64decode(state["ipc"])) as reader:
            return reader.read_all().column(0).combine_chunks()
    return _from_text(state["values"], type_from_text(state["type"]))


def _stream(values: pa.Array) -> bytes:
    sink = pa.BufferOutputStream()
    batch = pa.record_batch([values], names=["x"])
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def _is_binary(kind: pa.DataType) -> bool:
    t = pa.types
    return t.is_binary(kind) or t.is_large_binary(kind) or t.is_fixed_size_binary(kind) or t.is_binary_view(kind)


def _is_instant(kind: pa.DataType) -> bool:
    return pa.types.is_temporal(kind) and not pa.types.is_interval(kind)


def _to_text(values: pa.Array) -> list[str | None]:
    if _is_binary(values.type):
        return [None if v is None else v.hex() for v in values.to_pylist()]
    if _is_instant(values.type):
        values = values.cast(_integer_of(values.type))
    if pa.types.is_float16(values.type):
        values = pa.array(values.to_pylist(), pa.float32())
    return pc.cast(values, pa.string()).to_pylist()


def _from_text(texts: list[str | None], kind: pa.DataType) -> pa.Array:
    if _is_binary(kind):
        return pa.array([None if t is None else bytes.fromhex(t) for t in texts], kind)
    if pa.types.is_null(kind):
        return pa.nulls(len(texts))
    strings = pa.array(texts, pa.string())
    if _is_instant(kind):
        return strings.cast(_integer_of(kind)).cast(kind)
    if pa.types.is_float16(kind):
        return pa.array(strings.cast(pa.float32()).to_numpy(zero_copy_only=False).astype("float16"), kind)
    return strings.cast(kind)


def _integer_of(kind: pa.DataType) -> pa.DataType:
    """The integer type that holds an instant's bits."""
    return pa.int32() if kind.bit_width == 32 else pa.int64()
