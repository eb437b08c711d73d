"""A schema: column name → kind, inferred from the records, shown to the user, editable as JSON, saved with the run."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from genwright.core.config import configure, to_json
from genwright.core.errors import ConfigError, SchemaError, UnknownNameError, quoted
from genwright.core.registry import CODECS

if TYPE_CHECKING:
    import pyarrow as pa

NOT_YET = ("audio", "music")  # kinds that no codec reads so far
Split = Literal["time", "group", "order"]


def check_kind(kind: str, column: str) -> None:
    """Tells a kind that has no codec.

    Raises:
        SchemaError: it is one of `NOT_YET`.
        UnknownNameError: it is no kind at all; the nearest is named.
    """
    known = CODECS.names()
    if kind in known:
        return
    if kind in NOT_YET:
        raise SchemaError(f"column {column!r}: {kind} is not modelled yet; kinds are {', '.join(known)}")
    raise UnknownNameError(kind, known, f"the kinds of columns (column {column!r})")


@dataclass(frozen=True)
class Column:
    """What one column is.

    Args:
        name: The column's name in the records, unique.
        kind: The name of its codec, one of the registry `CODECS`.
        options: Settings of its codec, e.g. `{"decimals": 2}`.
        split: Rows are held out by this column: the latest ("time"), whole values ("group"), the last ("order").
        why: One short reason for the kind, for the reader of the schema.
    """

    name: str
    kind: str
    options: dict[str, Any] = field(default_factory=dict)
    split: Split | None = None
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
            check_kind(column.kind, column.name)
            if column.split is not None and column.split not in get_args(Split):
                place = f"the splits of columns (column {column.name!r})"
                raise UnknownNameError(str(column.split), get_args(Split), place)

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
    def is_running_text(self) -> bool:
        """Whether rows are passages of a text."""
        return any(column.options.get("runs_on") for column in self.columns)

    @property
    def names(self) -> list[str]:
        """Column names, in order."""
        return [c.name for c in self.columns]

    def with_kinds(self, kinds: Mapping[str, str]) -> "Schema":
        """The schema with some columns' kinds set by the user, e.g. `{"zip": "category"}`."""
        found = [replace(self[name], kind=kind, options={}, why="set by the user") for name, kind in kinds.items()]
        return self.with_columns(found)

    def with_columns(self, columns: Iterable[Column]) -> "Schema":
        """The schema with those of its columns replaced that have the same names.

        Raises:
            UnknownNameError: it has no such column.
        """
        new = {column.name: column for column in columns}
        for name in new:
            self[name]  # raises for an unknown column
        return Schema(tuple(new.get(column.name, column) for column in self.columns))

    def with_inferred(self, columns: Iterable[Column]) -> "Schema":
        """The schema with those of its columns inferred anew; rows are still held out by them.

        What is left out of the model is still read as it was.

        Raises:
            UnknownNameError: it has no such column.
        """

        def changed(column: Column) -> Column:
            was = self[column.name]
            is_left_out = column.kind == "omitted" and "parse" in was.options
            options = {"parse": was.options["parse"]} if is_left_out else column.options
            return replace(column, split=was.split, options=options)

        return self.with_columns(map(changed, columns))

    def with_options(self, options: Mapping[str, Mapping[str, Any]]) -> "Schema":
        """The schema with some settings of columns' codecs, e.g. `{"text": {"tokenizer": "bpe"}}`.

        Raises:
            UnknownNameError: there is no such column or setting.
            ConfigError: a setting is out of range.
        """
        return self.with_columns(_with_options(self[name], asked) for name, asked in options.items())

    def to_json(self) -> list[dict[str, Any]]:
        """Plain JSON values, one object a column."""
        return [asdict(c) for c in self.columns]

    @classmethod
    def from_json(cls, state: list[dict[str, Any]]) -> "Schema":
        """The schema that `to_json` wrote, or a person did."""
        if not isinstance(state, list):
            raise SchemaError(f"not a schema: {state!r:.80}; expected a list of objects with name and kind")
        return cls(tuple(_read(place, entry) for place, entry in enumerate(state, 1)))

    @classmethod
    def read(cls, path: str | Path) -> "Schema":
        """A schema from a JSON file."""
        try:
            return cls.from_json(json.loads(Path(path).read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise SchemaError(f"{path}: {error}") from None


def _read(place: int, entry: Any) -> Column:
    """A column from an entry of a schema as JSON.

    Raises:
        SchemaError: it is no object, has other keys than a column, or a value of another type.
    """
    if not isinstance(entry, Mapping) or not {"name", "kind"} <= set(entry):
        raise SchemaError(f"not a schema: entry {place} is {entry!r:.80}; expected an object with name and kind")
    known = [f.name for f in fields(Column)]
    if odd := [key for key in entry if key not in known]:
        raise SchemaError(f"not a schema: entry {place} has {quoted(odd[0])}; expected only {', '.join(known)}")
    for key, kind, words in (("name", str, "a text"), ("options", Mapping, "an object")):
        if key in entry and not isinstance(entry[key], kind):
            raise SchemaError(f"not a schema: entry {place} has {key} = {entry[key]!r:.80}; expected {words}")
    return Column(**entry)


def _with_options(column: Column, asked: Mapping[str, Any]) -> Column:
    """The column with settings of its codec, checked, as plain JSON values."""
    found = to_json(settings_of(column, asked))
    return replace(column, options={**column.options, **{name: found[name] for name in asked}})


def settings_of(column: Column, asked: Mapping[str, Any] | None = None) -> Any:
    """The configuration of a column's codec, by its options and by what is asked for besides.

    Raises:
        UnknownNameError: there is no such setting.
        ConfigError: a setting has a wrong type or is out of range; names the column.
    """
    own = {name: value for name, value in column.options.items() if name != "parse"}  # which is for data/typed.py
    try:
        whose = f"column {column.name!r} ({column.kind})"
        return configure(CODECS.get(column.kind).Config, {**own, **(asked or {})}, whose)
    except ConfigError as error:
        raise ConfigError(f"column {column.name!r}: {error}") from None


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
        "pictures": lambda t: types.is_binary(t) or types.is_large_binary(t) or _is_of_pictures(t),
    }
    return next((word for word, fits in words.items() if fits(kind)), f"{kind} values")


def _is_of_pictures(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    return isinstance(kind, pa.FixedShapeTensorType) or pa.types.is_struct(kind)
