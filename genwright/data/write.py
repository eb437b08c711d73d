"""Rows → a file: CSV, TSV, JSON lines, plain text, CoNLL-U or Parquet by its ending, streaming, whole or not at all.

The rows go to a temporary file in the same folder, which takes the final name only when all of it is on the disk.
CSV cells are quoted where they hold a delimiter of any kind, a quote or a line end.
"""

import errno
import gzip
import json
import os
import re
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from genwright.core.errors import DataError
from genwright.core.schema import Schema
from genwright.data.lists import is_list, texts_of
from genwright.data.pictures import ENDINGS as PICTURES
from genwright.data.typed import as_written, has_words, untyped
from genwright.data.write_conllu import Conllu

if TYPE_CHECKING:
    import pyarrow as pa

ENDINGS = (
    *(".csv", ".csv.gz", ".tsv", ".tsv.gz", ".jsonl", ".jsonl.gz", ".txt", ".txt.gz"),
    *(".conllu", ".conllu.gz", ".parquet"),
)
PICTURES_GO = "name a folder, such as -o out/, or a .parquet file"
RULE = "-" * 40  # between texts of several lines
_NEEDS_QUOTES = r"""[,;\t|"\r\n]|^'|^\x{FEFF}"""
_FORMULA = r"^[=+\-@\t\r]"  # a spreadsheet would compute such a cell


def write(batches: "Iterable[pa.Table]", path: str | Path, schema: Schema, excel_safe: bool = False) -> int:
    """Writes typed tables one below the other and returns the number of rows.

    Args:
        batches: Tables with the schema's columns.
        path: Its ending chooses the format: .csv, .tsv, .jsonl, .txt, .conllu (each also with .gz), .parquet.
        schema: Says how values were written in the file they came from.
        excel_safe: Puts a ' before text cells that a spreadsheet would take for a formula (CSV and TSV).

    Raises:
        DataError: the ending is unknown, the folder is absent, the disk is full, or a text holds what such a file
            cannot; no file is left then.
    """
    path = Path(path)
    form = _format_of(path)
    n_rows = 0
    with _atomic(path) as file, _compressed(file, path) as stream:
        put = row_writer(form, stream, schema, excel_safe)
        try:
            for table in batches:
                put.table(table)
                n_rows += table.num_rows
        finally:
            put.close()
    return n_rows


def check_ending(path: str | Path) -> None:
    """Refuses a path that `write` could not write, before any work is done."""
    _format_of(Path(path))


def _format_of(path: Path) -> str:
    name = path.name.lower()
    for ending in ENDINGS:
        if name.endswith(ending):
            return ending.removesuffix(".gz")
    if name.endswith((*PICTURES, ".zip")):
        raise DataError(f"{path}: pictures are written as a folder of files; {PICTURES_GO}")
    raise DataError(f"{path}: cannot write this ending; expected one of {', '.join(ENDINGS)}")


@contextmanager
def _atomic(path: Path) -> Iterator[BinaryIO]:
    """A file that appears under its name only when all went well."""
    part = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex[:8]}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise explained(error, path) from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def explained(error: OSError, path: Path) -> DataError:
    """Why a file or folder could not be written, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DataError(f"{path}: the disk is full; nothing was written, free some space or choose another folder")
    if isinstance(error, FileNotFoundError):
        return DataError(f"{path}: there is no folder {path.parent}; make it first")
    if isinstance(error, PermissionError):
        return DataError(f"{path}: no permission to write in {path.parent}; choose another folder")
    if path.is_dir():
        return DataError(f"{path} is a folder; name a file in it")
    return DataError(f"{path}: {error.strerror or error}; nothing was written")


@contextmanager
def _compressed(file: BinaryIO, path: Path) -> Iterator[BinaryIO]:
    if not path.name.lower().endswith(".gz"):
        yield file
        return
    with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as stream:
        yield stream  # type: ignore[misc]


class RowWriter(Protocol):
    """Takes typed tables one below the other."""

    def table(self, table: "pa.Table") -> None:
        """Writes the rows of a table that has the schema's columns."""

    def close(self) -> None:
        """Writes what stands behind the last row; the stream stays open."""


def row_writer(form: str, stream: BinaryIO, schema: Schema, excel_safe: bool = False) -> RowWriter:
    """What puts rows into an open stream as `write` puts them into a file.

    Args:
        form: .csv, .tsv, .jsonl, .txt (a table of one column), .conllu (words and tags) or .parquet.
        stream: Bytes go there; a header at once.
        schema: See `write`.
        excel_safe: See `write`.

    Raises:
        DataError: the schema has pictures, and the form holds none.
    """
    if form == ".parquet":
        return _Parquet(stream, schema)
    pictures = [column.name for column in schema if column.kind == "image"]
    if pictures:
        raise DataError(f"a {form} file holds no pictures (column {pictures[0]!r}); {PICTURES_GO}")
    if form == ".jsonl":
        return _Jsonl(stream, schema)
    if form == ".conllu":
        return Conllu(stream, schema)
    if form == ".txt":
        return _Texts(stream, schema)
    return _Delimited(stream, schema, "\t" if form == ".tsv" else ",", excel_safe)


class _Delimited:
    """CSV and TSV, one Arrow kernel a column rather than one Python call a cell."""

    def __init__(self, stream: BinaryIO, schema: Schema, delimiter: str, excel_safe: bool):
        self.stream, self.schema, self.delimiter, self.excel_safe = stream, schema, delimiter, excel_safe
        self.n_columns = len(schema)
        names = [re.sub(r"^(?=[=+\-@\t\r])", "'", n) if excel_safe else n for n in schema.names]
        stream.write((delimiter.join(map(self._quoted_name, names)) + "\n").encode())

    def table(self, table: "pa.Table") -> None:
        import pyarrow.compute as pc

        cells = [self._cells(name, column) for name, column in zip(self.schema.names, self._texts(table))]
        lines = pc.binary_join_element_wise(*cells, self.delimiter) if len(cells) > 1 else cells[0]
        if len(lines):
            self.stream.write(("\n".join(lines.to_pylist()) + "\n").encode("utf-8", "surrogatepass"))

    def close(self) -> None:
        pass

    def _texts(self, table: "pa.Table") -> "list[pa.Array]":
        import pyarrow as pa
        import pyarrow.compute as pc

        table = untyped(table.select(self.schema.names), self.schema)
        return [_contiguous(pc.fill_null(_as_text(column), pa.scalar("", pa.string()))) for column in table.columns]

    def _cells(self, name: str, texts: "pa.Array") -> "pa.Array":
        import pyarrow.compute as pc

        if pc.any(pc.match_substring(texts, "\0")).as_py():
            raise DataError(f"column {name!r} holds a NUL character, as no CSV or TSV can; write .jsonl or .parquet")
        if self.excel_safe and self.schema[name].kind not in ("number", "datetime", "boolean"):
            is_formula = pc.match_substring_regex(texts, _FORMULA)
            texts = pc.if_else(is_formula, pc.binary_join_element_wise("'", texts, ""), texts)
        needs = pc.match_substring_regex(texts, _NEEDS_QUOTES)
        if self.n_columns == 1:
            needs = pc.or_(needs, pc.equal(texts, ""))
        if not pc.any(needs).as_py():
            return texts
        quoted = pc.binary_join_element_wise('"', pc.replace_substring(texts, '"', '""'), '"', "")
        return pc.if_else(needs, quoted, texts)

    def _quoted_name(self, name: str) -> str:
        is_plain = name and not re.search(r"""[,;\t|"\r\n]|^'|^\ufeff""", name)
        return name if is_plain else '"' + name.replace('"', '""') + '"'


class _Jsonl:
    """One JSON object a line; numbers stay numbers, missing is null, dates and truth values are as they came in.

    Truth values that came as other words than true and false are these words.
    """

    def __init__(self, stream: BinaryIO, schema: Schema):
        self.stream, self.schema = stream, schema
        self.as_text = [c for c in schema if c.kind == "datetime" or has_words(c)]

    def table(self, table: "pa.Table") -> None:
        import pyarrow as pa

        table = table.select(self.schema.names)
        for column in self.as_text:
            written = as_written(table.column(column.name), column).cast(pa.string())
            table = table.set_column(table.schema.get_field_index(column.name), column.name, written)
        for i, field in enumerate(table.schema):
            if field.type == pa.float32():  # 0.1, not the 0.10000000149011612 that is nearest to it
                table = table.set_column(i, field.name, table.column(i).cast(pa.string()).cast(pa.float64()))
        for row in table.to_pylist():
            self.stream.write((_json(row) + "\n").encode())

    def close(self) -> None:
        pass


class _Texts:
    """Texts as they are: one a line, or with a rule between them where one of them has several lines."""

    def __init__(self, stream: BinaryIO, schema: Schema):
        if len(schema) != 1:
            named = ", ".join(schema.names)
            raise DataError(
                f"a .txt file holds one column, and there are {len(schema)} ({named}); write .csv or .jsonl"
            )
        self.stream, self.schema = stream, schema
        self.texts: list[str] = []

    def table(self, table: "pa.Table") -> None:
        import pyarrow as pa

        column = untyped(table.select(self.schema.names), self.schema).column(0)
        self.texts += [text or "" for text in column.cast(pa.large_string()).to_pylist()]

    def close(self) -> None:
        between = f"\n{RULE}\n" if any("\n" in text for text in self.texts) else "\n"
        whole = between.join(self.texts) + "\n" if self.texts else ""
        self.stream.write(whole.encode("utf-8", "surrogatepass"))


class _Parquet:
    """Typed columns as they are."""

    def __init__(self, stream: BinaryIO, schema: Schema):
        self.stream, self.schema = stream, schema
        self.file: Any = None

    def table(self, table: "pa.Table") -> None:
        from pyarrow import parquet

        table = table.select(self.schema.names)
        if self.file is None:
            self.file = parquet.ParquetWriter(self.stream, table.schema, compression="zstd")
        self.file.write_table(table.cast(self.file.schema))

    def close(self) -> None:
        import pyarrow as pa

        if self.file is None:
            self.table(pa.table({name: pa.array([], pa.string()) for name in self.schema.names}))
        self.file.close()


def _json(row: dict[str, Any]) -> str:
    """A row as JSON, which has no NaN: a number that is none is missing, also inside a list."""
    try:
        return json.dumps(row, ensure_ascii=False, default=_json_value, allow_nan=False)
    except ValueError:
        return json.dumps(_without_nan(row), ensure_ascii=False, default=_json_value)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and value != value else value


def _json_value(value: Any) -> Any:
    """What JSON has no type for: decimals as numbers, the rest as text."""
    return float(value) if type(value).__name__ == "Decimal" else str(value)


def _as_text(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.type == pa.float32():  # Arrow writes the fewest digits that tell it, repr those of a float64
        return pc.if_else(pc.is_nan(column), pa.scalar(None, pa.string()), column.cast(pa.string()))
    if pa.types.is_floating(column.type):
        texts = [None if v is None or v != v else repr(v).removesuffix(".0") for v in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])
    if is_list(column.type):
        return pa.chunked_array([pa.array(texts_of(column), pa.string())])
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


def _contiguous(column: "pa.ChunkedArray") -> "pa.Array":
    import pyarrow as pa

    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
