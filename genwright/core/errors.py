"""The exception tree: every error says what was found, what was expected and the next step.

GenwrightError
├── DataError            the records cannot be read (file, row or column is named)
│   └── CellError        one value of a column cannot be encoded
├── SchemaError          a schema does not fit the records
├── SpaceMismatchError   encoded rows do not fit a space
├── UnknownNameError     no such model, codec, judge, column …; names the nearest
├── ConfigError          a setting has a wrong name, type or value
├── UnsupportedError     this model cannot do that, by name
├── GivenError           a condition that names nothing, or that cannot be met
├── FitError             a fit that failed, and what to do
└── RunError             a run folder that cannot be written, read or trusted
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


class GenwrightError(Exception):
    """Base of all errors that genwright raises on purpose."""


class DataError(GenwrightError, ValueError):
    """The records cannot be read; the message names file, row or column."""


class CellError(DataError):
    """One value of a column cannot be encoded.

    Args:
        row: Which, from 0, of the rows handed over; whoever knows more names the row of the data.
        what: What is wrong with it, and what to do.
        column: Its column.
    """

    def __init__(self, row: int, what: str, column: str = ""):
        self.row, self.what, self.column = row, what, column
        super().__init__(f"{f'column {column!r}, ' if column else ''}row {row + 1}: {what}")


class SchemaError(GenwrightError, ValueError):
    """A schema does not fit the records."""


class SpaceMismatchError(GenwrightError, ValueError):
    """Encoded rows do not fit the space a model was built for."""


class ConfigError(GenwrightError, ValueError):
    """A setting has a wrong name, type or value."""


class UnsupportedError(GenwrightError):
    """A model, codec or judge cannot do what was asked of it."""


class GivenError(GenwrightError, ValueError):
    """A condition names nothing that exists, or cannot be met."""


class FitError(GenwrightError):
    """A fit failed."""


class RunError(GenwrightError):
    """A run folder cannot be written, read or trusted."""


class UnknownNameError(GenwrightError, LookupError):
    """A name that is not there; the message offers the nearest one.

    >>> str(UnknownNameError("realnvq", ["realnvp", "glow"], "genwright.models"))
    'no realnvq in genwright.models; did you mean realnvp?'
    >>> str(UnknownNameError(3, ["3", "4"], "the columns"))
    "no 3 in the columns, whose names are text; did you mean '3'?"
    """

    def __init__(self, name: Any, known: Iterable[str], place: str):
        known = sorted(map(str, known))
        near = [k for k in known if k.casefold() == str(name).casefold()]
        near = near or get_close_matches(str(name), known, n=1, cutoff=0.5)
        listed = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
        hint = f"did you mean {near[0]}?" if near else f"it has {listed or 'nothing'}"
        if near and not isinstance(name, str):
            place, hint = f"{place}, whose names are text", f"did you mean {near[0]!r}?"
        super().__init__(f"no {name if isinstance(name, str) and name else repr(name)} in {place}; {hint}")


def quoted(value: object, longest: int = 80) -> str:
    """A value as a message quotes it; of long ones the beginning.

    >>> quoted("ab"), quoted("a" * 9, longest=4)
    ("'ab'", "'aaaa…'")
    """
    return repr(f"{value[:longest]}…" if isinstance(value, str) and len(value) > longest else value)
