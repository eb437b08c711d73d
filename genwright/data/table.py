"""Records of an Arrow table in memory: what the readers of frames and tables share."""

from typing import TYPE_CHECKING

from genwright.core.errors import DataError
from genwright.core.records import Records
from genwright.data.arrow_types import plain, plain_schema, refuse_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

CHUNK = 65_536  # rows a batch
N_LOOKED_AT = 100  # rows that tell whether bytes are pictures


def from_table(table: "pa.Table", name: str) -> Records:
    """Records of a table in memory.

    Raises:
        DataError: it has no columns or no rows, or a column holds binary values.
    """
    schema = plain_schema(table.schema, name)
    if not table.num_rows:
        raise DataError(f"{name} has columns and no rows; expected at least one row")
    refuse_bytes(table.slice(0, N_LOOKED_AT).combine_chunks().to_batches()[0], name)

    def opened() -> "Iterator[pa.RecordBatch]":
        return plain(table.to_batches(max_chunksize=CHUNK), schema, name)

    return Records(name, schema, opened, n_rows=table.num_rows, flavour="arrow")
