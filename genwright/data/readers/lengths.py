"""Sequences below each other in one array, and their lengths: the pair `(X, lengths)` that hmmlearn takes.

They become a column `x`: lists of vectors, or of items where X is one column of whole numbers.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genwright.core.errors import DataError
from genwright.core.records import Reader, Records
from genwright.data.table import from_table

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


@dataclass(frozen=True)
class LengthsReader(Reader):
    """Reads pairs of an array and lengths."""

    @classmethod
    def accepts(cls, source: Any) -> bool:
        """A pair."""
        return isinstance(source, tuple) and len(source) == 2

    def read(self, source: Any) -> Records:
        """One row a sequence."""
        import numpy as np
        import pyarrow as pa

        name = "a pair (X, lengths)"
        try:
            x, lengths = np.asarray(source[0]), np.asarray(source[1])
        except ValueError as error:
            raise DataError(
                f"{name}: {error}; expected an array (steps, numbers) and the length of each sequence"
            ) from None
        _check(x, lengths, name)
        x = x[:, None] if x.ndim == 1 else x
        offsets = pa.array(np.append(0, lengths.cumsum()).astype(np.int32))
        column = pa.ListArray.from_arrays(offsets, _steps(x))
        return from_table(pa.table({"x": column}), name)


def _steps(x: "np.ndarray") -> "pa.Array":
    """Items (F,), or vectors (F, D)."""
    import numpy as np
    import pyarrow as pa

    if x.shape[1] == 1 and x.dtype.kind in "iub":
        return pa.array(x[:, 0])
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(x, float).ravel()), x.shape[1])


def _check(x: "np.ndarray", lengths: "np.ndarray", name: str) -> None:
    if x.ndim not in (1, 2) or x.dtype.kind not in "iubf":
        shown = f"an array of shape {x.shape} and type {x.dtype}"
        raise DataError(f"{name}: X is {shown}; expected numbers, steps below each other (steps, numbers)")
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or (lengths < 0).any():
        raise DataError(
            f"{name}: lengths are {str(lengths.ravel().tolist())[:60]}; expected whole numbers, one a sequence"
        )
    if lengths.sum() != len(x):
        raise DataError(f"{name}: lengths add up to {lengths.sum()}, and X has {len(x)} steps; they must be equal")
