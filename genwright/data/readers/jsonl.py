"""JSON: one object a line, or one array of objects in the file; plain or gzipped.

A first pass finds every key and the types of its values, so that a later row may hold what the first did not; the
rows then stream. Whole numbers and decimals together become decimals; other mixtures become text. Nested objects
become columns named `outer.inner`, lists of one plain type sequences, other lists JSON text. An array of objects is
read whole. In columns of texts only null is missing: "" and "NA" are texts.
"""

import json
import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genwright.core.errors import DataError
from genwright.core.records import Reader, Records
from genwright.data.encoding import TextFile, text_file
from genwright.data.lists import is_list, merged_type, sequence_type
from genwright.data.marks import with_own_null
from genwright.data.names import column_names, is_broken

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("genwright")
ENDINGS = (".jsonl", ".ndjson", ".json")
CHUNK, CHUNK_SIZE = 16_384, 1 << 25  # most rows a batch, and characters and items of lists in them
MAX_DEPTH = 100  # levels of objects and lists in each other
Row = dict[str, Any]


@dataclass(frozen=True)
class JsonlReader(Reader):
    """Reads JSON lines."""

    encoding: str | None = None  # None: found

    @classmethod
    def accepts(cls, source: Any) -> bool:
        """A path that ends like JSON."""
        return isinstance(source, (str, Path)) and str(source).lower().removesuffix(".gz").endswith(ENDINGS)

    def read(self, source: Any) -> Records:
        """One pass for keys and types."""
        path = Path(source)
        rows = _rows(text_file(path, self.encoding))
        types: dict[str, set[str]] = {}
        lists: dict[str, Any] = {}  # keys of which all values are lists → the type of these
        n = 0
        for row in rows():
            n += 1
            for key, value in row.items():
                types.setdefault(key, set()).add(_kind(value))
                if isinstance(value, list):
                    lists[key] = merged_type(lists.get(key), value)
        if not types:
            raise DataError(
                f'{path} holds no objects with keys; expected one like {{"age": 39, "job": "clerk"}} a line'
            )
        return Records(str(path), *_typed(path, types, lists, rows), n_rows=n, path=str(path))


def _typed(
    path: Path, types: dict[str, set[str]], lists: dict[str, Any], rows: Callable[[], Iterator[Row]]
) -> "tuple[pa.Schema, Callable[[], Iterator[pa.RecordBatch]]]":
    import pyarrow as pa

    for key, kinds in types.items():
        if len(kinds - {"null"}) > 1 and kinds - {"null"} != {"int64", "double"}:
            log.warning("%s: key %r holds %s; read as text", path, key, " and ".join(sorted(kinds - {"null"})))
    found = [_list_type(lists.get(key), kinds) or _arrow_type(kinds) for key, kinds in types.items()]
    fields = map(pa.field, column_names(list(types), str(path)), found)
    schema = pa.schema([with_own_null(f) if types[k] <= {"string", "null"} else f for k, f in zip(types, fields)])

    def opened() -> "Iterator[pa.RecordBatch]":
        first = 1
        for chunk in _chunks(rows()):
            columns = [_array_of(chunk, key, field.type, path, first) for key, field in zip(types, schema)]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)
            first += len(chunk)

    return schema, opened


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Rows in batches, fewer where they are long."""
    chunk: list[Row] = []
    size = 0
    for row in rows:
        chunk.append(row)
        size += sum(len(value) for value in row.values() if isinstance(value, (str, list)))
        if len(chunk) == CHUNK or size >= CHUNK_SIZE:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _array_of(rows: list[Row], key: str, kind: "pa.DataType", path: Path, first: int) -> "pa.Array":
    """One column of some rows, of which the first has the number `first`."""
    import pyarrow as pa

    values = [_value(row.get(key), kind) for row in rows]
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:
        row = first + next(i for i, value in enumerate(values) if any(map(is_broken, _parts(value))))
        raise DataError(
            f"{path}: row {row}, key {key!r} holds half a character (a lone surrogate such as \\ud800); mend it"
        ) from None


def _parts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _kind(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "null" if value is None else "bool"
    if isinstance(value, int):
        return "int64" if -(2**63) <= value < 2**63 else "large integer"
    return "double" if isinstance(value, float) else "string" if isinstance(value, str) else "list"


def _list_type(merged: Any, kinds: set[str]) -> "pa.DataType | None":
    """The type of a column of which all values are lists of one plain type."""
    return sequence_type(merged) if merged is not None and kinds <= {"list", "null"} else None


def _arrow_type(kinds: set[str]) -> "pa.DataType":
    import pyarrow as pa

    known = kinds - {"null"}
    if known == {"int64", "double"}:
        return pa.float64()
    simple = {"int64": pa.int64(), "double": pa.float64(), "bool": pa.bool_()}
    return simple.get(known.pop(), pa.string()) if len(known) == 1 else pa.string()


def _value(value: Any, kind: "pa.DataType") -> Any:
    """The value as the column holds it."""
    import pyarrow as pa

    if value is None or is_list(kind):
        return value
    if not pa.types.is_string(kind):
        return float(value) if value is not None and pa.types.is_floating(kind) else value
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _rows(file: TextFile) -> Callable[[], Iterator[Row]]:
    """A function that starts a pass over the objects."""

    def rows() -> Iterator[Row]:
        with file.open_text() as text:
            start = text.read(4096).lstrip("\ufeff \t\r\n")
        return _array(file) if start.startswith("[") else _lines(file)

    return rows


def _lines(file: TextFile) -> Iterator[Row]:
    with file.open_text() as text:
        for number, line in enumerate(text, 1):
            if line.strip("\ufeff \t\r\n"):
                yield _object(_parsed(line.strip("\ufeff \t\r\n"), file.path, number), f"{file.path}: line {number}")


def _array(file: TextFile) -> Iterator[Row]:
    with file.open_text() as text:
        objects = _parsed(text.read().lstrip("\ufeff"), file.path, 1)
    for number, value in enumerate(objects, 1):
        yield _object(value, f"{file.path}: element {number}")


def _parsed(text: str, path: Path, first_line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        raise DataError(f"{path}: line {line}, character {error.colno}: {error.msg}; expected a JSON object") from None
    except ValueError:  # Python reads no whole number of so many digits
        most = sys.get_int_max_str_digits()
        found = re.search(rf"\d{{{most + 1}}}", text)
        line = first_line + text[: found.start() if found else 0].count("\n")
        raise DataError(f"{path}: line {line} holds a number of more than {most:,} digits; put it in quotes") from None
    except RecursionError:
        raise DataError(f"{path}: line {first_line}: {_TOO_DEEP}") from None


_TOO_DEEP = f"objects or lists lie in each other more than {MAX_DEPTH} levels deep; flatten them"


def _object(value: Any, where: str) -> Row:
    if not isinstance(value, dict):
        raise DataError(f'{where} is {json.dumps(value)[:40]}, expected an object such as {{"age": 39}}')
    if any(isinstance(v, (dict, list)) for v in value.values()) and _is_too_deep(value):
        raise DataError(f"{where}: {_TOO_DEEP}")
    return _flat_row(value, where) if any(isinstance(v, dict) for v in value.values()) else value


def _flat_row(value: Row, where: str) -> Row:
    found: Row = {}
    for key, inner in _flat(value):
        if key in found:
            raise DataError(f"{where} has two values for {key!r}, one of them within an object; rename a key")
        found[key] = inner
    return found


def _is_too_deep(value: Row) -> bool:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        insides = (inner.values() if isinstance(inner, dict) else inner for inner in level)
        level = [v for inside in insides for v in inside if isinstance(v, (dict, list))]
        if not level:
            return False
    return True


def _flat(value: Row, prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from _flat(inner, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", inner
