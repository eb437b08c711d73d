"""Parquet: one file, or a folder of parts (with `key=value` subfolders, too); read part by part, never whole.

Parts may differ: a column that one of them lacks is missing there, and a type becomes the one that holds the values of
all (whole numbers and decimals: decimals; days and moments: moments; texts and other values: texts). Of tables with
pictures, batches are small, and of a single file not even a row group is read whole.
"""

import logging
from collections import Counter
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

log = logging.getLogger("genwright")
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

        def opened_with(schema: "pa.Schema | None") -> Any:
            how = "hive" if path.is_dir() else None
            return dataset.dataset([str(p) for p in parts], schema, format="parquet", partitioning=how)

        try:
            data = opened_with(None)
            if len(parts) > 1:
                data = opened_with(_merged_schema(data.schema, parts, path))
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


def _merged_schema(found: "pa.Schema", parts: list[Path], path: Path) -> "pa.Schema":
    """All columns of all parts.

    Args:
        found: The columns of the first part, and those that the names of folders give.
        parts: The files.
        path: Their folder.

    Raises:
        DataError: a column has types in two parts that no one type holds; names the part and the column.
    """
    import pyarrow as pa
    from pyarrow import parquet

    types = dict(zip(found.names, found.types))
    n_parts = dict.fromkeys(types, 0)
    for part in parts:
        for field in parquet.read_schema(part):
            kind = types.setdefault(field.name, field.type)
            n_parts[field.name] = n_parts.get(field.name, 0) + 1
            if kind == field.type:
                continue
            common = _common(kind, field.type)
            if common is None:
                there = f"{kind} in the parts before and {field.type} in {part.name}"
                raise DataError(f"{path}: column {field.name!r} holds {there}; write the parts with one type")
            if common != kind and pa.types.is_string(common) and not pa.types.is_null(kind):
                log.warning("%s: column %r holds %s and %s; read as text", path, field.name, kind, field.type)
            types[field.name] = common
    if lacking := [(name, n) for name, n in n_parts.items() if 0 < n < len(parts)]:
        name, n = lacking[0]
        more = f" (and {len(lacking) - 1} more)" if len(lacking) > 1 else ""
        log.warning(
            "%s: column %r%s is in %d of %d parts; it is missing in the others", path, name, more, n, len(parts)
        )
    return pa.schema(list(types.items()))


def _common(a: "pa.DataType", b: "pa.DataType") -> "pa.DataType | None":
    """A type that holds the values of both; None: there is none."""
    import pyarrow as pa

    types = pa.types
    try:
        pair = [pa.schema([("x", kind)]) for kind in (a, b)]
        return pa.unify_schemas(pair, promote_options="permissive").field(0).type
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        pass
    if types.is_dictionary(a) or types.is_dictionary(b):
        return _common(*(kind.value_type if types.is_dictionary(kind) else kind for kind in (a, b)))
    moments = [kind for kind in (a, b) if types.is_timestamp(kind) and kind.tz is None]
    if len(moments) == 1 and (types.is_date(a) or types.is_date(b)):
        return moments[0]
    is_plain = not (types.is_nested(a) or types.is_nested(b) or types.is_binary(a) or types.is_binary(b))
    is_text = any(types.is_string(kind) or types.is_large_string(kind) for kind in (a, b))
    return pa.string() if is_plain and is_text else None


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
        names = parquet.read_schema(part).names
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{part} is not a whole Parquet file: {error}; copy or write it again") from None
    name, n = Counter(names).most_common(1)[0] if names else ("", 0)
    if n > 1:
        raise DataError(f"{part}: {n} columns are called {name!r}; rename them")
