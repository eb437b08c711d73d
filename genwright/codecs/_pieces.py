"""What each code of a text spells: a table of byte strings, read in one sweep over many rows.

Codes 0, 1, 2 spell nothing: `PAD` behind the end, `END` of a text, `MISSING` alone in a row without a text. The others
spell the same bytes wherever they stand, so that decoding is a look-up whatever the tokenizer.

A piece that is not UTF-8 by itself, such as half a character, is written with Python's surrogate escapes: pieces can
be joined as they are, and `whole` makes text of them.
"""

import codecs
from itertools import pairwise

import numpy as np
import pyarrow as pa

PAD, END, MISSING = 0, 1, 2
N_SPECIAL = 3  # codes before the first piece


class Pieces:
    """A vocabulary's pieces.

    Args:
        pieces: The bytes of the codes behind the special ones.
        n_special: Special codes; 2 where there is none for a missing text.
    """

    def __init__(self, pieces: list[bytes], n_special: int = N_SPECIAL):
        self.n_special = n_special
        self.bytes = [b""] * n_special + pieces  # (V,)
        self._joined = np.frombuffer(b"".join(self.bytes), np.uint8)
        self._sizes = np.array([len(piece) for piece in self.bytes])  # (V,)
        self._starts = np.cumsum(self._sizes) - self._sizes  # (V,)

    def __len__(self) -> int:
        return len(self.bytes)

    def texts(self) -> list[str]:
        """The text of each code (V,)."""
        return [piece.decode("utf-8", "surrogateescape") for piece in self.bytes]

    def spell(self, codes: np.ndarray) -> pa.Array:
        """Rows of codes (B, T) → large strings (B,); null where a row begins with `MISSING`.

        A row ends at its first `END`. Special codes inside it spell nothing; bytes that are no UTF-8 become U+FFFD,
        and a character that the end cuts in two is left out.
        """
        inside = np.arange(codes.shape[1]) < _length(codes)[:, None]  # (B, T)
        flat = codes[inside]
        sizes = self._sizes[flat]
        data = self._joined[np.repeat(self._starts[flat], sizes) + _places(sizes)]
        ends = np.concatenate([[0], np.cumsum(sizes)])[np.cumsum(np.concatenate([[0], inside.sum(1)]))]  # (B + 1,)
        is_missing = (codes[:, :1] == MISSING).any(1) & (self.n_special > MISSING)
        return _strings(data.tobytes(), ends, is_missing)


def whole(data: bytes) -> str:
    """Bytes as text: what is no UTF-8 becomes U+FFFD, half a character at the end is left out."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(data)


def rows_of(flat: np.ndarray, sizes: np.ndarray, length: int) -> np.ndarray:
    """Codes one text behind the other, and how many each text has (B,) → rows (B, length), ended and padded.

    A text of `length` codes or more is cut there and has no end.
    """
    rows = np.full((len(sizes), length), PAD, np.int64)
    row, place = np.repeat(np.arange(len(sizes)), sizes), _places(sizes)
    fits = place < length
    rows[row[fits], place[fits]] = flat[fits]
    ended = np.flatnonzero(sizes < length)
    rows[ended, sizes[ended]] = END
    return rows


def _length(codes: np.ndarray) -> np.ndarray:
    """Codes before the first `END` of each row (B,)."""
    is_end = codes == END
    return np.where(is_end.any(1), is_end.argmax(1), codes.shape[1]) if codes.shape[1] else np.zeros(len(codes), int)


def _places(sizes: np.ndarray) -> np.ndarray:
    """0 … size−1 for each size, one behind the other."""
    return np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def _strings(data: bytes, ends: np.ndarray, is_missing: np.ndarray) -> pa.Array:
    validity = pa.array(~is_missing).buffers()[1]
    buffers = [validity, pa.py_buffer(ends.astype(np.int64)), pa.py_buffer(data)]
    found = pa.Array.from_buffers(pa.large_string(), len(is_missing), buffers)
    try:
        found.validate(full=True)
    except pa.ArrowInvalid:  # some bytes are no UTF-8
        texts = [whole(data[a:b]) for a, b in pairwise(ends)]
        return pa.array(texts, pa.large_string(), mask=is_missing)
    return found
