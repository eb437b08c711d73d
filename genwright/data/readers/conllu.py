"""Tagged sentences in CoNLL-U: columns `words` and `tags`, one sentence a row; plain or gzipped.

https://universaldependencies.org/format.html

Tags are the universal parts of speech, or the language's own (`tags = "xpos"`); `_` is a missing tag. Lines of words
that stand for several (3-4) and of words that are not written (8.1) are passed over, as the format has it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genwright.core.errors import ConfigError, DataError
from genwright.core.records import Reader, Records
from genwright.data.encoding import TextFile, text_file

if TYPE_CHECKING:
    import pyarrow as pa

ENDINGS = (".conllu", ".conll-u")
CHUNK = 16_384  # sentences a batch
N_FIELDS = 10
FIELDS = {"upos": 3, "xpos": 4}
Sentence = tuple[list[str], list[str | None]]


@dataclass(frozen=True)
class ConlluReader(Reader):
    """Reads CoNLL-U."""

    tags: str = "upos"  # upos or xpos
    encoding: str | None = None  # None: found

    def __post_init__(self) -> None:
        if self.tags not in FIELDS:
            raise ConfigError(f"tags = {self.tags!r}; expected one of {', '.join(FIELDS)}")

    @classmethod
    def accepts(cls, source: Any) -> bool:
        """A path that ends in .conllu, perhaps with .gz."""
        return isinstance(source, (str, Path)) and str(source).lower().removesuffix(".gz").endswith(ENDINGS)

    def read(self, source: Any) -> Records:
        """One pass counts the sentences and checks every line."""
        import pyarrow as pa

        path = Path(source)
        file, field = text_file(path, self.encoding), FIELDS[self.tags]
        n = sum(1 for _ in sentences(file, field))
        if not n:
            raise DataError(f"{path} holds no sentence; expected lines of {N_FIELDS} fields with tabs between them")
        schema = pa.schema([("words", pa.list_(pa.string())), ("tags", pa.list_(pa.string()))])

        def opened() -> "Iterator[pa.RecordBatch]":
            stream = sentences(file, field)
            while chunk := list(islice(stream, CHUNK)):
                columns = [pa.array([sentence[i] for sentence in chunk], schema.types[i]) for i in range(2)]
                yield pa.RecordBatch.from_arrays(columns, schema=schema)

        return Records(str(path), schema, opened, n_rows=n, path=str(path))


def sentences(file: TextFile, field: int) -> Iterator[Sentence]:
    """Words and tags of every sentence.

    Args:
        file: The file.
        field: Which of the ten fields has the tags.

    Raises:
        DataError: a line does not have ten fields, or no number; names file and line.
    """
    words: list[str] = []
    tags: list[str | None] = []
    with file.open_text() as text:
        for number, line in enumerate(text, 1):
            line = line.strip("\ufeff\r\n")
            if line.startswith("#"):
                continue
            if not line.strip():
                if words:
                    yield words, tags
                words, tags = [], []
                continue
            fields = _fields(line, f"{file.path}: line {number}")
            if fields[0].isdigit():
                words.append(fields[1])
                tags.append(None if fields[field] == "_" else fields[field])
    if words:
        yield words, tags


def _fields(line: str, where: str) -> list[str]:
    fields = line.split("\t")
    if len(fields) != N_FIELDS:
        raise DataError(f"{where} has {len(fields)} fields; expected {N_FIELDS} with tabs between them")
    if not fields[0].replace("-", "").replace(".", "").isdigit():
        raise DataError(f"{where} begins with {fields[0][:20]!r}; expected the number of a word, such as 3, 3-4 or 8.1")
    return fields
