"""An encoded table: one array a column, in memory or memory-mapped, read in batches or gathered by row numbers."""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genwright.core.space import Batch, Space

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Dataset:
    """Encoded rows.

    Args:
        space: What the arrays hold.
        arrays: Column name → array (N, *event_shape); may be a memory map.
    """

    space: Space
    arrays: "dict[str, np.ndarray]"

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values()))) if self.arrays else 0

    def take(self, rows: "np.ndarray | slice") -> Batch:
        """The rows with these numbers, copied into memory."""
        import numpy as np
        import torch

        copy = True if isinstance(rows, slice) else None  # gathered rows are a copy already
        return {name: torch.from_numpy(np.array(a[rows], copy=copy)) for name, a in self.arrays.items()}

    def batches(self, size: int = 65_536) -> Iterator[Batch]:
        """All rows in order."""
        for start in range(0, len(self), size):
            yield self.take(slice(start, start + size))

    def sample_rows(self, n: int, rng: "np.random.Generator") -> Batch:
        """n different rows at random, in file order; all of them when there are no more than n."""
        import torch

        if n >= len(self):
            return self.take(slice(None))
        rows = self.sample_numbers(n, rng)
        return {name: torch.from_numpy(_gathered(a, rows)) for name, a in self.arrays.items()}

    def sample_numbers(self, n: int, rng: "np.random.Generator") -> "np.ndarray":
        """The numbers of these rows."""
        import numpy as np

        return np.arange(len(self)) if n >= len(self) else np.sort(rng.choice(len(self), n, replace=False))

    def subset(self, rows: "np.ndarray") -> "Dataset":
        """The rows with these numbers as a data set in memory."""
        return Dataset(self.space, {name: a[rows] for name, a in self.arrays.items()})


def _gathered(array: "np.ndarray", rows: "np.ndarray") -> "np.ndarray":
    """These rows, in memory; the pages of a memory map that they are from are not kept there beside them."""
    found = array[rows]
    whole = array.base
    if isinstance(whole, mmap.mmap) and not array.flags.writeable and hasattr(mmap, "MADV_DONTNEED"):
        whole.madvise(mmap.MADV_DONTNEED)
    return found


def n_rows(batch: Batch) -> int:
    """The number of rows of a batch."""
    return len(next(iter(batch.values()))) if batch else 0


def select(batch: Batch, rows: "np.ndarray | slice") -> Batch:
    """Some rows of a batch."""
    return {name: x[rows] for name, x in batch.items()}


def concat(batches: list[Batch]) -> Batch:
    """Batches one below the other."""
    import torch

    return {name: torch.cat([b[name] for b in batches]) for name in batches[0]} if batches else {}
