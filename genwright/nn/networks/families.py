"""Scores of families over one set of rows, each counted once.

Where codes are hidden, a family is scored on the rows that show all of it (available cases), its counts scaled up to
the number of all rows.
"""

from collections.abc import Sequence

import numpy as np

from genwright.nn.networks.counts import FamilyCounts
from genwright.nn.networks.graph import Parents
from genwright.nn.networks.scores import Score

NEVER = -1e12  # score of a family that no row shows whole


class FamilyScores:
    """A score's values, remembered.

    Args:
        counts: Of the rows.
        score: The score.
        max_table: Entries that a family's table may have.
    """

    def __init__(self, counts: FamilyCounts, score: Score, max_table: int):
        self.counts, self.score, self.max_table = counts, score, max_table
        self.too_large: set[tuple[int, frozenset[int]]] = set()  # families passed over because of their size
        self._known: dict[tuple[int, frozenset[int]], float] = {}

    def family(self, child: int, parents: Sequence[int]) -> float:
        """Score of a column with these parents."""
        key = (child, frozenset(parents))
        if key not in self._known:
            count = self.counts.count([*sorted(parents), child])
            self._known[key] = self._scored(count.reshape(-1, count.shape[-1], 1))
        return self._known[key]

    def with_each(self, child: int, parents: Sequence[int], extras: Sequence[int]) -> np.ndarray:
        """Scores of the family with one more parent, for each of the extras (len(extras),).

        Families that are too large, or that cannot beat the column without parents, score −inf.
        """
        found = np.full(len(extras), -np.inf)
        columns, r = [*sorted(parents), child], self.counts.cards[child]
        for i, extra in enumerate(extras):
            key = (child, frozenset((*parents, extra)))
            if key not in self._known and self._is_promising(key):
                count = self.counts.count_with(columns, extra)
                self._known[key] = self._scored(count.reshape(-1, r, count.shape[-1]))
            found[i] = self._known.get(key, -np.inf)
        return found

    def total(self, parents: Parents) -> float:
        """Score of a graph."""
        return sum(self.family(v, above) for v, above in enumerate(parents))

    def _is_promising(self, key: tuple[int, frozenset[int]]) -> bool:
        child, above = key
        q, r = self.counts.size(tuple(above)), self.counts.cards[child]
        if q * r > self.max_table:
            self.too_large.add(key)
            return False
        return self.score.ceiling(q, r) > self.family(child, ())

    def _scored(self, count: np.ndarray) -> float:
        """Score of counts with the column on axis 1 of three."""
        n_seen = count.sum()
        if n_seen == 0:
            return NEVER
        return self.score.family(count if n_seen == self.counts.n_rows else count * (self.counts.n_rows / n_seen))
