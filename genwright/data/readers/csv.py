"""Delimited text: CSV, TSV and their kin, plain or gzipped; delimiter, quoting and encoding are found by themselves.

Every value stays the text that the file holds; what it means is decided later, over all rows. The rows stream: memory
does not grow with the file.
"""

import logging
import re
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from genwright.core.errors import ConfigError, DataError
from genwright.core.records import Reader, Records
from genwright.data.dialect import Dialect, Head, is_table, ragged, read_head, unclosed
from genwright.data.encoding import TextFile, text_file
from genwright.data.names import column_names

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("genwright")
ENDINGS = (".csv", ".tsv", ".tab", ".txt", ".dat", ".data")
BLOCK = 1 << 22  # bytes parsed at once
PATIENCE = 1.0  # seconds that Arrow may take to let go of a file


@dataclass(frozen=True)
class CsvReader(Reader):
    """Reads delimited text."""

    delimiter: str | None = None  # between two fields; None: found
    encoding: str | None = None  # None: found
    header: bool = True  # the first row holds the column names

    def __post_init__(self) -> None:
        found = self.delimiter
        if found and (len(found) > 1 or not found.isascii() or found in '\r\n\0"'):
            raise ConfigError(f"delimiter = {found!r}; expected one ASCII character such as , ; or \\t (a tab)")

    @classmethod
    def accepts(cls, source: Any) -> bool:
        """A path that ends like delimited text; `.txt` only when its lines have equally many fields."""
        if not isinstance(source, (str, Path)):
            return False
        name = str(source).lower().removesuffix(".gz")
        if not name.endswith(ENDINGS) or Path(source).is_dir():
            return False
        return not name.endswith(".txt") or is_table(Path(source))

    def read(self, source: Any) -> Records:
        """Looks through the file once for its encoding and dialect; the rows are read by `open`."""
        import pyarrow as pa

        path = Path(source)
        file = text_file(path, self.encoding)
        head = read_head(file, self.delimiter)
        names = self._names(head, path)
        schema = pa.schema([(name, pa.string()) for name in names])
        opened = _opener(file, head, schema, has_header=self.header)
        next(opened(), None)  # mistakes near the beginning are told at once
        return Records(str(path), schema, opened, is_text=True, path=str(path))

    def _names(self, head: Head, path: Path) -> list[str]:
        if not self.header:
            return [f"x{i}" for i in range(len(head.rows[0]))]
        if len(head.rows) == 1:
            raise DataError(f"{path} has a header and no rows; expected at least one row below {_some(head.rows[0])}")
        numbers = [name for name in head.rows[0] if re.fullmatch(r"\s*[-+]?\d+(\.\d+)?\s*", name)]
        if len(numbers) > len(head.rows[0]) / 2 or _is_value(head.rows):
            log.warning(
                "%s: the first line looks like data (%s); if the file has no header, say header=False (--no-header)",
                path,
                _some(head.rows[0]),
            )
        return column_names(head.rows[0], str(path))


def _is_value(rows: list[list[str]]) -> bool:
    """Whether a field of the first row stands below itself, as a column's name hardly does: in one row in ten or more.

    Args:
        rows: The first rows, the header among them.
    """
    names, below = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    return any(name.strip() and sum(row[j] == name for row in below) > len(below) / 10 for j, name in enumerate(names))


def _some(names: list[str]) -> str:
    short = [name if len(name) <= 40 else f"{name[:40]}…" for name in names[:5]]
    return ", ".join(short) + (", …" if len(names) > 5 else "")


def _opener(
    file: TextFile, head: Head, schema: "pa.Schema", has_header: bool
) -> "Callable[[], Iterator[pa.RecordBatch]]":
    def opened() -> "Iterator[pa.RecordBatch]":
        import pyarrow as pa

        last = None
        try:
            for batch in _stream(file, head, schema, has_header):
                if last is not None:
                    yield last
                last = batch if batch.num_rows else last
        except pa.ArrowInvalid as error:
            raise _explained(error, file, head.dialect, len(schema)) from None
        if last is not None:
            _check_end(last, file, head.dialect)
            yield last

    return opened


def _check_end(last: "pa.RecordBatch", file: TextFile, dialect: Dialect) -> None:
    """Refuses a file that ends inside a quoted field, which has swallowed the rows behind the open quote."""
    problem = None
    if file.n_quotes % 2 and "\n" in (last.columns[-1][-1].as_py() or ""):
        problem = unclosed(file, dialect)
    if problem is not None:
        raise problem


def _stream(file: TextFile, head: Head, schema: "pa.Schema", has_header: bool) -> "Iterator[pa.RecordBatch]":
    from pyarrow import csv

    dialect = head.dialect
    how = (
        csv.ReadOptions(
            use_threads=False,
            block_size=max(BLOCK, 16 * head.longest),
            column_names=schema.names,
            skip_rows=dialect.n_skipped,
            skip_rows_after_names=head.n_blank + 1 if has_header else 0,
            encoding="utf8" if file.is_utf8 else file.encoding,
        ),
        csv.ParseOptions(
            delimiter=dialect.delimiter,
            quote_char=dialect.quote or False,
            double_quote=dialect.escape is None and dialect.quote is not None,
            escape_char=dialect.escape or False,
            newlines_in_values=True,
        ),
        csv.ConvertOptions(column_types={f.name: f.type for f in schema}, strings_can_be_null=False),
    )
    if file.is_utf8:
        yield from csv.open_csv(file.open_native(), *how)
        return
    source, is_released = file.open_bytes(), Event()
    watch = weakref.ref(source, lambda _: is_released.set())
    try:
        yield from csv.open_csv(source, *how)
    finally:
        del source  # Arrow's thread lets go of it last, and must do so before Python ends
        is_released.wait(PATIENCE)
        del watch


def _explained(error: Exception, file: TextFile, dialect: Dialect, n_columns: int) -> DataError:
    """The parser's complaint, with the line it is about."""
    found = ragged(file, dialect, n_columns) or unclosed(file, dialect)
    if found:
        return found
    if "straddling" in str(error):
        return DataError(f"{file.path}: a row is longer than {BLOCK:,} bytes; is a quote not closed?")
    return DataError(f"{file.path}: {error}")
