"""What the codes of a network's column are called in the words of the data: values, or ranges of numbers and dates."""

import numpy as np
import pyarrow as pa
import torch

from genwright.core.codec import TableCodec
from genwright.core.space import Category
from genwright.data.dates import without_midnights
from genwright.data.typed import as_written
from genwright.nn.networks.codes import HIDDEN, Codes

MISSING = "missing"
_DIGITS = (4, 6, 9, 17)  # of a number; more where fewer would not tell two ranges apart
_END = 1 - 1e-12  # of a cell whose upper end is not its own


def code_words(codec: TableCodec, name: str, codes: Codes) -> list[str]:
    """A word for each code of a column.

    Args:
        codec: Between records and tensors.
        name: The column.
        codes: Its codes.
    """
    if isinstance(codec.codecs[name].field.support, Category):
        values = codec.codecs[name].decode(torch.arange(codes.n))
        return _apart([MISSING if text is None else text for text in _texts(codec, name, values)])
    return _ranges(codec, name, codes)


def _texts(codec: TableCodec, name: str, values: pa.Array) -> list[str | None]:
    """Values as the data write them; None where missing."""
    texts = without_midnights(as_written(values, codec.schema[name])).to_pylist()
    return [None if text is None else str(text) for text in texts]


def _ranges(codec: TableCodec, name: str, codes: Codes) -> list[str]:
    """Each group's least and greatest value, or its single one."""
    low, high = (codes.place(np.arange(codes.n), np.full((codes.n, 2), u), 1.0) for u in (0.0, _END))
    ends = [codec.codecs[name].decode(torch.from_numpy(x)) for x in (low, high)]
    if pa.types.is_floating(ends[0].type) or pa.types.is_decimal(ends[0].type):
        for n_digits in _DIGITS:
            sides = [[None if v is None else f"{float(v):.{n_digits}g}" for v in side.to_pylist()] for side in ends]
            found = _joined(sides)
            if len(set(found)) == len(found):
                break
    else:
        texts = _texts(codec, name, pa.concat_arrays(ends))
        found = _joined([texts[: codes.n], texts[codes.n :]])
    for k, x in enumerate(low):
        inside = [found[j] for j in np.flatnonzero((low == high) & (low > x) & (low < high[k]))] if x == x else []
        found[k] += f" without {', '.join(inside)}" if inside else ""
    return _apart(found)


def _joined(sides: list[list[str | None]]) -> list[str]:
    pairs = zip(*sides, strict=True)
    return [MISSING if a is None or b is None else a if a == b else f"{a} to {b}" for a, b in pairs]


def _apart(words: list[str]) -> list[str]:
    """Words with a number behind those that would be equal."""
    return [w if words.count(w) == 1 else f"{w} ({k})" for k, w in enumerate(words)] if _has_twice(words) else words


def _has_twice(words: list[str]) -> bool:
    return len(set(words)) < len(words)


def shown_code(words: list[str], code: int) -> str:
    """A code's word; a hidden one is missing."""
    return MISSING if code == HIDDEN else words[code]
