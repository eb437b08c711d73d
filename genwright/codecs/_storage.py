"""Types that Arrow's functions do not know (views, half floats, extensions) in ones that they do, and back."""

import pyarrow as pa


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
