"""What a reader knows about a column and its values do not show: written into the metadata of the Arrow field."""

import json
from typing import TYPE_CHECKING, Any

from genwright.core.schema import Column

if TYPE_CHECKING:
    import pyarrow as pa

_KEY = b"genwright"
_HAS_NULL = {b"genwright.null": b"own"}


def marked(column: Column) -> "pa.Field":
    """A field of strings whose column is this one; its values are taken as they are, none of them for missing."""
    import pyarrow as pa

    options = {**column.options, "parse": {"verbatim": True}}
    known = {"kind": column.kind, "options": options, "split": column.split, "why": column.why}
    return pa.field(column.name, pa.string(), metadata={_KEY: json.dumps(known).encode()})


def mark_of(field: "pa.Field") -> Column | None:
    """The column that a reader made of a field, if it did."""
    if not field.metadata or _KEY not in field.metadata:
        return None
    known: dict[str, Any] = json.loads(field.metadata[_KEY])
    return Column(field.name, **known)


def with_own_null(field: "pa.Field") -> "pa.Field":
    """The field of a source that tells a missing value from any string, so that none of its texts stands for one."""
    return field.with_metadata(_HAS_NULL)


def has_own_null(field: "pa.Field") -> bool:
    """Whether the source tells a missing value from any string."""
    return _HAS_NULL.items() <= (field.metadata or {}).items()
