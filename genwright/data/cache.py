"""Encoded rows, kept for training: arrays in memory while small, memory-mapped files when large.

Rows are encoded chunk by chunk. What does not fit into 200 MB goes to temporary files by plain writes and is mapped
read-only afterwards, so that resident memory does not grow with the data. The files go with the data set, or when
Python ends.
"""

import errno
import math
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from genwright.core.codec import TableCodec
from genwright.core.dataset import Dataset
from genwright.core.errors import CellError, DataError
from genwright.core.records import Records
from genwright.core.schema import Schema
from genwright.core.space import Batch, Space
from genwright.data.split import HeldOut
from genwright.data.typed import typed

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

LIMIT = 200_000_000  # bytes of encoded rows, both sides of the split together, that stay in memory
CHUNK, CHUNK_BYTES = 65_536, 1 << 26  # most rows encoded at once, and most bytes of them


def encode(
    records: Records,
    schema: Schema,
    codec: TableCodec,
    held_out: HeldOut,
    folder: str | Path | None = None,
    limit: int = LIMIT,
) -> tuple[Dataset, Dataset]:
    """The rows to learn from and the held-out ones, encoded by a fitted codec.

    Args:
        records: Read once.
        schema: Of the records.
        codec: Fitted.
        held_out: Which rows go to the second data set, from `split`.
        folder: Where temporary files may be made; None: the system's place for them.
        limit: Bytes that stay in memory.

    Raises:
        DataError: the records cannot be read or encoded, or the disk is full.
    """
    stores = (_Store(codec.space), _Store(codec.space))
    try:
        first = 0
        for batch in typed(records, schema):
            _encode_batch(batch, codec, held_out(batch, first), stores, first)
            first += batch.num_rows
            if sum(s.n_bytes for s in stores) > limit:
                for store in stores:
                    store.spill(folder)
        return stores[0].dataset(), stores[1].dataset()
    except OSError as error:
        full = "the disk is full" if error.errno == errno.ENOSPC else str(error)
        raise DataError(f"{records.name}: encoded rows cannot be kept: {full}; free some space or set TMPDIR") from None
    finally:
        for store in stores:
            store.close()


def _encode_batch(
    batch: "pa.RecordBatch", codec: TableCodec, mask: "np.ndarray", stores: "tuple[_Store, _Store]", first: int
) -> None:
    """Rows first … of the data, each to its store."""
    import numpy as np
    import pyarrow as pa

    n = max(1, min(CHUNK, CHUNK_BYTES // _row_bytes(codec.space)))
    for start in range(0, batch.num_rows, n):
        part, chosen = batch.slice(start, n), mask[start : start + n]
        for store, rows in zip(stores, (~chosen, chosen)):
            kept = part if rows.all() else part.filter(pa.array(rows))
            if not kept.num_rows:
                continue
            try:
                store.add(codec.encode(kept))
            except CellError as error:
                row = first + start + int(np.flatnonzero(rows)[error.row])
                raise CellError(row, error.what, error.column) from None


def _row_bytes(space: Space) -> int:
    """Bytes of an encoded row, eight an element whatever its type, as encoding passes through wider ones."""
    return 8 * sum(math.prod(_layout(space, name)[1]) for name in space) or 8


class _Store:
    """One array a column, growing: first in memory, then in files."""

    def __init__(self, space: Space):
        self.space = space
        self.n_bytes = self.n_rows = 0
        self.parts: dict[str, list[np.ndarray]] = {name: [] for name in space}
        self.folder: Path | None = None
        self.files: dict[str, BinaryIO] = {}

    def add(self, batch: Batch) -> None:
        """Takes in encoded rows."""
        import numpy as np

        for name, x in batch.items():
            array = np.ascontiguousarray(x.numpy())
            self.n_bytes += array.nbytes
            if self.folder is None:
                self.parts[name].append(array)
            else:
                self.files[name].write(array)
        self.n_rows += len(next(iter(batch.values()), ()))

    def spill(self, folder: str | Path | None) -> None:
        """Moves what is in memory to files; from now on rows go there."""
        if self.folder is not None:
            return
        self.folder = Path(tempfile.mkdtemp(prefix="genwright-", dir=folder))
        for i, (name, arrays) in enumerate(self.parts.items()):
            file = self.files[name] = (self.folder / f"{i}.bin").open("wb")
            for array in arrays:
                file.write(array)
            arrays.clear()

    def close(self) -> None:
        """Closes the files; the folder goes, unless a data set has taken it over."""
        for file in self.files.values():
            file.close()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def dataset(self) -> Dataset:
        """All rows."""
        folder, self_folder = self.folder, self.folder
        for file in self.files.values():
            file.close()
        dataset = Dataset(self.space, {name: self._array(i, name) for i, name in enumerate(self.space)})
        if folder is not None:
            weakref.finalize(dataset, shutil.rmtree, str(self_folder), ignore_errors=True)
            self.folder = None
        return dataset

    def _array(self, i: int, name: str) -> "np.ndarray":
        import numpy as np

        kind, shape = _layout(self.space, name)
        if self.folder is None:
            parts = self.parts[name]
            return np.concatenate(parts) if parts else np.empty((0, *shape), dtype=kind)
        if not self.n_rows:
            return np.empty((0, *shape), dtype=kind)
        return np.memmap(self.folder / f"{i}.bin", dtype=kind, mode="r", shape=(self.n_rows, *shape))


def _layout(space: Space, name: str) -> tuple[str, tuple[int, ...]]:
    """Type and event shape of a column's array."""
    from genwright.core.space import Pixels, Real, Vectors, row_shape

    field = space[name]
    if isinstance(field.support, Pixels):
        return "uint8", row_shape(field)
    return ("float64" if isinstance(field.support, (Real, Vectors)) else "int64"), row_shape(field)
