"""Texts: a file is one with a column `text`, a folder of text files has a row a file.

A file's rows are, as `rows` says or by this rule:

- `lines`, for a list: at least 20 lines, at most one in 100 of them blank, and either nine in ten have at most 32
  characters (names, words) or six in ten end as a sentence does. Blank lines are no rows.
- `passages` else: consecutive parts of a running text that joined are the text again. A passage has at most 4,096
  characters, less in short texts, so that there are about 50; it ends with a line where one ends in its second half,
  else at a blank.
- `paragraphs`, only where asked for: parts between blank lines.

A folder's are `files`, unless they have more than 16,384 characters on average: then the passages of one after the
other. Names of sub-folders with files become a column `label`. Files that hold no text are left out, and a note says
how many. Line ends become line feeds.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from genwright.core.errors import ConfigError, DataError
from genwright.core.records import Reader, Records
from genwright.core.schema import Column
from genwright.data.encoding import TEXT_ENDINGS, TextFile, nearly_utf8, text_file
from genwright.data.marks import marked
from genwright.data.passages import LONGEST_LINE, lines_of, paragraphs_of, passages

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("genwright")
PASSAGE, SHORTEST_PASSAGE, N_PASSAGES = 4_096, 64, 50  # characters; characters; passages there should be
LONG_FILE = 16_384  # characters on average, beyond which a folder's files are cut into passages
FEWEST_LINES, MOST_BLANK, SHORT_LINE, MOST_SHORT, MOST_SENTENCES = 20, 0.01, 32, 0.9, 0.6
SENTENCE_ENDS = tuple(".!?…。！？.\"'”’»)")
CHUNK, CHUNK_ROWS = 1 << 20, 256  # characters read at once, rows a batch

RowsOf = Literal["auto", "passages", "lines", "paragraphs", "files"]


@dataclass(frozen=True)
class TextReader(Reader):
    """Reads text files and folders of them."""

    rows: RowsOf = "auto"  # passages, lines, paragraphs; of a folder also files; auto: by the rule above
    encoding: str | None = None  # None: found

    @classmethod
    def accepts(cls, source: Any) -> bool:
        """A path that ends like text, or a folder with such files."""
        if not isinstance(source, (str, Path)):
            return False
        path = Path(source)
        return any(_text_paths(path)) if path.is_dir() else _ends_like_text(path)

    def read(self, source: Any) -> Records:
        """Looks through each file once, for its encoding and how it is laid out; the rows are read by `open`."""
        if self.rows not in get_args(RowsOf):
            raise ConfigError(f"rows = {self.rows!r}; expected one of {', '.join(get_args(RowsOf))}")
        path = Path(source)
        return self._folder(path) if path.is_dir() else self._file(path)

    def _file(self, path: Path) -> Records:
        if self.rows == "files":
            raise ConfigError(f"rows = 'files' is for a folder; {path} is one file, whose rows are passages or lines")
        file = _checked(path, self.encoding)
        layout = Layout.of(file)
        return _records(path, [file], [], self.rows if self.rows != "auto" else layout.rows, layout)

    def _folder(self, path: Path) -> Records:
        files, labels = self._files(path)
        layout = sum(map(Layout.of, files), Layout())
        by_size: RowsOf = "passages" if layout.n_all > LONG_FILE * len(files) else "files"
        return _records(path, files, labels, by_size if self.rows == "auto" else self.rows, layout)

    def _files(self, folder: Path) -> tuple[list[TextFile], list[str]]:
        """The folder's text files, and their labels where there are sub-folders."""
        paths = sorted(_text_paths(folder))
        files, refused = [], []
        for path in paths:
            try:
                files.append(_checked(path, self.encoding))
            except DataError as error:
                refused.append(str(error))
        if not files:
            raise DataError(f"{folder}: none of its {len(paths)} text files can be read; the first: {refused[0]}")
        n_other = sum(1 for p in folder.rglob("*") if p.is_file() and not _is_hidden(p, folder)) - len(paths)
        for n, what in ((len(refused), f"hold no text (the first: {refused[:1]})"), (n_other, "are no text files")):
            if n:
                log.warning("%s: %s files are left out, which %s", folder, f"{n:,}", what)
        labels = [file.path.parent.relative_to(folder).as_posix() for file in files]
        return files, (labels if set(labels) != {"."} else [])


@dataclass(frozen=True)
class Layout:
    """How some text is laid out, in counts."""

    n_all: int = 0  # characters
    n_lines: int = 0
    n_blank: int = 0  # lines of white space
    n_short: int = 0  # lines of at most SHORT_LINE characters
    n_sentences: int = 0  # lines that end as a sentence does

    def __add__(self, other: "Layout") -> "Layout":
        return Layout(*(a + b for a, b in zip(astuple(self), astuple(other))))

    @classmethod
    def of(cls, file: TextFile) -> "Layout":
        """One pass over a file."""
        n_all = n = n_blank = n_short = n_sentences = 0
        for line in lines_of(_characters(file), LONGEST_LINE):
            bare = line.strip()
            n, n_all, n_blank = n + 1, n_all + len(line) + 1, n_blank + (not bare)
            n_short += 0 < len(bare) <= SHORT_LINE
            n_sentences += bare.endswith(SENTENCE_ENDS)
        return cls(n_all, n, n_blank, n_short, n_sentences)

    @property
    def rows(self) -> RowsOf:
        """The rows that such a text should have."""
        n = self.n_lines - self.n_blank
        is_list = self.n_lines >= FEWEST_LINES and self.n_blank <= MOST_BLANK * self.n_lines
        is_items = self.n_short >= MOST_SHORT * n or self.n_sentences >= MOST_SENTENCES * n
        return "lines" if is_list and is_items else "passages"

    @property
    def passage(self) -> int:
        """Characters of a passage."""
        return max(SHORTEST_PASSAGE, min(PASSAGE, -(-self.n_all // N_PASSAGES)))


def _records(path: Path, files: list[TextFile], labels: list[str], rows: RowsOf, layout: Layout) -> Records:
    import pyarrow as pa

    cut, why = _ways(rows, layout)
    is_running = rows == "passages"
    options = {"runs_on": True} if is_running else {}
    fields = [marked(Column("text", "text", options, split="order" if is_running else None, why=why))]
    schema = pa.schema([*fields, *([pa.field("label", pa.string())] if labels else [])])

    def opened() -> "Iterator[pa.RecordBatch]":
        places = labels or [""] * len(files)
        found = ((text, label) for file, label in zip(files, places) for text in cut(_characters(file)))
        while chunk := list(islice(found, CHUNK_ROWS)):
            columns = [pa.array(column, pa.string()) for column in zip(*chunk)]
            yield pa.RecordBatch.from_arrays(columns[: len(schema)], schema=schema)

    return Records(str(path), schema, opened, n_rows=len(files) if rows == "files" else None, path=str(path))


def _ways(rows: RowsOf, layout: Layout) -> tuple[Callable[[Iterable[str]], Iterable[str]], str]:
    """How a text becomes rows, and that in words."""
    if rows == "passages":
        return partial(
            passages, size=layout.passage
        ), f"passages of a running text, up to {layout.passage:,} characters"
    if rows == "lines":
        return lambda chunks: (line for line in lines_of(chunks) if line.strip()), "one row a line"
    if rows == "paragraphs":
        return paragraphs_of, "one row a paragraph"
    return lambda chunks: ["".join(chunks)], "one row a file"


def _checked(path: Path, encoding: str | None) -> TextFile:
    """A text file that can be read.

    Raises:
        DataError: it is empty, holds NUL bytes or nothing but white space, or is nearly UTF-8 but not quite.
    """
    file = text_file(path, encoding, expected="text")
    if not any(chunk.strip() for chunk in _characters(file)):
        raise DataError(f"{path} holds nothing but white space; expected text")
    if encoding is None and file.encoding in ("cp1252", "latin-1"):
        line = nearly_utf8(file)
        if line:
            advice = f"mend it, or say which encoding it has (encoding={file.encoding!r} or --encoding reads anything)"
            raise DataError(f"{path}: line {line} is not UTF-8, though the rest is; {advice}")
        log.warning("%s: not UTF-8, read as %s; say encoding= (--encoding) if that is wrong", path, file.encoding)
    return file


def _characters(file: TextFile) -> Iterator[str]:
    """The characters in chunks, line ends as line feeds, without a byte order mark."""
    with file.open_text(newline=None) as stream:
        first = stream.read(CHUNK).removeprefix("\ufeff")
        yield from chain([first], iter(partial(stream.read, CHUNK), ""))


def _text_paths(folder: Path) -> Iterator[Path]:
    return (p for p in folder.rglob("*") if _ends_like_text(p) and p.is_file() and not _is_hidden(p, folder))


def _ends_like_text(path: Path) -> bool:
    return path.name.lower().removesuffix(".gz").endswith(TEXT_ENDINGS)


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)
