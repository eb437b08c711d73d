"""Gradient-boosted trees on histograms (Friedman, 2001; Ke et al., 2017), by scikit-learn.

https://doi.org/10.1214/aos/1013203451 · https://papers.nips.cc/paper/6907

    F_m(x) = F_{m−1}(x) + η h_m(x),   h_m a tree fitted to −∂loss/∂F_{m−1}

Categories are split by sets of codes: as a detector of draws this found a little more than splits by the order of codes
(AUC 0.003 higher on average over four tables and three kinds of draws, 0.012 at most, 0.007 lower at worst).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genwright.core.classifier import MatrixClassifier, one_thread
from genwright.core.config import check_least, check_positive
from genwright.core.errors import RunError
from genwright.core.feature_view import Features
from genwright.core.skops_state import from_tensor, to_tensor

if TYPE_CHECKING:
    import torch

_TREES = "sklearn.ensemble._hist_gradient_boosting"
TRUSTED = frozenset(
    {
        *(("LossNode", f"sklearn._loss._loss.{name}") for name in ("CyHalfBinomialLoss", "CyHalfMultinomialLoss")),
        *(("ObjectNode", f"sklearn._loss.loss.{name}") for name in ("HalfBinomialLoss", "HalfMultinomialLoss")),
        *(("ObjectNode", f"sklearn._loss.link.{name}") for name in ("Interval", "LogitLink", "MultinomialLogit")),
        ("ObjectNode", "sklearn.compose._column_transformer.ColumnTransformer"),
        ("ObjectNode", f"{_TREES}.binning._BinMapper"),
        ("ObjectNode", f"{_TREES}.gradient_boosting.HistGradientBoostingClassifier"),
        ("ObjectNode", f"{_TREES}.predictor.TreePredictor"),
        ("ObjectNode", "sklearn.preprocessing._encoders.OrdinalEncoder"),
        ("ObjectNode", "sklearn.preprocessing._function_transformer.FunctionTransformer"),
        ("ObjectNode", "sklearn.preprocessing._label.LabelEncoder"),
        ("RandomGeneratorNode", "numpy.random._generator.Generator"),
        ("PartialNode", "functools.partial"),  # of the next one alone
        ("FunctionNode", "sklearn.utils.validation.check_array"),
    }
)


@dataclass(frozen=True)
class BoostingConfig:
    """Settings of the trees; the defaults are scikit-learn's own."""

    n_iter: int = 100  # number of boosting rounds
    learning_rate: float = 0.1  # η: share of each tree that is kept
    n_leaves: int = 31  # leaves a tree has at most
    min_leaf: int = 20  # rows a leaf needs
    is_ordinal: bool = False  # split categories by the order of their codes; False: by sets of codes, where ≤ 255

    def __post_init__(self) -> None:
        check_least(self, 1, "n_iter", "min_leaf")
        check_least(self, 2, "n_leaves")
        check_positive(self, "learning_rate")


class Boosting(MatrixClassifier):
    """Gradient-boosted classification trees."""

    Config = BoostingConfig
    is_dense = True

    def _fit(self, rows: Features, y: np.ndarray, seed: int) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier

        self._is_empty = np.isnan(rows.X).all(0)
        self._trees = HistGradientBoostingClassifier(**_settings(self.config, rows.X, rows.is_category, seed))
        self._trees.fit(_without(rows.X, self._is_empty), y)

    def _predict(self, rows: Features) -> np.ndarray:
        return self._trees.predict_proba(_without(rows.X, self._is_empty))

    def _state(self) -> "dict[str, torch.Tensor]":
        import torch

        return {"is_empty": torch.from_numpy(self._is_empty), "trees": to_tensor(self._trees)}

    def _load_state(self, state: "Mapping[str, torch.Tensor]") -> None:
        self._is_empty = state["is_empty"].numpy()
        self._trees = from_tensor(state["trees"], TRUSTED)
        _check_trees(self._trees._predictors, len(self._is_empty))


class BoostedRegression:
    """The same trees for a number: E[y | x] by squared error."""

    def __init__(self, config: BoostingConfig | None = None):
        self.config = config or BoostingConfig()

    def fit(self, X: np.ndarray, y: np.ndarray, is_category: np.ndarray, seed: int = 0) -> "BoostedRegression":
        """Learns from rows (B, D) and numbers (B,)."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        with one_thread():
            self._is_empty = np.isnan(X).all(0)
            self._trees = HistGradientBoostingRegressor(**_settings(self.config, X, is_category, seed))
            self._trees.fit(_without(X, self._is_empty), y)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """E[y | x] (B,)."""
        with one_thread():
            return self._trees.predict(_without(X, self._is_empty))


def _without(X: np.ndarray, is_empty: np.ndarray) -> np.ndarray:
    """Columns in which nothing was known while fitting become zeros: scikit-learn cannot bin them."""
    return np.where(is_empty, 0.0, X) if is_empty.any() else X


def _check_trees(rounds: list[list[Any]], n_columns: int) -> None:
    """Refuses trees that lead outside themselves: compiled code follows their numbers without looking.

    Raises:
        RunError: there is one.
    """
    for tree in (tree for round_ in rounds for tree in round_):
        nodes, sets = tree.nodes, len(tree.raw_left_cat_bitsets)
        inner, place = ~nodes["is_leaf"].astype(bool), np.arange(len(nodes))
        is_inside = (nodes["feature_idx"][inner] >= 0) & (nodes["feature_idx"][inner] < n_columns)
        for side in ("left", "right"):
            is_inside &= (nodes[side][inner] > place[inner]) & (nodes[side][inner] < len(nodes))
        by_set = inner & nodes["is_categorical"].astype(bool)
        if not len(nodes) or not is_inside.all() or not (nodes["bitset_idx"][by_set] < sets).all():
            raise RunError("a saved classifier has a broken tree; copy the run again, or fit it again")


def _settings(config: BoostingConfig, X: np.ndarray, is_category: np.ndarray, seed: int) -> dict[str, Any]:
    """scikit-learn's names; set splits only for columns whose codes fit its 255 bins."""
    by_sets = np.zeros(len(is_category), bool)
    if not config.is_ordinal and len(X):
        by_sets = is_category & (np.nan_to_num(X).max(0) < 255)
    return {
        "max_iter": config.n_iter,
        "learning_rate": config.learning_rate,
        "max_leaf_nodes": config.n_leaves,
        "min_samples_leaf": config.min_leaf,
        "categorical_features": by_sets if by_sets.any() else None,
        "early_stopping": False,
        "random_state": seed % 2**32,
    }
