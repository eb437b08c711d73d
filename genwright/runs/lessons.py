"""Labelled rows, encoded to be learnt from without a look at the rows that test what was learnt."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa
import torch

from genwright.core.codec import TableCodec
from genwright.core.dataset import Dataset, n_rows
from genwright.core.errors import UnsupportedError
from genwright.core.records import Records
from genwright.core.schema import Schema
from genwright.core.space import Batch, Category, Field, Pixels, Real, Space, Tokens, pictures, row_shape
from genwright.data.target import labelled, labels_of
from genwright.data.typed import typed, untyped

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
        notes: What to tell of the target, in sentences.
        kind: What rows are, but for their numbers and categories.
        white: The value of white in arrays of pictures.
    """

    table: pa.Table
    schema: Schema
    target: str
    y: np.ndarray
    n_classes: int
    notes: tuple[str, ...] = ()
    kind: Kind = "tables"
    white: int = 255

    @classmethod
    def of(cls, records: Records, schema: Schema, target: str, is_set: bool = False) -> "LabelledTable":
        """The rows of records that have a label.

        Raises:
            UnknownNameError: there is no such column.
            UnsupportedError: it holds no classes, or no classifier reads a column.
            FitError: there is one class, or none.
        """
        labels = labels_of(records, schema, target, is_set)
        options = {k: v for k, v in labels.column.options.items() if k != "min_count"}  # classes share no code
        schema = schema.with_columns([replace(labels.column, options=options)])
        known, y = labelled(records, labels)
        batches = list(typed(known, schema))
        table = pa.Table.from_batches(batches)
        found = cls(table, schema, target, y, labels.n_classes, labels.notes)
        codec = found._codec()
        peaks = [codec.codecs[name].peak for name in pictures(codec.space)]  # type: ignore[attr-defined]
        return replace(found, kind=_kind(codec.space), white=peaks[0] if peaks else 255)

    def __len__(self) -> int:
        return len(self.y)

    @property
    def names(self) -> list[str]:
        """The classes as the data write them, in the order of their codes."""
        first = np.unique(self.y, return_index=True)[1]
        values = self.table.select([self.target]).take(pa.array(first))
        return [str(v) for v in untyped(values, Schema((self.schema[self.target],))).column(0).to_pylist()]

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


def _kind(space: Space) -> Kind:
    if pictures(space):
        return "pictures"
    return "texts" if any(isinstance(f.support, Tokens) for f in space.values()) else "tables"


def joined(data: Dataset, more: Batch) -> Dataset:
    """Rows and further rows below them."""
    if not n_rows(more):
        return data
    return Dataset(data.space, {n: np.concatenate([x, more[n].numpy()]) for n, x in data.arrays.items()})
