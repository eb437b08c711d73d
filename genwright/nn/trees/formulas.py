"""The search for a formula: the nearest product or ratio of two numbers, else the nearest sum of columns.

Products are compared by the variance of log x_t − s log x_a − r log x_b, for all pairs at once from one covariance
matrix. A sum is a ridge regression on numbers and one-hot categories. Both are learnt on some rows and kept only if
they explain `MIN_SHARE` of the variance of others, in normal scores, and leave `MAX_LEFT` of what the best single
number leaves.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from genwright.nn.trees.formula import Formula, logarithm
from genwright.nn.trees.slope_columns import score_of_coordinate
from genwright.nn.trees.slopes import global_slope
from genwright.nn.trees.target import Target

MIN_ROWS, MAX_ROWS = 400, 4_000  # rows with a smooth value that formulas need, and that they are looked for in
MIN_SHARE, MAX_LEFT = 0.98, 0.5  # variance that a formula explains, and share of others' rest that it leaves
MIN_POSITIVE = 0.95  # share of a number's rows that must be above 0 for a product
ROWS_PER_TERM = 10  # rows by which a sum is learnt, for each of its unknowns
RIDGE = 1e-6  # enough for one-hot columns that add up to one


def find_formula(target: Target, predictors: np.ndarray, rng: np.random.Generator) -> Formula | None:
    """What a smooth target nearly is; None where it is no product or sum, or too few rows are smooth."""
    if target.column.smooth is None:
        return None
    rows = np.flatnonzero(target.column.smooth_index[target.donated] >= 0)
    if len(rows) < MIN_ROWS or len(predictors) < 2:
        return None
    rows = rng.permutation(rows)[:MAX_ROWS]
    learnt, unseen = (_Rows(target, predictors, part) for part in np.array_split(rows, 2))
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers near the end of floats nothing is left, and no sum
        for search in (_product, _sum):
            formula = search(learnt)
            if formula and unseen.left_by(formula) <= min(1 - MIN_SHARE, MAX_LEFT * unseen.left_by_one):
                return formula
    return None


@dataclass(frozen=True)
class _Rows:
    """Some training rows with a smooth target.

    Args:
        target: The target.
        predictors: Places of the columns that may enter (P,).
        rows: The rows (R,).
    """

    target: Target
    predictors: np.ndarray
    rows: np.ndarray

    @cached_property
    def y(self) -> np.ndarray:
        """The target's numbers (R,)."""
        return self.target.column.value(self.target.donors.codes[self.rows, self.target.place])

    @cached_property
    def numbers(self) -> dict[int, np.ndarray]:
        """Place of each predictor that is a number and differs → its numbers (R,)."""
        columns = self.target.columns
        places = [k for k in self.predictors.tolist() if not columns[k].is_category and len(columns[k].values) > 1]
        found = {k: columns[k].number_at(self._where(k)) for k in places}
        return {k: x for k, x in found.items() if x.std() > 0}

    def _where(self, k: int) -> np.ndarray:
        return self.target.donors.where[self.rows, k]

    @cached_property
    def _score(self) -> np.ndarray:
        """Normal scores of the target (R,)."""
        return score_of_coordinate(self.target.column.smooth_rank(self.y)).astype(np.float64)

    def left_by(self, formula: Formula) -> float:
        """Share of the scores' variance that a formula leaves."""
        said = score_of_coordinate(formula(self.target.donors.where[self.rows])).astype(np.float64)
        return float((self._score - said).var() / self._score.var())

    @property
    def left_by_one(self) -> float:
        """Share of it that a line on the best single number leaves."""
        X = [self._score, *(score_of_coordinate(self._where(k)) for k in self.numbers)]
        return float(1 - np.square(np.corrcoef(np.stack(X))[0, 1:]).max(initial=0)) if self.numbers else 1.0


def _product(learnt: _Rows) -> Formula | None:
    """The product or ratio of two positive numbers that is nearest."""
    target = learnt.target
    logs = {k: logarithm(x, target.columns[k]) for k, x in learnt.numbers.items() if np.mean(x > 0) >= MIN_POSITIVE}
    if len(logs) < 2 or np.mean(learnt.y > 0) < MIN_POSITIVE:
        return None
    places, log_y = list(logs), logarithm(learnt.y, target.column)
    cov = np.cov(np.stack([log_y, *logs.values()]))
    powers = [(1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)]
    left = np.stack([_left(cov, s, r) for s, r in powers])
    which, *pair = (int(k) for k in np.unravel_index(left.argmin(), left.shape))
    (s, r), (a, b) = powers[which], (places[k] for k in pair)
    base = float(np.median(log_y - s * logs[a] - r * logs[b]))
    return Formula(True, base, {a: np.array([s]), b: np.array([r])}, target.columns, target.place)


def _left(cov: np.ndarray, s: float, r: float) -> np.ndarray:
    """Variance of y − s a − r b for all pairs (P, P), from the covariances of y and the others (P + 1, P + 1)."""
    own, with_y = np.diag(cov)[1:], cov[0, 1:]
    left = cov[0, 0] + own[:, None] + own - 2 * s * with_y[:, None] - 2 * r * with_y + 2 * s * r * cov[1:, 1:]
    left[np.diag_indices(len(own))] = np.inf
    return left


def _sum(learnt: _Rows) -> Formula | None:
    """The sum of columns that is nearest; None where there are none, or its unknowns are many for the rows."""
    target, places = learnt.target, list(_summed(learnt))
    n_terms = sum(1 if k in learnt.numbers else len(target.columns[k].values) for k in places)
    if not places or n_terms * ROWS_PER_TERM > len(learnt.rows):
        return None
    blocks = [_block(learnt, k) for k in places]
    A = np.concatenate(blocks, axis=1)
    scale = A.std(0) + 1e-12
    slope = global_slope(A / scale, learnt.y, ridge=RIDGE) / scale
    ends = np.cumsum([block.shape[1] for block in blocks])[:-1]
    terms = dict(zip(places, np.split(slope, ends), strict=True))
    return Formula(False, float(learnt.y.mean() - A.mean(0) @ slope), terms, target.columns, target.place)


def _summed(learnt: _Rows) -> Iterator[int]:
    """Places of the columns that enter a sum."""
    for k in learnt.predictors.tolist():
        if k in learnt.numbers or learnt.target.columns[k].is_category:
            yield k


def _block(learnt: _Rows, k: int) -> np.ndarray:
    """A number, or the one-hot codes of a category (R, 1 or codes)."""
    if k in learnt.numbers:
        return learnt.numbers[k][:, None]
    return np.eye(len(learnt.target.columns[k].values))[learnt.target.donors.codes[learnt.rows, k]]
