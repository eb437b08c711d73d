"""Cleaning of texts: each step has a name, none is taken unasked, and what it did is logged.

Steps on each text, taken in this order whatever the order they are asked in:

- `nfc`: Unicode's composed normal form (é as one character); `nfkc` also folds look-alikes (ﬁ, ①, full-width letters).
- `lines`: every line ends in a line feed.
- `control`: control characters go, but for tabs and line ends; so do byte order marks inside.
- `space`: runs of blanks become one, blanks at the ends of lines and of the text go, as do blank lines after the first.

Steps on rows (`clean`): texts that are too short or too long go, and so does every text that was there before.
https://unicode.org/reports/tr15/
"""

import hashlib
import logging
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from genwright.core.errors import ConfigError, DataError, UnknownNameError
from genwright.core.records import Records

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

log = logging.getLogger("genwright")
LINE_END = (r"\r\n?", "\n")
CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x{9f}\x{feff}]"
BLANKS = ((r"[\p{Zs}\t\x0b\x0c]+", " "), (r" *\n *", "\n"), (r"\n{3,}", "\n\n"))


def _normal(form: str) -> "Callable[[pa.Array], pa.Array]":
    def normal(texts: "pa.Array") -> "pa.Array":
        import pyarrow.compute as pc

        return pc.utf8_normalize(texts, form=form)

    return normal


def _replacing(*pairs: tuple[str, str]) -> "Callable[[pa.Array], pa.Array]":
    def replaced(texts: "pa.Array") -> "pa.Array":
        import pyarrow.compute as pc

        for pattern, by in pairs:
            texts = pc.replace_substring_regex(texts, pattern=pattern, replacement=by)
        return texts

    return replaced


def _spaced(texts: "pa.Array") -> "pa.Array":
    import pyarrow.compute as pc

    return pc.utf8_trim_whitespace(_replacing(*BLANKS)(texts))


STEPS: "dict[str, Callable[[pa.Array], pa.Array]]" = {
    "nfc": _normal("NFC"),
    "nfkc": _normal("NFKC"),
    "lines": _replacing(LINE_END),
    "control": _replacing((CONTROL, "")),
    "space": _spaced,
}


def check_steps(steps: Iterable[str]) -> None:
    """Raises UnknownNameError for a step that does not exist; the nearest is named."""
    for step in steps:
        if step not in STEPS:
            raise UnknownNameError(step, STEPS, "the steps of cleaning")


def cleaned(texts: "pa.Array", steps: Iterable[str], changed: "Tally[str] | None" = None) -> "pa.Array":
    """Texts (B,) after some steps; null stays null.

    Args:
        texts: Strings.
        steps: Names of `STEPS`.
        changed: Told how many texts each step changed.
    """
    import pyarrow.compute as pc

    for name in (name for name in STEPS if name in set(steps)):
        before, texts = texts, STEPS[name](texts)
        if changed is not None:
            changed[name] += pc.sum(pc.not_equal(before, texts)).as_py() or 0
    return texts


@dataclass(frozen=True)
class _Rows:
    """Which texts stay."""

    shortest: int
    longest: int | None
    unique: bool

    def kept(self, texts: "pa.Array", seen: set[bytes], removed: "Tally[str]") -> "np.ndarray":
        """Rows that stay (B,); those without a text do."""
        import numpy as np
        import pyarrow.compute as pc

        sizes = pc.utf8_length(texts).fill_null(max(self.shortest, 0)).to_numpy(zero_copy_only=False)
        is_short = sizes < self.shortest
        is_long = sizes > self.longest if self.longest is not None else np.zeros(len(texts), bool)
        kept = ~(is_short | is_long)
        removed["too short"] += int(is_short.sum())
        removed["too long"] += int(is_long.sum())
        if self.unique:
            is_new = np.array([kept[i] and _is_new(t, seen) for i, t in enumerate(texts.to_pylist())], bool)
            removed["there before"] += int((kept & ~is_new).sum())
            kept &= is_new
        return kept


def _is_new(text: str | None, seen: set[bytes]) -> bool:
    if text is None:
        return True
    n_before = len(seen)
    seen.add(hashlib.blake2b(text.encode(), digest_size=16).digest())
    return len(seen) > n_before


def clean(
    data: Any,
    column: str = "text",
    steps: Iterable[str] = (),
    *,
    shortest: int = 0,
    longest: int | None = None,
    unique: bool = False,
) -> Records:
    """Records whose texts are cleaned, without the rows that are not wanted.

    Args:
        data: Records, or what `read` makes records of. Read again at every pass; nothing is kept in memory but 16 bytes
            a text where `unique` is set.
        column: The texts' column.
        steps: Names of `STEPS`.
        shortest: Characters that a text must have.
        longest: Characters that a text may have; None: any number.
        unique: Every text only once, the first time it is there, byte for byte.

    Raises:
        UnknownNameError: there is no such step or column; the nearest is named.
        ConfigError: no text could stay.
        DataError: the column does not hold text; when read: no row is left.
    """
    from genwright.data.read import read

    records, steps = read(data), (steps,) if isinstance(steps, str) else tuple(steps)
    check_steps(steps)
    _check_column(records, column)
    if longest is not None and longest < max(shortest, 0):
        raise ConfigError(f"longest = {longest} and shortest = {shortest}; expected longest to be the larger one")
    rules = _Rows(shortest, longest, unique)
    is_told = False

    def opened() -> "Iterator[pa.RecordBatch]":
        nonlocal is_told
        changed, removed, n = Tally[str](), Tally[str](), Tally[str]()
        yield from _cleaned_batches(records, column, steps, rules, changed, removed, n)
        if not n["kept"]:
            raise DataError(f"{records.name}: no row is left after cleaning ({_told(removed)}); ask for less of it")
        if not is_told:
            _tell(records.name, column, n["rows"], changed, removed)
            is_told = True

    n_rows = records.n_rows if (shortest <= 0 and longest is None and not unique) else None
    return replace(records, open=opened, n_rows=n_rows, path=None)  # what the file holds are other rows


def _check_column(records: Records, column: str) -> None:
    import pyarrow as pa

    names = records.arrow_schema.names
    if column not in names:
        raise UnknownNameError(column, names, f"the columns of {records.name}")
    kind = records.arrow_schema.field(column).type
    if not pa.types.is_string(kind):
        raise DataError(f"{records.name}: column {column!r} holds {kind} values; only text can be cleaned")


def _cleaned_batches(
    records: Records,
    column: str,
    steps: tuple[str, ...],
    rules: _Rows,
    changed: "Tally[str]",
    removed: "Tally[str]",
    n: "Tally[str]",
) -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa

    seen: set[bytes] = set()
    place = records.arrow_schema.names.index(column)
    for batch in records.open():
        texts = cleaned(batch.column(place), steps, changed)
        kept = rules.kept(texts, seen, removed)
        n["rows"] += len(kept)
        n["kept"] += int(kept.sum())
        arrays = [texts if i == place else array for i, array in enumerate(batch.columns)]
        found = pa.RecordBatch.from_arrays(arrays, schema=batch.schema).filter(pa.array(kept))
        if found.num_rows:
            yield found


def _tell(place: str, column: str, n: int, changed: "Tally[str]", removed: "Tally[str]") -> None:
    for step, count in changed.items():
        log.info("%s: column %r: %s changed %s of %s texts", place, column, step, f"{count:,}", f"{n:,}")
    if removed.total():
        log.warning("%s: %s of %s rows removed: %s", place, f"{removed.total():,}", f"{n:,}", _told(removed))


def _told(removed: "Tally[str]") -> str:
    return ", ".join(f"{count:,} {why}" for why, count in removed.items() if count) or "nothing was removed"
