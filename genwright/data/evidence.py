"""What one pass learns about the strings of a column taken as numbers, and taken as dates."""

from collections import Counter as Tally
from math import isfinite
from typing import TYPE_CHECKING

from genwright.data import dates, numbers

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

EXACT = 2.0**53  # from here on a float tells nothing of a fraction
SCALE = 2.0**64
MAX_ODD = 1_000  # distinct words among numbers, beyond which a column is not one of numbers
N_TRIED = 20  # values on which date formats are tried before all rows are


class Moments:
    """Count, extremes, sum and infinities of numbers, and whether all are whole."""

    def __init__(self) -> None:
        self.n, self.n_infinite, self.total = 0, 0, 0.0
        self.small_total = 0.0  # in units of SCALE, for numbers whose sum a float does not hold
        self.low, self.high = float("inf"), -float("inf")
        self.is_whole = True

    def add(self, values: "np.ndarray", counts: "np.ndarray") -> None:
        """Takes in distinct values (N,) and how often each occurs (N,)."""
        import numpy as np

        finite = np.isfinite(values)
        self.n_infinite += int(counts[np.isinf(values)].sum())
        values, counts = values[finite], counts[finite]
        if len(values):
            self.n += int(counts.sum())
            with np.errstate(over="ignore", invalid="ignore"):
                self.total += float((values * counts).sum())
            self.small_total += float((values / SCALE * counts).sum())
            self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
            self.is_whole = self.is_whole and bool(((values == np.rint(values)) & (np.abs(values) < EXACT)).all())

    def summary(self) -> tuple[float, float, float] | None:
        """(minimum, maximum, mean), if there was a number."""
        if not self.n:
            return None
        mean = self.total / self.n if isfinite(self.total) else self.small_total / self.n * SCALE
        return self.low, self.high, mean


class Numbers:
    """Facts about the strings of a column taken as numbers."""

    def __init__(self) -> None:
        self.n = 0
        self.moments = Moments()
        self.has_leading_zero = self.has_exponent = self.has_comma = False
        self.fits_int64 = True
        self.decimals: tuple[int, int] | None = None  # (fewest, most) digits behind the point
        self.odd: Tally[str] = Tally()  # words that are no number
        self.first_odd: tuple[int, str] | None = None  # (row, word)
        self.n_odd = 0
        self.is_alive = True

    def add(self, values: "pa.Array", counts: "np.ndarray") -> None:
        """Takes in distinct trimmed strings, none of them missing for certain."""
        import numpy as np

        parsed = numbers.parse_floats(values)
        if parsed.null_count:
            is_number = parsed.is_valid().to_numpy(zero_copy_only=False)
            self._add_odd(values.filter(parsed.is_null()), counts[~is_number])
            values, counts, parsed = values.filter(parsed.is_valid()), counts[is_number], parsed.drop_null()
        if len(values):
            self.n += int(counts.sum())
            self.moments.add(parsed.to_numpy(zero_copy_only=False), counts.astype(np.float64))
            self._add_form(values)

    @property
    def is_plain(self) -> bool:
        """Whether all strings so far are numbers in the usual writing."""
        return not self.n_odd and not self.has_leading_zero and self.fits_int64

    def _add_odd(self, words: "pa.Array", counts: "np.ndarray") -> None:
        self.n_odd += int(counts.sum())
        self.odd.update(dict(zip(words.to_pylist(), counts.tolist())))
        self.has_comma = self.has_comma or (len(words) > 0 and numbers.has_match(words, numbers.WITH_COMMA))
        self.is_alive = len(self.odd) <= MAX_ODD

    def _add_form(self, texts: "pa.Array") -> None:
        import pyarrow.compute as pc

        self.has_leading_zero = self.has_leading_zero or numbers.has_match(texts, numbers.LEADING_ZERO)
        self.has_exponent = self.has_exponent or numbers.has_match(texts, "[eE]")
        ends = pc.min_max(numbers.count_decimals(texts))
        low, high = ends["min"].as_py(), ends["max"].as_py()
        self.decimals = (min(low, self.decimals[0]), max(high, self.decimals[1])) if self.decimals else (low, high)
        lengths = pc.utf8_length(texts)
        if pc.max(lengths).as_py() > 18:
            long = texts.filter(pc.greater(lengths, 18))
            whole = long.filter(pc.match_substring_regex(long, numbers.WHOLE))
            self.fits_int64 = self.fits_int64 and numbers.parse_integers(whole).null_count == 0


class Dates:
    """Formats that fit all strings of a column so far.

    A format with leading zeros and without fractions is stricter than its variants: while it fits, they do too, and
    are not tried.
    """

    def __init__(self) -> None:
        self.alive: list[str] | None = None
        self.looser: dict[str, list[str]] = {}  # format → its variants, as long as it fits
        self.range: dict[str, tuple[int, int]] = {}  # format → (first, last) in microseconds
        self.offsets: dict[str, set[int]] = {}
        self.digits: dict[str, tuple[int, int]] = {}  # format → (fewest, most) digits of the fraction

    def add(self, values: "pa.Array") -> None:
        """Takes in distinct trimmed strings, none of them missing."""
        if self.alive is None:
            self._start(values)
        survivors = []
        for form in self.alive or []:
            if self._fits(values, form):
                survivors.append(form)
            else:
                survivors += [other for other in self._woken(form) if self._fits(values, other)]
        self.alive = survivors

    def _start(self, values: "pa.Array") -> None:
        """The formats that fit the first values; of each family the strictest first."""
        strictest: dict[str, str] = {}
        for form in dates.candidates(values[:N_TRIED].to_pylist()):
            first = strictest.setdefault(form.replace("%-", "%").replace(".%f", ""), form)
            self.looser.setdefault(first, [])
            if form != first:
                self.looser[first].append(form)
        self.alive = list(self.looser)

    def _woken(self, form: str) -> list[str]:
        """The variants of a format that fits no longer, with all that was learnt while it did."""
        woken = self.looser.pop(form, [])
        for other in woken:
            if form in self.range:
                self.range[other], self.digits[other] = self.range[form], self.digits[form]
                self.offsets[other] = set(self.offsets[form])
        return woken

    def _fits(self, values: "pa.Array", form: str) -> bool:
        import numpy as np

        found = dates.parse(values, form)
        if not found.ok.all():
            return False
        low, high = int(found.microseconds.min()), int(found.microseconds.max())
        before = self.range.get(form, (low, high))
        self.range[form] = min(low, before[0]), max(high, before[1])
        few, many = self.digits.get(form, (9, 0))
        self.digits[form] = min(few, int(found.digits.min())), max(many, int(found.digits.max()))
        self.offsets.setdefault(form, set()).update(np.unique(found.offsets).tolist())
        return True
