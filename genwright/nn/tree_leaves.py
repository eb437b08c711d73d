"""Honest leaves: which training values may be donated to a row, and the distribution they make together.

A leaf's members are donors with weights. Small leaves list their donors one by one, in cells (`nn/tree_cells`): a row
that lands in a cell passes over the members in and beside it, the *hole*. Large leaves, and those whose donors agree,
are condensed: every code once, with its count as weight, and smooth numbers thinned to `THINNED` evenly spaced ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtr, ndtri

from genwright.core.packing import Packer, Unpacker
from genwright.nn.tree import Tree
from genwright.nn.tree_cells import Cells, divide
from genwright.nn.tree_column import TreeColumn

LARGE = 64  # donors above which a leaf is condensed
THINNED = 128  # smooth donors that a condensed leaf keeps
PAIRS = 200_000  # pairs of a row and a donor that are looked at together
CORE, CORE_WIDTH = 0.8, 0.2  # share of draws near their donor, and how near: see `Stretches`
LONE = 0.05  # half the width, in normal scores, of a smooth donor without a neighbour
FARTHEST, EDGE = 6.0, 7.0  # scores to which slopes move donors, and to which stretches reach; beyond 8 float64 ends
NEVER = np.iinfo(np.int32).min  # a code that no donor has
ARRAYS = ("owner", "skip", "count", "codes", "weights", "offsets", "slopes")


@dataclass
class Leaves:
    """A tree whose leaves hold donors of a column.

    Args:
        column: The column.
        tree: The tree down to cells; the nodes that leaves are come first.
        maps: For predictors that are categories: position among the predictors → order of each code.
        hole: Members passed over in leaves that are divided into cells.
        owner: Leaf that each node lies in (nodes,).
        skip: First member that a row in each cell passes over, −1: none (nodes,).
        count: Members of each leaf, which follow one another in the order of the leaves (leaves,).
        codes: Code of each member (M,).
        weights: Rows that each member stands for (M,).
        offsets: Score that each member is moved by before a row's own slope, −b·x_i (M,); (0,) without slopes.
        slopes: Slope b of each leaf (leaves, S); S = 0 without slopes.
    """

    column: TreeColumn
    tree: Tree
    maps: dict[int, np.ndarray]
    hole: int
    owner: np.ndarray
    skip: np.ndarray
    count: np.ndarray
    codes: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray
    slopes: np.ndarray

    def cell_of(self, predictors: np.ndarray) -> np.ndarray:
        """The cell of rows whose predictors' coordinates are (B, P)."""
        if not self.maps:
            return self.tree.leaf_of(predictors)
        X = predictors.copy()
        for k, order in self.maps.items():
            X[:, k] = order[predictors[:, k].astype(np.int64)]
        return self.tree.leaf_of(X)

    def pick(self, cell: np.ndarray, u: np.ndarray) -> np.ndarray:
        """A member for each of some cells (B,), in proportion to the weights, by a uniform u."""
        total = self._cumulative
        leaf, skip = self.owner[cell], self.skip[cell]
        first = self.start[leaf]
        last = first + self.count[leaf]
        has_hole = skip >= 0
        below = np.where(has_hole, total[skip], np.inf)
        passed = np.where(has_hole, total[skip + self.hole * has_hole] - total[skip], 0.0)
        target = total[first] + u * (total[last] - total[first] - passed)
        target += np.where(target >= below, passed, 0.0)
        return (np.searchsorted(total, target, side="right") - 1).clip(first, last - 1)

    @cached_property
    def start(self) -> np.ndarray:
        """First member of each leaf (leaves,)."""
        return np.cumsum(self.count) - self.count

    @cached_property
    def _cumulative(self) -> np.ndarray:
        """Weights before each member, and of all (M + 1,)."""
        return np.concatenate([[0.0], np.cumsum(self.weights, dtype=np.float64)])

    def value(self, place: np.ndarray, shift: np.ndarray, equals: np.ndarray, v: np.ndarray) -> np.ndarray:
        """What members donate to rows (B,).

        Args:
            place: The members (B,).
            shift: How far the rows move their scores (B,).
            equals: The rows' own numbers that the column's may equal (B, J).
            v: Place in the members' stretches (B,).
        """
        code = self.codes[place]
        x = self.column.value(code)
        at = np.flatnonzero(code < -1)
        if len(at):
            x[at] = equals[at, -2 - code[at]]
        if self.column.smooth is None:
            return x
        at = np.flatnonzero(self.column.smooth_index[code] >= 0)
        rank = ndtr(self.stretches(place[at], shift[at]).place(v[at]))
        x[at] = self.column.smooth.value(rank)
        return x

    def stretches(self, place: np.ndarray, shift: np.ndarray) -> "Stretches":
        """Stretches of smooth members (B,) that are moved by `shift`."""
        score, before, after = (table[place] for table in self._spaced)
        own_low, own_high = self.column.owned_scores[:, self.codes[place]]
        middle = np.clip(score + shift, -FARTHEST, FARTHEST)
        moved = middle - (own_low + own_high) / 2
        return Stretches.around(middle, before, after, own_low + moved, own_high + moved)

    @cached_property
    def _spaced(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Score of each member, and how far the next ones below and above are in its leaf (M,); NaN for atoms."""
        score = self.column.owned_scores[:, self.codes].mean(0)
        if len(self.offsets):
            score = score + self.offsets
        leaf = np.repeat(np.arange(len(self.count)), self.count)
        at = np.flatnonzero(~np.isnan(score))
        at = at[np.lexsort((score[at], leaf[at]))]
        middle, leaf = score[at], leaf[at]
        is_new = np.ones(len(at), bool)
        is_new[1:] = (leaf[1:] != leaf[:-1]) | (middle[1:] != middle[:-1])
        group = np.cumsum(is_new) - 1  # members of a leaf that share a score
        gap = np.where(leaf[is_new][1:] == leaf[is_new][:-1], np.diff(middle[is_new]), np.inf)
        before, after = np.full((2, len(score)), np.nan)
        before[at], after[at] = np.insert(gap, 0, np.inf)[group], np.append(gap, np.inf)[group]
        return score, before, after

    def candidates(
        self, cell: np.ndarray, shift: np.ndarray, equals: np.ndarray
    ) -> Iterator[tuple[slice, "Candidates"]]:
        """Runs of rows with their donors, for rows in cells (B,); the others as for `value`."""
        has_hole = self.skip[cell] >= 0
        count = self.count[self.owner[cell]] - self.hole * has_hole
        for part in blocks(count):
            row = np.repeat(np.arange(part.stop - part.start), count[part])
            ends = np.cumsum(count[part])
            place = np.arange(len(row)) + (self.start[self.owner[cell[part]]] - ends + count[part])[row]
            place += self.hole * (has_hole[part][row] & (place >= self.skip[cell[part]][row]))
            yield part, Candidates(self, row, place, shift[part], equals[part])

    def pack(self, packer: Packer) -> None:
        """Adds what `unpack` needs."""
        tree = self.tree
        packer.add(
            leaves=np.array([self.hole], np.int64),
            feature=tree.feature,
            threshold=tree.threshold,
            left=tree.left,
            right=tree.right,
            map_keys=np.array(sorted(self.maps), np.int64),
            **{name: getattr(self, name) for name in ARRAYS},
        )
        for key in sorted(self.maps):
            packer.add(map=self.maps[key])

    @classmethod
    def unpack(cls, unpacker: Unpacker, column: TreeColumn) -> "Leaves":
        """The inverse of `pack`."""
        hole = int(unpacker.next("leaves")[0])
        tree = Tree(*(unpacker.next(name) for name in ("feature", "threshold", "left", "right")))
        keys = unpacker.next("map_keys")
        arrays = {name: unpacker.next(name) for name in ARRAYS}
        return cls(column, tree, {int(k): unpacker.next("map") for k in keys}, hole, **arrays)


def fill(
    column: TreeColumn,
    tree: Tree,
    maps: dict[int, np.ndarray],
    leaf: np.ndarray,
    X: np.ndarray,
    is_category: np.ndarray,
    codes: np.ndarray,
    hole: int,
    slopes: np.ndarray,
    inputs: np.ndarray,
) -> Leaves:
    """Leaves with the donors that fall into them.

    Args:
        column: The column that is donated.
        tree: The tree.
        maps: Orders of the predictors that are categories.
        leaf: Leaf of each donor (N,).
        X: Coordinates of the donors, categories in these orders (N, P).
        is_category: Predictors that are categories (P,).
        codes: Codes of the donors in the column (N,).
        hole: Members passed over in small leaves.
        slopes: Slope of each node (nodes, S).
        inputs: What slopes multiply, of the donors (N, S).
    """
    count = np.bincount(leaf, minlength=len(tree.feature))
    is_large = count > LARGE
    is_pure = _pure(codes, leaf, column, len(count)) & ~is_large
    cells = divide(tree, leaf, X, ~is_large & ~is_pure & (count > hole) & (hole > 0), is_category, hole)
    order = cells.order
    leaf, codes, inputs = leaf[order], codes[order], inputs[order]
    ends = np.cumsum(count)
    is_kept = ~is_large[leaf] & (~is_pure[leaf] | (np.arange(len(leaf)) == (ends - count)[leaf]))
    members = [np.flatnonzero(is_kept)]
    weights = [np.where(is_pure, count, 1)[leaf[is_kept]]]
    for node in np.flatnonzero(is_large):
        kept, weight = _condense(codes[ends[node] - count[node] : ends[node]], column)
        members.append(ends[node] - count[node] + kept)
        weights.append(weight)
    member = np.concatenate(members)
    by_leaf = np.argsort(leaf[member], kind="stable")
    member, weight = member[by_leaf], np.concatenate(weights)[by_leaf].astype(np.float32)
    n_members = np.bincount(leaf[member], minlength=len(count))
    offsets = -np.einsum("ms,ms->m", slopes[leaf[member]], inputs[member]) if slopes.shape[1] else np.zeros(0)
    return Leaves(
        column,
        cells.tree,
        maps,
        hole,
        cells.owner,
        _skip(cells, count, n_members, hole),
        n_members,
        codes[member],
        weight,
        offsets,
        slopes,
    )


def _skip(cells: Cells, count: np.ndarray, n_members: np.ndarray, hole: int) -> np.ndarray:
    """First member that a row in each cell passes over, −1 where the leaf is not divided (nodes,).

    Args:
        cells: The cells.
        count: Donors of each leaf (leaves,).
        n_members: Members of each leaf, as many as donors where it is divided (leaves,).
        hole: Members passed over.
    """
    owner = cells.owner
    start = np.cumsum(count) - count
    is_divided = np.zeros(len(count), bool)
    is_divided[owner[len(count) :]] = True
    beside = cells.first - start[owner] - (hole - cells.count) // 2
    within = beside.clip(0, (count[owner] - hole).clip(0))
    return np.where(is_divided[owner], (np.cumsum(n_members) - n_members)[owner] + within, -1).astype(np.int64)


def _pure(codes: np.ndarray, leaf: np.ndarray, column: TreeColumn, n_leaves: int) -> np.ndarray:
    """Which leaves hold one and the same atom in all their rows (leaves,)."""
    order = np.argsort(leaf, kind="stable")
    first = np.flatnonzero(np.diff(leaf[order], prepend=-1))
    low, high = np.zeros(n_leaves, np.int64), np.ones(n_leaves, np.int64)
    for found, extreme in ((low, np.minimum), (high, np.maximum)):
        found[leaf[order[first]]] = extreme.reduceat(codes[order], first)
    return (low == high) & (column.smooth_index[np.where(low == high, low, 0)] < 0)


def _condense(codes: np.ndarray, column: TreeColumn) -> tuple[np.ndarray, np.ndarray]:
    """Places and weights of the members that stand for a large leaf's codes (N,)."""
    by_code = np.argsort(codes, kind="stable")
    codes = codes[by_code]
    is_smooth = column.smooth_index[codes] >= 0
    first = np.flatnonzero(~is_smooth & np.concatenate([[True], codes[1:] != codes[:-1]]))
    _, counts = np.unique(codes[~is_smooth], return_counts=True)
    smooth = np.flatnonzero(is_smooth)
    if not len(smooth):
        return by_code[first], counts.astype(np.float32)
    n_kept = min(THINNED, len(smooth))
    even = smooth[((np.arange(n_kept) + 0.5) * len(smooth) / n_kept).astype(int)]
    weight = np.concatenate([counts, np.full(n_kept, len(smooth) / n_kept)])
    return by_code[np.concatenate([first, even])], weight.astype(np.float32)


@dataclass
class Candidates:
    """The donors of B rows, one row's after the other's; M pairs in all.

    Args:
        leaves: Whose members they are.
        row: Row of each pair, increasing; every row has a donor (M,).
        place: Place of each pair's donor among the members (M,).
        shift: How far each row moves its donors' scores (B,).
        equals: The rows' own numbers that the column's may equal (B, J).
    """

    leaves: Leaves
    row: np.ndarray
    place: np.ndarray
    shift: np.ndarray
    equals: np.ndarray

    def __post_init__(self) -> None:
        self.column = self.leaves.column
        self.code, self.weight = self.leaves.codes[self.place], self.leaves.weights[self.place]
        self.n_rows = len(self.shift)
        self.total = np.bincount(self.row, weights=self.weight, minlength=self.n_rows)  # (B,)

    def pick(self, u: np.ndarray, temperature: float) -> np.ndarray:
        """One member a row (B,) by a uniform u."""
        weight = self._tempered(temperature)
        cumulative = np.cumsum(weight, dtype=np.float64)
        first = np.searchsorted(self.row, np.arange(self.n_rows))
        last = np.append(first[1:], len(self.row)) - 1
        base = cumulative[first] - weight[first]
        target = base + u * (cumulative[last] - base)
        return self.place[np.clip(np.searchsorted(cumulative, target, side="right"), first, last)]

    def _all_stretches(self) -> tuple[np.ndarray, "Stretches"]:
        """The pairs whose donor is smooth, and their stretches."""
        at = np.flatnonzero(self.column.smooth_index[self.code] >= 0)
        return at, self.leaves.stretches(self.place[at], self.shift[self.row[at]])

    def _tempered(self, temperature: float) -> np.ndarray:
        """Weights raised to 1/temperature: by code for atoms, by density for smooth donors."""
        power = 1 / temperature - 1
        log_density = np.zeros(len(self.row))
        is_smooth = np.zeros(len(self.row), bool)
        if self.column.smooth:
            at, stretches = self._all_stretches()
            is_smooth[at] = True
            log_density[at] = -np.log(stretches.whole[1] - stretches.whole[0])
        low, high = int(self.code.min()), int(self.code.max())
        key = self.row.astype(np.int64) * (high - low + 1) + self.code - low
        _, group = np.unique(np.where(is_smooth, -1 - self.row, key), return_inverse=True)
        mass = np.bincount(group, weights=self.weight)[group]  # of the atom, or of the row's smooth part
        log_factor = power * log_density
        log_factor -= _highest(log_factor, group)
        mean_factor = np.bincount(group, weights=self.weight * np.exp(log_factor))[group] / mass
        log_weight = power * np.log(mass / self.total[self.row]) + log_factor + np.log(self.weight / mean_factor)
        return np.exp(log_weight - _highest(log_weight, self.row))

    def prob(self, x: np.ndarray) -> np.ndarray:
        """Probability of each row's value (B,): mass, or the density of a smooth value of a continuous column."""
        column = self.column
        if column.is_category:
            hit = self.weight * (self.code == x[self.row])
            return np.bincount(self.row, weights=hit, minlength=self.n_rows) / self.total
        is_missing = np.isnan(x)
        filled = np.where(is_missing, 0.0, x)
        seen = np.where(is_missing, -1, np.where(column.seen(filled) < 0, NEVER, column.seen(filled)))
        is_atom = column.smooth_index[self.code] < 0
        hit = self.weight * (is_atom & (self.code == seen[self.row]))
        p = np.bincount(self.row, weights=hit, minlength=self.n_rows) + self._equal_weight(x)
        if column.smooth is not None:
            p += np.where(is_missing, 0.0, self._smooth_prob(filled))
        return p / self.total

    def _equal_weight(self, x: np.ndarray) -> np.ndarray:
        """Weight of the donors whose number is an earlier column's, where x (B,) is that (B,)."""
        weight = np.zeros(self.n_rows)
        for j in range(self.equals.shape[1]):
            is_it = self.code == -2 - j
            mine = np.bincount(self.row[is_it], weights=self.weight[is_it], minlength=self.n_rows)
            weight += np.where(x == self.equals[:, j], mine, 0.0)
        return weight

    def _smooth_prob(self, x: np.ndarray) -> np.ndarray:
        """The smooth donors' part of `prob`, before dividing by the row's total weight."""
        column = self.column
        assert column.smooth is not None
        first, last, density = column.smooth.ranks(x)
        seen = column.seen(x)
        is_point = ((seen >= 0) & (column.smooth_index[seen] < 0)) | (x[:, None] == self.equals).any(1)
        is_point &= ~np.isnan(density)
        at, stretches = self._all_stretches()
        row, weight = self.row[at], self.weight[at]
        a, b = ndtri(first), ndtri(last)
        in_each = stretches.density(a[row], b[row])
        mass, height = (np.bincount(row, weights=weight * p, minlength=self.n_rows) for p in in_each)
        with np.errstate(over="ignore", invalid="ignore"):
            scores_per_rank = np.sqrt(2 * np.pi) * np.exp(a**2 / 2)
            smooth = np.where(np.isnan(density), mass, height * scores_per_rank * density)
        return np.where(is_point | ~np.isfinite(smooth), 0.0, smooth)


def _highest(x: np.ndarray, group: np.ndarray) -> np.ndarray:
    """The highest x (M,) of each one's group."""
    found = np.full(int(group.max(initial=0)) + 1, -np.inf)
    np.maximum.at(found, group, x)
    return found[group]


def blocks(count: np.ndarray) -> Iterator[slice]:
    """Runs of rows that have no more than `PAIRS` donors together."""
    ends = np.cumsum(count)
    start = 0
    while start < len(count):
        below = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, below + PAIRS, side="right")))
        yield slice(start, stop)
        start = stop


@dataclass
class Stretches:
    """Where smooth donors put their values, in normal scores: two uniform stretches each, core and whole.

    The whole reaches half-way to the next donors of the row, the core the share `CORE_WIDTH` of that; both reach at
    least over the ranks that the donor's own value owns, and neither beyond `EDGE`, where float64 would round ranks to
    the ends and draws would be the lowest and highest training value. With probability `CORE` a value is drawn from the
    core, else from the whole.
    """

    core: tuple[np.ndarray, np.ndarray]
    whole: tuple[np.ndarray, np.ndarray]

    @classmethod
    def around(
        cls, middle: np.ndarray, before: np.ndarray, after: np.ndarray, own_low: np.ndarray, own_high: np.ndarray
    ) -> "Stretches":
        """Stretches of some donors.

        Args:
            middle: Their scores.
            before: How far the next donor below is; infinite where there is none.
            after: The same above.
            own_low: First score that the donor's value owns.
            own_high: Last one.
        """
        lone = np.where(np.isinf(before) & np.isinf(after), 2 * LONE, np.minimum(before, after))
        down = np.where(np.isinf(before), lone, before) / 2
        up = np.where(np.isinf(after), lone, after) / 2
        core, whole = (
            (
                np.minimum(middle - part * down, own_low).clip(-EDGE, EDGE),
                np.maximum(middle + part * up, own_high).clip(-EDGE, EDGE),
            )
            for part in (CORE_WIDTH, 1.0)
        )
        return cls(core, whole)

    def place(self, v: np.ndarray) -> np.ndarray:
        """Scores by one uniform each."""
        is_core = v < CORE
        low, high = (np.where(is_core, c, w) for c, w in zip(self.core, self.whole, strict=True))
        return low + np.where(is_core, v / CORE, (v - CORE) / (1 - CORE)) * (high - low)

    def density(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mass between the scores a and b, and density at a, of each donor."""
        mass, height = 0.0, 0.0
        for share, (low, high) in ((CORE, self.core), (1 - CORE, self.whole)):
            per_score = share / (high - low)
            mass = mass + per_score * np.maximum(np.minimum(b, high) - np.maximum(a, low), 0)
            height = height + per_score * ((low <= a) & (a < high))
        return np.asarray(mass), np.asarray(height)
