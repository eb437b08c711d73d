"""Text for a stream as it is: colour only on a terminal that wants it, plain letters where Unicode cannot be written.

NO_COLOR (https://no-color.org) and TERM=dumb are respected; a pipe never gets colour.
"""

import os
from contextlib import suppress
from typing import TextIO

ENDLESS = 100_000  # columns of a pipe
NARROWEST, USUAL = 40, 80  # columns of a terminal: the fewest that are written for, and those of one of unknown size
_CODES = {"bold": "1", "dim": "2", "red": "1;31", "yellow": "33", "green": "32"}
_PLAIN = str.maketrans(
    {"−": "-", "–": "-", "±": "+/-", "…": "...", "●": "#", "○": ".", "─": "-", "·": "-", "²": "2", "→": "->", "×": "x"}
)


def is_terminal(stream: TextIO) -> bool:
    """Whether someone watches who can be shown a moving bar."""
    return _is_tty(stream) and os.environ.get("TERM", "") not in ("dumb", "unknown")


def is_coloured(stream: TextIO) -> bool:
    """Whether the stream takes colour."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def paint(text: str, style: str, stream: TextIO) -> str:
    """The text in a style, where the stream takes colour."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if is_coloured(stream) else text


def is_unicode(stream: TextIO) -> bool:
    """Whether the stream can hold any letter."""
    return (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")


def fitted(text: str, stream: TextIO) -> str:
    """The text with what the stream's encoding lacks written otherwise."""
    if is_unicode(stream):
        return text
    encoding = stream.encoding
    return text.translate(_PLAIN).encode(encoding, "replace").decode(encoding)


def printable(text: object) -> str:
    """Untrusted text on one line, without characters that steer a terminal."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in str(text))


def width(stream: TextIO, otherwise: int) -> int:
    """Columns of the terminal, or COLUMNS where that is set; `otherwise` for a pipe, which has no edge."""
    if not _is_tty(stream):
        return otherwise
    return max(NARROWEST, _asked_width() or _terminal_width(stream) or USUAL)


def _asked_width() -> int:
    """COLUMNS of the environment; 0 where it is no number."""
    asked = os.environ.get("COLUMNS", "")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 0


def _terminal_width(stream: TextIO) -> int:
    """What the terminal says; 0 where it does not know."""
    with suppress(OSError, ValueError):
        return os.get_terminal_size(stream.fileno()).columns
    return 0


def _is_tty(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # closed, or not a stream at all
        return False
