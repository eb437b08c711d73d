"""What one pass learns about a column: facts in bounded memory, from which its kind is decided afterwards.

Work is done on the distinct values of a batch with their counts, so that a column of few values costs little.
"""

from collections import Counter as Tally
from typing import TYPE_CHECKING, Any

from genwright.data.counts import Counter
from genwright.data.evidence import Dates, Moments, Numbers
from genwright.data.ids import shape_of
from genwright.data.missing import ALWAYS, SOMETIMES, is_token, trimmed

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


class TextColumn:
    """Facts about a column of strings."""

    def __init__(self, limit: int):
        self.n = self.n_missing = self.n_characters = self.n_words = 0
        self.n_written = 0  # characters with the blanks around values, tokens of ALWAYS included
        self.tokens: Tally[str] = Tally()  # tokens of ALWAYS, trimmed
        self.unclear: Tally[str] = Tally()  # tokens of SOMETIMES, trimmed
        self.counter = Counter(limit)  # of everything that is not missing for certain
        self.numbers, self.dates = Numbers(), Dates()
        self.shapes: set[str | None] = set()

    def add(self, column: "pa.Array", first_row: int) -> None:
        """Takes in one batch."""
        import pyarrow.compute as pc

        self.n += len(column)
        self.n_written += pc.sum(pc.utf8_length(column)).as_py() or 0
        table = column.drop_null().value_counts()
        values, counts = table.field("values"), table.field("counts")
        bare = trimmed(values)
        self.n_missing += column.null_count
        always = is_token(bare, ALWAYS)
        if pc.any(always).as_py():
            n_before = self.tokens.total()
            self._tally(self.tokens, bare.filter(always), counts.filter(always))
            self.n_missing += self.tokens.total() - n_before
            rest = pc.invert(always)
            values, bare, counts = values.filter(rest), bare.filter(rest), counts.filter(rest)
        self.counter.add(values, counts)
        if len(values):
            self._add_form(bare, counts, column, first_row)

    def _add_form(self, bare: "pa.Array", counts: "pa.Array", column: "pa.Array", first_row: int) -> None:
        import numpy as np
        import pyarrow.compute as pc

        weights = counts.to_numpy(zero_copy_only=False)
        self.n_characters += int(np.dot(pc.utf8_length(bare).to_numpy(zero_copy_only=False), weights))
        self.n_words += int(np.dot(pc.count_substring(bare, " ").to_numpy(zero_copy_only=False) + 1, weights))
        unclear = is_token(bare, SOMETIMES)
        clear_values = bare
        if pc.any(unclear).as_py():
            self._tally(self.unclear, bare.filter(unclear), counts.filter(unclear))
            clear = pc.invert(unclear)
            clear_values, weights = bare.filter(clear), weights[clear.to_numpy(zero_copy_only=False)]
        if self.numbers.is_alive and len(clear_values):
            self._add_numbers(clear_values, weights, column, first_row)
        if self.numbers.n_odd and self.dates.alive != [] and len(clear_values):
            self.dates.add(clear_values)
        if self.counter.is_unique and None not in self.shapes:
            self.shapes.add("0" if self.numbers.is_plain else shape_of(bare))

    def _add_numbers(self, bare: "pa.Array", weights: "np.ndarray", column: "pa.Array", first_row: int) -> None:
        import pyarrow.compute as pc

        before = self.numbers.n_odd
        self.numbers.add(bare, weights)
        if self.numbers.n_odd > before == 0:
            words = set(self.numbers.odd)
            row, word = next((i, w) for i, w in enumerate(pc.utf8_trim_whitespace(column).to_pylist()) if w in words)
            self.numbers.first_odd = (first_row + row + 1, word)

    @staticmethod
    def _tally(tally: "Tally[str]", tokens: "pa.Array", counts: "pa.Array") -> None:
        for token, count in zip(tokens.to_pylist(), counts.to_pylist()):
            tally[token] += count


class TypedColumn:
    """Facts about a column whose Arrow type already says what it is."""

    def __init__(self, limit: int):
        self.n = self.n_missing = 0
        self.counter = Counter(limit)
        self.moments = Moments()
        self.range: tuple[Any, Any] | None = None  # of dates

    def add(self, column: "pa.Array", first_row: int) -> None:
        """Takes in one batch."""
        import pyarrow as pa
        import pyarrow.compute as pc

        self.n += len(column)
        known = column.drop_null()
        if pa.types.is_floating(known.type):
            known = known.filter(pc.invert(pc.is_nan(known)))
        self.n_missing += len(column) - len(known)
        if pa.types.is_dictionary(known.type):
            known = known.dictionary_decode()
        if not len(known):
            return
        counted = known.cast(pa.int64()) if pa.types.is_temporal(known.type) and _is_64(known.type) else known
        table = counted.value_counts()
        self.counter.add(table.field("values"), table.field("counts"))
        if is_numeric(known.type):
            values = table.field("values").cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
            self.moments.add(values, table.field("counts").to_numpy(zero_copy_only=False))
        elif pa.types.is_temporal(known.type):
            ends = pc.min_max(known)
            texts = (str(ends["min"].cast(pa.string())), str(ends["max"].cast(pa.string())))
            self.range = (min(texts[0], self.range[0]), max(texts[1], self.range[1])) if self.range else texts


def is_numeric(kind: "pa.DataType") -> bool:
    """Whether an Arrow type holds numbers."""
    import pyarrow as pa

    types = pa.types
    return types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)


def _is_64(kind: "pa.DataType") -> bool:
    return kind.bit_width == 64
