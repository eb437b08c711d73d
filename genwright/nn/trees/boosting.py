"""Boosting: the score of a target, cross-fitted (Chernozhukov et al., 2018), https://doi.org/10.1111/ectj.12097.

Training rows are halved and an expert is boosted on each half; a row's own score is that of the expert which has not
seen it. So donors stand where rows of unknown outcome would, and what a tree finds beside the score is no memory of the
boosting. The second half is only boosted where the first expert foretells it: where it lowers the mean loss, against
knowing only the mean, or a linear relation for numbers, by `MIN_GAIN` or `MIN_GAIN_NUMBER` nats a row.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from genwright.nn.trees.forest import Rounds, boost
from genwright.nn.trees.leaves import put_in_order
from genwright.nn.trees.orders import find_orders
from genwright.nn.trees.score import Expert, Score, looked_at
from genwright.nn.trees.slopes import global_slope
from genwright.nn.trees.target import Target
from genwright.nn.trees.turns import find_turns

MIN_ROWS = 400  # fewer training rows have no score
FEW_ROWS = 20_000  # fewer let two classes be learnt at half the rate
MIN_GAIN, MIN_GAIN_NUMBER = 0.01, 0.1  # nats per row that a score of two classes, or of a number, has to be worth


@dataclass(frozen=True)
class Scored:
    """A target whose rows have a score.

    Args:
        score: The score.
        target: The target; its donors' last coordinate is their own score.
        predictors: Places of the predictors and, last, of the score.
    """

    score: Score
    target: Target
    predictors: np.ndarray


def find_score(target: Target, predictors: np.ndarray, config: Any, rng: np.random.Generator) -> Scored | None:
    """The score of a target with two classes or of a number; None where it is not worth it, or rows are few or many."""
    n, is_category = len(target.y), target.column.is_category
    if not config.boosted_rounds or not MIN_ROWS <= n <= config.max_boosted:
        return None
    rate = config.boosted_rate / (2 if is_category and n < FEW_ROWS else 1)
    enough = MIN_GAIN if is_category else MIN_GAIN_NUMBER
    learner = _Learner(target, predictors, Rounds(config.boosted_rounds, config.boosted_leaves, rate))
    order, own, experts = rng.permutation(n), np.empty(n, np.float32), []
    halves = np.sort(order[: n // 2]), np.sort(order[n // 2 :])
    if is_category and any(np.ptp(target.y[half]) == 0 for half in halves):
        return None  # an expert that knows one class alone says nothing of the other
    for k, (learnt, foretold) in enumerate((halves, halves[::-1])):
        expert = learner.expert(learnt)
        own[foretold] = expert.expected(learner.where[foretold], is_category)
        experts.append(expert)
        if k == 0 and learner.gain(learnt, foretold, own[foretold]) < enough:
            return None
    return _scored(Score(predictors, is_category, experts, learner.turns), target, own)


def _scored(score: Score, target: Target, own: np.ndarray) -> Scored:
    """The target with its rows' own scores (N,) beside their other coordinates."""
    with_score = target.beside(own)
    return Scored(score, with_score, np.append(score.predictors, with_score.donors.where.shape[1] - 1))


class _Learner:
    """Boosts experts on some of the rows.

    Args:
        target: What they are to expect.
        predictors: Places of the columns they look at (P,).
        rounds: How they are boosted.
    """

    def __init__(self, target: Target, predictors: np.ndarray, rounds: Rounds):
        self.target, self.predictors, self.rounds = target, predictors, rounds
        self.y = target.y.astype(np.float64) if target.column.is_category else _normal(target)
        self.turns = None if target.column.is_category else find_turns(target, predictors, self.y)
        self.where = looked_at(target.donors.where, predictors, self.turns)

    def expert(self, rows: np.ndarray) -> Expert:
        """Learnt from some rows."""
        maps = find_orders(self.target, self.predictors, rows)
        X = put_in_order(self.where[rows], maps)
        return Expert(boost(X, self.y[rows], self.rounds, is_category=self.target.column.is_category), maps)

    def gain(self, learnt: np.ndarray, foretold: np.ndarray, score: np.ndarray) -> float:
        """Nats per row by which a score (F,) foretells rows better than what is known without boosting."""
        y = self.y[foretold]
        if self.target.column.is_category:
            p, q = np.clip(score, 1e-4, 1 - 1e-4).astype(np.float64), self.y[learnt].mean()
            return float(np.mean(np.where(y > 0, np.log(p / q), np.log((1 - p) / (1 - q)))))
        return float(0.5 * np.log(self._linear_loss(learnt, foretold) / np.square(y - ndtri(score)).mean()))

    def _linear_loss(self, learnt: np.ndarray, foretold: np.ndarray) -> float:
        """Mean square that a ridge regression on the predictors leaves."""
        maps = find_orders(self.target, self.predictors, learnt)
        A, B = (put_in_order(self.where[rows], maps).astype(np.float64) for rows in (learnt, foretold))
        slope = global_slope(A / (A.std(0) + 1e-9), self.y[learnt]) / (A.std(0) + 1e-9)
        left = self.y[foretold] - self.y[learnt].mean() - (B - A.mean(0)) @ slope
        return float(np.square(left).mean())


def _normal(target: Target) -> np.ndarray:
    """Normal scores of a number, a missing one lowest (N,)."""
    n = len(target.y)
    where = target.column.coordinate_of_code(target.donors.codes[:, target.place]).astype(np.float64)
    return ndtri(np.clip(where, 0.5 / n, 1 - 0.5 / n))
