"""Frames of numbers, some of which may be missing, gathered by which of them are there."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Numbers:
    """Frames of D numbers.

    Args:
        x: (F, D); NaN is missing.
    """

    x: np.ndarray

    @cached_property
    def is_known(self) -> np.ndarray:
        """Which numbers are there (F, D)."""
        return ~np.isnan(self.x)

    @cached_property
    def is_complete(self) -> bool:
        """Whether none is missing."""
        return bool(self.is_known.all())

    @cached_property
    def groups(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Of every pattern of missing numbers: which are there (D,), and its frames."""
        if self.is_complete:
            return [(np.ones(self.x.shape[1], bool), np.arange(len(self.x)))]
        patterns, which = np.unique(self.is_known, axis=0, return_inverse=True)
        return [(pattern, np.flatnonzero(which.ravel() == i)) for i, pattern in enumerate(patterns)]

    @cached_property
    def columns(self) -> np.ndarray:
        """The numbers, one row a dimension (D, F), so that a dimension is contiguous."""
        return np.ascontiguousarray(self.x.T)
