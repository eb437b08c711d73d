"""Types of columns: those that Arrow's functions do not know (views, half floats, extensions) in ones that they do."""

import pyarrow as pa
import pyarrow.compute as pc

from genwright.core.errors import DataError


def is_new_type(kind: pa.DataType, before: pa.DataType) -> bool:
    """Whether a chunk is the first that says what type its column has.

    Raises:
        DataError: the chunks before were of another type.
    """
    if pa.types.is_null(kind) or kind == before:
        return False
    if not pa.types.is_null(before):
        raise DataError(f"holds {before} in one part and {kind} in another; make the parts one type")
    return True


def cast(values: pa.Array, kind: pa.DataType, expected: object, safe: bool = True) -> pa.Array:
    """Values in another type.

    Raises:
        DataError: they do not fit; says what was expected.
    """
    try:
        return values if values.type == kind else pc.cast(values, kind, safe=safe)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        some = next(iter(values.drop_null()), None)
        if some is None:  # nothing is known, so the type says nothing: NaN in a frame where dates were learnt
            return pa.nulls(len(values), kind)
        raise DataError(f"expected {expected}, found {values.type} values such as {some}") from None


def value_type(kind: pa.DataType) -> pa.DataType:
    """A dictionary's value type; every other type itself."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def storage_type(kind: pa.DataType) -> pa.DataType:
    """The type in which values of a type are counted, compared and looked up."""
    if isinstance(kind, pa.BaseExtensionType):
        return kind.storage_type
    changed = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary(), pa.float16(): pa.float32()}
    return changed.get(kind, kind)


def to_storage(values: pa.Array, storage: pa.DataType | None = None) -> pa.Array:
    """Values in their storage type, or in another one's."""
    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    storage = storage_type(values.type) if storage is None else storage
    return values if values.type == storage else values.cast(storage)


def from_storage(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """The inverse of `to_storage`."""
    if isinstance(kind, pa.BaseExtensionType):
        return kind.wrap_array(values)
    return values if values.type == kind else values.cast(kind)
