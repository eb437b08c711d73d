"""Parquet: one file, or a folder of parts (with `key=value` subfolders, too); read part by part, never whole.

Of tables with pictures, batches are small, and of a single file not even a row group is read whole.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genwright.core.errors import DataError
from genwright.core.records import Reader, Records
from genwright.data.arrow_types import plain, plain_schema
from genwright.data.picture_types import is_picture_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

ENDINGS = (".parquet", ".pq")
CHUNK, CHUNK_BYTES = 65_536, 1 << 24  # most rows a batch; most bytes of one with pictures, on average
BUFFER = 1 << 20  # bytes read from the disk at once, of pictures


@dataclass(frozen=True)
class ParquetReader(Reader):
    """Reads Parquet files."""

    @classmethod
    def accepts(cls, source: Any) -> bool:
        """A path that ends like Parquet, or a folder with such files in it."""
        if not isinstance(source, (str, Path)):
            return False
        path = Path(source)
        return path.name.lower().endswith(ENDINGS) or (path.is_dir() and any(_parts(path)))

    def read(self, source: Any) -> Records:
        """Reads the footers only."""
        import pyarrow as pa
        from pyarrow import dataset

        path = Path(source)
        parts = sorted(_parts(path)) if path.is_dir() else [path]
        for part in parts:
            _check(part)
        try:
            data = dataset.dataset(
                [str(p) for p in parts], format="parquet", partitioning="hive" if path.is_dir() else None
            )
            n_rows = data.count_rows()
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise DataError(f"{path}: its parts do not fit together: {error}") from None
        if not n_rows:
            raise DataError(f"{path} has columns and no rows; expected at least one row")
        schema = plain_schema(data.schema, str(path))
        has_pictures = any(map(is_picture_type, schema.types))

        def opened() -> "Iterator[pa.RecordBatch]":
            try:
                scan = _few_at_a_time(data, parts, path) if has_pictures else _scan(data, CHUNK)
                yield from plain(scan, schema, str(path))
            except (pa.ArrowInvalid, OSError) as error:
                raise DataError(f"{path} is damaged: {error}; copy or write it again") from None

        return Records(str(path), schema, opened, n_rows=n_rows, path=str(path))


def _scan(data: Any, n: int, **options: Any) -> "Iterator[pa.RecordBatch]":
    return data.to_batches(batch_size=n, batch_readahead=1, fragment_readahead=0, use_threads=False, **options)


def _few_at_a_time(data: Any, parts: list[Path], path: Path) -> "Iterator[pa.RecordBatch]":
    """Batches of few bytes, read through a small buffer."""
    from pyarrow import dataset, parquet

    known = [parquet.read_metadata(part) for part in parts]
    n_bytes = sum(m.row_group(i).total_byte_size for m in known for i in range(m.num_row_groups))
    n = max(1, min(CHUNK, CHUNK_BYTES * sum(m.num_rows for m in known) // max(n_bytes, 1)))
    if not path.is_dir():
        return parquet.ParquetFile(path, buffer_size=BUFFER, pre_buffer=False).iter_batches(n, use_threads=False)
    how = dataset.ParquetFragmentScanOptions(use_buffered_stream=True, buffer_size=BUFFER, pre_buffer=False)
    return _scan(data, n, fragment_scan_options=how)


def _parts(folder: Path) -> "Iterator[Path]":
    return (p for p in folder.rglob("*") if p.name.lower().endswith(ENDINGS) and not p.name.startswith((".", "_")))


def _check(part: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    if not part.stat().st_size:
        raise DataError(f"{part} is empty; expected a Parquet file")
    try:
        parquet.read_metadata(part)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{part} is not a whole Parquet file: {error}; copy or write it again") from None
