"""The longest piece of each text that is found in a corpus, by a suffix array (Manber and Myers, 1993).

https://doi.org/10.1137/0222058 · array: Mori's divsufsort; common prefixes: Kasai et al. (2001)

Corpus and texts stand in one string S whose suffixes are sorted: SA. Neighbours in SA share the longest prefixes, and
what suffix i of a text shares with the corpus is what it shares with the nearest corpus suffix above or below it:

    match(i) = max over both directions of  min { LCP between neighbours from i to that suffix }

S is UTF-8, in which the bytes 0xFE and 0xFF do not occur: they part texts and documents, so that no match crosses them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_DOCUMENT, _TEXT = b"\xff", b"\xfe"
_FAR = 1 << 31  # above any length


@dataclass(frozen=True)
class Matches:
    """Longest matches of texts.

    Args:
        length: Characters of each text's longest match (B,).
        start: Where it begins in the text (B,), in characters.
        document: The document of the corpus that has it (B,); −1 where nothing is shared.
        at: Where it begins in that document (B,), in characters.
    """

    length: np.ndarray
    start: np.ndarray
    document: np.ndarray
    at: np.ndarray


def longest_matches(texts: Sequence[str], corpus: Sequence[str], runs_on: bool = False) -> Matches:
    """The longest substring that each text shares with the corpus.

    Args:
        texts: To be looked up.
        corpus: Documents.
        runs_on: The documents are passages of one text, in order: a match may go on into the next.
    """
    from pydivsufsort import divsufsort, kasai

    documents, rows = ([t.encode("utf-8", "replace") for t in side] for side in (corpus, texts))
    gap = b"" if runs_on else _DOCUMENT
    known = gap.join(documents) + _DOCUMENT
    S = np.frombuffer(bytearray(known + _TEXT.join(rows) + _TEXT), np.uint8)
    sa = divsufsort(S)  # (|S|,)
    lcp = kasai(S, sa)  # (|S|,) shared by sa[k] and sa[k+1]
    n_bytes, other = _nearest(sa, lcp, len(known))  # (|S|,) by place in S
    is_start = (S & 0xC0) != 0x80
    places = np.append(0, is_start.cumsum())  # characters before each byte
    ends = np.arange(len(S)) + n_bytes
    is_cut = (ends < len(S)) & ~is_start[np.minimum(ends, len(S) - 1)]  # a match ends within a character
    n_shared = np.where(is_start, places[ends] - places[:-1] - is_cut, 0)
    return _by_text(n_shared, other, places, rows, documents, len(known), len(gap))


def _nearest(sa: np.ndarray, lcp: np.ndarray, n_known: int) -> tuple[np.ndarray, np.ndarray]:
    """Bytes that each suffix shares with the corpus suffix most like it, and where that one begins; by place in S."""
    is_known = sa < n_known
    up, up_at = _downwards(is_known, lcp[:-1], sa)
    down, down_at = _downwards(is_known[::-1], lcp[:-1][::-1], sa[::-1])
    down, down_at = down[::-1], down_at[::-1]
    best, at = np.empty(len(sa), np.int64), np.empty(len(sa), np.int64)
    best[sa], at[sa] = np.maximum(up, down), np.where(up >= down, up_at, down_at)
    return best, at


def _downwards(is_known: np.ndarray, shared: np.ndarray, sa: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same with the last corpus suffix before each: a running minimum that begins anew at every corpus suffix."""
    turn = is_known.cumsum()  # which corpus suffix was last
    last = np.maximum.accumulate(np.where(is_known, np.arange(len(sa)), -1))
    steps = np.append(_FAR, shared.astype(np.int64))
    steps[is_known] = _FAR
    running = np.minimum.accumulate(steps - turn * (2 * _FAR)) + turn * (2 * _FAR)  # a later turn lies below all others
    is_there = (last >= 0) & ~is_known
    return np.where(is_there, running, 0), np.where(is_there, sa[np.maximum(last, 0)], -1)


def _by_text(
    n_shared: np.ndarray,
    other: np.ndarray,
    places: np.ndarray,
    rows: list[bytes],
    documents: list[bytes],
    n_known: int,
    gap: int,
) -> Matches:
    """The longest match of each text, its place there, and its document and place in the corpus."""
    first = n_known + np.append(0, np.cumsum([len(row) + 1 for row in rows]))[:-1].astype(np.int64)  # (B,)
    best = np.array([f + int(n_shared[f : f + len(row) + 1].argmax()) for f, row in zip(first, rows, strict=True)], int)
    if not len(best):
        return Matches(*(np.zeros(0, np.int64) for _ in range(4)))
    length, source = n_shared[best], np.maximum(other[best], 0)
    opens = np.append(0, np.cumsum([len(d) + gap for d in documents]))[:-1].astype(np.int64)  # (N,)
    document = np.searchsorted(opens, source, "right") - 1
    is_found = length > 0
    at = places[source] - places[opens[np.maximum(document, 0)]] if len(opens) else np.zeros_like(source)
    return Matches(length, places[best] - places[first], np.where(is_found, document, -1), np.where(is_found, at, 0))
