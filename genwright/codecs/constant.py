"""A column with one value, or with none: it is not modelled, the value comes back in every row."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from genwright.codecs._arrow_json import array_from_json, array_to_json, type_from_text, type_to_text
from genwright.codecs._storage import from_storage, to_storage, value_type
from genwright.codecs._unmodelled import Unmodelled
from genwright.core.codec import NoConfig
from genwright.core.errors import DataError


class Constant(Unmodelled):
    """One value of any Arrow type."""

    def __init__(self, config: NoConfig | None = None):
        super().__init__(config)
        self.type: pa.DataType = pa.null()
        self.value: pa.Array = pa.nulls(0)  # the value, or nothing

    def update(self, values: pa.Array) -> None:
        """Keeps the value and counts missing rows.

        Raises:
            DataError: there is a second value.
        """
        self.type = self.type if pa.types.is_null(values.type) else value_type(values.type)
        stored = to_storage(values)
        self._count(stored)
        known = stored.drop_null()
        if pa.types.is_null(self.value.type):
            self.value = known[:0]
        if not len(known):
            return
        if not len(self.value):
            self.value = pa.concat_arrays([known[:1]])
        others = known if pa.types.is_nested(known.type) else known.unique()
        for value in others:
            if value != self.value[0] and value == value:
                raise DataError(f"is no constant: it holds {self.value[0]} and {value}; set its kind to category")

    def finish(self) -> None:
        """Nothing is left to do: `update` checks."""

    def regenerate(self, n: int, start: int, seed: int) -> pa.Array:
        """The value, or missing in the share of rows in which it was."""
        if not len(self.value):
            return pa.nulls(n, self.type)
        missing = self._is_missing(n, start, seed)
        return from_storage(self.value.take(pa.array(np.zeros(n, np.int64), mask=missing)), self.type)

    def state(self) -> dict[str, Any]:
        """Everything learnt."""
        counts = {"n": self.n, "n_missing": self.n_missing}
        return {"type": type_to_text(self.type), "value": array_to_json(self.value), **counts}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        self.type, self.value = type_from_text(state["type"]), array_from_json(state["value"])
        self.n, self.n_missing = state["n"], state["n_missing"]
