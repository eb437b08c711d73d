"""The base of codecs whose columns have no tensor: only `regenerate` makes their rows."""

from typing import ClassVar, NoReturn

import pyarrow as pa
import torch

from genwright.core.codec import Codec, NoConfig
from genwright.core.errors import UnsupportedError
from genwright.core.registry import CODECS


class Unmodelled(Codec):
    """A column that no model sees."""

    Config = NoConfig
    is_modelled: ClassVar[bool] = False

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

    def _refuse(self) -> NoReturn:
        kind = CODECS.name_of(type(self))
        raise UnsupportedError(f"{kind} columns are not modelled and have no tensor; regenerate makes their rows")
