"""Dates written as text: formats are found by elimination over all rows, and dates are written back in theirs.

A format is spelt as in `datetime.strftime`; `%-d` and its kin are numbers without leading zeros, `%f` is a fraction
of 1 to 9 digits that may be absent together with its point, `%z` is Z or an offset. All of the years 1 to 9999 fit.
A day that is not in the calendar (31 February) is no date.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
PARTS = {
    **{"%Y": r"(?P<Y>\d{4})", "%y": r"(?P<y>\d{2})", "%m": r"(?P<m>\d{2})", "%-m": r"(?P<m>\d{1,2})"},
    **{"%d": r"(?P<d>\d{2})", "%-d": r"(?P<d>\d{1,2})", "%b": r"(?P<b>[A-Za-z]{3})", "%B": r"(?P<b>[A-Za-z]{3,9})"},
    **{"%H": r"(?P<H>\d{2})", "%-H": r"(?P<H>\d{1,2})", "%I": r"(?P<I>\d{2})", "%-I": r"(?P<I>\d{1,2})"},
    **{"%M": r"(?P<M>\d{2})", "%S": r"(?P<S>\d{2})", ".%f": r"(?:\.(?P<f>\d{1,9}))?"},
    **{"%p": r"(?P<p>[AaPp][Mm])", "%z": r"(?P<z>Z|[+-]\d{2}:?\d{2})"},
}
_TOKEN = re.compile(r"\.%f|%-?[A-Za-z]")
_MINUTE, _DAY = 60_000_000, 86_400_000_000  # microseconds


class Parsed(NamedTuple):
    """Dates read from text."""

    microseconds: "np.ndarray"  # (N,) int64, since 1970-01-01 UTC; where ok
    ok: "np.ndarray"  # (N,) bool: the text is a date in this format
    offsets: "np.ndarray"  # (N,) int64, minutes east of UTC
    digits: "np.ndarray"  # (N,) int64, digits of the fraction


def date_formats() -> list[str]:
    """Formats of the day, the likelier first; where a day-first and a month-first one both fit, the first wins."""
    found = [f"%Y{s}%m{s}%d" for s in "-/."]
    found += ["%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m.%d.%Y", "%d-%m-%Y", "%m-%d-%Y"]
    found += ["%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%m.%d.%y", "%d-%m-%y", "%m-%d-%y"]
    found += ["%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%b %d %Y", "%d %B %Y", "%B %d, %Y"]
    found += [f.replace("%m", "%-m").replace("%d", "%-d") for f in found]
    return [*found, "%Y-%m", "%Y/%m", "%m/%Y", "%b %Y", "%B %Y"]


def time_formats() -> list[str]:
    """Formats of the time of day that may follow; the empty one is first."""
    clocks = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%-H:%M", "%-H:%M:%S", "%I:%M %p", "%-I:%M %p", "%-I:%M:%S %p")
    zones = ("", "%z", " %z")
    return ["", *(f"{joint}{clock}{zone}" for zone in zones for clock in clocks for joint in (" ", "T"))]


def candidates(values: Iterable[str]) -> list[str]:
    """The formats that fit all of some values, the likelier first."""
    alive: list[str] | None = None
    for value in values:
        alive = _fitting(value) if alive is None else [f for f in alive if re.match(_regex(f), value)]
        if not alive:
            return []
    return alive or []


def _fitting(value: str) -> list[str]:
    if not re.match(r"(\d|[A-Za-z]{3,9} \d)", value) or len(value) < 6 or not re.search(r"[-/. ]", value):
        return []
    times = {f: re.compile(_regex(f)) for f in time_formats()}
    found = []
    for day in date_formats():
        match = re.match(_regex(day).removesuffix("$"), value)
        if match:
            found += [day + clock for clock, pattern in times.items() if pattern.match(value[match.end() :])]
    return found


@cache
def _regex(form: str) -> str:
    pattern, at = "^", 0
    for token in _TOKEN.finditer(form):
        pattern += re.escape(form[at : token.start()]) + PARTS[token.group()]
        at = token.end()
    return pattern + re.escape(form[at:]) + "$"


def is_format(form: str) -> bool:
    """Whether every part of a format is known and there is a year."""
    return all(t.group() in PARTS for t in _TOKEN.finditer(form)) and ("%Y" in form or "%y" in form)


def unit_of(form: str, digits: int) -> str:
    """The coarsest Arrow unit that holds the format's times."""
    return "s" if "%f" not in form or digits == 0 else "ms" if digits <= 3 else "us"


def parse(trimmed: "pa.Array", form: str) -> Parsed:
    """Reads the strings (N,) in one format."""
    import numpy as np
    import pyarrow.compute as pc

    found = pc.extract_regex(trimmed, _regex(form).replace("\\ ", " "))
    ok = found.is_valid().to_numpy(zero_copy_only=False)
    part = {f.name: found.field(i).fill_null("0") for i, f in enumerate(found.type)}
    numbers = {name: _integers(part[name]) for name in part if name not in "bpzf"}
    zero = np.zeros(len(trimmed), dtype=np.int64)
    year = numbers.get("Y", _century(numbers.get("y", zero)))
    month = _month_numbers(part["b"]) if "b" in part else numbers["m"]
    day = numbers.get("d", zero + 1)
    hour = _hour(numbers, part["p"]) if "p" in part else numbers.get("H", zero)
    minute, second = numbers.get("M", zero), numbers.get("S", zero)
    days, in_calendar = _days(year, month, day)
    ok = ok & in_calendar & (hour < 24) & (minute < 60) & (second < 60)
    micros, digits = _fractions(part["f"]) if "f" in part else (zero, zero)
    offsets = _offsets(part["z"]) if "z" in part else zero
    clock = (hour * 60 + minute - offsets) * _MINUTE + second * 1_000_000 + micros
    return Parsed(days * _DAY + clock, ok, offsets, digits)


def format_dates(microseconds: "np.ndarray", form: str, offset: int = 0, min_digits: int = 6) -> list[str]:
    """Dates (N,) in microseconds since 1970 UTC as text, in the clock of an offset in minutes east."""
    import numpy as np

    local = microseconds + offset * _MINUTE
    days, rest = np.divmod(local, _DAY)
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    years = months.astype("datetime64[Y]").astype(np.int64) + 1970
    month = months.astype(np.int64) % 12 + 1
    day = days - months.astype("datetime64[D]").astype(np.int64) + 1
    tokens = ["{" + t.group().lstrip(".%").replace("-", "_") + "}" for t in _TOKEN.finditer(form)]
    template = "".join(a + b for a, b in zip(_TOKEN.split(form), [*tokens, ""]))
    rows = zip(years.tolist(), month.tolist(), day.tolist(), rest.tolist())
    zone = zone_text(offset)
    return [template.format_map(_Fields(*row, zone, min_digits)) for row in rows]


class _Fields(dict[str, str]):
    """The parts of one date by their letter."""

    def __init__(self, year: int, month: int, day: int, rest: int, zone: str, min_digits: int):
        seconds, fraction = divmod(rest, 1_000_000)
        hour, minute, second = seconds // 3600, seconds // 60 % 60, seconds % 60
        hour12 = hour % 12 or 12
        digits = f"{fraction:06d}".rstrip("0").ljust(min_digits, "0")
        super().__init__(
            **{"Y": f"{year:04d}", "y": f"{year % 100:02d}", "m": f"{month:02d}", "_m": str(month)},
            **{"d": f"{day:02d}", "_d": str(day), "b": MONTHS[month - 1].title(), "B": _LONG[month - 1]},
            **{"H": f"{hour:02d}", "_H": str(hour), "I": f"{hour12:02d}", "_I": str(hour12)},
            **{"M": f"{minute:02d}", "S": f"{second:02d}", "f": f".{digits}" if digits else ""},
            **{"p": "AM" if hour < 12 else "PM", "z": zone},
        )


_LONG = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def zone_text(offset: int) -> str:
    """`Z`, `+02:00` … for minutes east of UTC."""
    return "Z" if offset == 0 else f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}"


def without_midnights(values: "pa.Array | pa.ChunkedArray") -> "pa.Array | pa.ChunkedArray":
    """Timestamps as days, where none has a time of day or a zone; other values as they are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_timestamp(values.type) or values.type.tz:
        return values
    days = values.cast(pa.date32(), safe=False)
    return days if pc.all(pc.equal(days.cast(values.type), values)).as_py() is not False else values


def _integers(texts: "pa.Array") -> "np.ndarray":
    import pyarrow as pa
    import pyarrow.compute as pc

    filled = pc.if_else(pc.equal(texts, ""), "0", texts)
    return filled.cast(pa.int64()).to_numpy(zero_copy_only=False)


def _century(two_digits: "np.ndarray") -> "np.ndarray":
    """69 … 99 → 1969 … 1999, 00 … 68 → 2000 … 2068, as POSIX has it."""
    return two_digits + 1900 + 100 * (two_digits < 69)


def _month_numbers(names: "pa.Array") -> "np.ndarray":
    """1 … 12; 0 for what is no month."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    lower = pc.utf8_lower(names)
    short = pc.index_in(pc.utf8_slice_codeunits(lower, 0, 3), value_set=pa.array(MONTHS))
    is_whole = np.array(pc.is_in(lower, value_set=pa.array([*MONTHS, *(m.lower() for m in _LONG), "sept"])))
    return np.where(is_whole, short.fill_null(-1).to_numpy(zero_copy_only=False) + 1, 0).astype(np.int64)


def _hour(numbers: "dict[str, np.ndarray]", half: "pa.Array") -> "np.ndarray":
    """0 … 23 from the twelve-hour clock; 99 for an hour it does not have."""
    import numpy as np
    import pyarrow.compute as pc

    hour = numbers["I"]
    is_pm = np.array(pc.equal(pc.utf8_lower(half), "pm"))
    return np.where((hour < 1) | (hour > 12), 99, hour % 12 + 12 * is_pm)


def _days(year: "np.ndarray", month: "np.ndarray", day: "np.ndarray") -> "tuple[np.ndarray, np.ndarray]":
    """Days since 1970 and whether the calendar has that day."""
    import numpy as np

    months = (year - 1970) * 12 + month - 1
    days = months.astype("datetime64[M]").astype("datetime64[D]") + (day - 1)
    is_real = (days.astype("datetime64[M]").astype(np.int64) == months) & (month >= 1) & (month <= 12)
    return days.astype(np.int64), is_real & (day >= 1) & (year >= 1)


def _fractions(texts: "pa.Array") -> "tuple[np.ndarray, np.ndarray]":
    """Microseconds and number of digits; more than six are cut."""
    import numpy as np
    import pyarrow.compute as pc

    digits = pc.utf8_length(texts).to_numpy(zero_copy_only=False).astype(np.int64)
    six = pc.utf8_slice_codeunits(pc.utf8_rpad(texts, 6, "0"), 0, 6)
    return _integers(six), digits


def _offsets(texts: "pa.Array") -> "np.ndarray":
    """Minutes east of UTC."""
    import numpy as np
    import pyarrow.compute as pc

    bare = pc.replace_substring(pc.if_else(pc.is_in(texts, value_set=_z()), "+0000", texts), ":", "")
    value = _integers(pc.utf8_slice_codeunits(bare, 1, 5))
    minutes = value // 100 * 60 + value % 100
    return np.where(np.array(pc.starts_with(bare, "-")), -minutes, minutes)


def _z() -> "pa.Array":
    import pyarrow as pa

    return pa.array(["Z", "0", ""])
