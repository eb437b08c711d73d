"""NumPy arrays: pictures, one or two dimensions (columns x0, x1 …), structured (their field names); `.npy` files."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genwright.core.errors import DataError
from genwright.core.records import Reader, Records
from genwright.data.arrow_types import plain, plain_schema
from genwright.data.picture_arrays import array_records, native, shape_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import pyarrow as pa

CHUNK = 65_536  # rows a batch


@dataclass(frozen=True)
class NumpyReader(Reader):
    """Reads NumPy arrays."""

    @classmethod
    def accepts(cls, source: Any) -> bool:
        """An array, or a path that ends in .npy."""
        if isinstance(source, (str, Path)):
            return str(source).lower().endswith(".npy")
        return any(cls.__module__ == "numpy" and cls.__name__ == "ndarray" for cls in type(source).__mro__)

    def read(self, source: Any) -> Records:
        """A file is memory-mapped."""
        is_path = isinstance(source, (str, Path))
        name = str(source) if is_path else "a NumPy array"
        array = _load(Path(source)) if is_path else source
        if array.ndim in (3, 4) and array.dtype.name in ("uint8", "bool"):
            return _pictures(array, name, name if is_path else None)
        columns = _columns(array, name)
        if not len(array):
            raise DataError(f"{name} has no rows; expected at least one")
        raw = _batch(columns, slice(0, 1), name).schema if array.dtype != object else None
        whole = None if raw is not None else _batch(columns, slice(None), name)
        schema = plain_schema(raw if whole is None else whole.schema, name)

        def opened() -> "Iterator[pa.RecordBatch]":
            parts = (slice(i, i + CHUNK) for i in range(0, len(array), CHUNK))
            chunks = (whole[p] for p in parts) if whole is not None else (_batch(columns, p, name) for p in parts)
            return plain(chunks, schema, name)

        return Records(name, schema, opened, n_rows=len(array), path=name if is_path else None)


def _load(path: Path) -> "np.ndarray":
    import numpy as np

    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise DataError(f"{path} cannot be read as a plain NumPy array: {error}") from None


def _pictures(array: "np.ndarray", name: str, path: str | None) -> Records:
    import pyarrow as pa

    shape = shape_of(array.shape, name)

    def chunks(n: int) -> "Iterator[np.ndarray]":
        return (array[start : start + n] for start in range(0, len(array), n))

    return array_records(name, chunks, len(array), shape, pa.table({}), path)


def _columns(array: "np.ndarray", name: str) -> "dict[str, np.ndarray]":
    """Column name → values (N,)."""
    if array.dtype.names:
        return {field: array[field] for field in array.dtype.names}
    if array.ndim == 1:
        return {"x0": array}
    if array.ndim != 2:
        advice = "reshape it, for example array.reshape(len(array), -1)"
        if array.ndim in (3, 4):
            advice += '; of pictures, make it uint8 first, for example (255 * array).round().astype("uint8")'
        raise DataError(f"{name} has shape {array.shape}, expected two dimensions (rows, columns); {advice}")
    return {f"x{i}": array[:, i] for i in range(array.shape[1])}


def _batch(columns: "dict[str, np.ndarray]", rows: slice, name: str) -> "pa.RecordBatch":
    import pyarrow as pa

    arrays = []
    for column, values in columns.items():
        try:
            arrays.append(pa.array(native(values[rows]), from_pandas=True))
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, UnicodeError) as error:
            advice = "turn it into plain numbers, texts or days first"
            raise DataError(f"{name}: column {column} holds {values.dtype} values: {error}; {advice}") from None
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))
