"""Leaves of every sort, for several tests."""

from dataclasses import dataclass

import numpy as np

from genwright.core.space import Category, Field
from genwright.nn.trees.candidates import Candidates
from genwright.nn.trees.cells import Places
from genwright.nn.trees.column import TreeColumn, learn_column
from genwright.nn.trees.filling import LARGE, Fallen, Grown, fill
from genwright.nn.trees.leaves import Leaves
from genwright.nn.trees.members import Recipients
from genwright.nn.trees.tree import Tree
from tests.nn.worlds import real_column

N = 1_000
STUMP = Tree(np.array([0, -1, -1], np.int32), np.array([0.5, 0, 0]), np.array([1, -1, -1]), np.array([2, -1, -1]))
ROOT = Tree(np.array([-1], np.int32), np.zeros(1), np.array([-1], np.int32), np.array([-1], np.int32))


def _columns() -> dict[str, TreeColumn]:
    rng = np.random.default_rng(0)
    x = rng.gamma(2.0, size=N)
    some = rng.random(N)
    return {
        "category": learn_column(Field(Category(5)), rng.choice(5, N, p=[0.5, 0.3, 0.1, 0.06, 0.04])),
        "smooth": real_column(x),
        "repeats": real_column(np.concatenate([x[: N // 2]] * 2)),
        "atoms and missing": real_column(np.where(some < 0.3, 0.0, np.where(some < 0.4, np.nan, x))),
        "integers": real_column(np.round(40 * x), step=1.0),
        "cents": real_column(np.where(some < 0.2, 0.0, np.round(x, 2)), step=0.01),
        "few values": real_column(np.round(x)),
    }


COLUMNS = _columns()


@dataclass(frozen=True)
class Sort:
    """A sort of leaf."""

    n: int  # donors
    shift: float = 0.0  # how differently slopes move them
    offset: float = 0.0  # how far slopes move all of them
    hole: int = 0  # donors passed over
    equal: float = 0.0  # share of donors whose number is an earlier column's


SORTS = {
    "one donor": Sort(1),
    "small": Sort(12),
    "small, with a hole": Sort(12, hole=3),
    "large": Sort(600),
    "small, moved": Sort(12, shift=0.4),
    "large, moved": Sort(300, shift=0.4),
    "moved off the end": Sort(12, shift=1.0, offset=7.5),
    "small, equal to another": Sort(12, hole=1, equal=0.4),
    "large, equal to another": Sort(600, equal=0.4),
}


def codes_of(column: TreeColumn, sort: Sort) -> np.ndarray:
    """Codes of training rows, drawn without replacement."""
    code = np.repeat(np.arange(len(column.values)), column.counts)
    code = np.concatenate([code, np.full(column.n_missing, -1)]).astype(np.int32)
    code = np.random.default_rng(1).permutation(code)[: sort.n]
    if not column.is_category:
        code[: round(sort.equal * len(code))] = -2
    return code


def leaves_of(column: TreeColumn, sort: Sort) -> Leaves:
    """One leaf; its donors stand at different places."""
    codes = codes_of(column, sort)
    rng = np.random.default_rng(2)
    X = rng.random((len(codes), 2)).astype(np.float32)
    slopes = np.ones((1, 1)) if sort.shift else np.zeros((1, 0))
    inputs = sort.shift * rng.normal(size=(len(codes), slopes.shape[1]))
    fallen = Fallen(ROOT.leaf_of(X), Places(X, np.zeros(2, bool)), codes, inputs)
    leaves = fill(column, Grown(ROOT, {}, slopes), fallen, sort.hole)
    is_pure = len(np.unique(codes)) == 1 and column.smooth_index[codes[0]] < 0
    is_condensed = sort.n > LARGE or is_pure
    assert is_condensed == (leaves.members.weights.max() > 1 or is_pure)
    return leaves


def rows_of(column: TreeColumn, leaves: Leaves, sort: Sort, n: int) -> tuple[np.ndarray, Recipients]:
    """n times the same row: its cell, and what it brings along."""
    cell = leaves.cell_of(np.tile(np.float32([0.3, 0.6]), (n, 1)))
    equals = column.projected([np.full(n, 1.234)]) if sort.equal and not column.is_category else np.zeros((n, 0))
    return cell, Recipients(np.full(n, sort.offset), equals)


def candidates_of(column: TreeColumn, sort: Sort, n_rows: int) -> Candidates:
    """The same leaf for every row."""
    leaves = leaves_of(column, sort)
    return next(leaves.candidates(*rows_of(column, leaves, sort, n_rows)))[1]


def prob_of(column: TreeColumn, sort: Sort, x: np.ndarray) -> np.ndarray:
    """Probabilities of values."""
    leaves = leaves_of(column, sort)
    found = [c.prob(x[part]) for part, c in leaves.candidates(*rows_of(column, leaves, sort, len(x)))]
    return np.concatenate(found)


def still(n: int) -> Recipients:
    """Rows that move no donors and have no equal columns."""
    return Recipients(np.zeros(n), np.zeros((n, 0)))
