"""Variable elimination for many rows at once (Zhang and Poole 1994; Dechter 1999).

https://doi.org/10.1016/S0004-3702(99)00059-4

Given the known codes of a row, a table of the network becomes a factor over its hidden columns. Hidden columns are
summed out one by one: the factors that hold a column are multiplied (its *bucket*) and the product, summed over the
column, is a factor of the next bucket. What is left is the probability of the known codes. Walking back through the
buckets draws the hidden columns exactly; with maxima in place of sums it finds the likeliest codes.

Factors have a first axis for the rows; it is 1 long while nothing in them depends on the row.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from genwright.nn.networks.network import AT_ONCE, Network, invert, radix

EVERY = 8  # factors between two scalings of their product
KEPT_AT_ONCE = 1 << 24  # numbers in all buckets of the rows that are eliminated together


@dataclass(frozen=True)
class Factor:
    """A function of some hidden columns, for each row.

    Args:
        scope: The columns, in the order of the axes.
        values: (B or 1, cards of the scope …), at most 1.
        log_scale: Log of what the values are to be multiplied with (B or 1,).
    """

    scope: tuple[int, ...]
    values: np.ndarray
    log_scale: np.ndarray


@dataclass(frozen=True)
class Plan:
    """The order in which hidden columns are summed out.

    Args:
        hidden: In that order.
        kept: Columns that stay, after all others.
        families: The columns whose tables are factors.
        scopes: Columns of each bucket, its own last, the others by the order of elimination from the last to the first.
        width: Entries of the largest bucket.
        entries: Of all buckets together, which are kept for the way back.
    """

    hidden: tuple[int, ...]
    kept: tuple[int, ...]
    families: tuple[int, ...]
    scopes: tuple[tuple[int, ...], ...]
    width: int
    entries: int


def plan(network: Network, hidden: tuple[int, ...], families: tuple[int, ...], kept: tuple[int, ...] = ()) -> Plan:
    """A good order: always the column whose bucket is smallest."""
    key = "plan", hidden, families, kept
    return network.remembered(key, lambda: _planned(network, hidden, families, kept))


def _planned(network: Network, hidden: tuple[int, ...], families: tuple[int, ...], kept: tuple[int, ...]) -> Plan:
    inner = set(hidden)
    near: dict[int, set[int]] = {v: set() for v in hidden}
    for f in families:
        scope = inner.intersection(network.family(f))
        for v in scope:
            near[v] |= scope - {v}
    order: list[int] = []
    scopes: list[set[int]] = []
    size = {v: _entries(network, near[v] | {v}) for v in hidden if v not in kept}  # of each bucket, were it next
    width = _entries(network, kept)
    while size:
        v = min(size, key=lambda v: (size[v], v))
        width = max(width, size.pop(v))
        for w in near[v]:
            near[w] = (near[w] | near[v]) - {v, w}
        for w in near[v] & size.keys():
            size[w] = _entries(network, near[w] | {w})
        order.append(v)
        scopes.append(near[v])
    rank = {v: k for k, v in enumerate((*order, *kept))}
    sorted_ = [(*sorted(s, key=rank.__getitem__, reverse=True), v) for v, s in zip(order, scopes, strict=True)]
    entries = sum(_entries(network, s) for s in sorted_) + _entries(network, kept)
    return Plan(tuple(order), kept, families, tuple(sorted_), width, entries)


def _entries(network: Network, columns: Iterable[int]) -> int:
    """Entries of a table over these columns."""
    return math.prod(network.cards[v] for v in columns)


@dataclass(frozen=True)
class Buckets:
    """What an elimination leaves behind.

    Args:
        plan: Its order.
        products: Each bucket's product (B or 1, cards of its scope …).
        rest: The product of what is left, over the kept columns.
    """

    plan: Plan
    products: list[np.ndarray]
    rest: Factor

    @property
    def log_total(self) -> np.ndarray:
        """Log of the sum (or the maximum) over all hidden columns (B or 1,), where none was kept."""
        with np.errstate(divide="ignore"):
            return np.log(self.rest.values) + self.rest.log_scale

    def draw(self, codes: np.ndarray, row: np.ndarray, u: np.ndarray) -> None:
        """Puts hidden codes into codes (D, B): row b is one of the eliminated rows row[b], drawn by u (D, B)."""
        for v, p in self._backwards(codes, row):
            codes[v] = invert(np.cumsum(p, axis=1), u[v])

    def likeliest(self, codes: np.ndarray) -> None:
        """Puts the likeliest hidden codes into codes (D, B), after an elimination by maxima."""
        for v, p in self._backwards(codes, np.arange(codes.shape[1])):
            codes[v] = p.argmax(1)

    def _backwards(self, codes: np.ndarray, row: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Columns from the last eliminated to the first, with their values (B, card) given the later ones."""
        for v, scope, product in zip(*map(reversed, (self.plan.hidden, self.plan.scopes, self.products)), strict=True):
            at = row if len(product) > 1 else np.zeros_like(row)
            yield v, product[(at, *(codes[w] for w in scope[:-1]))]


def eliminate(network: Network, plan: Plan, codes: np.ndarray, by_max: bool = False) -> Buckets:
    """Sums hidden columns out for the known codes of each row (D, B)."""
    factors = [_factor(network, f, set(plan.hidden) | set(plan.kept), codes) for f in plan.families]
    products = []
    for v, scope in zip(plan.hidden, plan.scopes, strict=True):
        bucket = [f for f in factors if v in f.scope]
        factors = [f for f in factors if v not in f.scope]
        product = _multiplied(network, bucket, scope)
        products.append(product.values)
        left = product.values.max(-1) if by_max else product.values.sum(-1)
        factors.append(_scaled(scope[:-1], left, product.log_scale))
    return Buckets(plan, products, _multiplied(network, factors, plan.kept))


def rows_at_once(plan: Plan) -> int:
    """How many rows may be eliminated, or drawn, together."""
    return max(1, min(AT_ONCE // plan.width, KEPT_AT_ONCE // plan.entries))


def _factor(network: Network, f: int, hidden: set[int], codes: np.ndarray) -> Factor:
    """A column's table at the known codes."""
    values, at, scope = sliced(network.tables[f], network.family(f), hidden, network.cards, codes)
    return _scaled(scope, values[at], np.zeros(1))


def sliced(
    table: np.ndarray, family: tuple[int, ...], hidden: set[int], cards: tuple[int, ...], codes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """A table by the codes of its known columns.

    Returns:
        The table (combinations of known codes, cards of the hidden columns …), each row's combination (B or 1,), and
        the hidden columns.
    """
    known = [k for k, w in enumerate(family) if w not in hidden]
    open_ = [k for k, w in enumerate(family) if w in hidden]
    values = table.transpose(*known, *open_).reshape(-1, *(cards[family[k]] for k in open_))
    at = radix(codes, [family[k] for k in known], cards) if known else np.zeros(1, np.int64)
    return values, at, tuple(family[k] for k in open_)


def _scaled(scope: tuple[int, ...], values: np.ndarray, log_scale: np.ndarray) -> Factor:
    """The factor with values of at most 1, so that long products do not underflow."""
    top = values.reshape(len(values), -1).max(1)
    top = np.where(top > 0, top, 1.0)
    return Factor(scope, values / top.reshape(-1, *[1] * (values.ndim - 1)), log_scale + np.log(top))


def _multiplied(network: Network, factors: list[Factor], scope: tuple[int, ...]) -> Factor:
    """The product of factors, with axes in the order of the scope, contiguous so that sums run in one order."""
    n_rows = max((len(f.values) for f in factors), default=1)
    product = np.ones((n_rows, *(network.cards[v] for v in scope)))
    log_scale = np.zeros(n_rows)
    for n_done, f in enumerate(factors):
        if n_done and n_done % EVERY == 0:
            scaled = _scaled(scope, product, log_scale)
            product, log_scale = scaled.values, scaled.log_scale
        order = sorted(range(len(f.scope)), key=lambda k, f=f: scope.index(f.scope[k]))  # type: ignore[misc]
        shape = [network.cards[v] if v in f.scope else 1 for v in scope]
        product *= f.values.transpose(0, *(k + 1 for k in order)).reshape(len(f.values), *shape)
        log_scale = log_scale + f.log_scale
    return Factor(scope, product, log_scale)
