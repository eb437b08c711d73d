"""Questions about rows that each know other columns.

Known codes cut a network apart. Of a row, only the known columns and their ancestors matter (the others, *barren*
columns, can be drawn forward afterwards); among those, hidden columns that share no table do not depend on each other.
So rows are not grouped by all that they know but by such *pieces* of connected hidden columns, and within a piece, rows
with equal known codes beside it are worked out once.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from genwright.core.errors import UnsupportedError
from genwright.nn.networks.elimination import Buckets, eliminate, plan, rows_at_once
from genwright.nn.networks.graph import ancestral
from genwright.nn.networks.network import Network, radix

WIDEST = 1 << 17  # entries of the largest table that an elimination may need


@dataclass(frozen=True)
class Piece:
    """Connected hidden columns.

    Args:
        hidden: The columns.
        families: The columns whose tables hold any of them.
    """

    hidden: tuple[int, ...]
    families: tuple[int, ...]

    def known(self, network: Network) -> list[int]:
        """Known columns in the tables."""
        beside = {w for f in self.families for w in network.family(f)}
        return sorted(beside - set(self.hidden))


@dataclass(frozen=True)
class Pattern:
    """What a row knows, and what follows from it.

    Args:
        pieces: Of the hidden columns that matter.
        weighed: Columns whose tables hold known columns only, and matter.
        barren: Hidden columns that do not matter to the known ones, parents first.
    """

    pieces: tuple[Piece, ...]
    weighed: tuple[int, ...]
    barren: tuple[int, ...]


def pattern(network: Network, known: frozenset[int], wanted: frozenset[int] = frozenset()) -> Pattern:
    """The pattern of rows that know these columns; columns wanted are not barren."""
    return network.remembered(("pattern", known, wanted), lambda: _pattern(network, known, wanted))


def _pattern(network: Network, known: frozenset[int], wanted: frozenset[int]) -> Pattern:
    inside = ancestral(network.parents, set(known | wanted))
    hidden = inside - known
    near: dict[int, set[int]] = {v: set() for v in hidden}
    for f in inside:
        scope = hidden.intersection(network.family(f))
        for v in scope:
            near[v] |= scope
    weighed = tuple(sorted(f for f in inside if not hidden.intersection(network.family(f))))
    barren = tuple(v for v in network.order if v not in inside)
    pieces = []
    while hidden:
        linked = _linked(near, min(hidden))
        families = tuple(sorted(f for f in inside if linked.intersection(network.family(f))))
        pieces.append(Piece(tuple(sorted(linked)), families))
        hidden -= linked
    return Pattern(tuple(pieces), weighed, barren)


def _linked(near: dict[int, set[int]], start: int) -> set[int]:
    found, waiting = {start}, [start]
    while waiting:
        more = near[waiting.pop()] - found
        found |= more
        waiting += more
    return found


def width(network: Network, known: frozenset[int]) -> int:
    """Entries of the largest table that the elimination of rows with these known columns needs."""
    return max((plan(network, p.hidden, p.families).width for p in pattern(network, known).pieces), default=1)


def _check_width(n: int) -> None:
    """Refuses tables that are too large.

    Raises:
        UnsupportedError: says how large.
    """
    if n > WIDEST:
        raise UnsupportedError(
            f"the elimination needs a table of {n:,} entries, the most is {WIDEST:,}: fix other columns, or fit with a "
            "lower max_parents, fewer n_cells or structure = tree"
        )


def by_known(codes: np.ndarray) -> Iterator[tuple[frozenset[int], np.ndarray]]:
    """The columns that rows know (codes (D, B) ≥ 0), and the numbers of the rows that know just them."""
    if not codes.shape[1]:
        return
    packed = np.packbits(codes >= 0, axis=0)
    _, first, inverse = np.unique(packed, axis=1, return_index=True, return_inverse=True)
    order = np.argsort(inverse.ravel(), kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(inverse.ravel()))[:-1])
    for k, at in zip(first, rows, strict=True):
        yield frozenset(np.flatnonzero(codes[:, k] >= 0).tolist()), at


@dataclass(frozen=True)
class Work:
    """All rows that have a piece in common.

    Args:
        piece: The piece.
        rows: Their numbers (R,).
        known: Codes (D, U) of the different ones among them, as far as the piece's tables hold them.
        which: Which of those each row is (R,).
        count: How many rows each of those stands for (U,).
    """

    piece: Piece
    rows: np.ndarray
    known: np.ndarray
    which: np.ndarray
    count: np.ndarray


@dataclass(frozen=True)
class Agenda:
    """What has to be done with some rows.

    Args:
        works: Pieces to be eliminated.
        is_weighed: Where a table is looked up (D, B).
        is_barren: Where a code can be drawn forward at the end (D, B).
    """

    works: list[Work]
    is_weighed: np.ndarray
    is_barren: np.ndarray


def agenda(network: Network, codes: np.ndarray) -> Agenda:
    """What rows' codes (D, B), −1 where hidden, call for."""
    rows: dict[Piece, list[np.ndarray]] = {}
    is_weighed, is_barren = np.zeros(codes.shape, bool), np.zeros(codes.shape, bool)
    for known, at in by_known(codes):
        what = pattern(network, known)
        is_weighed[_block(what.weighed, at)] = True
        is_barren[_block(what.barren, at)] = True
        for piece in what.pieces:
            rows.setdefault(piece, []).append(at)
    works = [work(network, piece, codes, np.concatenate(parts)) for piece, parts in rows.items()]
    return Agenda(works, is_weighed, is_barren)


def work(network: Network, piece: Piece, codes: np.ndarray, rows: np.ndarray) -> Work:
    """One piece's work for rows with these numbers."""
    beside = piece.known(network)
    first, which = _different(codes[:, rows], beside, network.cards)
    return Work(piece, rows, codes[:, rows[first]], which, np.bincount(which, minlength=len(first)))


def _different(codes: np.ndarray, columns: list[int], cards: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """First rows with each combination of the columns' codes (U,), and each row's combination (B,)."""
    if not columns:
        return np.zeros(1, np.int64), np.zeros(codes.shape[1], np.int64)
    if math.prod(cards[v] for v in columns) < 2**62:
        key = radix(codes, columns, cards)
        _, first, which = np.unique(key, return_index=True, return_inverse=True)
    else:
        _, first, which = np.unique(codes[columns], axis=1, return_index=True, return_inverse=True)
    return first, which.ravel()


def eliminations(
    network: Network, task: Work, kept: tuple[int, ...] = (), by_max: bool = False
) -> Iterator[tuple[slice, Buckets]]:
    """A work's eliminations: which of its different rows, and what is left of them."""
    chosen = plan(network, task.piece.hidden, task.piece.families, kept)
    _check_width(chosen.width)
    size = rows_at_once(chosen)
    for start in range(0, task.known.shape[1], size):
        part = slice(start, start + size)
        yield part, eliminate(network, chosen, task.known[:, part], by_max)


def _block(columns: Iterable[int], rows: np.ndarray) -> tuple[np.ndarray, ...]:
    """Some columns of some rows."""
    return np.ix_(np.array(list(columns), np.int64), rows)


def log_evidence(network: Network, codes: np.ndarray) -> np.ndarray:
    """log p(known codes) of rows (B,) from codes (D, B), −1 where hidden."""
    todo = agenda(network, codes)
    total = _looked_up(network, codes, todo.is_weighed)
    for task in todo.works:
        found = np.empty(task.known.shape[1])
        for part, buckets in eliminations(network, task):
            found[part] = buckets.log_total
        total[task.rows] += found[task.which]
    return total


def _looked_up(network: Network, codes: np.ndarray, is_weighed: np.ndarray) -> np.ndarray:
    """Sum of the log probabilities that tables give directly (B,)."""
    total = np.zeros(codes.shape[1])
    for f in range(len(codes)):
        at = np.flatnonzero(is_weighed[f])
        if len(at) == len(total):
            total += network.log_prob(f, codes)
        elif len(at):
            total[at] += network.log_prob(f, codes[:, at])
    return total


def _draw_piece(task: Work, part: slice, buckets: Buckets, filled: np.ndarray, u: np.ndarray) -> None:
    """Puts a piece's hidden codes into the rows (D, B) whose known codes were eliminated in this part."""
    hidden, size = task.piece.hidden, rows_at_once(buckets.plan)
    mine = np.flatnonzero((task.which >= part.start) & (task.which < part.stop))
    for start in range(0, len(mine), size):
        some = mine[start : start + size]
        at = task.rows[some]
        drawn = filled[:, at]
        buckets.draw(drawn, task.which[some] - part.start, u[:, at])
        filled[_block(hidden, at)] = drawn[list(hidden)]


def completed(network: Network, codes: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draws from p(hidden codes | known codes).

    Args:
        network: The network.
        codes: (D, B), −1 where hidden.
        u: Uniforms (D, B); each hidden code uses its own.

    Returns:
        Codes without hidden ones, and log p(known codes) (B,); where that is −inf the codes mean nothing.
    """
    todo = agenda(network, codes)
    filled, total = codes.copy(), _looked_up(network, codes, todo.is_weighed)
    for task in todo.works:
        found = np.empty(task.known.shape[1])
        for part, buckets in eliminations(network, task):
            found[part] = buckets.log_total
            _draw_piece(task, part, buckets, filled, u)
        total[task.rows] += found[task.which]
    for v in network.order:
        at = np.flatnonzero(todo.is_barren[v])
        if len(at):
            filled[v, at] = network.draw(v, filled[:, at], u[v, at])
    return filled, total


def forward(network: Network, codes: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Likelihood weighting: hidden codes drawn from their parents', known ones kept and weighed.

    Source:
        Fung and Chang (1990): https://doi.org/10.1016/B978-0-444-88738-2.50023-3

    Returns:
        Codes (D, B), and the log weights (B,) that make up for it.
    """
    filled, weight = codes.copy(), np.zeros(codes.shape[1])
    for v in network.order:
        holes, known = np.flatnonzero(codes[v] < 0), np.flatnonzero(codes[v] >= 0)
        filled[v, holes] = network.draw(v, filled[:, holes], u[v, holes])
        weight[known] += network.log_prob(v, filled[:, known])
    return filled, weight


def posterior(network: Network, codes: np.ndarray, of: tuple[int, ...]) -> np.ndarray:
    """p(columns | known codes) of rows (B, cards of the columns …); NaN where the known codes have probability zero."""
    cards = [network.cards[v] for v in of]
    found = np.ones((codes.shape[1], *cards))
    for known, at in by_known(codes):
        p = np.ones((len(at), *cards))
        what = pattern(network, known, frozenset(of))
        is_possible = np.ones(len(at), bool)
        for f in what.weighed:
            is_possible &= network.log_prob(f, codes[:, at]) > -np.inf
        for piece in what.pieces:
            p *= _piece_posterior(network, piece, codes, at, of)
        p[~is_possible] = np.nan
        found[at] = p
    return found


def _piece_posterior(
    network: Network, piece: Piece, codes: np.ndarray, at: np.ndarray, of: tuple[int, ...]
) -> np.ndarray:
    """A piece's part of `posterior`, with axes of length 1 for the columns of other pieces."""
    kept = tuple(v for v in of if v in piece.hidden)
    shape = [network.cards[v] if v in kept else 1 for v in of]
    task = work(network, piece, codes, at)
    p = np.empty((task.known.shape[1], *shape))
    for part, buckets in eliminations(network, task, kept):
        p[part] = buckets.rest.values.reshape(-1, *shape)
    total = p.reshape(len(p), -1).sum(1)
    with np.errstate(invalid="ignore"):
        return (p / total.reshape(-1, *[1] * len(shape)))[task.which]


def likeliest(network: Network, codes: np.ndarray) -> np.ndarray:
    """The likeliest codes of all hidden columns together, given the known ones (D, B).

    Where the known codes have probability zero the codes mean nothing.
    """
    filled = codes.copy()
    everything = frozenset(range(len(codes)))
    for known, at in by_known(codes):
        for piece in pattern(network, known, everything - known).pieces:
            task = work(network, piece, codes, at)
            best = task.known.copy()
            for part, buckets in eliminations(network, task, by_max=True):
                chosen = best[:, part].copy()
                buckets.likeliest(chosen)
                best[:, part] = chosen
            filled[_block(piece.hidden, at)] = best[list(piece.hidden)][:, task.which]
    return filled
