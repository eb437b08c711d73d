"""Columns of lists: which of them are sequences, what one pass learns about them, and how they are hashed and written.

Lists of texts, whole numbers, decimals or truth values stay lists, and so do lists of lists of numbers.
"""

import json
import re
from typing import TYPE_CHECKING, Any

from genwright.data.observe import TypedColumn, is_numeric

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_NOTHING = re.compile(r"\[(null(, ?null)*)?\]")
N_SHOWN = 8  # steps of a list that tell it from others in the facts


def is_list(kind: "pa.DataType") -> bool:
    """Whether an Arrow type is a list of some layout."""
    import pyarrow as pa

    t = pa.types
    return t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind) or t.is_list_view(kind)


def sequence_type(kind: "pa.DataType") -> "pa.DataType | None":
    """The plain type of a column of sequences; None where a type is none."""
    import pyarrow as pa

    if not is_list(kind):
        return None
    step, t = kind.value_type, pa.types
    if is_list(step):
        inner = step.value_type
        if not is_numeric(inner):
            return None
        return pa.list_(pa.list_(inner, step.list_size) if t.is_fixed_size_list(step) else pa.list_(inner))
    if t.is_dictionary(step):
        step = step.value_type
    if t.is_string(step) or t.is_large_string(step) or step == pa.string_view():
        return pa.list_(pa.string())
    is_plain = is_numeric(step) or t.is_boolean(step) or t.is_date(step)
    return pa.list_(step) if is_plain else None


def merged_type(before: "pa.DataType | None", value: "list[Any]") -> "pa.DataType":
    """The Arrow type of one more Python list beside those before it; a string where they have none in common."""
    import pyarrow as pa

    try:
        kind = pa.array([value]).type
        if before is None or before == kind:
            return kind
        fields = [pa.schema([("x", t)]) for t in (before, kind)]
        return pa.unify_schemas(fields, promote_options="permissive").field(0).type
    except UnicodeEncodeError:
        return pa.list_(pa.string())  # half a character: told when the values are read
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.string()  # no list, and nothing that a list can be merged with


class ListColumn(TypedColumn):
    """Facts about a column of lists; different values are told apart by their first steps."""

    def add(self, column: "pa.Array", first_row: int) -> None:
        """Takes in one batch."""
        import pyarrow as pa
        import pyarrow.compute as pc

        self.n += len(column)
        known = column.drop_null()
        self.n_missing += len(column) - len(known)
        self.counter.is_exact = False
        begin = pc.list_slice(known, 0, N_SHOWN)
        table = pa.array(texts_of(begin), pa.string()).value_counts()
        for value, count in zip(table.field("values").to_pylist(), table.field("counts").to_pylist()):
            if value in self.counter.counts or len(self.counter.counts) < self.counter.limit:
                self.counter.counts[value] = self.counter.counts.get(value, 0) + count
        self.counter.n_distinct = len(self.counter.counts)


def texts_of(column: "pa.Array | pa.ChunkedArray") -> list[str | None]:
    """Lists as JSON."""
    return [None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in column.to_pylist()]


def lists_of(texts: "pa.Array") -> "pa.Array":
    """The inverse for lists without one known step, such as `[null, null]`; texts with another one among them stay."""
    import pyarrow as pa

    values = texts.to_pylist()
    if not all(v is None or _NOTHING.fullmatch(v) for v in values):
        return texts
    return pa.array([None if v is None else json.loads(v) for v in values], pa.list_(pa.null()))


def flat_streams(column: "pa.Array") -> "tuple[list[np.ndarray], pa.Array]":
    """Which lists are missing and how long they are, as arrays; and their items, one behind the other."""
    import numpy as np
    import pyarrow.compute as pc

    is_valid = column.is_valid().to_numpy(zero_copy_only=False).astype(np.uint8)
    lengths = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return [is_valid, lengths], column.flatten()
