"""How a delimited text file is written: its delimiter, quote and escape, found by reading its first rows each way.

The way that gives every row as many fields as the header wins; among several, the one with the most fields. A first
line `sep=;`, as Excel writes and reads it, names the delimiter and is no row.
"""

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from genwright.core.errors import DataError
from genwright.data.encoding import TextFile, text_file

DELIMITERS = (",", ";", "\t", "|")
SEPARATOR = re.compile(r"""("?)sep=(?P<delimiter>[\t!#-&(-/:-@[-`{-~])\1""", re.IGNORECASE)  # one sign, no quote
ENOUGH_ROWS = 50
MOSTLY = 0.95  # share of rows with as many fields as the header, for a file that may be a text


@dataclass(frozen=True)
class Dialect:
    """How the fields of a row are told apart.

    Args:
        delimiter: Between two fields.
        quote: Around a field that holds delimiters or line ends; doubled inside it. None: quotes mean nothing.
        escape: Before a quote inside a field, for files that do not double it.
        n_skipped: Lines at the beginning that are no rows: `sep=;` and blank ones before it.
    """

    delimiter: str = ","
    quote: str | None = '"'
    escape: str | None = None
    n_skipped: int = 0


@dataclass(frozen=True)
class Head:
    """The beginning of a file.

    Args:
        dialect: How it is written.
        rows: Its first rows, split into fields; the header is the first.
        n_blank: Blank lines before the header, behind those that are skipped.
        longest: Characters of the longest of these rows.
    """

    dialect: Dialect
    rows: list[list[str]]
    n_blank: int
    longest: int


def read_head(file: TextFile, delimiter: str | None = None) -> Head:
    """Finds the dialect from the first rows.

    Raises:
        DataError: there is no row, as in a file that holds nothing but a byte order mark.
    """
    sample, is_all = _sample(file)
    lines = _lines(sample)
    n_skipped, named = _separator(lines)
    delimiter, lines = delimiter or named, lines[n_skipped:]
    sample = "".join(lines)
    n_blank = next((i for i, line in enumerate(lines) if line.strip("\r\n")), 0)
    preferred = ("\t", *DELIMITERS) if ".tsv" in file.path.suffixes else DELIMITERS
    best: tuple[tuple[float, int], Dialect, list[list[str]]] | None = None
    for dialect in _candidates(sample, (delimiter,) if delimiter else preferred):
        rows = _rows(sample, dialect, is_all)
        score = _score(rows)
        if best is None or score > best[0]:
            best = score, dialect, rows
    assert best is not None
    _, dialect, rows = best
    if not rows:
        raise DataError(f"{file.path} is empty; expected a line of column names and rows below it")
    dialect = replace(dialect, n_skipped=n_skipped)
    is_told = len(rows[0]) > 1 or file.n_quotes % 2  # one column of pairs of quotes may be lines in a cell
    if dialect.delimiter == "\t" and file.n_quotes and is_told and _has_stray_quotes(file, len(rows[0])):
        dialect = replace(dialect, quote=None)
        rows = _rows(sample, dialect, is_all)
    return Head(dialect, rows, n_blank, max(map(len, lines), default=0))


def _separator(lines: list[str]) -> tuple[int, str | None]:
    """How many lines stand before the first row where one of them names the delimiter, and which that is."""
    first = next((i for i, line in enumerate(lines) if line.strip("\r\n")), 0)
    found = SEPARATOR.fullmatch(lines[first].strip("\r\n")) if lines else None
    return (first + 1, found["delimiter"]) if found else (0, None)


def is_table(path: Path) -> bool:
    """Whether nearly all of the first rows of a file have the same number of fields, two or more.

    Any text is one of these, too, when its lines happen to have equally many commas; from two lines on.
    """
    try:
        rows = read_head(text_file(path)).rows
    except DataError:
        return False
    return len(rows) > 1 and _score(rows)[0] >= MOSTLY


def _has_stray_quotes(file: TextFile, n: int) -> bool:
    """Whether every line has n fields as it is, and some field opens a quote that it does not close."""
    is_stray = False
    with file.open_text() as text:
        for line in text:
            fields = line.rstrip("\r\n").split("\t")
            if len(fields) != n:
                return False
            is_stray = is_stray or any(f.startswith('"') and (len(f) < 2 or not f.endswith('"')) for f in fields)
    return is_stray


def records_with_lines(file: TextFile, dialect: Dialect) -> Iterator[tuple[int, list[str], list[str]]]:
    """Every record: its first line, its fields, its lines as they are; slow, for messages only."""
    with file.open_text() as text, _long_fields():
        kept: list[str] = []

        def lines() -> Iterator[str]:
            for line in text:
                kept.append(line)
                yield line

        rest = islice(lines(), dialect.n_skipped, None)
        reader, start = csv.reader(rest, **_arguments(dialect)), dialect.n_skipped + 1
        for record in reader:
            if record:
                yield start, record, list(kept)
            start = dialect.n_skipped + reader.line_num + 1
            kept.clear()


def ragged(file: TextFile, dialect: Dialect, n_expected: int) -> DataError | None:
    """What is wrong with the first row that has too few or too many fields."""
    try:
        for first, record, lines in records_with_lines(file, dialect):
            if len(record) != n_expected:
                return _unclosed(file.path, first, lines, dialect) or DataError(
                    f"{file.path}: {_place(first, lines)} has {len(record)} fields, expected {n_expected} as in the "
                    f"header; mend the line, or quote the field that holds a {_shown(dialect.delimiter)}"
                )
    except csv.Error as error:
        return DataError(f"{file.path}: {error}")
    return None


def unclosed(file: TextFile, dialect: Dialect) -> DataError | None:
    """What is wrong when the last row ends inside a quoted field."""
    last = None
    for last in records_with_lines(file, dialect):  # noqa: B007
        pass
    return _unclosed(file.path, last[0], last[2], dialect) if last else None


def _place(first: int, lines: list[str]) -> str:
    return f"line {first}" if len(lines) == 1 else f"lines {first} to {first + len(lines) - 1}"


def _unclosed(path: Path, first: int, lines: list[str], dialect: Dialect) -> DataError | None:
    """The record's lines end inside quotes."""
    try:
        list(csv.reader(lines, strict=True, **_arguments(dialect)))
    except csv.Error as error:
        if "unexpected end" in str(error):
            return DataError(f"{path}: a {dialect.quote} opened in line {first} is never closed; close or remove it")
    return None


def _shown(delimiter: str) -> str:
    return {"\t": "tab", ",": "comma", ";": "semicolon"}.get(delimiter, delimiter)


def _sample(file: TextFile) -> tuple[str, bool]:
    """Enough text for some rows, and whether it is the whole file."""
    size, text = 1 << 17, ""
    with file.open_text() as stream:
        while True:
            more = stream.read(size - len(text))
            text += more
            if not more or text.count("\n") + text.count("\r") > ENOUGH_ROWS or size >= 1 << 25:
                return text.removeprefix("\ufeff"), len(text) < size
            size *= 2


def _lines(text: str) -> list[str]:
    """Lines with their ends; only \\n, \\r and \\r\\n end one."""
    return list(io.StringIO(text, newline=""))


def _candidates(sample: str, delimiters: tuple[str, ...]) -> Iterator[Dialect]:
    quotes = ("'", '"') if sample.lstrip().startswith("'") else ('"',)
    escapes = (None, "\\") if '\\"' in sample else (None,)
    for quote in quotes:
        for escape in escapes:
            for delimiter in delimiters:
                yield Dialect(delimiter, quote, escape)


def _arguments(dialect: Dialect) -> dict[str, Any]:
    if dialect.quote is None:
        return {"delimiter": dialect.delimiter, "quoting": csv.QUOTE_NONE}
    return {
        "delimiter": dialect.delimiter,
        "quotechar": dialect.quote,
        "escapechar": dialect.escape,
        "doublequote": dialect.escape is None,
    }


def _rows(sample: str, dialect: Dialect, is_all: bool) -> list[list[str]]:
    """The sample's records; the last one is left out where the sample may have cut it."""
    rows: list[list[str]] = []
    try:
        with _long_fields():
            for row in csv.reader(_lines(sample), **_arguments(dialect)):
                rows += [row] if row else []
                if len(rows) > ENOUGH_ROWS:
                    return rows
    except csv.Error:
        return rows
    return rows if is_all or len(rows) < 2 else rows[:-1]


def _score(rows: list[list[str]]) -> tuple[float, int]:
    """(share of rows with as many fields as the header, fields of the header); one field tells nothing."""
    n = len(rows[0]) if rows else 0
    if n < 2:
        return (0.0, n)
    return (sum(len(row) == n for row in rows) / len(rows), n)


@contextmanager
def _long_fields() -> Iterator[None]:
    """Lets the csv module read fields of any length."""
    before = csv.field_size_limit(1 << 30)
    try:
        yield
    finally:
        csv.field_size_limit(before)
