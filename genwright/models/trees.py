"""Sequential trees: each column is drawn from a leaf of decision trees grown on the columns before it.

    p(row)       = Π_t p(x_t | x_<t)
    p(x_t | x_<t) = ε p_t(x_t) + c 1/T Σ_τ p(x_t | coarse leaf of τ) + (1 − c − ε) 1/T Σ_τ p(x_t | fine leaf of τ)

Sequential trees for synthetic data go back to Reiter (2005), "Using CART to generate partially synthetic public use
microdata", Journal of Official Statistics 21. Here they are made to generalise instead of to remember:

- *honest*: a tree is grown on one half of the rows and its leaves are filled with *donors* from the other half. Only a
  smooth number that its trees predict well without slopes has a single tree, grown and filled by all rows;
- *a hole*: the donors that are nearest to x_<t, over the columns that the tree looks at, are passed over in small
  leaves, so that a row that has come close to a training row is not led on along it. The hole is a function of x_<t, so
  the probabilities stay exact;
- *smooth leaves*: a number that does not repeat is drawn from a stretch (of normal scores) around its donor, never the
  donor's own value;
- *slopes*: where it raises the likelihood of rows not used for it, a donor's number is moved by a regression slope to
  where the row's own columns would have had it (see `nn/trees/slopes`), so that leaves can be large and still follow
  strong relations;
- *scores*: for two classes, and for numbers that follow slopes, cross-fitted boosted trees foretell the column; what
  they expect is one more coordinate for the trees and slopes (see `nn/trees/boosting`);
- *formulas*: where a number nearly is a product or a sum of earlier columns, slopes hand on by how much a donor is off
  what that says (see `nn/trees/formula`);
- *equal numbers*: a donor whose number is an earlier column's hands on the equality, not the number
  (see `nn/trees/equal`);
- *coarse leaves*: a share c of the values comes from larger leaves of the same trees, and ε from the column alone,
  which makes every value possible.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from genwright.core.classifier import many_classes
from genwright.core.config import check_least, check_positive
from genwright.core.dataset import Dataset
from genwright.core.errors import ConfigError, FitError, UnknownNameError
from genwright.core.model import Conditions, HasLogProb, HasSolution, Model, Progress
from genwright.core.packing import Packer, Unpacker
from genwright.core.space import Batch, Category, Real, Space
from genwright.nn.trees.column import TreeColumn, learn_column
from genwright.nn.trees.donors import Donors
from genwright.nn.trees.equal import find_equals
from genwright.nn.trees.forest import MAX_LEAVES
from genwright.nn.trees.growth import grow_step
from genwright.nn.trees.step import Step


@dataclass(frozen=True)
class TreesConfig:
    """Settings of `trees`."""

    min_leaf: int = 15  # rows in a leaf that predicts a category or repeated numbers
    min_leaf_smooth: int = 10  # rows in a leaf that predicts a smooth number
    min_leaf_weak: int = 300  # rows in a leaf that hardly predicts a smooth number
    min_leaf_slope: int = 40  # rows in a leaf whose donors are moved by a slope
    n_halvings: int = 0  # times the rows are halved for honest trees, two trees each; 0: more often where rows are few
    min_fill: int = 3  # donors that every leaf must have
    hole: int = 3  # donors beside a row that are passed over in a leaf of a category or repeated numbers
    hole_smooth: int = 4  # donors beside a row that are passed over in a leaf of a smooth number
    hole_slope: int = 2  # donors beside a row that are passed over where a slope moves them
    background: float = 0.0005  # share of values drawn from the column alone, ε
    coarse: float = 0.02  # share of values drawn from larger leaves
    min_fill_coarse: int = 200  # donors that those have
    slope_var: float = 0.3  # how far slopes may differ from their parent's, τ²
    n_slopes: int = 8  # columns that a slope may use
    boosted_rounds: int = 50  # boosted trees in each expert of a score; 0: no scores
    boosted_leaves: int = 15  # leaves each has at most
    boosted_rate: float = 0.2  # share of each that is kept
    max_boosted: int = 100_000  # larger tables have no scores: single trees have rows enough there
    max_predictors: int = 48  # columns that a tree may look at, the most related ones
    max_rows: int = 400_000  # rows kept as donors
    max_grown: int = 150_000  # rows that grow one tree
    first: tuple[str, ...] = ()  # columns modelled first, so that they can be given exactly
    n_threads: int = 0  # columns grown at the same time; 0: as many as torch uses threads

    def __post_init__(self) -> None:
        check_least(self, 1, "min_leaf", "min_leaf_smooth", "min_leaf_weak", "min_leaf_slope", "min_fill")
        check_least(self, 1, "min_fill_coarse", "max_predictors", "max_grown")
        check_least(self, 0, "boosted_rounds", "max_boosted")
        check_least(self, 0, "n_halvings", "hole", "hole_smooth", "hole_slope", "coarse", "n_slopes", "n_threads")
        check_least(self, 2, "max_rows")
        check_positive(self, "background", "slope_var", "boosted_rate")
        if not 2 <= self.boosted_leaves <= MAX_LEAVES:
            raise ConfigError(f"boosted_leaves = {self.boosted_leaves}; expected 2 to {MAX_LEAVES}")
        if not self.background + self.coarse < 1:
            raise ConfigError(
                f"background + coarse = {self.background + self.coarse:g}; expected shares below 1 in all"
            )


class Trees(Model, HasSolution, HasLogProb, Conditions):
    """Sequential honest trees."""

    Config = TreesConfig
    supports = (Real, Category)
    chunk = 16_384
    is_rowwise = True
    holds_rows = True

    def __init__(self, space: Space, config: Any = None):
        super().__init__(space, config)
        for name in self.config.first:
            if name not in space:
                raise UnknownNameError(name, space, "the modelled columns")
        always = [name for name, f in space.items() if f.is_given]
        self.order = list(dict.fromkeys([*always, *self.config.first, *space]))
        self.columns: list[TreeColumn] = []
        self.steps: list[Step] = []

    def solve(self, data: Dataset, generator: torch.Generator, progress: Progress) -> None:
        """Grows the trees of every column, in order."""
        if len(data) < 2:
            raise FitError(f"{len(data)} rows are too few to grow trees on")
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        rows = data.sample_rows(self.config.max_rows, rng)
        arrays = {name: rows[name].numpy() for name in self.order}
        self.columns = [learn_column(self.space[name], arrays[name]) for name in self.order]
        values = [arrays[name] for name in self.order]
        find_equals(self.columns, values, rng)
        donors = Donors.of(self.columns, values)
        seeds = rng.integers(2**31, size=len(self.order))
        n_done = 0

        def work(t: int) -> Step:
            return grow_step(t, self.columns, donors, self.config, np.random.default_rng(seeds[t]))

        self.steps = []
        with many_classes(), ThreadPoolExecutor(self.config.n_threads or torch.get_num_threads()) as pool:
            for step in pool.map(work, range(len(self.order))):
                self.steps.append(step)
                n_done += 1
                progress(n_done / len(self.order), f"trees for {self.order[n_done - 1]}")

    def _coordinates(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """Where rows stand: category codes, ranks of numbers, −1 for a missing one (B, D) float32."""
        n = len(next(iter(arrays.values())))
        where = np.empty((n, len(self.order)), np.float32, order="F")
        for t, name in enumerate(self.order):
            where[:, t] = self.columns[t].coordinate(arrays[name])
        return where

    def _equals(self, t: int, arrays: Mapping[str, np.ndarray], n: int) -> np.ndarray:
        """The rows' own numbers that column t may equal (B, J)."""
        places = self.columns[t].equals
        if not len(places):
            return np.zeros((n, 0))
        return self.columns[t].projected([arrays[self.order[k]] for k in places])

    def sample(self, n: int, given: Batch, generator: torch.Generator, temperature: float = 1.0) -> Batch:
        """Column after column; a given prefix of the order is kept as it is."""
        n_drawn = max(n, self.chunk)  # so that row i is the same however many are asked for
        u = torch.rand(n_drawn, len(self.order), 3, generator=generator, dtype=torch.float64).numpy()[:n]
        where = np.empty((n, len(self.order)), np.float32, order="F")
        rows: dict[str, np.ndarray] = {}
        for t, name in enumerate(self.order):
            equals = self._equals(t, rows, n)
            x = given[name].numpy() if name in given else self._draw(t, where, equals, u[:, t], temperature)
            where[:, t] = self.columns[t].coordinate(x)
            rows[name] = x
        return {name: torch.from_numpy(rows[name]) for name in self.space}

    def _draw(self, t: int, where: np.ndarray, equals: np.ndarray, u: np.ndarray, temperature: float) -> np.ndarray:
        """Values of column t (B,) given the coordinates of the columns before it."""
        column, step, eps = self.columns[t], self.steps[t], self.config.background
        where = step.seen(where)
        x = column.draw_beside(equals, u[:, 1], u[:, 2], temperature)
        shares = step.shares(self.config.coarse, eps)
        which = np.searchsorted(np.cumsum([eps, *shares]), u[:, 0], side="right") - 1  # −1: from the column alone
        for k, tree in enumerate(step.trees):
            at = np.flatnonzero(which == k)
            x[at] = step.draw(tree, where[at], equals[at], u[at, 1], u[at, 2], temperature)
        return x

    def log_prob(self, batch: Batch) -> torch.Tensor:
        """Exact log probability of each row (B,), column after column."""
        arrays = {name: batch[name].numpy() for name in self.order}
        where = self._coordinates(arrays)
        total = np.zeros(len(where))
        for t, name in enumerate(self.order):
            total += self._column_log_prob(t, where, arrays[name], self._equals(t, arrays, len(where)))
        return torch.from_numpy(total)

    def _column_log_prob(self, t: int, where: np.ndarray, x: np.ndarray, equals: np.ndarray) -> np.ndarray:
        """log p(x_t | x_<t) (B,)."""
        column, step, eps = self.columns[t], self.steps[t], self.config.background
        alone = column.prob_beside(equals, x)
        if not step.trees:
            return np.log(alone)
        p, where = eps * alone, step.seen(where)
        for tree, share in zip(step.trees, step.shares(self.config.coarse, eps), strict=True):
            for rows, candidates in step.candidates(tree, where, equals):
                p[rows] += share * candidates.prob(x[rows])
        return np.log(p)

    def conditions_exactly(self, columns: list[str]) -> bool:
        """Where they are the first columns of the order."""
        return set(self.order[: len(columns)]) == set(columns)

    def propose(
        self, n: int, given: Batch, generator: torch.Generator, known: Mapping[str, torch.Tensor] | None = None
    ) -> tuple[Batch, torch.Tensor]:
        """Column after column with the given ones in place; weight = Π p(given column | columns before it)."""
        if known is not None:
            return self._propose_cells(n, given, generator, known)
        rows = self.sample(n, given, generator)
        arrays = {name: rows[name].numpy() for name in self.order}
        where = self._coordinates(arrays)
        weight = np.zeros(n)
        for t, name in enumerate(self.order):
            if name in given:
                weight += self._column_log_prob(t, where, arrays[name], self._equals(t, arrays, len(where)))
        return rows, torch.from_numpy(weight)

    def _propose_cells(
        self, n: int, given: Batch, generator: torch.Generator, known: Mapping[str, torch.Tensor]
    ) -> tuple[Batch, torch.Tensor]:
        """The same where each row knows other columns; a known cell is weighed by one tree, picked at random.

        Cells before a row's first hole are not weighed: they are the same in all of its proposals.
        """
        u = torch.rand(max(n, self.chunk), len(self.order), 3, generator=generator, dtype=torch.float64).numpy()[:n]
        where = np.empty((n, len(self.order)), np.float32, order="F")
        weight, is_drawn = np.zeros(n), np.zeros(n, bool)
        rows: dict[str, np.ndarray] = {}
        for t, name in enumerate(self.order):
            is_known = known[name].numpy() if name in known else np.zeros(n, bool)
            holes, weighed = np.flatnonzero(~is_known), np.flatnonzero(is_known & is_drawn)
            kind = np.int64 if self.columns[t].is_category else np.float64
            x = given[name].numpy().copy() if name in known else np.zeros(n, kind)
            equals = self._equals(t, rows, n)
            x[holes] = self._draw(t, where[holes], equals[holes], u[holes, t], 1.0)
            one = self._prob_by_one_tree(t, where[weighed], x[weighed], equals[weighed], u[weighed, t, 0])
            weight[weighed] += np.log(one)
            where[:, t] = self.columns[t].coordinate(x)
            is_drawn[holes], rows[name] = True, x
        return {name: torch.from_numpy(rows[name]) for name in self.space}, torch.from_numpy(weight)

    def _prob_by_one_tree(
        self, t: int, where: np.ndarray, x: np.ndarray, equals: np.ndarray, u: np.ndarray
    ) -> np.ndarray:
        """An unbiased estimate of p(x_t | x_<t) (B,): the uniforms u (B,) pick a tree each."""
        step, eps = self.steps[t], self.config.background
        p = self.columns[t].prob_beside(equals, x)
        if not step.trees:
            return p
        where = step.seen(where)
        shares = np.cumsum(step.shares(self.config.coarse, eps))
        which = np.searchsorted(shares / shares[-1], u, side="right").clip(0, len(step.trees) - 1)
        p *= eps
        for k, tree in enumerate(step.trees):
            at = np.flatnonzero(which == k)
            for part, candidates in step.candidates(tree, where[at], equals[at]):
                p[at[part]] += shares[-1] * candidates.prob(x[at[part]])
        return p

    def describe(self) -> dict[str, Any]:
        """Order, and which columns follow a slope."""
        sloped = [self.order[t] for t, step in enumerate(self.steps) if len(step.slope_columns)]
        return {"order": self.order, "slopes": sloped}

    def state(self) -> dict[str, torch.Tensor]:
        """Columns and trees with their donors as flat arrays with their lengths."""
        packer = Packer()
        for column in self.columns:
            column.pack(packer)
        for step in self.steps:
            step.pack(packer)
        return packer.tensors()

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """The inverse of `state`."""
        unpacker = Unpacker(state)
        self.columns = [TreeColumn.unpack(unpacker, self.space[name]) for name in self.order]
        self.steps = [Step.unpack(unpacker, self.columns, t) for t in range(len(self.order))]
