"""Arrow data in memory or on disk: tables, record batches, readers, data sets, anything with an Arrow stream."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genwright.core.errors import DataError
from genwright.core.records import Reader, Records
from genwright.data.arrow_types import plain, plain_schema
from genwright.data.table import CHUNK, from_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa


@dataclass(frozen=True)
class ArrowReader(Reader):
    """Reads Arrow data."""

    @classmethod
    def accepts(cls, source: Any) -> bool:
        """An object of pyarrow, or one that offers an Arrow stream; data frames have readers of their own."""
        root = type(source).__module__.partition(".")[0]
        if root in ("pandas", "polars"):
            return False
        return root == "pyarrow" or hasattr(source, "__arrow_c_stream__")

    def read(self, source: Any) -> Records:
        """A stream that can be read only once is read into memory."""
        from pyarrow import dataset

        if isinstance(source, dataset.Dataset):
            return _from_dataset(source)
        return from_table(_table(source), "an Arrow table")


def _table(source: Any) -> "pa.Table":
    import pyarrow as pa

    if isinstance(source, pa.Table):
        return source
    if isinstance(source, pa.RecordBatch):
        return pa.Table.from_batches([source])
    if isinstance(source, pa.RecordBatchReader):
        return source.read_all()
    if hasattr(source, "__arrow_c_stream__"):
        return pa.table(source)
    raise DataError(f"a pyarrow {type(source).__name__} is not a table; expected a Table, RecordBatch or Dataset")


def _from_dataset(data: Any) -> Records:
    name, schema = "an Arrow data set", plain_schema(data.schema, "an Arrow data set")

    def opened() -> "Iterator[pa.RecordBatch]":
        return plain(data.to_batches(batch_size=CHUNK, use_threads=False), schema, name)

    return Records(name, schema, opened, n_rows=data.count_rows(), flavour="arrow")
