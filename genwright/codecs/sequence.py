"""Sequences ↔ codes or vectors: lists of items (words, tags, products), of numbers, or of vectors of one size.

Lists of texts, whole numbers or other items become `Tokens` (`_item_lists`); lists of decimal numbers, and of lists of
numbers, become `Vectors` (`_number_lists`). Lists may have any length, none included; single steps and whole lists may
be missing. A list longer than any that was learnt is cut, and a warning says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import torch

from genwright.codecs._arrow_json import type_from_text, type_to_text
from genwright.codecs._item_lists import ItemLists
from genwright.codecs._notes import warn_once
from genwright.codecs._number_lists import NumberLists, is_list, is_number
from genwright.codecs._storage import is_new_type
from genwright.core.codec import Codec
from genwright.core.errors import ConfigError, DataError
from genwright.core.schema import in_words
from genwright.core.space import Field


@dataclass(frozen=True)
class SequenceConfig:
    """How sequences are encoded."""

    min_count: int = 0  # items seen less often share classes; 0: 2 from 100 different items on, else 1
    numbers: bool = False  # whole numbers are measurements, not the names of items
    names: tuple[str, ...] = ()  # what the numbers of a step are called

    def __post_init__(self) -> None:
        if self.min_count < 0:
            raise ConfigError(f"min_count = {self.min_count}; expected 0 or more")


class Sequence(Codec):
    """Lists of one type."""

    Config = SequenceConfig

    def __init__(self, config: SequenceConfig | None = None):
        super().__init__(config)
        self.type: pa.DataType = pa.null()
        self.lists: ItemLists | NumberLists | None = None

    def update(self, values: pa.Array) -> None:
        """Takes in one chunk."""
        values = _plain(values)
        if is_new_type(values.type, self.type):
            self._start(values.type)
        if self.lists is not None:
            self.lists.update(values)

    def _start(self, kind: pa.DataType) -> None:
        if not is_list(kind):
            raise DataError(f"holds {kind} values; expected lists, one a row")
        self.type, step = kind, kind.value_type
        inner = step.value_type if is_list(step) else step
        if is_list(step) and not (is_number(inner) or pa.types.is_null(inner)):
            raise DataError(f"holds lists of lists of {inner}; expected lists of items, of numbers or of vectors")
        is_measured = is_list(step) or pa.types.is_floating(step) or pa.types.is_decimal(step)
        is_numeric = is_measured or (self.config.numbers and is_number(step))
        self.lists = NumberLists(step) if is_numeric else ItemLists(step, self.config.min_count)

    @property
    def _lists(self) -> ItemLists | NumberLists:
        """The lists; items of no type where none was ever seen."""
        return ItemLists(pa.null(), 1) if self.lists is None else self.lists

    def finish(self) -> None:
        """Orders items, or finds the scale of numbers."""
        if self.lists is not None:
            self.lists.finish()

    @property
    def field(self) -> Field:
        """Tokens or vectors as long as the longest list."""
        return Field(self._lists.support)

    def encode(self, values: pa.Array) -> torch.Tensor:
        """Rows of codes (B, T) or of vectors (B, T, D)."""
        return self._rows(values, self._lists.longest)

    def encode_whole(self, values: pa.Array) -> torch.Tensor:
        """Rows as long as the longest of these lists, so that none is cut."""
        return self._rows(values, int(pc.max(pc.list_value_length(self._as_lists(values))).as_py() or 0))

    def _rows(self, values: pa.Array, longest: int) -> torch.Tensor:
        """Rows with room for lists of so many steps."""
        lists = self._lists
        rows, n_cut, n_lost = lists.encode(self._as_lists(values), longest)
        if n_cut:
            warn_once(
                self, f"has sequences of more than {lists.support.length} steps, the longest learnt; they are cut"
            )
        if n_lost:
            warn_once(self, "has items never seen when it was learnt; they are read as missing steps")
        return torch.from_numpy(rows)

    def _as_lists(self, values: pa.Array) -> pa.Array:
        """Lists of the common layout and of the type that was learnt.

        Raises:
            DataError: they are no lists, or lists of something else.
        """
        values, kind = _plain(values), self._lists.kind
        if values.null_count == len(values):
            return pa.nulls(len(values), pa.list_(kind))
        if not is_list(values.type):
            raise DataError(f"holds {in_words(values.type)} where sequences were learnt; expected lists")
        return values if values.type.value_type == kind else _cast(values, kind)

    def decode(self, codes: torch.Tensor) -> pa.Array:
        """Lists of the type that was learnt."""
        if self.lists is None:
            return pa.nulls(len(codes), self.type)
        return self.lists.decode(codes.detach().cpu().numpy()).cast(self.type)

    def words(self) -> list[str]:
        """What each code stands for, as text (V,); nothing where steps are numbers."""
        return self.lists.words() if isinstance(self.lists, ItemLists) else []

    def state(self) -> dict[str, Any]:
        """Everything learnt."""
        return {"type": type_to_text(self.type), "lists": self.lists.state() if self.lists is not None else None}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        kind = type_from_text(state["type"])
        if state["lists"] is not None:
            self._start(kind)
            assert self.lists is not None
            self.lists.load_state(state["lists"])


def _plain(values: pa.Array) -> pa.Array:
    """Lists of the common layout, with items of a plain type."""
    kind = values.type
    if not is_list(kind):
        return values
    inner = kind.value_type
    if pa.types.is_dictionary(inner):
        inner = inner.value_type
    if pa.types.is_large_string(inner) or inner == pa.string_view():
        inner = pa.string()
    if is_list(inner) and not pa.types.is_fixed_size_list(inner):
        inner = pa.list_(inner.value_type)
    target = pa.list_(inner)
    return values if kind == target else values.cast(target)


def _cast(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Lists with items of another type.

    Raises:
        DataError: they do not fit.
    """
    try:
        return pc.cast(values, pa.list_(kind))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise DataError(f"holds {values.type} where {pa.list_(kind)} was learnt") from None
