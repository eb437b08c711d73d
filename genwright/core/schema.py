"""A schema: column name → kind, inferred from the records, shown to the user, editable as JSON, saved with the run."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from genwright.core.errors import SchemaError, UnknownNameError

if TYPE_CHECKING:
    import pyarrow as pa

KINDS = (
    *("number", "category", "boolean", "datetime", "id", "constant"),
    *("text", "image", "audio", "music", "sequence"),
)


@dataclass(frozen=True)
class Column:
    """What one column is.

    Args:
        name: The column's name in the records, unique.
        kind: One of `KINDS`; also the name of its codec.
        options: Settings of its codec, e.g. `{"decimals": 2}`.
        split: Rows are held out by this column: the latest ("time") or whole values ("group").
        why: One short reason for the kind, for the reader of the schema.
    """

    name: str
    kind: str
    options: dict[str, Any] = field(default_factory=dict)
    split: Literal["time", "group"] | None = None
    why: str = ""


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in order."""

    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        names = [c.name for c in self.columns]
        twice = sorted({n for n in names if names.count(n) > 1}) if len(set(names)) < len(names) else []
        if twice:
            raise SchemaError(f"column names are not unique: {twice[:5]}; rename them")
        for column in self.columns:
            if column.kind not in KINDS:
                raise UnknownNameError(column.kind, KINDS, f"the kinds of columns (column {column.name!r})")

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise UnknownNameError(name, self.names, "the columns")

    @property
    def names(self) -> list[str]:
        """Column names, in order."""
        return [c.name for c in self.columns]

    def with_kinds(self, kinds: Mapping[str, str]) -> "Schema":
        """The schema with some columns' kinds set by the user, e.g. `{"zip": "category"}`."""
        for name in kinds:
            self[name]  # raises for an unknown column
        return Schema(
            tuple(
                replace(c, kind=kinds[c.name], options={}, why="set by the user") if c.name in kinds else c
                for c in self.columns
            )
        )

    def to_json(self) -> list[dict[str, Any]]:
        """Plain JSON values, one object a column."""
        return [asdict(c) for c in self.columns]

    @classmethod
    def from_json(cls, state: list[dict[str, Any]]) -> "Schema":
        """The schema that `to_json` wrote, or a person did."""
        try:
            return cls(tuple(Column(**column) for column in state))
        except TypeError as error:
            raise SchemaError(f"not a schema: {error}; expected a list of objects with name and kind") from None

    @classmethod
    def read(cls, path: str | Path) -> "Schema":
        """A schema from a JSON file."""
        try:
            return cls.from_json(json.loads(Path(path).read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise SchemaError(f"{path}: {error}") from None


def in_words(kind: "pa.DataType") -> str:
    """What a message calls the values of an Arrow type: "whole numbers", "dates" …"""
    import pyarrow as pa

    types = pa.types
    words = {
        "whole numbers": types.is_integer,
        "numbers": lambda t: types.is_floating(t) or types.is_decimal(t),
        "true and false": types.is_boolean,
        "dates": lambda t: types.is_timestamp(t) or types.is_date(t),
        "text": lambda t: types.is_string(t) or types.is_large_string(t),
    }
    return next((word for word, fits in words.items() if fits(kind)), f"{kind} values")
