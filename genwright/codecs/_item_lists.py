"""Lists of items ↔ codes: pad, end, the items by falling frequency, classes of rare ones, missing.

Rare items share a class with others of their shape, so that a model learns what to expect of items it has never seen;
a class decodes to the most frequent of its items. An item that was never seen becomes its class where there are any,
else missing. A list that is missing is a row of pads.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genwright.codecs._arrow_json import array_from_json, array_to_json
from genwright.codecs._word_classes import class_of, word_classes
from genwright.core.space import Tokens

PAD, END, FIRST = 0, 1, 2
MANY = 100  # different items from which on rare ones become classes


class ItemLists:
    """Codes of items.

    Args:
        kind: Arrow type of an item.
        min_count: Items seen less often become classes; 0: 2 where there are `MANY` different items, else 1.
    """

    def __init__(self, kind: pa.DataType, min_count: int):
        self.kind, self.min_count = kind, min_count
        self.longest = 0
        self._counts: Counter[Any] = Counter()
        self.items = pa.nulls(0, kind)
        self.standing: list[Any] = []  # the item that each class decodes to
        self.classes: dict[str, int] = {}  # class → its place behind the items

    def update(self, values: pa.Array) -> None:
        """Counts the items of some lists."""
        lengths = pc.list_value_length(values).fill_null(0).to_numpy(zero_copy_only=False)
        self.longest = max(self.longest, int(lengths.max(initial=0)))
        counted = values.flatten().drop_null().value_counts()
        self._counts.update(dict(zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist())))

    def finish(self) -> None:
        """Orders the items and sets the rare ones apart."""
        ordered = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        least = self.min_count or (2 if len(ordered) >= MANY else 1)
        self.items = pa.array([item for item, count in ordered if count >= least], self.kind)
        rare = word_classes(item for item, count in ordered if count < least)
        self.classes = {name: i for i, name in enumerate(rare)}
        self.standing = [words[0] for words in rare.values()]
        self._counts.clear()

    @property
    def support(self) -> Tokens:
        """The longest list with its end."""
        n = FIRST + len(self.items) + len(self.standing) + 1
        return Tokens(self.longest + 1, n, PAD, END, missing=n - 1)

    def encode(self, values: pa.Array, longest: int) -> tuple[np.ndarray, int, int]:
        """Rows of codes (B, longest + 1), how many lists were cut, and how many items had to become missing."""
        support = replace(self.support, length=longest + 1)
        codes = np.full((len(values), support.length), PAD, np.int64)
        lengths = pc.list_value_length(values).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        items = values.flatten()
        flat = self._codes(items)
        row = np.repeat(np.arange(len(values)), lengths)
        step = np.arange(len(flat)) - np.repeat(lengths.cumsum() - lengths, lengths)
        fits = step < support.length
        codes[row[fits], step[fits]] = flat[fits]
        is_ended = (lengths < support.length) & values.is_valid().to_numpy(zero_copy_only=False)
        codes[is_ended, lengths[is_ended]] = END
        n_lost = int((flat == support.missing).sum()) - items.null_count
        return codes, int((lengths > support.length).sum()), n_lost

    def _codes(self, items: pa.Array) -> np.ndarray:
        """The code of each item."""
        missing = self.support.missing
        place = pc.index_in(items, value_set=self.items, skip_nulls=True)
        codes = place.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64) + FIRST
        unseen = np.flatnonzero((codes < FIRST) & items.is_valid().to_numpy(zero_copy_only=False))
        codes[codes < FIRST] = missing
        if len(unseen) and self.classes:
            first = FIRST + len(self.items)
            known: dict[Any, int] = {}
            for i, item in zip(unseen.tolist(), items.take(pa.array(unseen)).to_pylist()):
                if item not in known:
                    place_of_class = class_of(item, self.classes)
                    known[item] = missing if place_of_class is None else first + place_of_class
                codes[i] = known[item]
        return codes

    def decode(self, codes: np.ndarray) -> pa.Array:
        """Lists of items, up to the end of each row (B, T)."""
        is_behind = np.logical_or.accumulate((codes == END) | (codes == PAD), axis=1)
        lengths = (~is_behind).sum(1)
        values = pa.concat_arrays([self.items, pa.array(self.standing, self.kind), pa.nulls(1, self.kind)])
        flat = values.take(pa.array(codes[~is_behind] - FIRST))
        offsets = pa.array(np.append(0, lengths.cumsum()).astype(np.int32))
        is_null = codes[:, 0] == PAD if codes.shape[1] else np.zeros(len(codes), bool)
        return pa.ListArray.from_arrays(offsets, flat, mask=pa.array(is_null))

    def words(self) -> list[str]:
        """What each code stands for, as text (V,)."""
        shown = [str(item) for item in self.items.to_pylist()]
        rare = [f"⟨rare {name}⟩" if name else "⟨rare⟩" for name in self.classes]
        return ["", "", *shown, *rare, "⟨missing⟩"]

    def state(self) -> dict[str, Any]:
        """Everything learnt."""
        return {
            "longest": self.longest,
            "items": array_to_json(self.items),
            "standing": array_to_json(pa.array(self.standing, self.kind)),
            "classes": list(self.classes),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        self.longest, self.items = state["longest"], array_from_json(state["items"])
        self.standing = array_from_json(state["standing"]).to_pylist()
        self.classes = {name: i for i, name in enumerate(state["classes"])}
