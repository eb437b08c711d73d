"""Column names as the rest of genwright wants them: text, unique, never blank; anything else about them is kept."""

import logging
from collections.abc import Iterable, Sequence

from genwright.core.errors import DataError

log = logging.getLogger("genwright")


def column_names(found: Sequence[object], place: str) -> list[str]:
    """Unique names: a blank one becomes `column_3`, a repeated one gets `_2`, `_3` …; a note says so.

    >>> column_names(["a", "a", ""], "x.csv")
    ['a', 'a_2', 'column_3']

    Raises:
        DataError: a name is not Unicode text.
    """
    texts = ["" if name is None else str(name) for name in found]
    refuse_broken(texts, place)
    filled = [text if text.strip() else f"column_{i}" for i, text in enumerate(texts, 1)]
    names = _unique(filled)
    changed = [f"{old!r} → {new!r}" for old, new in zip(texts, names) if old != new]
    if changed:
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        log.warning("%s: column names made unique: %s%s", place, ", ".join(changed[:5]), more)
    return names


def refuse_broken(names: Iterable[str], place: str) -> None:
    """Raises DataError for a name that no encoding can write."""
    for name in names:
        if is_broken(name):
            raise DataError(f"{place}: the column name {name!r} holds half a character (a lone surrogate); rename it")


def is_broken(text: object) -> bool:
    r"""Whether a text holds a lone surrogate, which no encoding can write.

    >>> is_broken("\ud83d"), is_broken("\U0001f600")
    (True, False)
    """
    return isinstance(text, str) and any("\ud800" <= c <= "\udfff" for c in text)


def _unique(names: Iterable[str]) -> list[str]:
    names = list(names)
    reserved, used, next_number = set(names), set(), dict.fromkeys(names, 2)
    for i, name in enumerate(names):
        new = name
        while new in used or (new != name and new in reserved):
            new = f"{name}_{next_number[name]}"
            next_number[name] += 1
        used.add(new)
        names[i] = new
    return names
