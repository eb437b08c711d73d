"""The contract of every discriminative family: p(class | row).

A family is one file in `classifiers/` with one class. Classifiers predict, judge (real or drawn?), measure what drawn
rows teach, and filter draws. All of them know rows of a space: `bind` says what rows look like and which column is the
class, `predict_rows` answers, `state` is what was learnt. They learn in one of two ways:

- `MatrixClassifier`: in one go, by `fit_rows`, from the features of `core/feature_view.py`. Such a family also takes a
  plain matrix, by `fit` and `predict_proba`, which is what judges hand it.
- `HasLoss` of `core/model.py` beside `Classifier`: networks, trained by the shared loop (`training/learn`).
"""

import abc
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from genwright.core.codec import NoConfig
from genwright.core.dataset import Dataset, n_rows, select
from genwright.core.errors import FitError, RunError, UnsupportedError
from genwright.core.feature_view import Features, FeatureView
from genwright.core.model import Progress
from genwright.core.registry import CLASSIFIERS
from genwright.core.space import Batch, Category, Pixels, Real, Space, Tokens

if TYPE_CHECKING:
    import torch


class Classifier(abc.ABC):
    """p(class | row).

    Args:
        config: The family's own frozen dataclass.
    """

    Config: ClassVar[type] = NoConfig
    supports: ClassVar[tuple[type, ...]] = (Real, Category, Tokens, Pixels)  # supports of the fields it reads
    holds_rows: ClassVar[bool] = False  # what is saved holds training data, encoded
    space: Space  # what rows look like, the class included
    target: str  # the column that holds the class
    others: Space  # the columns that it reads
    n_classes: int  # K: codes of the target that stand for a class

    def __init__(self, config: Any = None):
        self.config = self.Config() if config is None else config

    def bind(self, space: Space, target: str) -> Self:
        """Says what rows look like; before anything is learnt or loaded.

        Args:
            space: The columns to read, and the target.
            target: A category of it. Its code of missing values, where it has one, is no class.

        Raises:
            UnknownNameError: there is no such column.
            UnsupportedError: the target is no category, or the family cannot read a column; named.
        """
        self.space, self.target = space, target
        self.n_classes = n_classes(space, target)
        self.others = Space({name: f for name, f in space.items() if name != target})
        for name, f in self.others.items():
            if not isinstance(f.support, self.supports):
                kind, family = type(f.support).__name__.lower(), CLASSIFIERS.name_of(type(self))
                raise UnsupportedError(f"{family} cannot read column {name!r} ({kind}); leave it out")
        return self

    @abc.abstractmethod
    def predict_rows(self, batch: Batch) -> np.ndarray:
        """Class probabilities (B, K), float64, a column a code of the target; each row sums to 1.

        Classes that no row of the fit had have probability 0. The target is not looked at, and need not be there.

        Raises:
            SpaceMismatchError: a column is absent or has another shape.
        """

    @abc.abstractmethod
    def state(self) -> "dict[str, torch.Tensor]":
        """Everything learnt from rows, as named tensors."""

    @abc.abstractmethod
    def load_state(self, state: "Mapping[str, torch.Tensor]") -> None:
        """The inverse of `state`, after `bind`: the same probabilities bit for bit. Executes nothing of what it reads.

        Raises:
            RunError: it is damaged, or holds something else than such a family writes.
        """

    def describe(self) -> dict[str, Any]:
        """What a reader of the model card wants to know, as plain JSON values."""
        return {}


class MatrixClassifier(Classifier):
    """A family that learns in one go, from features of rows or from a plain matrix."""

    is_dense: ClassVar[bool] = False  # reads texts as a few numbers, see `FeatureView`
    classes: np.ndarray  # (K,) the labels seen by `fit`, sorted

    def bind(self, space: Space, target: str) -> Self:
        """As `Classifier.bind`."""
        super().bind(space, target)
        self.view = FeatureView(self.others, self.is_dense)
        return self

    def fit_rows(self, data: Dataset, seed: int = 0, progress: Progress = lambda done, line: None) -> None:
        """Learns from all rows whose class is known, on one thread.

        Raises:
            FitError: there is none.
        """
        progress(0.0, "features of rows")
        rows, codes = labelled(data.take(slice(None)), self.target, self.n_classes)
        if not len(codes):
            raise FitError(f"no row has a known {self.target!r}; a classifier needs at least one")
        with one_thread():
            features = self.view.fit(rows, seed).features(rows)
        progress(0.1, f"learning from {len(codes):,} rows")
        self._learn(features, codes, seed)
        progress(1.0, f"learnt from {len(codes):,} rows")

    def predict_rows(self, batch: Batch) -> np.ndarray:
        """As `Classifier.predict_rows`."""
        n = n_rows(batch)
        p = np.zeros((n, self.n_classes))  # (B, K)
        if n:
            with one_thread():
                features = self.view.features(batch)
            p[:, self.classes] = self._answer(features)
        return p

    def fit(self, X: np.ndarray, y: np.ndarray, is_category: np.ndarray, seed: int = 0) -> Self:
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
        self._learn(Features.of(X, is_category), y, seed)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Class probabilities (B, K) in the order of `classes`; rows sum to 1."""
        return self._answer(Features.of(X, self._is_category))

    def state(self) -> "dict[str, torch.Tensor]":
        """As `Classifier.state`."""
        import torch

        own = self._state() if self._has_learnt else {}
        shared = {"classes": torch.from_numpy(self.classes.astype(np.int64)), "shares": torch.from_numpy(self._shares)}
        return shared | {f"view.{key}": x for key, x in self.view.state().items()} | own

    def load_state(self, state: "Mapping[str, torch.Tensor]") -> None:
        """As `Classifier.load_state`."""
        own = {k: x for k, x in state.items() if k not in ("classes", "shares") and not k.startswith("view.")}
        self._has_learnt = bool(own)
        try:
            self.classes, self._shares = state["classes"].numpy(), state["shares"].numpy()
            self.view.load_state({k.removeprefix("view."): x for k, x in state.items() if k.startswith("view.")})
            if own:
                self._load_state(own)
        except KeyError as error:
            raise RunError(f"a saved classifier lacks {error}; copy the run again, or fit it again") from error
        self._is_category = self.view.is_category

    def _learn(self, rows: Features, y: np.ndarray, seed: int) -> None:
        self.classes, codes = np.unique(y, return_inverse=True)
        self._shares = np.bincount(codes) / len(codes)  # (K,)
        self._is_category = rows.is_category
        self._has_learnt = len(self.classes) > 1 and rows.width > 0
        if self._has_learnt:
            with one_thread(), many_classes():
                self._fit(rows, codes, seed)

    def _answer(self, rows: Features) -> np.ndarray:
        if not self._has_learnt or not len(rows):
            return np.tile(self._shares, (len(rows), 1))
        with one_thread():
            return self._predict(rows)

    @abc.abstractmethod
    def _fit(self, rows: Features, y: np.ndarray, seed: int) -> None:
        """Learns labels 0 … K−1, each of which occurs, with K > 1, from at least one column of features."""

    @abc.abstractmethod
    def _predict(self, rows: Features) -> np.ndarray:
        """Probabilities (B, K) of these labels for B > 0."""

    @abc.abstractmethod
    def _state(self) -> "dict[str, torch.Tensor]":
        """What `_fit` learnt."""

    @abc.abstractmethod
    def _load_state(self, state: "Mapping[str, torch.Tensor]") -> None:
        """The inverse of `_state`."""


def n_classes(space: Space, target: str) -> int:
    """K: the codes of a target that stand for a class.

    Raises:
        UnknownNameError: there is no such column.
        UnsupportedError: it is no category.
    """
    support = space[target].support
    if not isinstance(support, Category):
        what = f"column {target!r} is of kind {type(support).__name__.lower()} and cannot be the target of a classifier"
        raise UnsupportedError(f"{what}; name a category, or set its kind to category")
    return support.n - support.has_missing


def labelled(batch: Batch, target: str, n: int) -> tuple[Batch, np.ndarray]:
    """The rows of a batch whose target is one of its n classes, and their classes (B,) as codes."""
    codes = batch[target].numpy()
    is_known = codes < n
    return (batch if is_known.all() else select(batch, np.flatnonzero(is_known))), codes[is_known]


@contextmanager
def many_classes() -> Iterator[None]:
    """Without scikit-learn's guess, where half of few rows have a class of their own, that these may be numbers."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The number of unique classes is greater than")
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Keeps numerical libraries on one thread: small fits are many times slower on contended cores.

    OpenMP counts for each thread of a process, BLAS for all of them: there the first one in sets the limit and the last
    one out lifts it, so that what it was before comes back however they overlap.
    """
    from threadpoolctl import ThreadpoolController

    pools = ThreadpoolController()
    with pools.select(user_api="openmp").limit(limits=1), _BLAS.on_one_thread(pools):
        yield


class _Blas:
    """The limit that all threads of the process share."""

    def __init__(self) -> None:
        self.lock, self.n_inside = Lock(), 0
        self.limit: Any = None

    @contextmanager
    def on_one_thread(self, pools: Any) -> Iterator[None]:
        with self.lock:
            if not self.n_inside:
                self.limit = pools.select(user_api="blas").limit(limits=1)
            self.n_inside += 1
        try:
            yield
        finally:
            with self.lock:
                self.n_inside -= 1
                if not self.n_inside:
                    self.limit.restore_original_limits()


_BLAS = _Blas()
