"""Which encoding a text file has: decided by decoding all of it strictly, never by a guess about single bytes.

In this order: a byte order mark; UTF-8; GB18030, when most of its characters are everyday Chinese (in GB 2312, whose
characters take two high bytes each, which Western text hardly ever puts in pairs); Windows-1252; Latin-1, which
decodes anything.
"""

import codecs
import gzip
import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

from genwright.core.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("genwright")
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CHUNK = 1 << 20
TEXT_ENDINGS = (
    *(".txt", ".text", ".md", ".markdown", ".rst", ".tex", ".log", ".srt"),
    *(".py", ".js", ".ts", ".c", ".h", ".cpp", ".java", ".go", ".rs", ".sh", ".html", ".xml", ".css"),
)
TABLE = "a line of column names and rows below it"
CERTAIN = 10  # characters of UTF-8 for each byte that is none, from which on a text is damaged UTF-8


@dataclass(frozen=True)
class TextFile:
    """A text file that can be opened again and again.

    Args:
        path: Where it is.
        encoding: Its encoding, as Python names it.
        is_gzip: It is compressed.
        n_quotes: How many double quotes it holds; −1: they were not counted.
    """

    path: Path
    encoding: str
    is_gzip: bool
    n_quotes: int = 0

    @property
    def is_utf8(self) -> bool:
        """Whether the bytes are UTF-8, with or without a byte order mark."""
        return self.encoding in ("utf-8", "utf-8-sig")

    def open_bytes(self) -> BinaryIO:
        """The bytes, decompressed."""
        return _open(self.path, self.is_gzip)

    def open_native(self) -> "pa.NativeFile":
        """The bytes, decompressed by Arrow: its threads may outlive a reader and must then hold nothing of Python's."""
        import pyarrow as pa

        return pa.input_stream(str(self.path), compression="gzip" if self.is_gzip else None)

    def open_text(self, newline: str | None = "") -> TextIO:
        """The characters, line ends as they are; with `newline=None` each is a line feed."""
        return io.TextIOWrapper(self.open_bytes(), encoding=self.encoding, newline=newline)


def text_file(path: Path, encoding: str | None = None, expected: str = TABLE) -> TextFile:
    """Looks through the whole file once: encoding, NUL bytes, number of quotes.

    Args:
        path: Where it is.
        encoding: Its encoding; None: found.
        expected: What an empty file should have held.

    Raises:
        DataError: the file is empty, damaged, holds NUL bytes or is not in the encoding that was asked for.
    """
    with path.open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
    with _open(path, is_gzip) as file:
        start = _read(file, path)
    if not start.strip(b" \t\r\n") and len(start) < CHUNK:
        found = "holds nothing but white space" if start else "is empty"
        raise DataError(f"{path} {found}; expected {expected}")
    marked = next((name for mark, name in MARKS if start.startswith(mark)), None)
    if encoding:
        _check_name(encoding)
    n_quotes = -1 if _is_wide(encoding or marked) else _no_nul_bytes(path, is_gzip)
    chosen = encoding or marked or _decide(path, is_gzip)
    bad = _first_bad_line(path, is_gzip, chosen) if encoding or marked else 0
    if bad:
        raise DataError(f"{path}: line {bad} is not {chosen}; save the file as UTF-8 or say which encoding it has")
    if chosen not in ("utf-8", "utf-8-sig"):
        log.info("%s: read as %s", path, chosen)
    return TextFile(path, chosen, is_gzip, n_quotes)


def _check_name(encoding: str) -> None:
    try:
        io.TextIOWrapper(io.BytesIO(), codecs.lookup(encoding).name)
    except LookupError:  # also of codecs that are no encodings of text, such as hex
        raise DataError(f"no encoding is called {encoding!r}; try utf-8, cp1252, latin-1 or gb18030") from None


def _is_wide(encoding: str | None) -> bool:
    """Whether characters take two bytes or four, so that a NUL byte says nothing."""
    return encoding is not None and codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))


def _open(path: Path, is_gzip: bool) -> BinaryIO:
    return gzip.open(path, "rb") if is_gzip else path.open("rb")  # type: ignore[return-value]


def _read(file: BinaryIO, path: Path) -> bytes:
    try:
        return file.read(CHUNK)
    except (EOFError, gzip.BadGzipFile, OSError) as error:
        raise DataError(f"{path} is damaged: {error}; copy or download it again") from None


def _chunks(path: Path, is_gzip: bool) -> Iterator[bytes]:
    with _open(path, is_gzip) as file:
        while chunk := _read(file, path):
            yield chunk


def _no_nul_bytes(path: Path, is_gzip: bool) -> int:
    """The number of double quotes, when there is no NUL byte."""
    line, n_quotes = 1, 0
    for chunk in _chunks(path, is_gzip):
        at = chunk.find(b"\0")
        if at >= 0:
            line += chunk[:at].count(b"\n")
            advice = "if it is UTF-16 text, save it as UTF-8; if it is not text, this is the wrong file"
            raise DataError(f"{path}: line {line} holds a NUL byte; {advice}")
        line += chunk.count(b"\n")
        n_quotes += chunk.count(b'"')
    return n_quotes


def _decide(path: Path, is_gzip: bool) -> str:
    if not _first_bad_line(path, is_gzip, "utf-8"):
        return "utf-8"
    if not nearly_utf8(TextFile(path, "utf-8", is_gzip)) and _is_chinese(path, is_gzip):
        return "gb18030"
    return "latin-1" if _first_bad_line(path, is_gzip, "cp1252") else "cp1252"


def _first_bad_line(path: Path, is_gzip: bool, encoding: str) -> int:
    """The line of the first byte that does not decode; 0 when all do."""
    line = 1
    try:
        decoder = codecs.getincrementaldecoder(encoding)("strict")
        for chunk in _chunks(path, is_gzip):
            line += decoder.decode(chunk).count("\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return line + bytes(error.object[: error.start]).count(b"\n")
    return 0


def nearly_utf8(file: TextFile) -> int:
    """The first line that is not UTF-8, when nearly all characters beyond ASCII are, or are halves of some; else 0."""
    decoder, n_right, n_wrong = codecs.getincrementaldecoder("utf-8")("replace"), 0, 0
    for chunk in _chunks(file.path, file.is_gzip):
        text = decoder.decode(chunk)
        n_wrong += text.count("\ufffd")
        n_right += sum(1 for c in text if c > "\x7f")
    is_damaged = n_right - n_wrong >= CERTAIN * n_wrong or _is_utf8_but_for_halves(file)
    return _first_bad_line(file.path, file.is_gzip, "utf-8") if is_damaged else 0


def _is_utf8_but_for_halves(file: TextFile) -> bool:
    """Whether all that is wrong are lone surrogates, which some programs write for halves of characters."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogatepass")
    try:
        for chunk in _chunks(file.path, file.is_gzip):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_chinese(path: Path, is_gzip: bool) -> bool:
    decoder, n_all, n_common = codecs.getincrementaldecoder("gb18030")("strict"), 0, 0
    try:
        for chunk in _chunks(path, is_gzip):
            text = decoder.decode(chunk)
            high = "".join(c for c in text if c > "\x7f")
            n_all += len(high)
            n_common += len(high.encode("gb2312", "ignore")) // 2
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return n_common > n_all / 2
