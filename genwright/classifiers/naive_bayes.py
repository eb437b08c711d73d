"""Naive Bayes: the generative classifier, columns independent within a class (Maron, 1961; Ng and Jordan, 2001).

https://doi.org/10.1145/321075.321084 · https://papers.nips.cc/paper/2001/hash/7b7a53e239400a13bd6be6c91c4f6c4e-Abstract.html

    log p(y | x) = log p(y) + sum_j log p(x_j | y) − log Z(x)

A number is normal within a class, or has a histogram; a category has its shares; a pixel is bright or dark; the n-grams
of a text are drawn one by one. Whether a number is missing tells of the class as well. What no row of the fit had tells
nothing: an unseen code, an unknown word; a number beyond those of the fit counts as the nearest of them.

n-grams of a text are far from independent: each character is counted in many of them, and Bayes' rule becomes far too
sure of itself. Beside texts the log odds of each class against the rest are therefore calibrated on rows not seen, see
`core/calibration.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from genwright.core.calibration import Calibration, Method, unseen_margins
from genwright.core.classifier import MatrixClassifier
from genwright.core.config import check_least, check_positive
from genwright.core.design import LARGEST
from genwright.core.errors import ConfigError
from genwright.core.feature_view import Features

if TYPE_CHECKING:
    import torch

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class NaiveBayesConfig:
    """Settings of the columns' distributions."""

    numbers: Literal["normal", "histogram"] = "normal"  # distribution of a number within a class
    n_bins: int = 20  # bins of equally many rows of a histogram
    pseudo_count: float = 1.0  # added to the count of every code, bin, pixel and n-gram
    smoothing: float = 1e-9  # added to variances within a class, as a share of the column's own
    threshold: float = 0.5  # brightness from which a pixel is bright
    calibration: Literal["auto", "none", "platt", "isotonic"] = "auto"  # of probabilities; auto: platt beside texts
    n_folds: int = 5  # fits for calibration, beside its own

    def __post_init__(self) -> None:
        check_positive(self, "pseudo_count")
        check_least(self, 2, "n_bins", "n_folds")
        check_least(self, 0, "smoothing", "threshold")
        if self.numbers not in ("normal", "histogram"):
            raise ConfigError(f"numbers = {self.numbers!r}; expected normal or histogram")
        if self.calibration not in ("auto", "none", "platt", "isotonic"):
            raise ConfigError(f"calibration = {self.calibration!r}; expected auto, none, platt or isotonic")


class NaiveBayes(MatrixClassifier):
    """Bayes' rule with independent columns."""

    Config = NaiveBayesConfig

    def __init__(self, config: NaiveBayesConfig | None = None):
        super().__init__(config)
        self._arrays: Arrays = {}
        self._calibration: Calibration | None = None

    def _fit(self, rows: Features, y: np.ndarray, seed: int) -> None:
        self._arrays, method = self._learnt(rows, y), self._method(rows)
        self._calibration = Calibration(method) if method else None
        if self._calibration is not None:

            def margins(taught: np.ndarray, asked: np.ndarray) -> np.ndarray:
                return log_odds(self._joint(rows.take(asked), self._learnt(rows.take(taught), y[taught])))

            self._calibration.fit(unseen_margins(margins, y, self.config.n_folds, seed), y)

    def _method(self, rows: Features) -> Method | None:
        """How probabilities are calibrated; None: they are not."""
        asked = self.config.calibration
        if asked == "auto":
            return "platt" if rows.counts.shape[1] else None
        return None if asked == "none" else asked

    def _learnt(self, rows: Features, y: np.ndarray) -> Arrays:
        """The columns' distributions in each class."""
        config, is_class = self.config, y == np.arange(len(self.classes))[:, None]  # (K, N)
        numbers, codes = _numbers(rows), rows.X[:, rows.is_category]
        one = normals if config.numbers == "normal" else histograms
        return {
            **one(numbers, is_class, config),
            **missing_shares(numbers, is_class, config.pseudo_count),
            **code_shares(codes, is_class, config.pseudo_count),
            **pixel_shares(rows.pixels >= config.threshold, is_class, config.pseudo_count),
            **gram_shares(rows.counts, is_class, config.pseudo_count),
        }

    def log_joint(self, rows: Features) -> np.ndarray:
        """log p(y, x) (B, K), but for what is the same for all classes."""
        return self._joint(rows, self._arrays)

    def _joint(self, rows: Features, arrays: Arrays) -> np.ndarray:
        numbers, codes = _numbers(rows), rows.X[:, rows.is_category]
        is_bright = (rows.pixels >= self.config.threshold).astype(np.float64)
        total = np.log(self._shares) + _log_missing(numbers, arrays) + _log_codes(codes, arrays)
        total += _log_normals(numbers, arrays) if "mean" in arrays else _log_histograms(numbers, arrays)
        total += is_bright @ arrays["log_bright"].T + (1 - is_bright) @ arrays["log_dark"].T
        return total + rows.counts @ arrays["log_gram"].T

    def _predict(self, rows: Features) -> np.ndarray:
        from scipy.special import softmax

        joint = self.log_joint(rows)
        return softmax(joint, axis=1) if self._calibration is None else self._calibration(log_odds(joint))

    def _state(self) -> "dict[str, torch.Tensor]":
        import torch

        own = {key: torch.from_numpy(np.ascontiguousarray(x)) for key, x in self._arrays.items()}
        return own if self._calibration is None else own | self._calibration.state()

    def _load_state(self, state: "Mapping[str, torch.Tensor]") -> None:
        self._arrays = {key: x.numpy() for key, x in state.items() if not key.startswith("calibration.")}
        self._calibration = None
        if len(self._arrays) < len(state):
            self._calibration = Calibration()
            self._calibration.load_state(state)


def log_odds(joint: np.ndarray) -> np.ndarray:
    """log p(k, x) − log Σ_{j≠k} p(j, x) (B, K) of log p(y, x); (B,) for two classes, those of the second."""
    if joint.shape[1] == 2:
        return joint[:, 1] - joint[:, 0]
    nothing = np.full((len(joint), 1), -np.inf)
    before = np.concatenate([nothing, np.logaddexp.accumulate(joint, 1)[:, :-1]], 1)  # Σ of the classes before each
    behind = np.concatenate([nothing, np.logaddexp.accumulate(joint[:, ::-1], 1)[:, :-1]], 1)[:, ::-1]
    return joint - np.logaddexp(before, behind)


def _numbers(rows: Features) -> np.ndarray:
    """The numbers (B, D); such as ±1.8e308, which stand for "no data", have no square in a float, and are cut."""
    return np.clip(rows.X[:, ~rows.is_category], -LARGEST, LARGEST)


def normals(X: np.ndarray, is_class: np.ndarray, config: NaiveBayesConfig) -> Arrays:
    """Mean and variance of each number in each class (K, D), of all rows where a class has none; and its range."""
    known = ~np.isnan(X)  # (N, D)
    filled, whole = np.where(known, X, 0.0), np.ones((1, len(X)), bool)
    mean, var = _moments(filled, known, is_class)
    mean_of_all, var_of_all = _moments(filled, known, whole)
    is_empty = is_class @ known.astype(float) == 0  # (K, D)
    mean, var = np.where(is_empty, mean_of_all, mean), np.where(is_empty, var_of_all, var)
    return {
        "mean": mean,
        "var": np.maximum(var + config.smoothing * var_of_all, np.finfo(float).tiny),
        "low": np.where(known, X, np.inf).min(0, initial=np.inf),
        "high": np.where(known, X, -np.inf).max(0, initial=-np.inf),
    }


def histograms(X: np.ndarray, is_class: np.ndarray, config: NaiveBayesConfig) -> Arrays:
    """Edges between bins (D, n_bins − 1) and log shares of the bins (K, D, n_bins)."""
    inner = np.linspace(0, 1, config.n_bins + 1)[1:-1]
    known = [x[~np.isnan(x)] for x in X.T]
    edges = np.array([np.quantile(x, inner) if len(x) else 0 * inner for x in known]).reshape(len(known), -1)
    bins = np.stack([np.searchsorted(e, x, "right") for e, x in zip(edges, X.T, strict=True)]) if len(edges) else edges
    counts = np.zeros((len(is_class), len(edges), config.n_bins))
    for j, x in enumerate(X.T):
        for k, inside in enumerate(is_class):
            counts[k, j] = np.bincount(bins[j][inside & ~np.isnan(x)], minlength=config.n_bins)
    return {"edges": edges, "log_bin": _log_shares(counts, config.pseudo_count)}


def missing_shares(X: np.ndarray, is_class: np.ndarray, pseudo: float) -> Arrays:
    """log p(known | y) and log p(missing | y) (2, K, D); 0 for a column that is always, or never, known."""
    is_missing = np.isnan(X)
    counts = np.stack([is_class.astype(float) @ ~is_missing, is_class.astype(float) @ is_missing], -1)  # (K, D, 2)
    tells = is_missing.any(0) & ~is_missing.all(0)
    return {"log_missing": np.moveaxis(_log_shares(counts, pseudo) * tells[:, None], -1, 0)}


def code_shares(codes: np.ndarray, is_class: np.ndarray, pseudo: float) -> Arrays:
    """Of each category its codes (n,) and their log shares (K, n)."""
    found: Arrays = {}
    for j, x in enumerate(codes.T):
        found[f"codes.{j}"], place = np.unique(x, return_inverse=True)
        counts = np.stack([np.bincount(place[inside], minlength=len(found[f"codes.{j}"])) for inside in is_class])
        found[f"log_code.{j}"] = _log_shares(counts, pseudo)
    return found


def pixel_shares(is_bright: np.ndarray, is_class: np.ndarray, pseudo: float) -> Arrays:
    """log p(bright | y) and log p(dark | y), each (K, P)."""
    bright = is_class.astype(np.float64) @ is_bright.astype(np.float64)
    shares = _log_shares(np.stack([bright, is_class.sum(1)[:, None] - bright], -1), pseudo)
    return {"log_bright": shares[..., 0], "log_dark": shares[..., 1]}


def gram_shares(counts: Any, is_class: np.ndarray, pseudo: float) -> Arrays:
    """log p(g | y) (K, G)."""
    return {"log_gram": _log_shares((counts.T @ is_class.T.astype(np.float64)).T, pseudo)}


def _moments(filled: np.ndarray, known: np.ndarray, is_class: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the known values in each class (K, D)."""
    weight = is_class.astype(np.float64)
    n = np.maximum(weight @ known, 1)
    mean = weight @ filled / n
    own = zip(mean, is_class, strict=True)  # a class at a time: all together would be (K, N, D)
    return mean, np.stack([np.square(np.where(known[i], filled[i] - m, 0.0)).sum(0) for m, i in own]) / n


def _log_shares(counts: np.ndarray, pseudo: float) -> np.ndarray:
    counts = counts + pseudo
    return np.log(counts / counts.sum(-1, keepdims=True))


def _log_normals(X: np.ndarray, arrays: Arrays) -> np.ndarray:
    known = ~np.isnan(X) & (arrays["low"] <= arrays["high"])  # a number that the fit never knew tells nothing
    x = np.where(known, np.clip(X, arrays["low"], arrays["high"]), 0.0)
    pairs = zip(arrays["mean"], arrays["var"], strict=True)
    each = [-0.5 * (known * (np.log(2 * np.pi * var) + np.square(x - mean) / var)).sum(1) for mean, var in pairs]
    return np.stack(each, 1)  # (B, K)


def _log_histograms(X: np.ndarray, arrays: Arrays) -> np.ndarray:
    total = np.zeros((len(X), arrays["log_bin"].shape[0]))
    for j, (x, edges) in enumerate(zip(X.T, arrays["edges"], strict=True)):
        told = arrays["log_bin"][:, j, np.searchsorted(edges, x, "right")].T  # NaN is sorted behind all edges
        total += np.where(np.isnan(x)[:, None], 0.0, told)
    return total


def _log_missing(X: np.ndarray, arrays: Arrays) -> np.ndarray:
    log_known, log_missing = arrays["log_missing"]
    is_missing = np.isnan(X).astype(np.float64)
    return (1 - is_missing) @ log_known.T + is_missing @ log_missing.T


def _log_codes(codes: np.ndarray, arrays: Arrays) -> np.ndarray:
    total = np.zeros((len(codes), 1))
    for j, x in enumerate(codes.T):
        kept = arrays[f"codes.{j}"]
        place = np.minimum(np.searchsorted(kept, x), len(kept) - 1)
        total = total + np.where((kept[place] == x)[:, None], arrays[f"log_code.{j}"][:, place].T, 0.0)
    return total
