"""What one pass keeps of the texts of a column: how often each character occurs, lengths, and the texts themselves,
all of them while they are few, else a sample that depends on the texts only and not on their order.

Beyond `LIMIT` bytes each different text is kept once, however often it occurs, if its hash lies below a threshold; the
threshold is halved as often as it takes.
"""

import hashlib
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genwright.codecs._characters import points_of

LIMIT = 16_000_000  # bytes of texts that are kept
LONGEST = 1 << 18  # bytes that are kept of one text


class Sample:
    """Facts about texts.

    Args:
        limit: Bytes of texts that are kept.
    """

    def __init__(self, limit: int = LIMIT):
        self.limit = limit
        self.n = self.n_bytes = self.n_kept = 0  # texts, their bytes, bytes that are kept
        self.longest = self.most_characters = 0  # bytes and characters of the longest text
        self.counts = np.zeros(0, np.int64)  # by code point
        self._kept: Counter[str] = Counter()
        self._threshold: int | None = None  # hashes below it are kept; None: every text is, as often as it occurs

    def add(self, texts: pa.Array) -> None:
        """Takes in large strings without nulls."""
        sizes = pc.binary_length(texts).to_numpy(zero_copy_only=False)
        self.n += len(texts)
        self.n_bytes += int(sizes.sum())
        self.longest = max(self.longest, int(sizes.max(initial=0)))
        self.most_characters = max(self.most_characters, pc.max(pc.utf8_length(texts)).as_py() or 0)
        self._count(points_of(texts))
        for text in texts.to_pylist():
            self._keep(text if len(text) <= LONGEST // 4 else text[: LONGEST // 4])

    @property
    def n_characters(self) -> int:
        """Characters of all texts."""
        return int(self.counts.sum())

    @property
    def is_whole(self) -> bool:
        """Whether every text was kept, and wholly."""
        return self.n_kept == self.n_bytes

    def texts(self) -> list[str]:
        """What was kept, in an order that does not depend on how it came."""
        return sorted(self._kept.elements())

    def _count(self, points: np.ndarray) -> None:
        found = np.bincount(points)
        if len(found) > len(self.counts):
            found[: len(self.counts)] += self.counts
            self.counts = found
        else:
            self.counts[: len(found)] += found

    def _keep(self, text: str) -> None:
        if self._threshold is not None and (text in self._kept or _hash(text) >= self._threshold):
            return
        self._kept[text] += 1
        self.n_kept += len(text.encode())
        while self.n_kept > self.limit:
            self._threshold = 1 << 64 if self._threshold is None else self._threshold >> 1
            self._kept = Counter({kept for kept in self._kept if _hash(kept) < self._threshold})
            self.n_kept = sum(len(kept.encode()) for kept in self._kept)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
