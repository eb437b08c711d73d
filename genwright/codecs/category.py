"""Categories of any number ↔ codes: 0 … n−1 by falling frequency, equally frequent ones in the order of their values.

Behind the values stand the code of the rare ones, if `min_count` makes some rare, and the code of missing values, if
any were seen. The rare code decodes to the most frequent rare value. A value never seen becomes the rare code, else
missing, else the least frequent value, and a warning says so; the same holds for missing where none was seen. Nothing
is one-hot: a million values are a vocabulary of a million entries. Values keep their Arrow type; those of a dictionary
come back as its value type.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from genwright.codecs._arrow_json import array_from_json, array_to_json, type_from_text, type_to_text
from genwright.codecs._notes import warn_once
from genwright.codecs._number_lists import is_number
from genwright.codecs._storage import from_storage, is_new_type, storage_type, to_storage, value_type
from genwright.core.codec import Codec
from genwright.core.config import check_least
from genwright.core.errors import DataError
from genwright.core.given import is_of_strings
from genwright.core.space import Category as CategorySupport
from genwright.core.space import Field
from genwright.data.class_codes import class_codes

PENDING = 1 << 18  # counted values that wait before they are merged


@dataclass(frozen=True)
class CategoryConfig:
    """How a category is encoded."""

    min_count: int = 1  # values seen less often share one code

    def __post_init__(self) -> None:
        check_least(self, 0, "min_count")


class Category(Codec):
    """Values of any Arrow type that can be told apart."""

    Config = CategoryConfig

    def __init__(self, config: CategoryConfig | None = None):
        super().__init__(config)
        self.type: pa.DataType = pa.null()
        self._counted: list[pa.Table] = []
        self._n_counted, self._n_merged = 0, 0
        self.vocabulary: pa.Array = pa.nulls(0)
        self.rare: pa.Array = pa.nulls(0)  # the value of the rare code, or nothing
        self.has_missing = False

    def update(self, values: pa.Array) -> None:
        """Counts the values of a chunk."""
        values = self._plain(values)
        self.has_missing |= values.null_count > 0
        known = values.drop_null()
        if not len(known):
            return
        counted = known.value_counts()
        self._counted.append(pa.table({"value": counted.field("values"), "count": counted.field("counts")}))
        self._n_counted += len(counted)
        if self._n_counted >= max(PENDING, 2 * self._n_merged):
            self._merge()

    def finish(self) -> None:
        """Orders the values and sets the rare ones apart."""
        self._merge()
        values, counts = pa.nulls(0, storage_type(self.type)), np.zeros(0, np.int64)
        if self._counted:
            order = [("count", "descending"), ("value", "ascending")]
            ordered = self._counted[0].take(pc.sort_indices(self._counted[0], sort_keys=order)).combine_chunks()
            values, counts = _one_array(ordered.column("value")), ordered.column("count").to_numpy()
        n_frequent = int((counts >= self.config.min_count).sum())
        self.vocabulary, self.rare = values[:n_frequent], values[n_frequent : n_frequent + 1]
        self.has_missing |= not len(values)
        self._counted = []

    @property
    def field(self) -> Field:
        """One code a value."""
        return Field(CategorySupport(self._n_values + self.has_missing, self.has_missing))

    @property
    def _n_values(self) -> int:
        return len(self.vocabulary) + len(self.rare)

    def encode(self, values: pa.Array) -> torch.Tensor:
        """The place of each value in the vocabulary."""
        values = self._as_learnt(values)
        codes = self._places(values)
        unknown = codes < 0
        if self.has_missing:
            missing = values.is_null().to_numpy(zero_copy_only=False)
            codes[missing] = self._n_values
            unknown &= ~missing
        codes[unknown] = self._fallback()
        if unknown.any() and not len(self.rare):
            warn_once(self, f"has values never seen when it was learnt; they are read as {self._fallback_name()}")
        return torch.from_numpy(codes)

    def decode(self, codes: torch.Tensor) -> pa.Array:
        """The value of each code."""
        values = pa.concat_arrays([self.vocabulary, self.rare, pa.nulls(1, self.vocabulary.type)])
        return from_storage(values.take(pa.array(codes.detach().cpu().numpy())), self.type)

    def state(self) -> dict[str, Any]:
        """Everything learnt."""
        return {
            "type": type_to_text(self.type),
            "vocabulary": array_to_json(self.vocabulary),
            "rare": array_to_json(self.rare),
            "has_missing": self.has_missing,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        self.type, self.has_missing = type_from_text(state["type"]), state["has_missing"]
        self.vocabulary, self.rare = array_from_json(state["vocabulary"]), array_from_json(state["rare"])

    def _merge(self) -> None:
        if self._counted:
            counts = pa.concat_tables(self._counted).group_by("value", use_threads=False)
            merged = counts.aggregate([("count", "sum")]).rename_columns({"count_sum": "count"})
            self._counted = [merged.select(["value", "count"])]
            self._n_counted = self._n_merged = len(merged)

    def _plain(self, values: pa.Array) -> pa.Array:
        """Values in a type that Arrow can count; learns the column's type on the way."""
        kind = value_type(values.type)
        if pa.types.is_nested(kind):
            raise DataError(f"holds {kind} values; a category is one value a row: drop the column or split it up")
        if is_new_type(kind, self.type):
            self.type = kind
        return _countable(values, storage_type(self.type))

    def _as_learnt(self, values: pa.Array) -> pa.Array:
        """Rows to be encoded in the type of the vocabulary; what has no place in it is missing."""
        if pa.types.is_null(self.vocabulary.type):
            return pa.nulls(len(values))
        try:
            found = _countable(values, self.vocabulary.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise DataError(f"expected {self.type} values, found {values.type}") from None
        if is_of_strings(found.type) and is_number(value_type(values.type)):  # a file's "1.0" is a frame's 1.0
            known = pa.concat_arrays([self.vocabulary, self.rare])
            codes = class_codes(to_storage(values), known)
            found = pc.coalesce(known.take(pa.array(codes, mask=codes < 0)), found)
        return found

    def _places(self, values: pa.Array) -> np.ndarray:
        """The place of each value in the vocabulary, −1 where it has none (int64).

        The vocabulary is looked up among the different values of the rows, not the other way round: a table of a
        million entries is not built for every chunk.
        """
        different = values.dictionary_encode()
        met = pc.index_in(self.vocabulary, value_set=different.dictionary)
        known = pc.is_valid(met).to_numpy(zero_copy_only=False)
        place = np.full(len(different.dictionary) + 1, -1, dtype=np.int64)  # the last one is for missing
        place[met.drop_null().to_numpy()] = np.flatnonzero(known)
        return place[pc.fill_null(different.indices, -1).to_numpy(zero_copy_only=False)]

    def _fallback(self) -> int:
        """The code of a value that was never seen."""
        return self._n_values - 1 if len(self.rare) or not self.has_missing else self._n_values

    def _fallback_name(self) -> str:
        return "missing" if self.has_missing else f"the least frequent, {self.vocabulary[-1]}"


def _countable(values: pa.Array, storage: pa.DataType) -> pa.Array:
    """Values as the storage type; NaN is missing."""
    values = to_storage(values, storage)
    if pa.types.is_floating(storage):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, storage), values)
    return values


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
