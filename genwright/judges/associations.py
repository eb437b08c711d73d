"""Do columns hang together as they should? Total variation of two-way and three-way tables.

    TV = ½ Σ_cells |p(a, b) − q(a, b)|

Columns become histograms whose bins are learnt from the training rows: numbers in bins of equal rank (a missing number
has its own), rare categories pooled. This is the k-way marginal error by which generators of private tables are
compared (McKenna, Miklau and Sheldon, 2021, https://arxiv.org/abs/2108.04978). As in `marginals`, the interval keeps
each table's worst set of cells and lets the rows vary, and sampling noise alone makes the value positive: read it
against the floor.
"""

from itertools import combinations
from math import comb
from typing import ClassVar

import numpy as np

from genwright.core.dataset import n_rows
from genwright.core.features import equal_size, histogram_codes, matrix, sample_rows
from genwright.core.judge import Evidence, Judge, Measure, Part
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch
from genwright.core.statistics import Distance, mean_distance, normal_measure, total_variation

Groups = list[tuple[int, ...]]  # columns of each table


class Associations(Judge):
    """Mean distance of two-way and three-way tables."""

    parts: ClassVar[dict[str, Part]] = {
        "pairs": Part("distance", "lower", "How far two-way tables are off on average, in shares of rows."),
        "triples": Part("distance", "lower", "How far three-way tables are off on average, in shares of rows."),
    }
    source = "McKenna, Miklau and Sheldon (2021), https://arxiv.org/abs/2108.04978"
    max_rows = 50_000
    n_bins: ClassVar[dict[str, int]] = {
        "pairs": 10,
        "triples": 5,
    }  # bins a column has at most, besides missing or pooled
    max_tables: ClassVar[dict[str, int]] = {"pairs": 300, "triples": 200}

    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """Mean over tables; `details["pairs"]` is the matrix of distances, None where a pair was not looked at."""
        rng = numpy_generator(evidence.seed, "associations")
        real, is_category = matrix(sample_rows(evidence.held_out, self.max_rows, rng), evidence.space)
        drawn, _ = matrix(sample_rows(fake, equal_size(fake, evidence, self.max_rows), rng), evidence.space)
        train, _ = matrix(sample_rows(evidence.train, self.max_rows, rng), evidence.space)
        names, measures = list(evidence.space), {}
        for size, part in enumerate(self.parts, start=2):
            groups = _groups(len(names), size, self.max_tables[part], numpy_generator(evidence.seed, "tables", part))
            if not groups or not len(real) or not len(drawn):
                continue
            a, b = (_all_codes(X, train, is_category, self.n_bins[part]) for X in (real, drawn))
            distances = [_distance(a, b, group, self.n_bins[part] + 1) for group in groups]
            details = {"columns": names, "pairs": _heat_map(groups, distances, len(names))} if size == 2 else {}
            measures[part] = normal_measure(*mean_distance(distances), len(drawn), 0, 1, details)
        return measures

    def protocol(self, evidence: Evidence) -> str:
        """Rows, bins and tables."""
        n, m = equal_size(evidence.fake, evidence, self.max_rows), min(self.max_rows, n_rows(evidence.held_out))
        tables = [min(self.max_tables[p], comb(len(evidence.space), k)) for k, p in enumerate(self.parts, start=2)]
        return (
            f"{n:,} draws against {m:,} held-out rows (at most {self.max_rows:,} a side); {tables[0]:,} pairs in at "
            f"most {self.n_bins['pairs']} bins a column and {tables[1]:,} triples in at most {self.n_bins['triples']}, "
            "bins from training rows; mean total variation; linearised interval"
        )


def _groups(n_columns: int, size: int, n_max: int, rng: np.random.Generator) -> Groups:
    """All groups of `size` columns, or n_max of them at random, in order."""
    if comb(n_columns, size) <= 4 * n_max:
        every = list(combinations(range(n_columns), size))
        chosen = rng.permutation(len(every))[:n_max]
        return [every[i] for i in np.sort(chosen)]
    found: set[tuple[int, ...]] = set()
    while len(found) < n_max:
        found.add(tuple(sorted(map(int, rng.choice(n_columns, size, replace=False)))))
    return sorted(found)


def _all_codes(X: np.ndarray, train: np.ndarray, is_category: np.ndarray, n_bins: int) -> np.ndarray:
    """Rows as codes 0 … n_bins, columns first (D, B)."""
    return np.stack([histogram_codes(x, t, bool(c), n_bins) for x, t, c in zip(X.T, train.T, is_category, strict=True)])


def _distance(real: np.ndarray, fake: np.ndarray, group: tuple[int, ...], base: int) -> Distance:
    """Distance of the tables of some columns."""
    x, y = (np.ravel_multi_index(tuple(codes[list(group)]), (base,) * len(group)) for codes in (real, fake))
    return total_variation(x, y, base ** len(group))


def _heat_map(groups: Groups, distances: list[Distance], n_columns: int) -> list[list[float | None]]:
    """The distances of pairs as a symmetric matrix."""
    cells: list[list[float | None]] = [[None] * n_columns for _ in range(n_columns)]
    for (a, b), distance in zip(groups, distances, strict=True):
        cells[a][b] = cells[b][a] = distance.value
    return cells
