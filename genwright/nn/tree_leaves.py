"""Honest leaves: which training rows may donate to a row, and the distribution they make together.

A leaf's members are donors with weights. Small leaves list their donors one by one. Large ones, and those whose donors
agree, are condensed: every code once, with its count as weight, and smooth numbers thinned to `THINNED` evenly spaced
ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.special import ndtr, ndtri

from genwright.core.packing import Packer, Unpacker
from genwright.nn.tree import Tree
from genwright.nn.tree_column import TreeColumn

LARGE = 64  # donors above which a leaf is condensed
THINNED = 128  # smooth donors that a condensed leaf keeps
PAIRS = 2_000_000  # pairs of a row and a donor that are looked at together
CORE, CORE_WIDTH = 0.8, 0.2  # share of draws near their donor, and how near: see `Stretches`
LONE = 0.05  # half the width, in normal scores, of a smooth donor without a neighbour
FARTHEST, EDGE = 6.0, 7.0  # scores to which slopes move donors, and to which stretches reach; beyond 8 float64 ends


@dataclass
class Leaves:
    """A tree whose leaves hold donors.

    Args:
        tree: The tree.
        maps: For predictors that are categories: position among the predictors → order of each code.
        start: First member of each node's donors (nodes,).
        count: Number of its members (nodes,).
        is_large: Whether its members are condensed (nodes,).
        members: Training rows (M,).
        weights: Rows that each member stands for (M,).
        slopes: Slope of each node (nodes, P); P = 0 without slopes.
    """

    tree: Tree
    maps: dict[int, np.ndarray]
    start: np.ndarray
    count: np.ndarray
    is_large: np.ndarray
    members: np.ndarray
    weights: np.ndarray
    slopes: np.ndarray

    def leaf_of(self, predictors: np.ndarray) -> np.ndarray:
        """The leaf of rows whose predictors' coordinates are (B, D)."""
        if not self.maps:
            return self.tree.leaf_of(predictors)
        X = predictors.copy()
        for k, order in self.maps.items():
            X[:, k] = order[predictors[:, k].astype(np.int64)]
        return self.tree.leaf_of(X)

    def pick(self, leaf: np.ndarray, u: np.ndarray) -> np.ndarray:
        """One member for each of some leaves (B,), in proportion to the weights, by a uniform u."""
        cumulative = self._cumulative
        first, last = self.start[leaf], self.start[leaf] + self.count[leaf] - 1
        base = cumulative[first] - self.weights[first]
        place = np.searchsorted(cumulative, base + u * (cumulative[last] - base), side="right")
        return self.members[place.clip(first, last)]

    @cached_property
    def _cumulative(self) -> np.ndarray:
        return np.cumsum(self.weights, dtype=np.float64)

    def pack(self, packer: Packer) -> None:
        """Adds what `unpack` needs."""
        packer.add(
            feature=self.tree.feature,
            threshold=self.tree.threshold,
            left=self.tree.left,
            right=self.tree.right,
            map_keys=np.array(sorted(self.maps), np.int64),
            start=self.start,
            count=self.count,
            is_large=self.is_large,
            members=self.members,
            weights=self.weights,
            slopes=self.slopes,
        )
        for key in sorted(self.maps):
            packer.add(map=self.maps[key])

    @classmethod
    def unpack(cls, unpacker: Unpacker) -> "Leaves":
        """The inverse of `pack`."""
        tree = Tree(*(unpacker.next(name) for name in ("feature", "threshold", "left", "right")))
        keys = unpacker.next("map_keys")
        names = ("start", "count", "is_large", "members", "weights", "slopes")
        rest = [unpacker.next(name) for name in names]
        return cls(tree, {int(k): unpacker.next("map") for k in keys}, *rest)


def fill(
    tree: Tree, leaf: np.ndarray, rows: np.ndarray, codes: np.ndarray, column: TreeColumn
) -> dict[str, np.ndarray]:
    """Members of every leaf.

    Args:
        tree: The tree.
        leaf: Leaf of each filling row (N,).
        rows: Number of each filling row among the training rows (N,).
        codes: Code of each filling row in the column (N,).
        column: The column.
    """
    order = np.lexsort((codes, leaf))
    leaf, rows, codes = leaf[order], rows[order], codes[order]
    n_nodes = len(tree.feature)
    count = np.bincount(leaf, minlength=n_nodes)
    is_large = count > LARGE
    ends = np.cumsum(count)
    is_pure = _pure(codes, ends - count, count, column) & ~is_large
    is_kept = ~is_large[leaf] & (~is_pure[leaf] | (np.arange(len(leaf)) == (ends - count)[leaf]))
    pieces, owners = [rows[is_kept]], [leaf[is_kept]]
    weights = [np.where(is_pure, count, 1)[leaf[is_kept]].astype(np.float32)]
    for node in np.flatnonzero(is_large):
        part = slice(ends[node] - count[node], ends[node])
        kept, weight = _condense(codes[part], column)
        pieces.append(rows[part][kept])
        weights.append(weight)
        owners.append(np.full(len(kept), node))
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    n_members = np.bincount(owner, minlength=n_nodes)
    return {
        "start": (np.cumsum(n_members) - n_members).astype(np.int64),
        "count": n_members.astype(np.int64),
        "is_large": is_large | is_pure,
        "members": np.concatenate(pieces)[order].astype(np.int32),
        "weights": np.concatenate(weights)[order].astype(np.float32),
    }


def _pure(codes: np.ndarray, first: np.ndarray, count: np.ndarray, column: TreeColumn) -> np.ndarray:
    """Which nodes hold one and the same atom in all their rows (nodes,); codes are sorted within the nodes."""
    last = (first + count - 1).clip(0)
    one = codes[first.clip(0, len(codes) - 1)]
    return (count > 0) & (one == codes[last]) & (column.smooth_index[one] < 0)


def _condense(codes: np.ndarray, column: TreeColumn) -> tuple[np.ndarray, np.ndarray]:
    """Places and weights of the members that stand for a large leaf's sorted codes (N,)."""
    is_smooth = column.smooth_index[codes] >= 0
    first = np.flatnonzero(~is_smooth & np.concatenate([[True], codes[1:] != codes[:-1]]))
    _, counts = np.unique(codes[~is_smooth], return_counts=True)
    smooth = np.flatnonzero(is_smooth)
    if not len(smooth):
        return first, counts.astype(np.float32)
    n_kept = min(THINNED, len(smooth))
    even = smooth[((np.arange(n_kept) + 0.5) * len(smooth) / n_kept).astype(int)]
    weight = np.concatenate([counts, np.full(n_kept, len(smooth) / n_kept)])
    return np.concatenate([first, even]), weight.astype(np.float32)


@dataclass
class Candidates:
    """The donors of B rows, one row's after the other's; M pairs in all.

    Args:
        row: Row of each pair, increasing; every row has a donor (M,).
        code: Donor's code (M,).
        weight: Its weight (M,).
        shift: How far its score is moved (M,).
        column: The column that is donated.
        n_rows: B.
    """

    row: np.ndarray
    code: np.ndarray
    weight: np.ndarray
    shift: np.ndarray
    column: TreeColumn
    n_rows: int
    total: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.total = np.bincount(self.row, weights=self.weight, minlength=self.n_rows)  # (B,)
        if self.column.smooth is None:
            return
        # Scores that the donor's value owns (M,); NaN for atoms.
        self.own_low, self.own_high = (table.take(self.code, mode="wrap") for table in self.column.owned_scores)
        self.middle = (self.own_low + self.own_high) / 2
        if self.shift.any():
            shift = np.clip(self.shift, -FARTHEST - self.middle, FARTHEST - self.middle)
            self.own_low, self.own_high, self.middle = (x + shift for x in (self.own_low, self.own_high, self.middle))

    def draw(self, u: np.ndarray, v: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        """One value a row (B,): u picks the donor, v the place in its stretch."""
        weight = self.weight if temperature == 1.0 else self._tempered(temperature)
        cumulative = np.cumsum(weight, dtype=np.float64)
        first = np.searchsorted(self.row, np.arange(self.n_rows))
        last = np.append(first[1:], len(self.row)) - 1
        base = cumulative[first] - weight[first]
        target = base + u * (cumulative[last] - base)
        pick = np.clip(np.searchsorted(cumulative, target, side="right"), first, last)
        x = self.column.value(self.code[pick])
        if self.column.smooth is None:
            return x
        is_smooth = ~np.isnan(self.middle[pick])
        rank = ndtr(np.where(is_smooth, self._stretch_of(pick, first).place(v), 0.0))
        return np.where(is_smooth, self.column.smooth.value(rank), x)

    def _stretch_of(self, pick: np.ndarray, first: np.ndarray) -> "Stretches":
        """Stretches of one smooth donor a row (B,)."""
        away = self.middle - self.middle[pick][self.row]
        after = np.minimum.reduceat(np.where(away > 0, away, np.inf), first)
        before = np.minimum.reduceat(np.where(away < 0, -away, np.inf), first)
        return Stretches.around(self.middle[pick], before, after, self.own_low[pick], self.own_high[pick])

    def _all_stretches(self) -> tuple[np.ndarray, "Stretches"]:
        """The pairs whose donor is smooth, and their stretches."""
        at = np.flatnonzero(~np.isnan(self.middle))
        at = at[np.lexsort((self.middle[at], self.row[at]))]
        row, middle = self.row[at], self.middle[at]
        is_new = np.ones(len(at), bool)
        is_new[1:] = (row[1:] != row[:-1]) | (middle[1:] != middle[:-1])
        group = np.cumsum(is_new) - 1  # donors of a row that share a score
        place, owner = middle[is_new], row[is_new]
        gap = np.where(owner[1:] == owner[:-1], np.diff(place), np.inf)
        before, after = np.insert(gap, 0, np.inf)[group], np.append(gap, np.inf)[group]
        return at, Stretches.around(middle, before, after, self.own_low[at], self.own_high[at])

    def _tempered(self, temperature: float) -> np.ndarray:
        """Weights raised to 1/temperature: by code for atoms, by density for smooth donors."""
        power = 1 / temperature - 1
        log_density = np.zeros(len(self.row))
        is_smooth = np.zeros(len(self.row), bool)
        if self.column.smooth:
            at, stretches = self._all_stretches()
            is_smooth[at] = True
            log_density[at] = -np.log(stretches.whole[1] - stretches.whole[0])
        key = self.row.astype(np.int64) * (int(self.code.max(initial=0)) + 2) + self.code + 1
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
        seen = np.where(is_missing, -1, np.where(column.seen(filled) < 0, -2, column.seen(filled)))
        is_atom = column.smooth_index[self.code] < 0
        hit = self.weight * (is_atom & (self.code == seen[self.row]))
        p = np.bincount(self.row, weights=hit, minlength=self.n_rows)
        if column.smooth is not None:
            p += np.where(is_missing, 0.0, self._smooth_prob(filled))
        return p / self.total

    def _smooth_prob(self, x: np.ndarray) -> np.ndarray:
        """The smooth donors' part of `prob`, before dividing by the row's total weight."""
        column = self.column
        assert column.smooth is not None
        first, last, density = column.smooth.ranks(x)
        seen = column.seen(x)
        is_point = (seen >= 0) & (column.smooth_index[seen] < 0) & ~np.isnan(density)
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


def pairs(leaves: Leaves, leaf: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and place among the members of every (row, donor) pair, for rows in these leaves (B,)."""
    count = leaves.count[leaf]
    row = np.repeat(np.arange(len(leaf)), count)
    place = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count) + leaves.start[leaf][row]
    return row, place


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
