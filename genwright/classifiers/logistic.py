"""Logistic regression on standardised numbers, hinges and indicators (Cox, 1958; Hastie and Tibshirani, 1986).

https://doi.org/10.1111/j.2517-6161.1958.tb00292.x · https://doi.org/10.1214/ss/1177013604

    log p(y = k | x) = w_k · φ(x) + b_k − log Z(x)

φ of a number: its standardised value, hinges max(0, z − knot) at quantiles, and whether it is missing; of a category:
one indicator a code. No products of columns, so that it sees margins and not how columns hang together.
"""

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genwright.core.classifier import Classifier

if TYPE_CHECKING:
    from scipy import sparse


@dataclass(frozen=True)
class LogisticConfig:
    """Settings of the features and of the fit."""

    n_knots: int = 5  # hinges a number has; 0: a straight line
    max_levels: int = 50  # categories with an indicator of their own, a column; the rest share one
    penalty: float = 1.0  # weight of ½‖w‖² beside the summed loss
    n_iter: int = 200  # steps of L-BFGS at most


class Logistic(Classifier):
    """Additive logistic regression."""

    Config = LogisticConfig

    def _fit(self, X: np.ndarray, y: np.ndarray, is_category: np.ndarray, seed: int) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        config = self.config
        self._features = [
            _Levels(x, config.max_levels) if is_code else _Hinges(x, config.n_knots)
            for x, is_code in zip(X.T, is_category, strict=True)
        ]
        self._model = LogisticRegression(C=1 / config.penalty, max_iter=config.n_iter)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a stopped fit is a valid, slightly weaker classifier
            self._model.fit(self._transform(X), y)

    def _predict_proba(self, X: np.ndarray) -> np.ndarray:
        return self._model.predict_proba(self._transform(X))

    def _transform(self, X: np.ndarray) -> "sparse.csr_matrix":
        from scipy import sparse

        return sparse.hstack([f(x) for f, x in zip(self._features, X.T, strict=True)], format="csr")  # (B, Φ)


class _Hinges:
    """φ of a number."""

    def __init__(self, x: np.ndarray, n_knots: int):
        known = x[~np.isnan(x)]
        self.mean = float(known.mean()) if len(known) else 0.0
        self.scale = float(known.std()) or 1.0 if len(known) else 1.0
        z = (known - self.mean) / self.scale
        inner = np.linspace(0, 1, n_knots + 2)[1:-1]
        self.knots = np.unique(np.quantile(z, inner)) if len(z) and n_knots else np.zeros(0)

    def __call__(self, x: np.ndarray) -> Any:
        from scipy import sparse

        missing = np.isnan(x)
        z = np.where(missing, 0.0, np.clip((x - self.mean) / self.scale, -10, 10))  # one wild value must not rule
        hinges = np.maximum(z[:, None] - self.knots, 0) * ~missing[:, None]  # (B, n_knots)
        return sparse.csr_matrix(np.column_stack([z, missing, hinges]))


class _Levels:
    """φ of a category: indicators of the most frequent codes; all others share none of them."""

    def __init__(self, x: np.ndarray, max_levels: int):
        values, counts = np.unique(x, return_counts=True)
        self.kept = np.sort(values[np.lexsort((values, -counts))[:max_levels]])

    def __call__(self, x: np.ndarray) -> Any:
        from scipy import sparse

        place = np.minimum(np.searchsorted(self.kept, x), len(self.kept) - 1)
        rows = np.flatnonzero(self.kept[place] == x)
        return sparse.csr_matrix((np.ones(len(rows)), (rows, place[rows])), (len(x), len(self.kept)))
