"""Tagged sentences as CoNLL-U: columns `words` and `tags`, one sentence a row, as the reader has them.

https://universaldependencies.org/format.html

A word is a line of ten fields with tabs between them, of which number, form and universal part of speech are filled in,
the others `_`; a blank line ends a sentence. What the format cannot hold is refused, not mended.
"""

from typing import TYPE_CHECKING, BinaryIO

from genwright.core.errors import DataError
from genwright.core.schema import Schema

if TYPE_CHECKING:
    import pyarrow as pa

WORDS, TAGS = "words", "tags"


class Conllu:
    """Takes typed tables one below the other; a `RowWriter`.

    Args:
        stream: Bytes go there.
        schema: Has a column of words and one of tags, and no other.

    Raises:
        DataError: the columns are others.
    """

    def __init__(self, stream: BinaryIO, schema: Schema):
        if {WORDS, TAGS} != set(schema.names):
            found = ", ".join(schema.names)
            raise DataError(f"a .conllu file holds the columns words and tags, and these are {found}; write .jsonl")
        self.stream, self.n = stream, 0

    def table(self, table: "pa.Table") -> None:
        """Writes the sentences."""
        for words, tags in zip(table.column(WORDS).to_pylist(), table.column(TAGS).to_pylist(), strict=True):
            self.n += 1
            self.stream.write(self._sentence(words or [], tags or []).encode("utf-8", "surrogatepass"))

    def close(self) -> None:
        """Nothing stands behind the last sentence."""

    def _sentence(self, words: list[str | None], tags: list[str | None]) -> str:
        if not words:
            raise DataError(f"row {self.n} has no words, and CoNLL-U no empty sentences; write .jsonl")
        tags = tags or [None] * len(words)
        if len(tags) != len(words):
            raise DataError(f"row {self.n} has {len(words)} words and {len(tags)} tags; expected as many, write .jsonl")
        lines = [
            "\t".join([str(i), self._cell(word), "_", "_" if tag is None else self._cell(tag), *"______"])
            for i, (word, tag) in enumerate(zip(words, tags, strict=True), 1)
        ]
        return "\n".join(lines) + "\n\n"

    def _cell(self, value: str | None) -> str:
        text = "" if value is None else str(value)
        if not text.strip() or any(c in text for c in "\t\r\n"):
            found = "a missing word" if value is None else repr(text)
            raise DataError(f"row {self.n} holds {found}, which no field of CoNLL-U can; write .jsonl")
        return text
