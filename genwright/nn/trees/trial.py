"""The trial of slopes: whether moving donors by them tells more about rows that neither tree nor slopes have seen.

A tree from one half of the rows, and a tree on what a slope leaves with its slopes; each row of the other half is
predicted from its leaf mates there, as they are or moved, in `TRIAL_CELLS` equally likely cells.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from genwright.nn.trees.candidates import blocks
from genwright.nn.trees.relation import Relation
from genwright.nn.trees.slopes import Prior, global_slope, tree_slopes
from genwright.nn.trees.tree import Tree, grow

TRIAL_ROWS, TRIAL_CELLS = 8_000, 64  # rows of each half, and cells, that decide whether slopes help
PREDICTED = 4_000  # rows of the tested half that are predicted; all of them are leaf mates


@dataclass(frozen=True)
class Trial:
    """How leaves predict rows they have not seen, in nats per row.

    Args:
        information: Log likelihood in `TRIAL_CELLS` cells, against knowing nothing; negative: worse than that.
        gain: What moving donors by slopes adds, less one standard error.
    """

    information: float = 0.0
    gain: float = -np.inf


def try_slopes(relation: Relation, X: np.ndarray, y: np.ndarray, config: Any, rng: np.random.Generator) -> Trial:
    """The trial of a relation.

    Args:
        relation: Whose slopes are on trial.
        X: Coordinates of the training rows in the predictors (N, P).
        y: What trees explain (N,).
        config: Settings of the family.
        rng: Halves the rows.
    """
    halves = _Halves.of(relation, len(y), rng)
    if min(len(halves.tested), len(halves.learnt)) < TRIAL_CELLS:
        return Trial()
    grown, X_tested = halves.grown, X[relation.rows[halves.tested]]
    plain = grow(X[grown], y[grown], is_category=False, min_leaf=2 * config.min_leaf_smooth, seed=0)
    still = np.zeros((len(plain.feature), len(relation.columns)))
    base = _log_p(relation, plain.leaf_of(X_tested), halves.tested, still)
    tree = grow(X[grown], relation.residual(y)[grown], is_category=False, min_leaf=config.min_leaf_slope, seed=0)
    slopes = _slopes(relation, tree, X, halves.learnt, config.slope_var)
    gain = _log_p(relation, tree.leaf_of(X_tested), halves.tested, slopes) - base
    return Trial(float(base.mean() + np.log(TRIAL_CELLS)), float(gain.mean() - gain.std() / len(gain) ** 0.5))


@dataclass(frozen=True)
class _Halves:
    """The rows of a trial.

    Args:
        grown: Training rows that grow the trees (G,).
        learnt: Those of them that have a smooth value, as places among a relation's rows.
        tested: Rows that are predicted, as places among a relation's rows.
    """

    grown: np.ndarray
    learnt: np.ndarray
    tested: np.ndarray

    @classmethod
    def of(cls, relation: Relation, n: int, rng: np.random.Generator) -> "_Halves":
        order, half = rng.permutation(n), min(n // 2, TRIAL_ROWS)
        place = np.full(n, -1)
        place[relation.rows] = np.arange(len(relation.rows))
        grown, learnt, tested = order[:half], place[order[:half]], place[order[half : 2 * half]]
        return cls(grown, learnt[learnt >= 0], tested[tested >= 0])


def _slopes(relation: Relation, tree: Tree, X: np.ndarray, learnt: np.ndarray, var: float) -> np.ndarray:
    """Slopes of a tree's nodes, from some of the relation's rows (nodes, S)."""
    inputs, score = relation.inputs[learnt], relation.score[learnt]
    leaf = tree.leaf_of(X[relation.rows[learnt]])
    return tree_slopes(tree, leaf, inputs, score, Prior(global_slope(inputs, score), var))


def _log_p(relation: Relation, leaf: np.ndarray, at: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Log likelihood, in cells, of the first of the relation's rows `at` by their leaf mates moved by slopes (Q,)."""
    order = np.argsort(leaf, kind="stable")
    count = np.bincount(leaf)
    first, n_mates = (np.cumsum(count) - count)[leaf], count[leaf]
    score, inputs = relation.score[at], relation.inputs[at]
    cuts = np.quantile(score, np.linspace(0, 1, TRIAL_CELLS + 1)[1:-1])
    cell = np.searchsorted(cuts, score)
    n_predicted = min(len(at), PREDICTED)
    n_hits = np.zeros(n_predicted)
    for part in blocks(n_mates[:n_predicted]):
        n = n_mates[part]
        row = np.repeat(np.arange(part.start, part.stop), n)
        mate = order[np.arange(len(row)) - np.repeat(np.cumsum(n) - n, n) + first[row]]
        row, mate = row[mate != row], mate[mate != row]
        moved = score[mate] + np.einsum("mp,mp->m", slopes[leaf][row], inputs[row] - inputs[mate])
        hits = np.searchsorted(cuts, moved) == cell[row]
        n_hits += np.bincount(row[hits], minlength=n_predicted)
    return np.log((n_hits + 3 / TRIAL_CELLS) / (n_mates[:n_predicted] - 1 + 3))
