"""Two ways to predict, compared on the same rows: average precision, a paired interval, a paired test over folds.

    AP = Σ_k (R_k − R_{k−1}) P_k      area under the steps of the precision-recall curve, thresholds from high to low

Its chance level is the share of the positive class, so that it tells what is found of a rare class and how much is
wrongly called one (Davis and Goadrich, 2006, https://doi.org/10.1145/1143844.1143874).

Gains of J overlapping training sets are not independent. Nadeau and Bengio (2003,
https://doi.org/10.1023/A:1024068626366) widen the variance of their mean by the share of rows tested:

    t = mean(g) / sqrt((1/J + n_test / n_train) var(g)),   J − 1 degrees of freedom

Gains that are all equal, as those of a few rows are, do not say how much they vary. Then signs are counted: that k test
sets without a common row all gain has probability 2^−k where a gain is as likely as a loss.
"""

import math
from dataclasses import dataclass

import numpy as np

from genwright.core.errors import UnknownNameError
from genwright.core.predictions import BalancedAccuracy, Metric
from genwright.core.rng import numpy_generator

RESAMPLES = 1_000  # that an interval rests on
PLACES = 4_000_000  # weights that are held at a time
EQUAL = 1e-6  # gains this near to each other, as a share of their mean, are equal


class AveragePrecision(Metric):
    """Area under the precision-recall curve of one class.

    Args:
        positive: The class.
    """

    name, unit, direction = "pr_auc", "AP", "higher"
    meaning = "How precisely rows of the class are found, averaged over how many of them are to be found."
    source = "Davis and Goadrich (2006): https://doi.org/10.1145/1143844.1143874"

    def __init__(self, positive: int = 1):
        self.positive = positive

    def values(self, y: np.ndarray, p: np.ndarray, W: np.ndarray) -> np.ndarray:
        """As `Metric.values`; NaN where no row of the class has weight."""
        s, is_positive = p[:, self.positive], y == self.positive
        order = np.argsort(-s, kind="stable")
        starts = np.flatnonzero(np.diff(-s[order], prepend=-np.inf))
        hits = np.add.reduceat(W[:, order] * is_positive[order], starts, 1)  # (R, thresholds)
        found, called = np.cumsum(hits, 1), np.cumsum(np.add.reduceat(W[:, order], starts, 1), 1)
        precision = np.divide(found, called, out=np.zeros_like(found, float), where=called > 0)
        total = found[:, -1]
        return np.divide((hits * precision).sum(1), total, out=np.full(len(W), np.nan), where=total > 0)


def metrics_for(n_classes: int, positive: int, deciding: str = "auto") -> tuple[Metric, ...]:
    """What is compared, the deciding one first.

    Args:
        n_classes: Two have both metrics, more have balanced accuracy alone.
        positive: The rarer class of two.
        deciding: Its name; "auto": of two classes the average precision of the rarer one.

    Raises:
        UnknownNameError: no such metric is there for as many classes.
    """
    found: tuple[Metric, ...] = (AveragePrecision(positive), BalancedAccuracy())
    found = found if n_classes == 2 else found[1:]
    names = [m.name for m in found]
    if deciding not in ("auto", *names):
        raise UnknownNameError(deciding, ["auto", *names], f"the metrics of {n_classes} classes")
    return found if deciding in ("auto", names[0]) else found[::-1]


def value(metric: Metric, y: np.ndarray, p: np.ndarray) -> float:
    """The number of predictions p (B, K) for classes y (B,); NaN where it makes no sense."""
    return float(metric.values(y, p, np.ones((1, len(y))))[0]) if len(y) else float("nan")


def confusion(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Rows by true class (down) and likeliest class (across): (K, K) of classes y (B,) and predictions p (B, K)."""
    K = p.shape[1]
    return np.bincount(y * K + p.argmax(1), minlength=K * K).reshape(K, K)


@dataclass(frozen=True)
class Gain:
    """What one way gains on another, on the same rows.

    Args:
        metric: Name.
        before: The number without it.
        after: The number with it.
        low: Of the 95 % interval of after − before.
        high: Its other end.
        n: Rows.
        before_range: 95 % interval of the number without it.
        after_range: The same with it; both can overlap where the difference is sure, for the rows are the same.
    """

    metric: str
    before: float
    after: float
    low: float
    high: float
    n: int
    before_range: tuple[float, float] = (math.nan, math.nan)
    after_range: tuple[float, float] = (math.nan, math.nan)

    @property
    def gain(self) -> float:
        """after − before."""
        return self.after - self.before

    def __str__(self) -> str:
        interval = f"95 % interval {self.low:+.3f} … {self.high:+.3f}"
        return f"{self.metric} {self.before:.3f} → {self.after:.3f}, {self.gain:+.3f} ({interval}, {self.n:,} rows)"


def paired_gain(metric: Metric, y: np.ndarray, before: np.ndarray, after: np.ndarray, seed: int) -> Gain:
    """The gain with percentiles of the bootstrap over rows, the same resamples for both; the fits are taken as given.

    Args:
        metric: What is compared.
        y: Classes (B,).
        before: Probabilities (B, K) without.
        after: Probabilities (B, K) with.
        seed: Of the resamples.
    """
    rng, n = numpy_generator(seed, "paired"), len(y)
    size = max(1, min(RESAMPLES, PLACES // max(n, 1)))
    found = []
    for start in range(0, RESAMPLES, size):
        W = rng.multinomial(n, np.full(n, 1 / n), min(size, RESAMPLES - start)).astype(np.float64)  # (R, B)
        found.append(np.stack([metric.values(y, p, W) for p in (before, after)]))
    without, with_it = np.concatenate(found, 1)  # (resamples,) each
    low, high = _middle(with_it - without)
    both = value(metric, y, before), value(metric, y, after)
    return Gain(metric.name, *both, low, high, n, _middle(without), _middle(with_it))


def _middle(values: np.ndarray) -> tuple[float, float]:
    """Where 95 % of the values lie, those left out that make no sense."""
    known = values[~np.isnan(values)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
    return float(low), float(high)


def p_value(gains: np.ndarray, test_share: float) -> float:
    """One-sided p of "no gain" for gains of J fits, NaN ones left out; 1 where fewer than two are left.

    Args:
        gains: Of each fold (J,).
        test_share: n_test / n_train of a fold.
    """
    from scipy.stats import t

    known = gains[~np.isnan(gains)]
    if len(known) < 2 or known.mean() <= 0:
        return 1.0
    if np.ptp(known) <= EQUAL * known.mean():
        return 0.5 ** min(len(known), round(1 + 1 / test_share) if test_share else len(known))
    return float(t.sf(known.mean() / _error(known, test_share), len(known) - 1))


def fold_interval(gains: np.ndarray, test_share: float) -> tuple[float, float]:
    """95 % interval of the mean gain by the same test; NaN where fewer than two gains are known."""
    from scipy.stats import t

    known = gains[~np.isnan(gains)]
    if len(known) < 2:
        return math.nan, math.nan
    half = float(t.ppf(0.975, len(known) - 1)) * _error(known, test_share)
    return float(known.mean()) - half, float(known.mean()) + half


def _error(gains: np.ndarray, test_share: float) -> float:
    """Standard error of the mean of gains of overlapping training sets."""
    return float(np.sqrt((1 / len(gains) + test_share) * gains.var(ddof=1)))


def dealt(y: np.ndarray, n_folds: int, rng: np.random.Generator) -> np.ndarray:
    """The fold of each row (N,), dealt class by class; −1 for a class of one row, which is learnt from in all folds."""
    fold, first = np.full(len(y), -1), 0
    for k in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == k))
        if len(rows) > 1:
            fold[rows] = (first + np.arange(len(rows))) % n_folds
            first += len(rows)
    return fold


def looked_at(y: np.ndarray, most: int, least: int, rng: np.random.Generator) -> np.ndarray:
    """Which rows of classes y (N,) are looked at, in order: most of them at random, and a few of what is rare.

    Args:
        y: Classes.
        most: Rows at random, all where there are fewer.
        least: Rows of each class, which are added where they are not among these; all where there are fewer.
        rng: Of what is taken.
    """
    order = rng.permutation(len(y))
    later = order[most:]
    lacking = np.maximum(least - np.bincount(y[order[:most]], minlength=y.max(initial=0) + 1), 0)
    more = [later[y[later] == k][:n] for k, n in enumerate(lacking) if n]
    return np.sort(np.concatenate([order[:most], *more]))
