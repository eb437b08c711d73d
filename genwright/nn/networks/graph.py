"""Directed acyclic graphs: order, reachability, and what data can tell of the directions.

A graph over D columns is its parents: `parents[v]` are the columns with an edge to v. Graphs with the same skeleton and
the same v-structures a → c ← b (a, b not adjacent) stand for the same independences; their common pattern, the CPDAG,
keeps the directions that all of them share (Verma and Pearl 1990; Meek 1995, https://arxiv.org/abs/1302.4972).
"""

import numpy as np

Parents = tuple[tuple[int, ...], ...]


def topological_order(parents: Parents) -> list[int]:
    """Columns, parents before children, otherwise by number; those on or behind a cycle are left out."""
    order: list[int] = []
    placed: set[int] = set()
    waiting = list(range(len(parents)))
    while ready := [v for v in waiting if placed.issuperset(parents[v])]:
        order += ready
        placed.update(ready)
        waiting = [v for v in waiting if v not in placed]
    return order


def adjacency(parents: Parents) -> np.ndarray:
    """Whether there is an edge from row to column (D, D)."""
    edge = np.zeros((len(parents), len(parents)), bool)
    for v, above in enumerate(parents):
        edge[list(above), v] = True
    return edge


def reachability(edge: np.ndarray) -> np.ndarray:
    """Whether a directed path of one edge or more leads from row to column (D, D), by Warshall's algorithm."""
    reach = edge.copy()
    for via in range(len(edge)):
        reach |= reach[:, via, None] & reach[None, via]
    return reach


def ancestral(parents: Parents, columns: set[int]) -> set[int]:
    """The columns and all their ancestors."""
    found: set[int] = set()
    waiting = list(columns)
    while waiting:
        v = waiting.pop()
        if v not in found:
            found.add(v)
            waiting += parents[v]
    return found


def cpdag(parents: Parents) -> np.ndarray:
    """The pattern of all graphs with the same independences (D, D): [a, b] and [b, a] where no direction is common."""
    edge = adjacency(parents)
    linked = edge | edge.T
    arrow = _v_structures(edge, linked)
    while True:
        more = linked & ~arrow & ~arrow.T & _meek(arrow, linked)
        if not more.any():
            break
        arrow |= more
    return linked & ~arrow.T


def _v_structures(edge: np.ndarray, linked: np.ndarray) -> np.ndarray:
    arrow = np.zeros_like(edge)
    for c in range(len(edge)):
        above = np.flatnonzero(edge[:, c])
        apart = ~linked[np.ix_(above, above)]
        np.fill_diagonal(apart, False)
        arrow[above[apart.any(1)], c] = True
    return arrow


def _meek(arrow: np.ndarray, linked: np.ndarray) -> np.ndarray:
    """Directions a → b that Meek's first three rules force on undirected links."""
    line = linked & ~arrow & ~arrow.T
    forced = np.zeros_like(arrow)
    for a, b in zip(*np.nonzero(line), strict=True):
        into_a = np.flatnonzero(arrow[:, a])
        middle = np.flatnonzero(line[a] & arrow[:, b])
        apart = ~linked[np.ix_(middle, middle)]
        np.fill_diagonal(apart, False)
        # c → a − b with c, b apart;  a → c → b;  a − c → b and a − d → b with c, d apart
        forced[a, b] = (~linked[into_a, b]).any() or (arrow[a] & arrow[:, b]).any() or apart.any()
    return forced
