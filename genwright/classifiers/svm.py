"""Support vector machine, linear or with a Gaussian kernel, its margins calibrated (Cortes and Vapnik, 1995).

https://doi.org/10.1007/BF00994018

    min ½‖w‖² + C sum_i loss(1 − y_i f(x_i)),   f(x) = w · φ(x) + b,   φ(x) · φ(x') = exp(−γ ‖x − x'‖²)

The exact kernel costs more than the square of the rows; for many rows φ is approximated by columns of the kernel matrix
(Nyström: Williams and Seeger, 2001, https://papers.nips.cc/paper/1866) or by random waves (Rahimi and Recht, 2007,
https://papers.nips.cc/paper/3182). The machines are scikit-learn's (LIBSVM with loss max(0, m), a machine for each two
classes; LIBLINEAR with loss max(0, m)², one against the rest); how margins become probabilities is told in
`core/calibration.py`.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from genwright.core.calibration import Calibration, Method, unseen_margins
from genwright.core.classifier import MatrixClassifier
from genwright.core.config import check_least, check_positive
from genwright.core.design import Design
from genwright.core.errors import ConfigError, RunError
from genwright.core.feature_view import Features
from genwright.core.skops_state import from_tensor, to_tensor

if TYPE_CHECKING:
    import torch

MOST_MARGINS = 20_000_000  # rows × pairs of classes up to which `auto` is exact: each has a margin, and is kept a while
TRUSTED = frozenset(
    {
        ("ObjectNode", "sklearn.svm._classes.SVC"),
        ("ObjectNode", "sklearn.svm._classes.LinearSVC"),
        ("ObjectNode", "sklearn.kernel_approximation.Nystroem"),
        ("ObjectNode", "sklearn.kernel_approximation.RBFSampler"),
    }
)


@dataclass(frozen=True)
class SVMConfig:
    """Settings of the machine."""

    kernel: Literal["auto", "linear", "rbf"] = "auto"  # auto: linear where there are texts, else rbf
    C: float = 1.0  # weight of the rows' losses
    gamma: float = 0.0  # γ of rbf; 0: 1 / (columns × their variance)
    approximation: Literal["auto", "exact", "nystroem", "fourier"] = "auto"  # of rbf; auto: nystroem above `n_exact`
    n_exact: int = 5_000  # rows up to which auto is exact, where classes are not hundreds
    n_components: int = 500  # columns of an approximation
    calibration: Method = "platt"  # margins to probabilities: a sigmoid, or steps, which want a thousand rows
    n_folds: int = 5  # fits of the machine for calibration, beside its own
    n_iter: int = 2_000  # steps of LIBLINEAR at most

    def __post_init__(self) -> None:
        check_positive(self, "C")
        check_least(self, 0, "gamma")
        check_least(self, 1, "n_components", "n_iter")
        check_least(self, 2, "n_folds")
        known = {"kernel": ("auto", "linear", "rbf"), "calibration": ("platt", "isotonic")}
        known["approximation"] = ("auto", "exact", "nystroem", "fourier")
        for name, values in known.items():
            if getattr(self, name) not in values:
                raise ConfigError(f"{name} = {getattr(self, name)!r}; expected {', '.join(values)}")


class SVM(MatrixClassifier):
    """Calibrated support vector machine."""

    Config = SVMConfig
    holds_rows = True  # support vectors and Nyström's columns are rows

    def __init__(self, config: SVMConfig | None = None):
        super().__init__(config)
        self._design = Design()
        self._calibration = Calibration(self.config.calibration)
        self._machine: Any = None
        self._map: Any = None  # φ; None: none beside the machine's own

    def _fit(self, rows: Features, y: np.ndarray, seed: int) -> None:
        X = self._design.fit(rows).plain(rows)
        how = self._how(rows)
        gamma = self.config.gamma or usual_gamma(X)
        self._map = _approximation(how, gamma, min(self.config.n_components, len(y)), seed)
        phi = X if self._map is None else self._map.fit_transform(X)  # (N, Φ)

        def machine(taught: np.ndarray) -> Any:
            return _machine(how, self.config, gamma, seed).fit(phi[taught], y[taught])

        with warnings.catch_warnings():
            from sklearn.exceptions import ConvergenceWarning

            warnings.simplefilter("ignore", ConvergenceWarning)  # a stopped fit is a valid, slightly weaker classifier
            self._machine = machine(np.arange(len(y)))
            margins = unseen_margins(lambda a, b: machine(a).decision_function(phi[b]), y, self.config.n_folds, seed)
        self._calibration.is_pairwise = how == "exact"
        self._calibration.fit(margins, y)

    def margins(self, rows: Features) -> np.ndarray:
        """f(x) (B, K), of the exact kernel (B, K (K − 1) / 2); (B,) for two classes, above 0 for the second."""
        X = self._design.plain(rows)
        return self._machine.decision_function(X if self._map is None else self._map.transform(X))

    def _predict(self, rows: Features) -> np.ndarray:
        return self._calibration(self.margins(rows))

    def _how(self, rows: Features) -> str:
        """linear, exact, nystroem or fourier."""
        has_texts = rows.weights.shape[1] > 0
        if self.config.kernel == "linear" or (self.config.kernel == "auto" and has_texts):
            return "linear"
        if self.config.approximation != "auto":
            return self.config.approximation
        n_margins = len(rows) * len(self.classes) * (len(self.classes) - 1) // 2
        return "exact" if len(rows) <= self.config.n_exact and n_margins <= MOST_MARGINS else "nystroem"

    def _state(self) -> "dict[str, torch.Tensor]":
        state = {**self._design.state(), **self._calibration.state(), "machine": to_tensor(self._machine)}
        return state if self._map is None else {**state, "map": to_tensor(self._map)}

    def _load_state(self, state: "Mapping[str, torch.Tensor]") -> None:
        self._design.load_state(state)
        self._calibration.load_state(state)
        self._machine = from_tensor(state["machine"], TRUSTED)
        self._map = from_tensor(state["map"], TRUSTED) if "map" in state else None
        self._calibration.is_pairwise = hasattr(self._machine, "support_")
        if self._calibration.is_pairwise:
            _check_vectors(self._machine)


def usual_gamma(X: Any) -> float:
    """γ as scikit-learn's "scale": 1 / (Φ var(X)), 1 where nothing varies."""
    from scipy import sparse

    var = X.multiply(X).mean() - X.mean() ** 2 if sparse.issparse(X) else X.var()
    return float(1 / (X.shape[1] * var)) if var > 0 else 1.0


def _machine(how: str, config: SVMConfig, gamma: float, seed: int) -> Any:
    from sklearn.svm import SVC, LinearSVC

    if how == "exact":
        return SVC(C=config.C, gamma=gamma, decision_function_shape="ovo")
    return LinearSVC(C=config.C, max_iter=config.n_iter, random_state=seed % 2**32)


def _approximation(how: str, gamma: float, n: int, seed: int) -> Any:
    from sklearn.kernel_approximation import Nystroem, RBFSampler

    if how == "nystroem":
        return Nystroem(gamma=gamma, n_components=n, random_state=seed % 2**32)
    return RBFSampler(gamma=gamma, n_components=n, random_state=seed % 2**32) if how == "fourier" else None


def _check_vectors(machine: Any) -> None:
    """Refuses a machine whose arrays do not fit together: compiled code follows their sizes without looking.

    Raises:
        RunError: it is one.
    """
    n_class, n = len(machine.classes_), machine.support_vectors_.shape[0]
    is_whole = (
        machine._n_support.shape == (n_class,)
        and (machine._n_support >= 0).all()
        and int(machine._n_support.sum()) == n == len(machine.support_)
        and machine._dual_coef_.shape == (n_class - 1, n)
        and machine._intercept_.shape == (n_class * (n_class - 1) // 2,)
        and machine.support_vectors_.shape[1] == machine.n_features_in_
    )
    if not is_whole:
        raise RunError("a saved classifier has broken support vectors; copy the run again, or fit it again")
