"""A stream of characters as rows: lines, paragraphs, or passages of a running text, in memory that does not grow."""

import unicodedata
from collections.abc import Iterable, Iterator

LONGEST_LINE = 1 << 16  # characters beyond which a line counts as several, where only its looks matter


def lines_of(chunks: Iterable[str], longest: int | None = None) -> Iterator[str]:
    """Lines without their ends.

    Args:
        chunks: Text in order, lines ended by line feeds.
        longest: Characters beyond which a line is broken; None: never.
    """
    rest: list[str] = []
    for chunk in chunks:
        *whole, last = chunk.split("\n")
        if whole:
            yield "".join([*rest, whole[0]])
            yield from whole[1:]
            rest = []
        rest.append(last)
        if longest is not None and sum(map(len, rest)) > longest:
            yield "".join(rest)
            rest = []
    if any(rest):
        yield "".join(rest)


def paragraphs_of(chunks: Iterable[str]) -> Iterator[str]:
    """Parts between lines of white space, without line ends around them."""
    kept: list[str] = []
    for line in lines_of(chunks):
        if line.strip():
            kept.append(line)
        elif kept:
            yield "\n".join(kept)
            kept = []
    if kept:
        yield "\n".join(kept)


def passages(chunks: Iterable[str], size: int) -> Iterator[str]:
    """Consecutive parts of at most `size` characters, which joined are the text again.

    One ends with a line where one ends in its second half, else at a blank there, else where it is full, but not
    within a character that is written as several (an accent behind its letter, an emoji with its joiners).
    """
    text = ""
    for chunk in chunks:
        text += chunk
        start = 0
        while len(text) - start > size:
            end = start + _cut(text[start : start + size + 1], size)
            yield text[start:end]
            start = end
        text = text[start:]
    if text:
        yield text


def _cut(text: str, size: int) -> int:
    """Where a passage at the beginning of a text ends; the text has one character more than the passage may."""
    for mark in ("\n", " "):
        at = text.rfind(mark, size // 2, size)
        if at >= 0:
            return at + 1
    for at in range(size, size // 2, -1):
        if not _is_inside(text, at):
            return at
    return size


def _is_inside(text: str, at: int) -> bool:
    """Whether a cut here would part what is read as one character."""
    behind, before = text[at], text[at - 1]
    is_joined = "\u200d" in (behind, before) or "\ufe00" <= behind <= "\ufe0f" or "\U0001f3fb" <= behind <= "\U0001f3ff"
    return is_joined or unicodedata.combining(behind) != 0
