"""Margins become probabilities: Platt's sigmoid (1999) or isotonic regression (Zadrozny and Elkan, 2002).

https://home.cs.colorado.edu/~mozer/Teaching/syllabi/6622/papers/Platt1999.pdf
https://doi.org/10.1145/775047.775151

    p(y = k | x) ∝ σ(a_k f_k(x) + b_k)    or    ∝ g_k(f_k(x)),  g_k a rising step function

each class against the rest, learnt from margins f of rows that the machine had not seen: it is fitted once a fold on
the other folds, and then on all rows (scikit-learn's CalibratedClassifierCV with `ensemble=False`). Platt's targets are
(n₊ + 1)/(n₊ + 2) and 1/(n₋ + 2) instead of 1 and 0; the steps stay between these.

Machines that part each two classes get a curve a pair, r_ij = p(y = i | i or j, x), and their probabilities are those
that fit all pairs best (Wu, Lin and Weng, 2004, https://www.jmlr.org/papers/v5/wu04a.html; as LIBSVM does):

    min_p sum_{i<j} (r_ji p_i − r_ij p_j)²,   sum_i p_i = 1

A class with fewer rows than there are folds stays in all of them, and its rows count with the margins of the machine
that saw them; where all classes are so few, all rows do. Then probabilities know no more than that n rows cannot give
certainty, which is what Platt's targets say.
"""

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import torch

Method = Literal["platt", "isotonic"]
MOST_STEPS = 100  # of Newton's method
MOST_NUMBERS = 4_000_000  # of matrices that are solved together


class Calibration:
    """What turns margins into probabilities; fitted, with a state.

    Args:
        method: Of the curves.
        is_pairwise: Margins are those of pairs (0, 1), (0, 2) … (1, 2) …, above 0 for the first.
    """

    def __init__(self, method: Method = "platt", is_pairwise: bool = False):
        self.method, self.is_pairwise = method, is_pairwise
        self.curves: list[np.ndarray] = []  # (2,) a and b of Platt, or (2, M) x and y of the steps; a class, or a pair

    def fit(self, margins: np.ndarray, y: np.ndarray) -> "Calibration":
        """Learns the curves.

        Args:
            margins: Those of rows not seen: (N,) for two classes, above 0 for the second; else (N, K), or of pairs.
            y: Their classes (N,), 0 … K−1.
        """
        one = platt if self.method == "platt" else isotonic
        if margins.ndim == 1:
            self.curves = [one(margins, y == 1)]
        elif self.is_pairwise:
            pairs = zip(margins.T, combinations(range(int(y.max()) + 1), 2), strict=True)
            self.curves = [one(f[(y == i) | (y == j)], y[(y == i) | (y == j)] == i) for f, (i, j) in pairs]
        else:
            self.curves = [one(f, y == k) for k, f in enumerate(margins.T)]
        return self

    def __call__(self, margins: np.ndarray) -> np.ndarray:
        """Probabilities (B, K)."""
        columns = margins[:, None] if margins.ndim == 1 else margins
        p = np.stack([_curve(c, f) for c, f in zip(self.curves, columns.T, strict=True)], 1)
        if margins.ndim == 1:
            return np.concatenate([1 - p, p], 1)
        if self.is_pairwise:
            return coupled(p)
        total = p.sum(1, keepdims=True)
        return np.where(total > 0, p / np.where(total > 0, total, 1), 1 / p.shape[1])

    def state(self) -> "dict[str, torch.Tensor]":
        """Everything learnt."""
        import torch

        return {f"calibration.{j}": torch.from_numpy(np.ascontiguousarray(c)) for j, c in enumerate(self.curves)}

    def load_state(self, state: "Mapping[str, torch.Tensor]") -> None:
        """The inverse of `state`; what is not its own is passed over."""
        n = sum(key.startswith("calibration.") for key in state)
        self.curves = [state[f"calibration.{j}"].numpy() for j in range(n)]


def unseen_margins(
    margins_of: Callable[[np.ndarray, np.ndarray], np.ndarray], y: np.ndarray, n_folds: int, seed: int
) -> np.ndarray:
    """Margins of all rows by machines that saw the other folds.

    Args:
        margins_of: (rows to learn from, rows to answer) → margins of the latter, (n, K) or (n,).
        y: Classes (N,), 0 … K−1.
        n_folds: Parts that the rows of each class are dealt to.
        seed: Of the deal.
    """
    fold, everything = folds(y, n_folds, seed), np.arange(len(y))
    kept = np.flatnonzero(fold < 0)
    found = np.zeros(0)
    for k in range(-1 if len(kept) else 0, n_folds if fold.max() >= 0 else 0):
        taught, asked = (everything, kept) if k < 0 else (np.flatnonzero(fold != k), np.flatnonzero(fold == k))
        answer = margins_of(taught, asked)
        if not len(found):
            found = np.zeros((len(y), *answer.shape[1:]))
        found[asked] = answer
    return found


def folds(y: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """The fold of each row (N,), dealt class by class; −1 for classes with fewer rows than folds, which stay in all."""
    from sklearn.model_selection import StratifiedKFold

    fold = np.full(len(y), -1)
    rows = np.flatnonzero(np.bincount(y)[y] >= n_folds)
    if len(rows):
        deal = StratifiedKFold(n_folds, shuffle=True, random_state=seed % 2**32)
        for k, (_, part) in enumerate(deal.split(rows, y[rows])):
            fold[rows[part]] = k
    return fold


def platt(margin: np.ndarray, is_class: np.ndarray) -> np.ndarray:
    """a and b by Newton's method (Lin, Lin and Weng, 2007, https://doi.org/10.1007/s10994-007-5018-6).

    a is never below 0: margins that foretell the opposite on rows not seen tell nothing.
    """
    n, n_class = len(margin), int(is_class.sum())
    target = np.where(is_class, (n_class + 1) / (n_class + 2), 1 / (n - n_class + 2))  # (N,)
    level = np.array([0.0, np.log(target.mean() / (1 - target.mean()))])
    mean, scale = float(margin.mean()), float(margin.std())
    if not scale > 1e-12 * max(1.0, abs(mean)):
        return level
    F = np.stack([(margin - mean) / scale, np.ones(n)], 1)  # (N, 2)
    w = level
    for _ in range(MOST_STEPS):
        p = 1 / (1 + np.exp(-F @ w))
        gradient = F.T @ (p - target)
        step = np.linalg.solve((F * (p * (1 - p))[:, None]).T @ F + 1e-12 * np.eye(2), gradient)
        w = w - step * _halvings(F, target, w, step, gradient)
        if np.abs(gradient).max() < 1e-9 * n:
            break
    return np.array([w[0] / scale, w[1] - w[0] * mean / scale]) if w[0] > 0 else level


def isotonic(margin: np.ndarray, is_class: np.ndarray) -> np.ndarray:
    """Corners (2, M) of the rising curve with the least squared error, straight between them."""
    from sklearn.isotonic import IsotonicRegression

    n_class = int(is_class.sum())
    low, high = 1 / (len(margin) - n_class + 2), (n_class + 1) / (n_class + 2)
    curve = IsotonicRegression(y_min=low, y_max=high, out_of_bounds="clip").fit(margin, is_class.astype(float))
    return np.stack([curve.X_thresholds_, curve.y_thresholds_])


def coupled(r: np.ndarray) -> np.ndarray:
    """Probabilities (B, K) that fit those of pairs (B, K (K − 1) / 2) best.

    With Q_ii = sum_j r_ji² and Q_ij = −r_ji r_ij they solve [Q 1; 1ᵀ 0] [p; λ] = [0; 1].
    """
    n = round((1 + (1 + 8 * r.shape[1]) ** 0.5) / 2)  # K
    size = max(1, MOST_NUMBERS // (n + 1) ** 2)
    parts = [_coupled(r[start : start + size], n) for start in range(0, len(r), size)]
    return np.concatenate(parts) if parts else np.zeros((0, n))


def _coupled(r: np.ndarray, n: int) -> np.ndarray:
    i, j = np.triu_indices(n, 1)
    r = np.clip(r, 1e-7, 1 - 1e-7)
    first = np.zeros((len(r), n, n))  # (B, i, j) r_ij
    first[:, i, j], first[:, j, i] = r, 1 - r
    Q = np.zeros((len(r), n + 1, n + 1))
    Q[:, :n, :n] = -first * first.transpose(0, 2, 1)
    Q[:, range(n), range(n)] = np.square(first).sum(1)
    Q[:, n, :n] = Q[:, :n, n] = 1
    target = np.zeros((len(r), n + 1, 1))
    target[:, n] = 1
    p = np.maximum(np.linalg.solve(Q, target)[:, :n, 0], 0)
    return p / p.sum(1, keepdims=True)


def _halvings(F: np.ndarray, target: np.ndarray, w: np.ndarray, step: np.ndarray, gradient: np.ndarray) -> float:
    """The longest part of Newton's step, 1, ½, ¼ …, that lowers the loss."""
    before, size = _loss(F, target, w), 1.0
    while size > 1e-10 and _loss(F, target, w - size * step) > before - 1e-4 * size * float(gradient @ step):
        size /= 2
    return size


def _loss(F: np.ndarray, target: np.ndarray, w: np.ndarray) -> float:
    f = F @ w
    return float((np.logaddexp(0, f) - target * f).sum())


def _curve(curve: np.ndarray, f: np.ndarray) -> np.ndarray:
    from scipy.special import expit

    return expit(curve[0] * f + curve[1]) if curve.ndim == 1 else np.interp(f, *curve)
