"""The format of identifiers: for each length, the characters that occur at each position.

    7590-VHVEG, 5575-GNVDE …  →  10 characters: digits, "-", capital letters

A template spans a product of character sets, and a row of it is a number in mixed radix. Only the last positions, of
which there are at most 2^62 combinations, carry the number that makes rows unique; the positions before them are
dice. Where few rows are known and the sets are small, they are widened to the classes of characters they belong to.
"""

import math
import string
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from genwright.codecs._hashing import mix

LONGEST = 256  # characters of an identifier
ROOM = 1000  # a template should have room for so many rows for each one it was learnt from
_UNIQUE = 2**62
_CLASSES: tuple[frozenset[int], ...] = tuple(  # the smallest first
    frozenset(map(ord, characters))
    for characters in (
        *(string.digits, string.digits + "abcdef", string.digits + "ABCDEF"),
        *(string.ascii_uppercase, string.ascii_lowercase),
        *(string.digits + string.ascii_uppercase, string.digits + string.ascii_lowercase),
        *(string.ascii_letters, string.digits + string.ascii_letters),
    )
)


@dataclass(frozen=True)
class Template:
    """Identifiers of one length.

    Args:
        sets: The characters at each position, sorted.
        n: How many identifiers it was learnt from.
    """

    sets: tuple[str, ...]
    n: int

    @property
    def room(self) -> int:
        """How many identifiers have this format."""
        return math.prod(len(s) for s in self.sets)

    @property
    def n_unique(self) -> int:
        """How many the last positions tell apart, at most 2^62."""
        return math.prod(len(s) for s in self.sets[self._first_unique :])

    @property
    def _first_unique(self) -> int:
        """The first of the positions that carry the number."""
        first, n = len(self.sets), 1
        while first and n * len(self.sets[first - 1]) <= _UNIQUE:
            first -= 1
            n *= len(self.sets[first])
        return first

    def fill(self, numbers: np.ndarray, dice: np.ndarray) -> np.ndarray:
        """Identifiers (N,) of numbers below `n_unique`; `dice` (N,) are uint64 for the positions before them."""
        characters = np.zeros((len(numbers), len(self.sets)), np.uint32)
        rest, first = numbers.astype(np.uint64), self._first_unique
        for position in reversed(range(len(self.sets))):
            size = np.uint64(len(self.sets[position]))
            if position >= first:
                rest, digit = np.divmod(rest, size)
            else:
                digit = mix(dice ^ np.uint64(position)) % size
            characters[:, position] = np.array(list(map(ord, self.sets[position])), np.uint32)[digit.astype(np.int64)]
        return characters.view(f"<U{len(self.sets)}")[:, 0] if self.sets else np.full(len(numbers), "")

    def widened(self) -> "Template":
        """Every position with more than one character becomes the class of characters it belongs to."""
        return Template(tuple(_widened(s) for s in self.sets), self.n)


def _widened(characters: str) -> str:
    codes = frozenset(map(ord, characters))
    fitting: list[frozenset[int]] = [c for c in _CLASSES if codes <= c] if len(codes) > 1 else []
    return "".join(map(chr, sorted(fitting[0]))) if fitting else characters


class Templates:
    """Learns the templates of identifiers, in any order."""

    def __init__(self) -> None:
        self._sets: dict[int, list[set[int]]] = {}
        self._n: dict[int, int] = {}

    def add(self, texts: Iterable[str]) -> None:
        """Takes in identifiers of at most `LONGEST` characters."""
        words = np.array(list(texts), dtype=np.str_)  # (N,)
        lengths = np.char.str_len(words)
        for length in np.unique(lengths).tolist():
            rows = words[lengths == length].astype(f"<U{max(1, length)}")
            characters = rows.view(np.uint32).reshape(len(rows), -1)[:, :length]  # (n, length)
            sets = self._sets.setdefault(length, [set() for _ in range(length)])
            for position, seen in enumerate(sets):
                seen.update(np.flatnonzero(np.bincount(characters[:, position])).tolist())
            self._n[length] = self._n.get(length, 0) + len(rows)

    def finish(self) -> list[Template]:
        """One template a length, the shortest first."""
        found = [
            Template(tuple("".join(map(chr, sorted(s))) for s in sets), self._n[length])
            for length, sets in sorted(self._sets.items())
        ]
        return [t if t.room >= ROOM * t.n else t.widened() for t in found]
