"""k nearest neighbours (Cover and Hart, 1967), by scikit-learn.

https://doi.org/10.1109/TIT.1967.1053964

    p(y = k | x) = share of class k among the n_neighbours rows of the fit that are nearest to x

Near by Euclid's distance between standardised numbers, indicators of categories, pixels in [0, 1] and weights of
n-grams, which are scaled to length 1 a column of text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genwright.core.classifier import MatrixClassifier
from genwright.core.config import check_least
from genwright.core.design import Design
from genwright.core.feature_view import Features

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class KNNConfig:
    """Settings of the vote."""

    n_neighbours: int = 10  # rows that vote, all where there are fewer
    is_weighted: bool = False  # votes weigh 1/distance; False: all the same

    def __post_init__(self) -> None:
        check_least(self, 1, "n_neighbours")


class KNN(MatrixClassifier):
    """Vote of the nearest rows."""

    Config = KNNConfig
    holds_rows = True

    def __init__(self, config: KNNConfig | None = None):
        super().__init__(config)
        self._design = Design()

    def _fit(self, rows: Features, y: np.ndarray, seed: int) -> None:
        self._keep(self._design.fit(rows).plain(rows), y)

    def _keep(self, phi: Any, y: np.ndarray) -> None:
        from sklearn.neighbors import KNeighborsClassifier

        self._phi, self._y = phi, y
        weights = "distance" if self.config.is_weighted else "uniform"
        self._vote = KNeighborsClassifier(min(self.config.n_neighbours, len(y)), weights=weights).fit(phi, y)

    def _predict(self, rows: Features) -> np.ndarray:
        return self._vote.predict_proba(self._design.plain(rows))

    def _state(self) -> "dict[str, torch.Tensor]":
        import torch
        from scipy import sparse

        phi, state = self._phi, {**self._design.state(), "y": torch.from_numpy(self._y)}
        if not sparse.issparse(phi):
            return {**state, "phi": torch.from_numpy(phi)}
        arrays = {"data": phi.data, "indices": phi.indices, "indptr": phi.indptr, "shape": np.array(phi.shape)}
        return {**state, **{f"phi.{key}": torch.from_numpy(x) for key, x in arrays.items()}}

    def _load_state(self, state: "Mapping[str, torch.Tensor]") -> None:
        from scipy import sparse

        self._design.load_state(state)
        if "phi" in state:
            return self._keep(state["phi"].numpy(), state["y"].numpy())
        data, indices, indptr, shape = (state[f"phi.{k}"].numpy() for k in ("data", "indices", "indptr", "shape"))
        phi = sparse.csr_matrix((data, indices, indptr), tuple(shape))
        phi.check_format(full_check=True)  # compiled code follows its indices without looking
        return self._keep(phi, state["y"].numpy())
