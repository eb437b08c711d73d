"""Growing one step of sequential trees: predictors, category orders, slopes on trial, honest halves."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from genwright.nn.rank_scale import score_of
from genwright.nn.tree import grow
from genwright.nn.tree_column import TreeColumn
from genwright.nn.tree_leaves import Leaves, blocks, fill
from genwright.nn.tree_slopes import global_slope, tree_slopes
from genwright.nn.tree_step import Step, slope_inputs

MANY_CLASSES = 256  # more classes than that are split by their frequency instead of by the Gini index
TRIAL_ROWS, TRIAL_CELLS = 8_000, 64  # rows of each half, and cells, that decide whether slopes help
WEAK = -0.5  # information below which a column is nearly noise
SLOPE_GAIN = 0.08  # nats per row that slopes have to gain
HALVED_ROWS, MAX_HALVINGS = 80_000, 3  # smaller tables are halved more often, so that their trees average out
SCREEN_ROWS = 2_000  # rows by which predictors are screened
MISSING = -0.2  # where a missing number stands on the rank scale when it is to be explained


@dataclass
class Donors:
    """The training rows, as donors.

    Args:
        codes: Codes (N, D) int32.
        where: Coordinates (N, D) float32, one column after the other in memory.
        donated: What they donate: their codes, or which earlier column's number theirs is (N, D) int32.
    """

    codes: np.ndarray
    where: np.ndarray
    donated: np.ndarray

    @classmethod
    def of(cls, columns: list[TreeColumn], values: list[np.ndarray]) -> "Donors":
        """Donors from the values of each column (N,)."""
        codes = np.empty((len(values[0]), len(columns)), np.int32, order="F")
        where, donated = np.empty(codes.shape, np.float32, order="F"), codes.copy(order="F")
        for t, (column, x) in enumerate(zip(columns, values, strict=True)):
            codes[:, t] = donated[:, t] = column.code(x)
            where[:, t] = column.coordinate_of_code(codes[:, t])
            if len(column.equals):
                which = column.which_equal(x, column.projected([values[k] for k in column.equals]))
                donated[which >= 0, t] = -2 - which[which >= 0]
        return cls(codes, where, donated)


@dataclass(frozen=True)
class Plan:
    """How one column's trees are grown.

    Args:
        min_leaf: Rows in a leaf.
        hole: Nearest donors passed over.
        is_honest: Leaves are filled from the half that did not grow the tree.
    """

    min_leaf: int
    hole: int
    is_honest: bool
    has_slope: bool = False


@dataclass(frozen=True)
class Trial:
    """How leaves predict rows they have not seen, in nats per row.

    Args:
        information: Log likelihood in `TRIAL_CELLS` cells, against knowing nothing; negative: worse than that.
        gain: What moving donors by slopes adds, less one standard error.
    """

    information: float
    gain: float


def grow_step(t: int, columns: list[TreeColumn], donors: Donors, config: Any, rng: np.random.Generator) -> Step:
    """The step of column t, learnt from the donors."""
    column = columns[t]
    if t == 0 or len(donors.codes) < 2 * config.min_fill:
        return Step.alone()
    y = _explained(column, donors.codes[:, t])
    predictors = _screen(t, columns, donors, y, config.max_predictors, rng)
    slope = _Slope.find(t, predictors, columns, donors, config) if column.smooth else None
    trial = slope.trial(donors.where[:, predictors], y, config, rng) if slope else Trial(0.0, -np.inf)
    plan = _plan(column, trial, config)
    if not plan.has_slope:
        slope = None
    halves = _halves(len(y), plan, config, rng)
    pairs = [_leaves(t, predictors, plan, slope, y, g, f, columns, donors, config, rng) for g, f in halves]
    trees = [fine for fine, _ in pairs] + [coarse for _, coarse in pairs]
    return Step(predictors, trees, slope.columns if slope else np.zeros(0, np.int64), slope.maps if slope else {})


def _plan(column: TreeColumn, trial: Trial, config: Any) -> Plan:
    if column.smooth is None:
        return Plan(config.min_leaf, config.hole, is_honest=True)
    if trial.information + max(trial.gain, 0) < WEAK:
        return Plan(config.min_leaf_weak, config.hole_smooth, is_honest=True)
    if trial.gain > SLOPE_GAIN:
        return Plan(config.min_leaf_slope, config.hole_slope, is_honest=True, has_slope=True)
    return Plan(config.min_leaf_smooth, config.hole_smooth, is_honest=False)


def _halves(n: int, plan: Plan, config: Any, rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """(rows that grow a tree, rows that fill its leaves) for every tree."""
    if not plan.is_honest:
        return [(np.sort(rng.permutation(n)[: config.max_grown]), np.arange(n))]
    found = []
    for _ in range(config.n_halvings or min(MAX_HALVINGS, max(1, round(HALVED_ROWS / n)))):
        order = rng.permutation(n)
        a, b = order[: n // 2], order[n // 2 :]
        found += [(np.sort(a[: config.max_grown]), np.sort(b)), (np.sort(b[: config.max_grown]), np.sort(a))]
    return found


def _explained(column: TreeColumn, code: np.ndarray) -> np.ndarray:
    """What trees explain: classes, or ranks, or the frequency of very many classes (N,)."""
    if not column.is_category:
        return np.where(code < 0, MISSING, column.coordinate_of_code(code))
    if len(column.values) <= MANY_CLASSES:
        return code
    by_frequency = np.empty(len(column.values))
    by_frequency[np.argsort(-column.counts, kind="stable")] = np.arange(len(column.values))
    return np.log1p(by_frequency)[code]


def _screen(
    t: int, columns: list[TreeColumn], donors: Donors, y: np.ndarray, n_kept: int, rng: np.random.Generator
) -> np.ndarray:
    """Places of the columns before t that are most related to it, by correlation (ratio) on some rows."""
    if t <= n_kept:
        return np.arange(t)
    rows = rng.permutation(len(y))[:SCREEN_ROWS]
    target = y[rows] - y[rows].mean()
    X = donors.where[rows][:, :t].astype(np.float64)
    X -= X.mean(0)
    strength = np.abs(X.T @ target) / np.sqrt(np.square(X).sum(0) + 1e-9)
    for k in range(t):
        if columns[k].is_category and len(columns[k].values) > 2:
            code = donors.codes[rows, k]
            total, count = np.bincount(code, weights=target), np.maximum(np.bincount(code), 1)
            by_chance = (np.count_nonzero(total) - 1) * target.var()
            strength[k] = np.sqrt(max((total**2 / count).sum() - by_chance, 0))
    return np.sort(np.argsort(-strength, kind="stable")[:n_kept])


def _leaves(
    t: int,
    predictors: np.ndarray,
    plan: Plan,
    slope: "_Slope | None",
    y: np.ndarray,
    grown: np.ndarray,
    filled: np.ndarray,
    columns: list[TreeColumn],
    donors: Donors,
    config: Any,
    rng: np.random.Generator,
) -> tuple[Leaves, Leaves]:
    """One tree with its donors, fine and coarse."""
    column = columns[t]
    is_classes = column.is_category and len(column.values) <= MANY_CLASSES
    X = donors.where[:, predictors]
    maps = _orders(column, predictors, columns, donors, y, grown)
    for k, order in maps.items():
        X[:, k] = order[donors.codes[:, predictors[k]]]
    target = slope.residual(y)[grown] if slope else y[grown]
    tree = grow(X[grown], target, is_category=is_classes, min_leaf=plan.min_leaf, seed=int(rng.integers(2**31)))
    slopes, inputs = np.zeros((len(tree.feature), 0)), np.zeros((len(filled), 0))
    if slope:
        at = slope.rows
        slopes = tree_slopes(tree, tree.leaf_of(X[at]), slope.inputs, slope.score, slope.root, config.slope_var)
        inputs = slope_inputs(donors.where[filled], slope.columns, slope.maps)
    is_category = np.array([columns[k].is_category for k in predictors])
    found, leaf = [], tree.leaf_of(X[filled])
    for min_fill in (config.min_fill, config.min_fill_coarse):
        tree = replace(tree)
        leaf = tree.prune(leaf, min_fill)
        donated = donors.donated[filled, t]
        found.append(fill(column, tree, maps, leaf, X[filled], is_category, donated, plan.hole, slopes, inputs))
    return found[0], found[1]


def _orders(
    target: TreeColumn,
    predictors: np.ndarray,
    columns: list[TreeColumn],
    donors: Donors,
    y: np.ndarray,
    rows: np.ndarray,
) -> dict[int, np.ndarray]:
    """For each predictor with more than two categories: where each code stands in the order that explains best."""
    found = {}
    for k, place in enumerate(predictors):
        column = columns[place]
        if column.is_category and len(column.values) > 2:
            score = _category_scores(donors.codes[rows, place], len(column.values), y[rows], target)
            order = np.empty(len(score), np.float32)
            order[np.argsort(score, kind="stable")] = np.arange(len(score))
            found[k] = order
    return found


def _category_scores(code: np.ndarray, n_codes: int, y: np.ndarray, target: TreeColumn) -> np.ndarray:
    """A number for each code by which splitting the codes is best.

    The mean of the target (optimal for one number or two classes, Breiman et al. 1984); for several classes the first
    axis of correspondence analysis.
    """
    n_classes = len(target.values)
    if not target.is_category or n_classes > MANY_CLASSES:
        return (np.bincount(code, weights=y, minlength=n_codes) + y.mean()) / (np.bincount(code, minlength=n_codes) + 1)
    table = np.bincount(code * n_classes + y, minlength=n_codes * n_classes).reshape(n_codes, n_classes)
    share = table.sum(0) / table.sum()
    rows = table.sum(1, keepdims=True)
    excess = ((table + 0.5 * share) / (rows + 0.5) - share) / np.sqrt(share + 1e-9)
    weighted = np.sqrt(rows / len(code)) * excess
    return excess @ np.linalg.eigh(weighted.T @ weighted)[1][:, -1]


@dataclass
class _Slope:
    """A linear relation, in normal scores, of a smooth column with the columns before it.

    Args:
        columns: Places of the columns it uses (S,).
        maps: For those that are categories: place → score of each code.
        rows: Training rows with a smooth value (R,).
        inputs: Scores of the columns in those rows (R, S).
        score: Score of the smooth value (R,).
        root: Slope over all rows (S,).
    """

    columns: np.ndarray
    maps: dict[int, np.ndarray]
    rows: np.ndarray
    inputs: np.ndarray
    score: np.ndarray
    root: np.ndarray

    @classmethod
    def find(
        cls, t: int, predictors: np.ndarray, columns: list[TreeColumn], donors: Donors, config: Any
    ) -> "_Slope | None":
        """The strongest columns of a ridge regression on all predictors."""
        scale = columns[t].smooth
        assert scale is not None
        index = columns[t].smooth_index[donors.donated[:, t]]
        rows = np.flatnonzero(index >= 0)
        if len(rows) < 4 * config.min_leaf_slope:
            return None
        first, last = scale.owned(index[rows])
        score = score_of((first + last) / 2, scale.n)
        maps = {
            int(k): _target_scores(donors.codes[:, k], rows, score, len(columns[k].values))
            for k in predictors
            if columns[k].is_category
        }
        X = slope_inputs(donors.where[rows], predictors, maps).astype(np.float64)
        strength = np.abs(global_slope(X, score, ridge=1e-2)) * X.std(0)
        top = np.argsort(-strength, kind="stable")[: config.n_slopes]
        kept = predictors[top]
        X = X[:, top]
        used = {k: m for k, m in maps.items() if k in kept}
        return cls(kept, used, rows, X, score, global_slope(X, score))

    def residual(self, y: np.ndarray) -> np.ndarray:
        """What trees explain beside a slope: the rank of what it leaves, and which rows are atoms (N,) or (N, 3)."""
        left = self.score - (self.inputs - self.inputs.mean(0)) @ self.root
        rank = np.zeros(len(y))
        rank[self.rows[np.argsort(left, kind="stable")]] = np.arange(len(left)) / len(left) - 0.5
        if len(self.rows) >= 0.98 * len(y):
            return rank
        is_atom = np.ones(len(y))
        is_atom[self.rows] = 0
        value = np.where(is_atom > 0, y, 0.0)
        value[is_atom > 0] -= value[is_atom > 0].mean()
        return np.stack([rank, 0.6 * (is_atom - is_atom.mean()), value], axis=1)

    def trial(self, X: np.ndarray, y: np.ndarray, config: Any, rng: np.random.Generator) -> Trial:
        """What leaves, and leaves moved by slopes, tell about rows that neither tree nor slopes have seen.

        A tree from one half, and a tree on what a slope leaves with its slopes; each row of the other half is
        predicted from its leaf mates there, as they are or moved, in `TRIAL_CELLS` equally likely cells.
        """
        order = rng.permutation(len(y))
        half = min(len(y) // 2, TRIAL_ROWS)
        place = np.full(len(y), -1)
        place[self.rows] = np.arange(len(self.rows))
        grown, tested = order[:half], order[half : 2 * half]
        tested = tested[place[tested] >= 0]
        mine = place[grown][place[grown] >= 0]
        if len(tested) < TRIAL_CELLS or len(mine) < TRIAL_CELLS:
            return Trial(0.0, -np.inf)
        X_tested, at = X[tested], place[tested]
        plain = grow(X[grown], y[grown], is_category=False, min_leaf=2 * config.min_leaf_smooth, seed=0)
        base = self._log_p(plain.leaf_of(X_tested), at, np.zeros((len(plain.feature), self.inputs.shape[1])))
        target = self.residual(y)[grown]
        tree = grow(X[grown], target, is_category=False, min_leaf=config.min_leaf_slope, seed=0)
        root = global_slope(self.inputs[mine], self.score[mine])
        leaf = tree.leaf_of(X[self.rows[mine]])
        slopes = tree_slopes(tree, leaf, self.inputs[mine], self.score[mine], root, config.slope_var)
        gain = self._log_p(tree.leaf_of(X_tested), at, slopes) - base
        return Trial(float(base.mean() + np.log(TRIAL_CELLS)), float(gain.mean() - gain.std() / len(gain) ** 0.5))

    def _log_p(self, leaf: np.ndarray, at: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Log likelihood, in cells, of the rows `at` by their leaf mates moved by slopes (len(at),)."""
        order = np.argsort(leaf, kind="stable")
        count = np.bincount(leaf)
        first, n_mates = (np.cumsum(count) - count)[leaf], count[leaf]
        score, inputs = self.score[at], self.inputs[at]
        cuts = np.quantile(score, np.linspace(0, 1, TRIAL_CELLS + 1)[1:-1])
        cell = np.searchsorted(cuts, score)
        n_hits = np.zeros(len(at))
        for part in blocks(n_mates):
            n = n_mates[part]
            row = np.repeat(np.arange(part.start, part.stop), n)
            mate = order[np.arange(len(row)) - np.repeat(np.cumsum(n) - n, n) + first[row]]
            row, mate = row[mate != row], mate[mate != row]
            moved = score[mate] + np.einsum("mp,mp->m", slopes[leaf][row], inputs[row] - inputs[mate])
            hits = np.searchsorted(cuts, moved) == cell[row]
            n_hits += np.bincount(row[hits], minlength=len(at))
        return np.log((n_hits + 3 / TRIAL_CELLS) / (n_mates - 1 + 3))


def _target_scores(code: np.ndarray, rows: np.ndarray, score: np.ndarray, n_codes: int) -> np.ndarray:
    """Mean score of each category, shrunk, with unit spread over the rows (n_codes,)."""
    total = np.bincount(code[rows], weights=score - score.mean(), minlength=n_codes)
    mean = total / (np.bincount(code[rows], minlength=n_codes) + 5)
    return mean / max(mean[code].std(), 1e-6)
