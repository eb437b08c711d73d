"""Which class a value is, also where rows write their classes in another way than those of the fit.

A file's class `"1.0"` is a frame's 1.0, 1 or true. Words decide first; values that no word meets are compared as
numbers, unless both sides are words: of those, `"1"` and `"01"` may be two classes.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genwright.core.errors import quoted
from genwright.core.predictions import UNSEEN
from genwright.data.numbers import parse_floats

EXACT = 2.0**53  # whole numbers from here on are not all floats


def class_codes(values: pa.Array, known: pa.Array) -> np.ndarray:
    """The place of each value among the known ones (B,): `UNSEEN`, or −2 without a value."""
    values = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    codes = _same(values, known)
    if not (_is_words(values) and _is_words(known)):
        codes = np.where(codes < 0, _equal(_numbers(values), _numbers(known)), codes)
    codes[values.is_null().to_numpy(zero_copy_only=False)] = UNSEEN - 1
    return codes


def listed(values: pa.Array | pa.ChunkedArray, most: int = 3) -> str:
    """The first different values, as a message names them."""
    found = values.unique().drop_null().to_pylist()
    more = f" and {len(found) - most:,} more" if len(found) > most else ""
    return ", ".join(map(quoted, found[:most])) + more


def _same(values: pa.Array, known: pa.Array) -> np.ndarray:
    """Places of values that are the same in the type of the known ones, or as words."""
    try:
        values = values.cast(known.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        values, known = values.cast(pa.string()), known.cast(pa.string())
    found = pc.index_in(values, value_set=known).fill_null(UNSEEN)
    return np.array(found.to_numpy(zero_copy_only=False), np.int64)


def _equal(x: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Places of numbers (B,) among known ones (K,), of which those that are there twice tell nothing."""
    different, place, n = np.unique(known, return_index=True, return_counts=True)
    different, place = different[n == 1], place[n == 1]
    at = np.minimum(np.searchsorted(different, x), max(len(different) - 1, 0))
    return np.where(different[at] == x, place[at], UNSEEN) if len(different) else np.full(len(x), UNSEEN)


def _numbers(values: pa.Array) -> np.ndarray:
    """Values as float64, NaN where one is no number or too large to be told from its neighbours."""
    try:
        if pa.types.is_boolean(values.type):
            values = values.cast(pa.int8())
        found = parse_floats(values.cast(pa.string())) if _is_words(values) else values.cast(pa.float64(), safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return np.full(len(values), np.nan)
    x = found.to_numpy(zero_copy_only=False)
    return np.where(np.abs(x) < EXACT, x, np.nan)


def _is_words(values: pa.Array) -> bool:
    return pa.types.is_string(values.type) or pa.types.is_large_string(values.type)
