"""How far each pair of columns is from hanging together as in the real rows: a triangular heat map.

    TV(a, b) = ½ Σ_cells |p_real(a, b) − p_fake(a, b)|

over two-way tables of at most ten bins a column. A column's name stands on the diagonal: its row lies to the left of
the name, its column below. The distances are those of the judge `associations` where it has run, and are measured on
the records shown otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from markupsafe import Markup

from genwright.core.judge import Score
from genwright.report import svg
from genwright.report.values import Pair, codes
from genwright.report.words import breadth, is_known, number, shorten

N_SHOWN, N_SHADES, LABEL = 30, 6, 112
LEAST = 0.2  # the darkest shade stands for at least this distance, so that chance looks pale


@dataclass(frozen=True)
class Associations:
    """Distances of pairs of columns.

    Args:
        names: The columns.
        distances: Symmetric matrix (D, D); NaN on the diagonal and where a pair was not looked at.
        floor: Mean distance of real rows from real rows, NaN where it was not measured.
    """

    names: tuple[str, ...]
    distances: np.ndarray
    floor: float = float("nan")

    def worst(self, n: int) -> list[tuple[str, str, float]]:
        """The n pairs that are furthest off."""
        below = np.tril(np.nan_to_num(self.distances, nan=-1.0), -1) + np.triu(np.full_like(self.distances, -1.0))
        order = np.argsort(-below, axis=None, kind="stable")[:n]
        places = [np.unravel_index(i, below.shape) for i in order if below.flat[i] >= 0]
        return [(self.names[b], self.names[a], float(below[a, b])) for a, b in places]

    def trimmed(self, n: int) -> "Associations":
        """The n columns whose pairs are furthest off on average, in their own order."""
        if len(self.names) <= n:
            return self
        seen = np.maximum(1, np.sum(~np.isnan(self.distances), axis=1))
        keep = np.sort(np.argsort(-np.nansum(self.distances, axis=1) / seen, kind="stable")[:n])
        return Associations(tuple(self.names[i] for i in keep), self.distances[np.ix_(keep, keep)], self.floor)


def from_scores(scores: Sequence[Score]) -> Associations | None:
    """What the judge `associations` measured, or None."""
    for score in scores:
        names, pairs = score.details.get("columns"), score.details.get("pairs")
        if score.name != "associations.pairs" or not isinstance(names, Sequence) or pairs is None:
            continue
        distances = np.array([[v if is_known(v) else np.nan for v in row] for row in pairs], dtype=np.float64)
        if len(names) > 1 and distances.shape == (len(names), len(names)):
            return Associations(tuple(map(str, names)), distances, score.floor if is_known(score.floor) else np.nan)
    return None


def from_records(pairs: Sequence[Pair]) -> Associations | None:
    """Measured on the records shown; None for fewer than two columns."""
    shown = [p for p in pairs if p.shape != "nothing" and len(p.real) and len(p.fake)]
    if len(shown) < 2:
        return None
    coded = [codes(p) for p in shown]
    distances = np.full((len(shown), len(shown)), np.nan)
    for a, (real, fake, size) in enumerate(coded):
        for b in range(a):
            other_real, other_fake, other_size = coded[b]
            counts = [
                np.bincount(x * other_size + y, minlength=size * other_size) / len(x)
                for x, y in ((real, other_real), (fake, other_fake))
            ]
            distances[a, b] = distances[b, a] = 0.5 * np.abs(counts[0] - counts[1]).sum()
    return Associations(tuple(p.name for p in shown), distances)


def draw(found: Associations) -> Markup:
    """The figure."""
    found = found.trimmed(N_SHOWN)
    n = len(found.names)
    cell = 24 if n <= 12 else 20 if n <= 18 else 16
    limits = shades(found)
    parts = [
        svg.element("path", d=_cells(found, low, high, cell), class_=f"heat heat{i}")
        for i, (low, high) in enumerate(pairwise(limits))
    ]
    parts += [
        svg.text(i * cell + 4, (i + 0.5) * cell + 4, shorten(name, 18, breadth)) for i, name in enumerate(found.names)
    ]
    return svg.figure(
        "Pairs of columns: distance of two-way tables", describe(found), n * cell + LABEL, n * cell, parts
    )


def shades(found: Associations) -> np.ndarray:
    """Limits of the shades (N_SHADES + 1,), from 0 to the largest distance, or 0.2 where all are small."""
    largest = np.nanmax(found.distances) if (~np.isnan(found.distances)).any() else 0.0
    return np.linspace(0, max(LEAST, float(largest)), N_SHADES + 1)


def describe(found: Associations) -> str:
    """The figure in words."""
    worst = "; ".join(f"{shorten(a, 30)} and {shorten(b, 30)} {number(d)}" for a, b, d in found.worst(5))
    noise = f" Real rows differ from real rows by {number(found.floor)} on average." if is_known(found.floor) else ""
    return f"{len(found.names)} columns. Furthest from the real rows: {worst or 'none'}.{noise}"


def _cells(found: Associations, low: float, high: float, cell: float) -> str:
    """The path of all cells of one shade."""
    n, top = len(found.names), np.nanmax(np.append(shades(found), 0))
    inside = [
        (a, b)
        for a in range(n)
        for b in range(a)
        if low <= found.distances[a, b] < high or (high >= top and found.distances[a, b] >= high)
    ]
    return "".join(svg.box(b * cell + 1, a * cell + 1, cell - 2, cell - 2) for a, b in inside)
