"""The contract of every discriminative family: p(class | row), on the plain matrices of `core/features.py`.

A family is one file in `classifiers/` with one class. Classifiers judge (real or drawn?), measure what drawn rows
teach, and filter draws.
"""

import abc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np

from genwright.core.codec import NoConfig
from genwright.core.errors import FitError


class Classifier(abc.ABC):
    """Learns p(y | x) from rows x (B, D) and labels y (B,).

    Args:
        config: The family's own frozen dataclass.
    """

    Config: ClassVar[type] = NoConfig
    classes: np.ndarray  # (K,) the labels seen by `fit`, sorted

    def __init__(self, config: Any = None):
        self.config = self.Config() if config is None else config

    def fit(self, X: np.ndarray, y: np.ndarray, is_category: np.ndarray, seed: int = 0) -> "Classifier":
        """Learns from labelled rows, on one thread.

        Args:
            X: float64 (B, D); categories as codes, NaN where a number is missing.
            y: Labels (B,), any sortable type; with a single class every probability is 1.
            is_category: bool (D,).
            seed: For the family's own randomness.

        Raises:
            FitError: there is no row to learn from.
        """
        if not len(X):
            raise FitError("a classifier needs at least one labelled row, and got none; check how rows were selected")
        self.classes, codes = np.unique(y, return_inverse=True)
        if len(self.classes) > 1:
            with one_thread():
                self._fit(X, codes, is_category, seed)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Class probabilities (B, K) in the order of `classes`; rows sum to 1."""
        if len(self.classes) == 1 or not len(X):
            return np.ones((len(X), len(self.classes))) / len(self.classes)
        with one_thread():
            return self._predict_proba(X)

    @abc.abstractmethod
    def _fit(self, X: np.ndarray, y: np.ndarray, is_category: np.ndarray, seed: int) -> None:
        """`fit` for labels 0 … K−1 with K > 1."""

    @abc.abstractmethod
    def _predict_proba(self, X: np.ndarray) -> np.ndarray:
        """`predict_proba` for K > 1 and B > 0."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Keeps numerical libraries on one thread: small fits are many times slower on contended cores."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
