"""A column that is left out: no model sees it, and it comes back empty."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from genwright.codecs._arrow_json import type_from_text, type_to_text
from genwright.codecs._storage import value_type
from genwright.codecs._unmodelled import Unmodelled
from genwright.core.codec import NoConfig


class Omitted(Unmodelled):
    """Values of any type, all of them missing when they come back."""

    def __init__(self, config: NoConfig | None = None):
        super().__init__(config)
        self.type: pa.DataType = pa.null()

    def update(self, values: pa.Array) -> None:
        """Keeps the type."""
        kind = value_type(values.type)
        self.type = self.type if pa.types.is_null(kind) else kind

    def finish(self) -> None:
        """Nothing is left to do."""

    def regenerate(self, n: int, start: int, seed: int) -> pa.Array:
        """Missing values."""
        return pa.nulls(n, self.type)

    def state(self) -> dict[str, Any]:
        """Everything learnt."""
        return {"type": type_to_text(self.type)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        self.type = type_from_text(state["type"])
