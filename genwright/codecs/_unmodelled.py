"""The base of codecs whose columns have no tensor: only `regenerate` makes their rows.

Where some rows are missing, the same share is missing again, at rows given by a hash of (seed, row number).
"""

from typing import ClassVar, NoReturn

import numpy as np
import pyarrow as pa
import torch

from genwright.codecs._hashing import mix
from genwright.core.codec import Codec, NoConfig
from genwright.core.errors import UnsupportedError
from genwright.core.registry import CODECS
from genwright.core.rng import derive


class Unmodelled(Codec):
    """A column that no model sees."""

    Config = NoConfig
    is_modelled: ClassVar[bool] = False

    def __init__(self, config: NoConfig | None = None):
        super().__init__(config)
        self.n = self.n_missing = 0  # rows seen

    @property
    def field(self) -> NoReturn:
        """There is none."""
        self._refuse()

    def encode(self, values: pa.Array) -> torch.Tensor:
        """Not possible."""
        self._refuse()

    def decode(self, codes: torch.Tensor) -> pa.Array:
        """Not possible."""
        self._refuse()

    def _count(self, values: pa.Array) -> None:
        self.n, self.n_missing = self.n + len(values), self.n_missing + values.null_count

    def _is_missing(self, n: int, start: int, seed: int) -> np.ndarray:
        """Which of the rows start … start+n−1 have no value (n,)."""
        rows = np.arange(start, start + n, dtype=np.uint64)
        dice = mix(mix(rows) ^ np.uint64(derive(seed, "missing"))) >> np.uint64(11)
        return dice < np.uint64(self.n_missing / max(self.n, 1) * 2**53)

    def _refuse(self) -> NoReturn:
        kind = CODECS.name_of(type(self))
        raise UnsupportedError(f"{kind} columns are not modelled and have no tensor; regenerate makes their rows")
