"""A place for every column of an acyclic graph: layers from parents to children (Sugiyama, Tagawa and Toda 1981).

https://doi.org/10.1109/TSMC.1981.4308636

1. layers: a column stands below its parents, on the longest path to it, and at most `n_across` stand side by side;
2. order inside the layers: barycentre sweeps down and up, keeping the order with the fewest crossings. An edge over
   several layers is a chain of bends, which are ordered like columns and keep its way free;
3. places: each stands as near to the mean of its neighbours as the order and the widths allow (isotonic regression).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

Edge = tuple[int, int]

SWEEPS, ROUNDS = 24, 12


@dataclass(frozen=True)
class Layout:
    """Where everything stands.

    Args:
        layer: Of each column and bend (M,); columns come first.
        x: Middle of each (M,).
        chains: Edge → columns and bends on its way, parent first.
    """

    layer: list[int]
    x: np.ndarray
    chains: dict[Edge, list[int]]


def arranged(widths: Sequence[float], edges: Sequence[Edge], n_across: int, bend: float, gap: float) -> Layout:
    """A layout of columns with these widths.

    Args:
        widths: Of each column.
        edges: Pairs of parent and child.
        n_across: Most columns in a layer.
        bend: Width that a bend keeps free.
        gap: Distance between neighbours.
    """
    layer = layers(len(widths), edges, n_across)
    layer, chains = _with_bends(layer, edges)
    wide = np.array([*widths, *[bend] * (len(layer) - len(widths))])
    links = [pair for chain in chains.values() for pair in pairwise(chain)]
    rows = _ordered(layer, links)
    return Layout(layer, _places(rows, links, wide, gap), chains)


def layers(n: int, edges: Sequence[Edge], n_across: int) -> list[int]:
    """Layer of each column: below all parents, with at most `n_across` in a layer."""
    above: list[list[int]] = [[] for _ in range(n)]
    below: list[list[int]] = [[] for _ in range(n)]
    for a, b in edges:
        above[b].append(a)
        below[a].append(b)
    height = _heights(below)
    layer, room = [-1] * n, dict.fromkeys(range(n + 1), n_across)
    for v in sorted(range(n), key=lambda v: (-height[v], v)):  # parents are higher than their children
        k = max((layer[p] + 1 for p in above[v]), default=0)
        while not room[k]:
            k += 1
        layer[v], room[k] = k, room[k] - 1
    for v in sorted(range(n), key=lambda v: height[v]):  # nearer to the children, where that shortens edges
        lowest = min((layer[c] - 1 for c in below[v]), default=layer[v])
        free = [k for k in range(lowest, layer[v], -1) if room[k]]
        if free and len(below[v]) > len(above[v]):
            room[layer[v]] += 1
            layer[v] = free[0]
            room[free[0]] -= 1
    used = {k: i for i, k in enumerate(sorted(set(layer)))}
    return [used[k] for k in layer]


def _heights(below: list[list[int]]) -> list[int]:
    """Edges on the longest path that leads down from each column."""
    found = [0] * len(below)
    for _ in below:
        new = [max((found[c] + 1 for c in children), default=0) for children in below]
        if new == found:
            break
        found = new
    return found


def _with_bends(layer: list[int], edges: Sequence[Edge]) -> tuple[list[int], dict[Edge, list[int]]]:
    layer, chains = list(layer), {}
    for a, b in edges:
        bends = range(len(layer), len(layer) + layer[b] - layer[a] - 1)
        layer += range(layer[a] + 1, layer[b])
        chains[a, b] = [a, *bends, b]
    return layer, chains


def _ordered(layer: list[int], links: list[Edge]) -> list[list[int]]:
    """What stands in each layer, from left to right."""
    rows: list[list[int]] = [[] for _ in range(max(layer, default=-1) + 1)]
    for v, k in enumerate(layer):
        rows[k].append(v)
    above, below = _neighbours(len(layer), links)
    best, least = [list(row) for row in rows], crossings(rows, links)
    for turn in range(SWEEPS):
        near = below if turn % 2 else above
        for k in range(len(rows))[:: -1 if turn % 2 else 1]:
            place = {v: (i + 0.5) / len(row) for row in rows for i, v in enumerate(row)}
            goal = {v: float(np.mean([place[w] for w in near[v]])) if near[v] else place[v] for v in rows[k]}
            rows[k].sort(key=goal.__getitem__)
        n = crossings(rows, links)
        if n < least:
            best, least = [list(row) for row in rows], n
    return best


def crossings(rows: list[list[int]], links: list[Edge]) -> int:
    """How often two links between the same layers cross."""
    place = {v: (k, i) for k, row in enumerate(rows) for i, v in enumerate(row)}
    total = 0
    for k in range(len(rows)):
        ends = np.array([(place[a][1], place[b][1]) for a, b in links if place[a][0] == k]).reshape(-1, 2)
        order = np.sign(ends[:, None] - ends[None])  # (L, L, 2)
        total += int((order[..., 0] * order[..., 1] < 0).sum()) // 2
    return total


def _neighbours(n: int, links: list[Edge]) -> tuple[list[list[int]], list[list[int]]]:
    above: list[list[int]] = [[] for _ in range(n)]
    below: list[list[int]] = [[] for _ in range(n)]
    for a, b in links:
        above[b].append(a)
        below[a].append(b)
    return above, below


def _places(rows: list[list[int]], links: list[Edge], wide: np.ndarray, gap: float) -> np.ndarray:
    above, below = _neighbours(len(wide), links)
    x = np.zeros(len(wide))
    starts = [np.concatenate([[0.0], np.cumsum((wide[row][1:] + wide[row][:-1]) / 2 + gap)]) for row in rows]
    for row, start in zip(rows, starts, strict=True):
        x[row] = start - start[-1] / 2
    for turn in range(ROUNDS):
        for k in range(len(rows))[:: -1 if turn % 2 else 1]:
            near = [above[v] + below[v] if turn > ROUNDS / 2 else (below if turn % 2 else above)[v] for v in rows[k]]
            goal = np.array([np.mean(x[w]) if w else x[v] for v, w in zip(rows[k], near, strict=True)])
            x[rows[k]] = _isotonic(goal - starts[k]) + starts[k]
    return x


def _isotonic(y: np.ndarray) -> np.ndarray:
    """The nearest sequence that never falls (pool adjacent violators)."""
    blocks: list[list[float]] = []  # sum, length
    for value in y.tolist():
        blocks.append([value, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, n = blocks.pop()
            blocks[-1] = [blocks[-1][0] + total, blocks[-1][1] + n]
    return np.concatenate([np.full(int(n), total / n) for total, n in blocks])
