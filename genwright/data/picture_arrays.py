"""Arrays of pictures of one size as records: a column `image` of Arrow tensors, beside columns of plain values.

uint8 (N, H, W), (N, H, W, C) or (N, C, H, W) with C one of 1, 3 and 4; where both could be meant, channels are last.
Truth values become codes 0 and 1.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from genwright.core.errors import DataError
from genwright.core.records import Records
from genwright.data.names import column_names
from genwright.data.picture_types import CHANNELS
from genwright.data.pictures import MAX_PIXELS

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

CHUNK_BYTES, CHUNK_ROWS = 1 << 24, 4_096  # most bytes of pictures in a batch, but for a single one; most rows
Chunks = Callable[[int], "Iterable[np.ndarray]"]  # rows at a time → arrays of so many rows


def shape_of(shape: tuple[int, ...], name: str) -> tuple[int, ...]:
    """The shape of one picture of an array of uint8 or truth values.

    Args:
        shape: Of the array.
        name: What a message calls it.

    Raises:
        DataError: these are no pictures; says what to do.
    """
    if len(shape) not in (3, 4) or (len(shape) == 4 and not {shape[1], shape[3]} & set(CHANNELS)):
        expected = "(N, H, W), (N, H, W, C) or (N, C, H, W), C one of 1, 3 and 4"
        raise DataError(f"{name} has shape {shape}; pictures are of shape {expected}")
    if not 1 <= math.prod(shape[1:]) <= 4 * MAX_PIXELS:
        raise DataError(f"{name} has shape {shape}: pictures of no pixels, or of more than {MAX_PIXELS:,}")
    return shape[1:]


def array_records(
    name: str,
    chunks: Chunks,
    n_rows: int,
    shape: tuple[int, ...],
    others: "pa.Table",
    path: str | None = None,
    column: str = "image",
) -> Records:
    """Records of an array that is read a few rows at a time.

    Args:
        name: What a message calls it.
        chunks: Starts a pass over it.
        n_rows: Number of pictures, N.
        shape: Of one picture.
        others: Columns beside it, of N rows.
        path: The file.
        column: The pictures' name.

    Raises:
        DataError: there are no rows.
    """
    import pyarrow as pa

    if not n_rows:
        raise DataError(f"{name} has no rows; expected at least one")
    n = max(1, min(CHUNK_ROWS, CHUNK_BYTES // math.prod(shape)))
    kind = pa.fixed_shape_tensor(pa.uint8(), shape)
    names = column_names([column, *others.column_names], name)
    schema = pa.schema(list(zip(names, [kind, *others.schema.types])))

    def opened() -> "Iterator[pa.RecordBatch]":
        start = 0
        for x in chunks(n):
            beside = others.slice(start, len(x)).combine_chunks().columns
            columns = [tensor_array(x), *(values.chunk(0) for values in beside)]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)
            start += len(x)

    return Records(name, schema, opened, n_rows=n_rows, path=path)


def tensor_array(x: "np.ndarray") -> "pa.Array":
    """Pictures (N, …) as Arrow tensors."""
    import numpy as np
    import pyarrow as pa

    kind = pa.fixed_shape_tensor(pa.uint8(), x.shape[1:])
    flat = np.ascontiguousarray(x).view(np.uint8).reshape(-1)
    return pa.ExtensionArray.from_storage(kind, pa.FixedSizeListArray.from_arrays(flat, type=kind.storage_type))


def labels_of(codes: "np.ndarray", names: tuple[str, ...] = ()) -> "pa.Array":
    """Whole numbers (N,) as a declared category of words: their names, else their digits.

    Raises:
        DataError: there are fewer names than codes.
    """
    import numpy as np
    import pyarrow as pa

    kinds, indices = np.unique(codes, return_inverse=True)
    if names and (kinds.min() < 0 or kinds.max() >= len(names)):
        raise DataError(f"labels are {kinds.min()} … {kinds.max()}, and {len(names)} classes are known")
    words = [names[kind] if names else str(kind) for kind in kinds.tolist()]
    return pa.DictionaryArray.from_arrays(pa.array(indices.astype(np.int32)), pa.array(words, pa.string()))


def native(values: "np.ndarray") -> "np.ndarray":
    """Values in the machine's order of bytes, and days and moments in a unit that Arrow has."""
    import numpy as np

    found = values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))
    unit = np.datetime_data(found.dtype)[0] if found.dtype.kind in "mM" else ""
    days = {"M8[Y]", "M8[M]", "M8[W]"}
    seconds = {"M8[h]", "M8[m]", "m8[W]", "m8[D]", "m8[h]", "m8[m]"}
    name = f"{found.dtype.kind}8[{unit}]"
    return found.astype("M8[D]") if name in days else found.astype(f"{name[0]}8[s]") if name in seconds else found
