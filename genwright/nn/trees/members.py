"""Members: the donors that stand in leaves, and what they donate to a row.

A member donates its code: a category, an atom, a missing number, or a row's own number of an earlier column. One with
a smooth number donates a place in the stretch around it, moved by the slope of its leaf:

    y_i + b·(x − x_i)
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtr

from genwright.nn.trees.column import TreeColumn
from genwright.nn.trees.stretches import Stretches

FARTHEST = 6.0  # score to which slopes move donors


@dataclass(frozen=True)
class Recipients:
    """What B rows bring along to their donors.

    Args:
        shift: How far each row moves its donors' scores, b·x (B,).
        equals: The rows' own numbers that the column's may equal (B, J).
    """

    shift: np.ndarray
    equals: np.ndarray

    def part(self, rows: slice) -> "Recipients":
        """Some of the rows."""
        return Recipients(self.shift[rows], self.equals[rows])


@dataclass(frozen=True)
class Members:
    """Donors of a column, leaf after leaf.

    Args:
        column: The column.
        count: Members of each leaf (leaves,).
        codes: Code of each member (M,).
        weights: Rows that each member stands for (M,).
        offsets: Score that each member is moved by before a row's own shift, −b·x_i (M,); (0,) without slopes.
    """

    column: TreeColumn
    count: np.ndarray
    codes: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray

    @cached_property
    def start(self) -> np.ndarray:
        """First member of each leaf (leaves,)."""
        return np.cumsum(self.count) - self.count

    @cached_property
    def cumulative(self) -> np.ndarray:
        """Weights before each member, and of all (M + 1,)."""
        return np.concatenate([[0.0], np.cumsum(self.weights, dtype=np.float64)])

    def value(self, place: np.ndarray, recipients: Recipients, v: np.ndarray) -> np.ndarray:
        """What members donate to rows (B,).

        Args:
            place: The members (B,).
            recipients: The rows.
            v: Place in the members' stretches (B,).
        """
        code = self.codes[place]
        x = self.column.value(code)
        at = np.flatnonzero(code < -1)
        if len(at):
            x[at] = recipients.equals[at, -2 - code[at]]
        if self.column.smooth is None:
            return x
        at = np.flatnonzero(self.column.smooth_index[code] >= 0)
        rank = ndtr(self.stretches(place[at], recipients.shift[at]).place(v[at]))
        x[at] = self.column.smooth.value(rank)
        return x

    def stretches(self, place: np.ndarray, shift: np.ndarray) -> Stretches:
        """Stretches of smooth members (B,) that are moved by `shift`."""
        score, before, after = (table[place] for table in self._spaced)
        own_low, own_high = self.column.owned_scores[:, self.codes[place]]
        middle = np.clip(score + shift, -FARTHEST, FARTHEST)
        moved = middle - (own_low + own_high) / 2
        own = (own_low + moved, own_high + moved)
        return Stretches.around(middle, (before, after), own, stands_for_several=self.weights[place] > 1)

    @cached_property
    def _spaced(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Score of each member, and how far the next ones below and above are in its leaf (M,); NaN for atoms."""
        score = self.column.owned_scores[:, self.codes].mean(0)
        if len(self.offsets):
            score = score + self.offsets
        leaf = np.repeat(np.arange(len(self.count)), self.count)
        at = np.flatnonzero(~np.isnan(score))
        at = at[np.lexsort((score[at], leaf[at]))]
        before, after = np.full((2, len(score)), np.nan)
        before[at], after[at] = _gaps(score[at], leaf[at])
        return score, before, after


def _gaps(score: np.ndarray, leaf: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far the next other scores below and above are in a leaf, by leaf and score (M,); infinite at its ends."""
    is_new = np.ones(len(score), bool)
    is_new[1:] = (leaf[1:] != leaf[:-1]) | (score[1:] != score[:-1])
    group = np.cumsum(is_new) - 1  # members of a leaf that share a score
    gap = np.where(leaf[is_new][1:] == leaf[is_new][:-1], np.diff(score[is_new]), np.inf)
    return np.insert(gap, 0, np.inf)[group], np.append(gap, np.inf)[group]
