"""Labelled rows, encoded to be learnt from without a look at the rows that test what was learnt."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import torch

from genwright.core.codec import TableCodec
from genwright.core.dataset import Dataset, n_rows
from genwright.core.errors import UnsupportedError
from genwright.core.records import Records
from genwright.core.schema import Schema
from genwright.core.space import Batch, Category, Field, Real, Space
from genwright.data.target import labelled, labels_of
from genwright.data.typed import typed, untyped


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
    """A table in memory whose rows all have a class.

    Args:
        table: Typed.
        schema: Of the table.
        target: Name of the class.
        y: Classes of the rows (N,), codes 0 … K−1.
        n_classes: K.
        notes: What to tell of the target, in sentences.
    """

    table: pa.Table
    schema: Schema
    target: str
    y: np.ndarray
    n_classes: int
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, records: Records, schema: Schema, target: str, is_set: bool = False) -> "LabelledTable":
        """The rows of records that have a label.

        Raises:
            UnknownNameError: there is no such column.
            UnsupportedError: it holds no classes, or a column is neither number nor category.
            FitError: there is one class, or none.
        """
        labels = labels_of(records, schema, target, is_set)
        schema = schema.with_columns([labels.column])
        known, y = labelled(records, labels)
        batches = list(typed(known, schema))
        table = pa.Table.from_batches(batches)
        found = cls(table, schema, target, y, labels.n_classes, labels.notes)
        found._check()
        return found

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

    @staticmethod
    def _encoded(part: "LabelledTable", codec: TableCodec, space: Space) -> Batch:
        names = [n for n in space if n != part.target]
        if not len(part):
            return {n: torch.from_numpy(np.zeros(0, np.int64)) for n in space}
        rows = codec.encode(part.table, names)
        return {**rows, part.target: torch.from_numpy(part.y.astype(np.int64))}

    def _check(self) -> None:
        """Refuses what is no table of numbers and categories."""
        codec = TableCodec(self.schema).fit(self.table.to_batches())
        for name, f in codec.space.items():
            if f.event_shape or not isinstance(f.support, Real | Category):
                kind = self.schema[name].kind
                advice = f'leave it out: kinds={{"{name}": "omitted"}}, --kind {name}=omitted'
                raise UnsupportedError(
                    f"column {name!r} is of kind {kind}, and numbers and categories are read; {advice}"
                )
        if len(codec.modelled) < 2 or self.target not in codec.modelled:
            raise UnsupportedError(f"no column but the target {self.target!r} can be modelled; add one that varies")


def joined(data: Dataset, more: Batch) -> Dataset:
    """Rows and further rows below them."""
    if not n_rows(more):
        return data
    return Dataset(data.space, {n: np.concatenate([x, more[n].numpy()]) for n, x in data.arrays.items()})
