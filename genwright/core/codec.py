"""Codecs: records ↔ tensors, one kind of column a file in `codecs/`; a table's codec is its columns' codecs.

A codec is fitted in one pass over the records, is invertible, and keeps its state in JSON. It offers two views:
*values* (`encode`, `decode`: reals, category codes, pixels) and *tokens* (`encode_tokens`, `decode_tokens`: integers,
for families that read everything as a sequence).
"""

import abc
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from genwright.core.config import configure, to_json
from genwright.core.errors import CellError, DataError, UnsupportedError
from genwright.core.registry import CODECS
from genwright.core.rng import derive
from genwright.core.schema import Column, Schema, settings_of
from genwright.core.space import Batch, Field, Space

if TYPE_CHECKING:
    import pyarrow as pa
    import torch


T = TypeVar("T")


@dataclass(frozen=True)
class NoConfig:
    """No settings."""


class Codec(abc.ABC):
    """Records of one column ↔ tensors.

    Life: `__init__` with settings, `update` with every chunk of the column, `finish`; or `from_state`. After that
    `field`, `encode` and `decode` answer.
    """

    Config: ClassVar[type] = NoConfig
    is_modelled: ClassVar[bool] = True  # False: no tensors; `regenerate` makes the column (id, constant)

    def __init__(self, config: Any = None):
        self.config = self.Config() if config is None else config
        self.name = ""  # the column's, for messages

    @abc.abstractmethod
    def update(self, values: "pa.Array") -> None:
        """Takes in one chunk of the column while fitting; the order of rows must not matter to the result."""

    @abc.abstractmethod
    def finish(self) -> None:
        """Ends fitting.

        Raises:
            DataError: the column cannot be encoded by this codec; says why and what to do.
        """

    @property
    @abc.abstractmethod
    def field(self) -> Field:
        """What `encode` returns."""

    @abc.abstractmethod
    def encode(self, values: "pa.Array") -> "torch.Tensor":
        """Rows as a tensor in `field`; a value never seen in fitting becomes what is nearest to it, or missing."""

    @abc.abstractmethod
    def decode(self, codes: "torch.Tensor") -> "pa.Array":
        """Rows of the column, in the records' own type; the inverse of `encode` on every value seen in fitting."""

    @abc.abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything learnt, as plain JSON values."""

    @abc.abstractmethod
    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""

    def regenerate(self, n: int, start: int, seed: int) -> "pa.Array":
        """Rows start … start+n−1 of a column that is not modelled: a pure function of (seed, row number)."""
        raise UnsupportedError(f"{CODECS.name_of(type(self))} columns are drawn by the model, not regenerated")

    def encode_tokens(self, values: "pa.Array") -> "torch.Tensor":
        """Rows as integer tokens (B, T)."""
        raise UnsupportedError(f"{CODECS.name_of(type(self))} columns have no token view")

    def decode_tokens(self, tokens: "torch.Tensor") -> "pa.Array":
        """The inverse of `encode_tokens`."""
        raise UnsupportedError(f"{CODECS.name_of(type(self))} columns have no token view")


class TableCodec:
    """The codecs of a table's columns.

    Args:
        schema: Names and kinds.
    """

    def __init__(self, schema: Schema):
        self.schema = schema
        self.codecs: dict[str, Codec] = {}
        for column in schema:
            self.codecs[column.name] = CODECS.get(column.kind)(settings_of(column))
            self.codecs[column.name].name = column.name

    @property
    def modelled(self) -> list[str]:
        """The columns that a model sees."""
        return [name for name, codec in self.codecs.items() if codec.is_modelled]

    @property
    def space(self) -> Space:
        """The space of an encoded row."""
        return Space({name: self.codecs[name].field for name in self.modelled})

    def fit(self, batches: "Iterable[pa.RecordBatch]") -> "TableCodec":
        """One pass over the records.

        Raises:
            DataError: a column cannot be encoded; names the column.
        """
        for batch in batches:
            columns = _by_name(batch)
            for name, codec in self.codecs.items():
                self._named(name, codec.update, _array(columns[name]))
        for name, codec in self.codecs.items():
            self._named(name, codec.finish)
        return self

    def without(self, names: Iterable[str], why: str) -> "TableCodec":
        """The same fitted codec with some columns left out: no model sees them, and they come back empty."""
        gone = set(names)
        found = [replace(c, kind="omitted", options=_parse_only(c), why=why) for c in self.schema if c.name in gone]
        table = TableCodec(self.schema.with_columns(found))
        for name, codec in self.codecs.items():
            if name not in gone:
                table.codecs[name] = codec
            else:
                table.codecs[name].load_state({"type": codec.state()["type"]})
        return table

    def encode(self, batch: "pa.RecordBatch | pa.Table", columns: Iterable[str] | None = None) -> Batch:
        """The modelled columns of some rows as tensors."""
        names = [n for n in (self.modelled if columns is None else columns) if self.codecs[n].is_modelled]
        arrays = _by_name(batch)
        return {n: self._named(n, self.codecs[n].encode, _array(arrays[n])) for n in names}

    def decode(self, batch: Batch, start: int = 0, seed: int = 0) -> "pa.Table":
        """Records of encoded rows; columns that are not modelled are regenerated for rows `start` onwards."""
        import pyarrow as pa

        n = len(next(iter(batch.values()))) if batch else 0
        columns = [
            codec.decode(batch[name]) if codec.is_modelled else codec.regenerate(n, start, derive(seed, name))
            for name, codec in self.codecs.items()
        ]
        return pa.Table.from_arrays(columns, names=list(self.codecs))

    def state(self) -> dict[str, Any]:
        """Schema, settings and everything learnt, as plain JSON values."""
        codecs = {n: {"config": to_json(c.config), "state": c.state()} for n, c in self.codecs.items()}
        return {"schema": self.schema.to_json(), "codecs": codecs}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "TableCodec":
        """The codec that `state` described."""
        table = cls(Schema.from_json(state["schema"]))
        for name, codec in table.codecs.items():
            codec.config = configure(type(codec).Config, state["codecs"][name]["config"])
            codec.load_state(state["codecs"][name]["state"])
        return table

    @staticmethod
    def _named(name: str, work: "Callable[..., T]", *args: Any) -> "T":
        try:
            return work(*args)
        except CellError as error:
            raise CellError(error.row, error.what, name) from None
        except DataError as error:
            raise DataError(f"column {name!r}: {error}") from None


def _parse_only(column: Column) -> dict[str, Any]:
    """How the column is read, without the settings of its codec."""
    return {k: v for k, v in column.options.items() if k == "parse"}


def _by_name(batch: "pa.RecordBatch | pa.Table") -> "dict[str, pa.Array | pa.ChunkedArray]":
    """Column name → column; looking up thousands of columns one by one would be quadratic."""
    return dict(zip(batch.schema.names, batch.columns, strict=True))


def _array(column: "pa.Array | pa.ChunkedArray") -> "pa.Array":
    """One contiguous Arrow array."""
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    return column
