"""Texts as characters; those without a code of their own are spelt in bytes of UTF-8, so that any text can be told.

With no character at all it is the byte tokenizer: code 3 + b for byte b.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genwright.codecs._pieces import N_SPECIAL
from genwright.core.errors import DataError

FEW = 256  # so many different characters all have codes
SELDOM = 3  # beyond, a character that occurs less often has none
NEVER = (0xC0, 0xC1, *range(0xF5, 0x100))  # bytes that UTF-8 does not use


class Characters:
    """A tokenizer of characters and bytes.

    Args:
        points: The code points that have codes of their own, increasing.
    """

    def __init__(self, points: list[int]):
        self.points = points
        self.spelt = self._needed()  # bytes that have codes
        self._code = np.full(max(points, default=0) + 2, -1, np.int64)  # code point → code; the last: beyond
        self._code[points] = N_SPECIAL + np.arange(len(points))
        self._byte = np.full(256, -1, np.int64)
        self._byte[self.spelt] = N_SPECIAL + len(points) + np.arange(len(self.spelt))

    def _needed(self) -> list[int]:
        if not self.points:
            return list(range(256))
        known = set(self.points)
        return [b for b in range(256) if b not in NEVER and (b >= 128 or b not in known)]

    @classmethod
    def learn(cls, counts: np.ndarray, most: int) -> "Characters":
        """From how often each code point occurs: all of them if they are few, else those that are not seldom.

        Args:
            counts: By code point.
            most: Characters that may have codes, the most frequent; 0: any number.
        """
        seen = np.flatnonzero(counts)
        if len(seen) > FEW:
            seen = seen[counts[seen] >= SELDOM]
        if most and len(seen) > most:
            seen = seen[np.lexsort((seen, -counts[seen]))[:most]]
        return cls(np.sort(seen).tolist())

    def pieces(self) -> list[bytes]:
        """The bytes of codes 3, 4, 5 …"""
        return [chr(p).encode() for p in self.points] + [bytes([b]) for b in self.spelt]

    def encode(self, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Large strings without nulls → codes one text behind the other, and how many each text has (B,)."""
        points = points_of(texts)
        sizes = pc.utf8_length(texts).to_numpy(zero_copy_only=False).astype(np.int64)
        codes = self._code[np.minimum(points, len(self._code) - 1)]
        if (codes >= 0).all():
            return codes, sizes
        widths = np.where(codes >= 0, 1, _n_bytes(points))  # codes a character
        before = np.concatenate([[0], np.cumsum(widths)])
        ends = np.cumsum(sizes)
        return self._spelt(codes, points, widths), before[ends] - before[ends - sizes]

    def _spelt(self, codes: np.ndarray, points: np.ndarray, widths: np.ndarray) -> np.ndarray:
        """The codes with bytes in place of characters that have none."""
        is_byte = np.repeat(codes < 0, widths)
        out = np.repeat(codes, widths)
        text = points[codes < 0].astype("<u4").tobytes().decode("utf-32-le")
        out[is_byte] = self._byte[np.frombuffer(text.encode(), np.uint8)]
        return out

    def state(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"characters": "".join(map(chr, self.points))}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Characters":
        """The inverse of `state`.

        Raises:
            DataError: these are no characters, or not in order.
        """
        text = state["characters"]
        points = list(map(ord, text)) if isinstance(text, str) else [0, 0]
        if sorted(set(points)) != points or any(0xD800 <= p <= 0xDFFF for p in points):
            raise DataError("the characters of a text codec are not in order; its state is damaged")
        return cls(points)


def points_of(texts: pa.Array) -> np.ndarray:
    """The code points of large strings without nulls, one text behind the other."""
    _, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return np.zeros(0, np.uint32)
    ends = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    joined = bytes(memoryview(data)[ends[0] : ends[-1]]).decode("utf-8")
    return np.frombuffer(joined.encode("utf-32-le"), np.uint32)


def _n_bytes(points: np.ndarray) -> np.ndarray:
    """Bytes of each code point in UTF-8."""
    return 1 + (points >= 0x80) + (points >= 0x800) + (points >= 0x10000)
