"""Labelled rows, encoded to be learnt from without a look at the rows that test what was learnt."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa
import torch

from genwright.core.codec import TableCodec
from genwright.core.dataset import Dataset, n_rows
from genwright.core.errors import ConfigError, UnsupportedError
from genwright.core.records import Records
from genwright.core.schema import Schema
from genwright.core.space import Batch, Category, Field, Pixels, Real, Space, Tokens, pictures, row_shape
from genwright.data.target import labelled, labels_of, stratified
from genwright.data.typed import as_written, typed

Kind = Literal["tables", "texts", "pictures"]


@dataclass(frozen=True)
class Lesson:
    """Rows to learn from and rows to test, in the terms of the former.

    Args:
        train: Encoded; the target has codes 0 … K−1.
        test: Encoded by the same codec.
        y: Classes of `train` (N,).
        y_test: Classes of `test` (M,).
        codec: Fitted on `train` alone.
    """

    train: Dataset
    test: Batch
    y: np.ndarray
    y_test: np.ndarray
    codec: TableCodec


@dataclass(frozen=True)
class LabelledTable:
    """A table of numbers, categories, texts and pictures in memory, whose rows all have a class.

    Args:
        table: Typed.
        schema: Of the table.
        target: Name of the class.
        y: Classes of the rows (N,), codes 0 … K−1.
        n_classes: K.
        source: Where the rows came from, all with a label.
        notes: What to tell of target and groups, in sentences.
        groups: Of each row (N,), where a column's `split` says that they stay together.
        kind: What rows are, but for their numbers and categories.
        white: The value of white in arrays of pictures.
    """

    table: pa.Table
    schema: Schema
    target: str
    y: np.ndarray
    n_classes: int
    source: Records
    notes: tuple[str, ...] = ()
    groups: np.ndarray | None = None
    kind: Kind = "tables"
    white: int = 255

    @classmethod
    def of(cls, records: Records, schema: Schema, target: str, is_set: bool = False) -> "LabelledTable":
        """The rows of records that have a label.

        Raises:
            UnknownNameError: there is no such column.
            UnsupportedError: it holds no classes, or no classifier reads a column.
            FitError: there is one class, or none.
            ConfigError: a column's `split` asks for later rows to be held out.
        """
        _check_split(schema)
        labels = labels_of(records, schema, target, is_set)
        options = {k: v for k, v in labels.column.options.items() if k != "min_count"}  # classes share no code
        schema = schema.with_columns([replace(labels.column, options=options)])
        known, y = labelled(records, labels)
        batches = list(typed(known, schema))
        table = pa.Table.from_batches(batches)
        found = cls(table, schema, target, y, labels.n_classes, known, labels.notes)._in_groups()
        codec = found._codec()
        peaks = [codec.codecs[name].peak for name in pictures(codec.space)]  # type: ignore[attr-defined]
        return replace(found, kind=_kind(codec.space), white=peaks[0] if peaks else 255)

    def __len__(self) -> int:
        return len(self.y)

    @property
    def names(self) -> list[str]:
        """The classes as the data write them, in the order of their codes."""
        first = np.unique(self.y, return_index=True)[1]
        values = self.table.column(self.target).take(pa.array(first))
        return [str(v) for v in as_written(values, self.schema[self.target]).to_pylist()]

    def held_out(self, share: float, seed: int) -> np.ndarray:
        """Which rows are held out (N,): a share of each class, or whole groups; as `classify` does."""
        is_held = stratified(self.source, self.schema, self.y, share, seed)
        batches = self.table.to_batches()
        firsts = np.cumsum([0, *(batch.num_rows for batch in batches)]).tolist()
        return np.concatenate([is_held(batch, first) for batch, first in zip(batches, firsts)])

    def units(self, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What goes to a fold as a whole, a row or the rows of a group.

        Args:
            at: Numbers of the rows that are dealt (n,).

        Returns:
            The class of each unit (U,), of a group the rarest one that it has, and the unit of each row (n,).
        """
        y = self.y[at]
        if self.groups is None:
            return y, np.arange(len(y))
        found, unit = np.unique(self.groups[at], return_inverse=True)
        by_size = np.argsort(np.bincount(y, minlength=self.n_classes), kind="stable")  # the rarest class first
        rank = np.full(len(found), self.n_classes)
        np.minimum.at(rank, unit, np.argsort(by_size)[y])
        return by_size[rank], unit

    def subset(self, rows: np.ndarray) -> "LabelledTable":
        """Some of the rows; classes keep their codes."""
        return replace(self, table=self.table.take(pa.array(rows)), y=self.y[rows])

    def lesson(self, at: np.ndarray, at_test: np.ndarray) -> Lesson:
        """Rows with these numbers, of which the codec sees the first ones only."""
        taught, tested = self.subset(at), self.subset(at_test)
        codec = TableCodec(self.schema).fit(taught.table.to_batches())
        fields = {name: f for name, f in codec.space.items() if name != self.target}
        space = Space({**fields, self.target: Field(Category(self.n_classes))})
        train, test = (self._encoded(part, codec, space) for part in (taught, tested))
        return Lesson(Dataset(space, {n: x.numpy() for n, x in train.items()}), test, taught.y, tested.y, codec)

    def decoded(self, rows: Batch, lesson: Lesson, seed: int) -> pa.Table:
        """Records of encoded rows, behind those of the table: ids go on from there."""
        own = lesson.codec.encode(self.table.select([self.target]), [self.target])[self.target].numpy()
        code = np.zeros(self.n_classes, np.int64)  # class → code of the codec
        code[self.y] = own
        batch = {**rows, self.target: torch.from_numpy(code[rows[self.target].numpy()])}
        return lesson.codec.decode({n: batch[n] for n in lesson.codec.modelled}, start=len(self), seed=seed)

    def above(self, more: pa.Table, lesson: Lesson) -> pa.Table:
        """The rows with further ones below them; arrays of pictures that were learnt in another size come in that."""
        names, own = self.table.column_names, self.table
        for name in names:
            if isinstance(own.schema.field(name).type, pa.FixedShapeTensorType):
                column = lesson.codec.codecs[name]
                same = [column.decode(column.encode(chunk)) for chunk in own.column(name).chunks]
                own = own.set_column(names.index(name), name, pa.chunked_array(same))
        return pa.concat_tables([own, more.select(names).cast(own.schema)])

    def _in_groups(self) -> "LabelledTable":
        """With its groups, where the schema names a column of them."""
        name = next((column.name for column in self.schema if column.split == "group"), None)
        if name is None:
            return self
        values = self.table.column(name).combine_chunks()
        groups = values.dictionary_encode(null_encoding="encode").indices.to_numpy(zero_copy_only=False)
        note = f"whole groups of {name!r} are held out and dealt to folds"
        return replace(self, groups=groups, notes=(*self.notes, note))

    @staticmethod
    def _encoded(part: "LabelledTable", codec: TableCodec, space: Space) -> Batch:
        names = [n for n in space if n != part.target]
        if not len(part):
            return {n: torch.zeros((0, *row_shape(f)), dtype=torch.int64) for n, f in space.items()}
        rows = codec.encode(part.table, names)
        return {**rows, part.target: torch.from_numpy(part.y.astype(np.int64))}

    def _codec(self) -> TableCodec:
        """Of all rows; refuses what no classifier reads."""
        codec = TableCodec(self.schema).fit(self.table.to_batches())
        for name, f in codec.space.items():
            if not isinstance(f.support, Real | Category | Tokens | Pixels):
                advice = f'leave it out: kinds={{"{name}": "omitted"}}, --kind {name}=omitted'
                raise UnsupportedError(
                    f"column {name!r} is of kind {self.schema[name].kind}, which no classifier reads; {advice}"
                )
        if len(codec.modelled) < 2 or self.target not in codec.modelled:
            raise UnsupportedError(f"no column but the target {self.target!r} can be modelled; add one that varies")
        return codec


def _check_split(schema: Schema) -> None:
    """Refuses what folds at random would not heed."""
    for column in schema:
        if column.split not in (None, "group"):
            raise ConfigError(
                f"column {column.name!r} has the split {column.split!r}, and gains are measured on folds at random, "
                "where later rows would foretell earlier ones; leave it out of the schema, or use a split by group"
            )


def _kind(space: Space) -> Kind:
    if pictures(space):
        return "pictures"
    return "texts" if any(isinstance(f.support, Tokens) for f in space.values()) else "tables"


def joined(data: Dataset, more: Batch) -> Dataset:
    """Rows and further rows below them."""
    if not n_rows(more):
        return data
    return Dataset(data.space, {n: np.concatenate([x, more[n].numpy()]) for n, x in data.arrays.items()})
