"""Logistic regression on standardised numbers, hinges and indicators (Cox, 1958; Hastie and Tibshirani, 1986).

https://doi.org/10.1111/j.2517-6161.1958.tb00292.x · https://doi.org/10.1214/ss/1177013604

    log p(y = k | x) = w_k · φ(x) + b_k − log Z(x)

φ is that of `core/design.py`. No products of columns, so that it sees margins and not how columns hang together.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from genwright.core.classifier import MatrixClassifier
from genwright.core.config import check_least, check_positive
from genwright.core.design import Design
from genwright.core.feature_view import Features
from genwright.core.skops_state import from_tensor, to_tensor

if TYPE_CHECKING:
    import torch

TRUSTED = frozenset({("ObjectNode", "sklearn.linear_model._logistic.LogisticRegression")})


@dataclass(frozen=True)
class LogisticConfig:
    """Settings of the features and of the fit."""

    n_knots: int = 5  # hinges a number has; 0: a straight line
    max_levels: int = 50  # categories with an indicator of their own, a column; the rest have none
    penalty: float = 1.0  # weight of ½‖w‖² beside the summed loss
    n_iter: int = 200  # steps of L-BFGS at most

    def __post_init__(self) -> None:
        check_least(self, 0, "n_knots", "n_iter")
        check_least(self, 1, "max_levels")
        check_positive(self, "penalty")


class Logistic(MatrixClassifier):
    """Additive logistic regression."""

    Config = LogisticConfig

    def __init__(self, config: LogisticConfig | None = None):
        super().__init__(config)
        self._design = Design(self.config.n_knots, self.config.max_levels)

    def _fit(self, rows: Features, y: np.ndarray, seed: int) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        phi = self._design.fit(rows)(rows)
        self._model = LogisticRegression(C=1 / self.config.penalty, max_iter=self.config.n_iter)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a stopped fit is a valid, slightly weaker classifier
            self._model.fit(phi, y)

    def _predict(self, rows: Features) -> np.ndarray:
        return self._model.predict_proba(self._design(rows))

    def _state(self) -> "dict[str, torch.Tensor]":
        return {**self._design.state(), "model": to_tensor(self._model)}

    def _load_state(self, state: "Mapping[str, torch.Tensor]") -> None:
        self._design.load_state(state)
        self._model = from_tensor(state["model"], TRUSTED)
