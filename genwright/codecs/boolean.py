"""True or false ↔ codes: 0 false, 1 true, 2 missing where missing values were seen."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from genwright.codecs._arrow_json import type_from_text, type_to_text
from genwright.codecs._notes import warn_once
from genwright.core.codec import Codec, NoConfig
from genwright.core.errors import DataError
from genwright.core.space import Category, Field


class Boolean(Codec):
    """Booleans, and numbers that are all 0 or 1."""

    Config = NoConfig

    def __init__(self, config: NoConfig | None = None):
        super().__init__(config)
        self.type: pa.DataType = pa.bool_()
        self.has_missing = False
        self._n_true, self._n_false = 0, 0

    def update(self, values: pa.Array) -> None:
        """Counts true, false and missing."""
        if not pa.types.is_null(values.type):
            self.type = values.type
        truth = _truth(values)
        n_true = pc.sum(truth).as_py() or 0
        self.has_missing |= truth.null_count > 0
        self._n_true, self._n_false = self._n_true + n_true, self._n_false + len(truth) - truth.null_count - n_true

    def finish(self) -> None:
        """A column of which nothing is known can only be missing."""
        self.has_missing |= not (self._n_true or self._n_false)

    @property
    def field(self) -> Field:
        """Two codes, or three."""
        return Field(Category(2 + self.has_missing, self.has_missing))

    def encode(self, values: pa.Array) -> torch.Tensor:
        """0, 1 or 2; missing where none was seen becomes the more frequent value."""
        truth = _truth(values)
        instead = 2 if self.has_missing else int(self._n_true > self._n_false)
        if truth.null_count and not self.has_missing:
            warn_once(self, "has missing values, and had none when it was learnt; they become the more frequent one")
        codes = pc.fill_null(truth.cast(pa.int64()), instead)
        return torch.from_numpy(np.array(codes.to_numpy(zero_copy_only=False)))

    def decode(self, codes: torch.Tensor) -> pa.Array:
        """Booleans, or the numbers 0 and 1."""
        x = codes.detach().cpu().numpy()
        return pa.array(x == 1, pa.bool_(), mask=x == 2).cast(self.type)

    def state(self) -> dict[str, Any]:
        """Everything learnt."""
        counts = {"n_true": self._n_true, "n_false": self._n_false}
        return {"type": type_to_text(self.type), "has_missing": self.has_missing, **counts}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        self.type, self.has_missing = type_from_text(state["type"]), state["has_missing"]
        self._n_true, self._n_false = state["n_true"], state["n_false"]


def _truth(values: pa.Array) -> pa.Array:
    """Values as booleans.

    Raises:
        DataError: something else is among them.
    """
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        odd = pc.invert(pc.is_in(values, value_set=pa.array([0, 1, None], values.type)))
        if pc.any(odd).as_py():
            raise DataError(f"holds {values.filter(odd)[0]}, not only 0 and 1; set its kind to number or category")
    try:
        return values.cast(pa.bool_())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"expected true or false, found {values.type} values ({error})") from None
