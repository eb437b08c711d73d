"""Growing one step of sequential trees: predictors, a score, slopes on trial, honest halves, trees and their leaves."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from genwright.nn.trees.boosting import find_score
from genwright.nn.trees.cells import Places
from genwright.nn.trees.column import TreeColumn
from genwright.nn.trees.donors import Donors
from genwright.nn.trees.filling import Fallen, Grown, fill
from genwright.nn.trees.formulas import find_formula
from genwright.nn.trees.leaves import Leaves, put_in_order
from genwright.nn.trees.orders import find_orders
from genwright.nn.trees.predictors import screen
from genwright.nn.trees.relation import Relation
from genwright.nn.trees.slope_columns import SlopeColumns
from genwright.nn.trees.slopes import Prior, tree_slopes
from genwright.nn.trees.step import Step
from genwright.nn.trees.target import Target
from genwright.nn.trees.tree import Tree, grow, grow_binned, grow_number
from genwright.nn.trees.trial import Trial, try_slopes

WEAK = -0.5  # information below which a column is nearly noise
SLOPE_GAIN = 0.08  # nats per row that slopes have to gain
HALVED_ROWS, MAX_HALVINGS = 80_000, 3  # smaller tables are halved more often, so that their trees average out
MAX_SCORED_HALVINGS = 2  # a score is an average already


@dataclass(frozen=True)
class Plan:
    """How one column's trees are grown.

    Args:
        min_leaf: Rows in a leaf.
        hole: Nearest donors passed over.
        is_honest: Leaves are filled from the half that did not grow the tree.
        has_slope: Donors are moved by slopes.
        is_scored: A score says most of what the trees have to find.
    """

    min_leaf: int
    hole: int
    is_honest: bool
    has_slope: bool = False
    is_scored: bool = False


@dataclass(frozen=True)
class Half:
    """What one tree is made of: the rows that grow it, and those that fill its leaves."""

    grows: np.ndarray
    fills: np.ndarray


def grow_step(t: int, columns: list[TreeColumn], donors: Donors, config: Any, rng: np.random.Generator) -> Step:
    """The step of column t, learnt from the donors."""
    if t == 0 or len(donors.codes) < 2 * config.min_fill:
        return Step.alone()
    target = Target.of(t, columns, donors)
    predictors = screen(target, config.max_predictors, rng)
    formula = find_formula(target, predictors, rng)
    if formula:
        target, predictors = target.beside(formula(donors.where)), np.append(predictors, len(columns))
    relation = Relation.find(target, predictors, config) if target.column.smooth else None
    trial = Trial(gain=np.inf) if formula and relation else _trial(target, predictors, relation, config, rng)
    plan = _plan(target.column, trial, config)
    scored = find_score(target, predictors, config, rng) if plan.has_slope or target.n_classes == 2 else None
    if scored:
        target, predictors, plan = scored.target, scored.predictors, replace(plan, is_scored=True)
        relation = Relation.find(target, predictors, config) if plan.has_slope else None
    growth = Growth(target, predictors, plan, relation if plan.has_slope else None, config)
    pairs = [growth.leaves(half, int(rng.integers(2**31))) for half in _halves(len(target.y), plan, config, rng)]
    trees = [fine for fine, _ in pairs] + [coarse for _, coarse in pairs]
    return Step(predictors, trees, growth.slope_columns, scored.score if scored else None, formula)


def _trial(
    target: Target, predictors: np.ndarray, relation: Relation | None, config: Any, rng: np.random.Generator
) -> Trial:
    """How slopes do, if there are any."""
    where = target.donors.where
    return try_slopes(relation, where[:, predictors], target.y, config, rng) if relation else Trial()


def _plan(column: TreeColumn, trial: Trial, config: Any) -> Plan:
    if column.smooth is None:
        return Plan(config.min_leaf, config.hole, is_honest=True)
    if trial.information + max(trial.gain, 0) < WEAK:
        return Plan(config.min_leaf_weak, config.hole_smooth, is_honest=True)
    if trial.gain > SLOPE_GAIN:
        return Plan(config.min_leaf_slope, config.hole_slope, is_honest=True, has_slope=True)
    return Plan(config.min_leaf_smooth, config.hole_smooth, is_honest=False)


def _halves(n: int, plan: Plan, config: Any, rng: np.random.Generator) -> list[Half]:
    """The rows of every tree; an honest one shares none between growing and filling."""
    if not plan.is_honest:
        return [Half(np.sort(rng.permutation(n)[: config.max_grown]), np.arange(n))]
    found = []
    most = MAX_SCORED_HALVINGS if plan.is_scored else MAX_HALVINGS
    for _ in range(config.n_halvings or min(most, max(1, round(HALVED_ROWS / n)))):
        order = rng.permutation(n)
        a, b = order[: n // 2], order[n // 2 :]
        found += [Half(np.sort(a[: config.max_grown]), np.sort(b)), Half(np.sort(b[: config.max_grown]), np.sort(a))]
    return found


@dataclass(frozen=True)
class Growth:
    """What all trees of a step have in common.

    Args:
        target: The column they explain.
        predictors: Places of the columns they look at (P,).
        plan: How they are grown.
        relation: What their slopes start from, if they have slopes.
        config: Settings of the family.
    """

    target: Target
    predictors: np.ndarray
    plan: Plan
    relation: Relation | None
    config: Any

    @property
    def slope_columns(self) -> SlopeColumns:
        """The columns that slopes use."""
        return self.relation.columns if self.relation else SlopeColumns()

    @cached_property
    def _explained(self) -> np.ndarray:
        """What the trees explain (N,) or (N, 3)."""
        return self.relation.residual(self.target.y) if self.relation else self.target.y

    def leaves(self, half: Half, seed: int) -> tuple[Leaves, Leaves]:
        """One tree with its donors, fine and coarse."""
        maps = find_orders(self.target, self.predictors, half.grows)
        X = put_in_order(self.target.donors.where[:, self.predictors], maps)
        tree = self._tree(X[half.grows], self._explained[half.grows], seed)
        grown, fallen = Grown(tree, maps, self._slopes(tree, X)), self._fallen(tree, X, half.fills)
        found = []
        for min_fill in (self.config.min_fill, self.config.min_fill_coarse):
            grown = replace(grown, tree=replace(grown.tree))
            fallen = replace(fallen, leaf=grown.tree.prune(fallen.leaf, min_fill))
            found.append(fill(self.target.column, grown, fallen, self.plan.hole))
        return found[0], found[1]

    def _tree(self, X: np.ndarray, y: np.ndarray, seed: int) -> Tree:
        """A tree that explains y (G,) or (G, 3) of rows that stand at X (G, P)."""
        if self.plan.is_scored and y.ndim == 1:
            return grow_binned(X, y.astype(np.float64), min_leaf=self.plan.min_leaf)
        if self.plan.has_slope:
            return grow_number(X, y, min_leaf=self.plan.min_leaf, seed=seed)
        return grow(X, y, is_category=self.target.n_classes > 0, min_leaf=self.plan.min_leaf, seed=seed)

    def _slopes(self, tree: Tree, X: np.ndarray) -> np.ndarray:
        """Slope of each node (nodes, S), from all training rows, which stand at X (N, P)."""
        if not self.relation:
            return np.zeros((len(tree.feature), 0))
        leaf = tree.leaf_of(X[self.relation.rows])
        prior = Prior(self.relation.slope, self.config.slope_var)
        return tree_slopes(tree, leaf, self.relation.inputs, self.relation.score, prior)

    def _fallen(self, tree: Tree, X: np.ndarray, rows: np.ndarray) -> Fallen:
        """The donors in some rows, with their leaves."""
        is_category = np.array([self.target.columns[k].is_category for k in self.predictors])
        inputs = (
            self.slope_columns.inputs(self.target.donors.where[rows]) if self.relation else np.zeros((len(rows), 0))
        )
        places = Places(X[rows], is_category)
        return Fallen(tree.leaf_of(places.X), places, self.target.donated[rows], inputs)
