"""Numbers written as text: read exactly, and written back the way the column writes them.

A number is an optional sign, digits with at most one decimal point, an optional exponent; or an infinity. Not numbers:
`00501` (the zeros mean something), `1,234` and `1,5` (a comma is a separator in one country and a point in another),
whole numbers too long for 64 bits (a float would change their last digits).
"""

import re
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
INFINITE = r"(?i)^[+-]?inf(inity)?$"
LEADING_ZERO = r"^[+-]?0\d"
WHOLE = r"^[+-]?\d+$"
ZERO_FRACTION = r"\.0*$"
WITH_COMMA = r"^[+-]?\d+(,\d+)+(\.\d+)?$"
MAX_DECIMALS = 15  # more cannot be told apart in a float


def parse_floats(trimmed: "pa.Array") -> "pa.Array":
    """The numbers as float64; null where a string is no number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        found = trimmed.cast(pa.float64())
        return pc.if_else(pc.is_nan(found), pa.scalar(None, pa.float64()), found)  # Arrow reads "nAn", which is none
    except pa.ArrowInvalid:
        is_number = pc.or_(pc.match_substring_regex(trimmed, NUMBER), pc.match_substring_regex(trimmed, INFINITE))
        return pc.if_else(is_number, trimmed, pa.scalar(None, trimmed.type)).cast(pa.float64())


def parse_integers(trimmed: "pa.Array") -> "pa.Array":
    """The whole numbers as int64, also those written as floats (`24.0`, `1e3`); null where a string is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pc.all(pc.match_substring_regex(trimmed, WHOLE)).as_py():
        trimmed = _without_fraction(trimmed)
    signless = pc.utf8_ltrim(trimmed, "+")
    is_whole = pc.match_substring_regex(trimmed, WHOLE)
    whole = pc.if_else(is_whole, signless, pa.scalar(None, trimmed.type))
    try:
        return whole.cast(pa.int64())
    except pa.ArrowInvalid:
        return pa.array(map(_int64, whole.to_pylist()), pa.int64())


def _int64(digits: str | None) -> int | None:
    """The whole number, where it fits in 64 bits."""
    if digits is None or len(digits.lstrip("-0")) > 19:  # Python itself refuses thousands of digits
        return None
    sign, size = digits[:1] == "-", int(digits.lstrip("-0") or "0")
    number = -size if sign else size
    return number if -(2**63) <= number < 2**63 else None


def _without_fraction(trimmed: "pa.Array") -> "pa.Array":
    """Floats without a fraction as digits; other strings as they are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    is_float = pc.match_substring_regex(trimmed, NUMBER)
    plain = pc.if_else(is_float, pc.replace_substring_regex(trimmed, ZERO_FRACTION, ""), trimmed)
    has_exponent = pc.and_(is_float, pc.match_substring_regex(plain, "[eE]"))
    if not pc.any(has_exponent).as_py():
        return plain
    return pc.replace_with_mask(plain, has_exponent, pa.array(map(_digits, plain.filter(has_exponent).to_pylist())))


def _digits(number: str) -> str:
    """A number with an exponent as digits, where it is whole and fits in 64 bits."""
    if not re.search("[1-9]", re.split("[eE]", number)[0]):
        return "0"
    if not 1 <= abs(float(number)) < 2**63:
        return number
    value = Decimal(number)
    return str(int(value)) if value == int(value) else number


def count_decimals(trimmed: "pa.Array") -> "pa.Array":
    """Digits behind the point; strings without a point have none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    at = pc.find_substring(trimmed, ".")
    n = pc.subtract(pc.subtract(pc.utf8_length(trimmed), at), 1)
    return pc.if_else(pc.less(at, 0), pa.scalar(0, pa.int32()), n)


def has_match(values: "pa.Array", pattern: str) -> bool:
    """Whether any string matches."""
    import pyarrow.compute as pc

    return bool(pc.any(pc.match_substring_regex(values, pattern)).as_py())


def format_floats(values: "np.ndarray", decimals: int | None, min_decimals: int) -> list[str]:
    """Floats (N,) as text with at most `decimals` digits behind the point and at least `min_decimals`.

    >>> import numpy as np
    >>> format_floats(np.array([1.5, 2.0]), 2, 0)
    ['1.5', '2']
    """
    if decimals is None:
        return [_shortest(v, min_decimals) for v in values.tolist()]
    rounded = [v and (round(v, decimals) or 0.0) for v in values.tolist()]  # a −0 stays, but none comes of rounding
    if decimals == min_decimals:
        return [f"{v:.{decimals}f}" for v in rounded]
    return [_shortest(v, min_decimals) for v in rounded]  # Python rounds correctly


def _shortest(value: float, min_decimals: int) -> str:
    """The fewest digits that read back as the same float, but at least `min_decimals` behind the point."""
    whole, point, fraction = repr(value).partition(".")
    if not point or "e" in fraction:
        return repr(value)
    fraction = fraction.rstrip("0").ljust(min_decimals, "0")
    return f"{whole}.{fraction}" if fraction else whole
