"""Parquet: one file, or a folder of parts (with `key=value` subfolders, too); read part by part, never whole."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genwright.core.errors import DataError
from genwright.core.records import Reader, Records
from genwright.data.arrow_types import plain, plain_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

ENDINGS = (".parquet", ".pq")
CHUNK = 65_536  # rows a batch


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

        def opened() -> "Iterator[pa.RecordBatch]":
            scan = data.to_batches(batch_size=CHUNK, batch_readahead=1, fragment_readahead=0, use_threads=False)
            try:
                yield from plain(scan, schema, str(path))
            except (pa.ArrowInvalid, OSError) as error:
                raise DataError(f"{path} is damaged: {error}; copy or write it again") from None

        return Records(str(path), schema, opened, n_rows=n_rows, path=str(path))


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
