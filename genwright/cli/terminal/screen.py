"""What a command writes to: results to standard output, everything about the way there to standard error.

With `--json` a command's document is all that reaches standard output; with `--quiet` only results and warnings
are shown at all.
"""

import json
import logging
import math
import sys
import textwrap
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, TextIO

from genwright.cli.terminal.ink import ENDLESS, fitted, is_terminal, paint, printable, width
from genwright.core.model import Progress

NOTHING = "nothing was saved"
PATIENCE = 30.0  # seconds between two lines of progress where there is no terminal


@dataclass
class Screen:
    """Where a command writes.

    Args:
        is_json: One JSON document on standard output and nothing else.
        is_quiet: Results and warnings only.
        is_debug: Failures show where they happened.
        is_mute: Nothing is written: another process writes the same.
        notes: What was said on the way, for the document.
        kept: What is left when the command is stopped now.
        has_begun: A part of the document is out.
    """

    is_json: bool = False
    is_quiet: bool = False
    is_debug: bool = False
    is_mute: bool = False
    notes: list[str] = field(default_factory=list)
    kept: str = NOTHING
    has_begun: bool = False
    _bar: Any = None

    @property
    def has_kept(self) -> bool:
        """Whether something is left when the command ends now."""
        return self.kept != NOTHING

    def result(self, text: str = "") -> None:
        """A line of the result."""
        if not (self.is_json or self.is_mute):
            _write(text, sys.stdout)

    def more(self, text: str = "") -> None:
        """A line beside the result: a heading, a hint."""
        if not self.is_quiet:
            self.result(text)

    def heading(self, text: str) -> None:
        """A sentence above a table, wrapped between words where a terminal is too narrow."""
        lines = textwrap.wrap(
            printable(text), width(sys.stdout, ENDLESS), break_long_words=False, break_on_hyphens=False
        )
        self.more(paint("\n".join(lines), "bold", sys.stdout))

    def table(self, head: Sequence[str], rows: Iterable[Sequence[object]], right: Iterable[str] = ()) -> None:
        """A table of the result."""
        if self.is_json:
            return
        from genwright.cli.terminal.table import table_text

        self.result(table_text(head, rows, right) + "\n")

    def say(self, text: str) -> None:
        """A remark on standard error."""
        if not self.is_quiet and not self.is_json:
            self._tell(text)

    def note(self, text: str, is_warning: bool = False) -> None:
        """What the library has to say on the way, once; kept for the document."""
        if text in self.notes:
            return
        self.notes.append(text)
        if is_warning or not (self.is_quiet or self.is_json):
            label = paint("warning:", "yellow", sys.stderr) if is_warning else paint("note:", "dim", sys.stderr)
            self._tell(f"{label} {printable(text)}")

    def items(self, name: str, items: Iterable[Any]) -> None:
        """Begins the document with a list, one item after the other: memory stays flat however many there are."""
        if not self.is_json:
            return
        items = iter(items)
        first = list(islice(items, 1))  # before anything is written, so that a failure has the document to itself
        sys.stdout.write(f"{{\n  {json.dumps(name)}: [")
        self.has_begun = True
        for i, item in enumerate(chain(first, items)):
            sys.stdout.write(f"{',' if i else ''}\n    {json.dumps(_plain(item), allow_nan=False)}")

    def document(self, document: Mapping[str, Any]) -> None:
        """The result for a program; the rest of it, where a list is there already."""
        if self.is_json:
            whole = {**document, **({"notes": self.notes} if self.notes else {})}
            text = json.dumps(_plain(whole), indent=2, allow_nan=False)
            _write("\n  ],\n" + text.removeprefix("{\n") if self.has_begun else text, sys.stdout)

    @contextmanager
    def progress(self, is_watched: bool = True) -> Iterator[Progress]:
        """A bar with the time that is left; a line now and then where nobody can watch a bar."""
        if self.is_quiet or self.is_json or not is_watched:
            yield lambda done, line: None
        elif not is_terminal(sys.stderr):
            yield _Lines()
        else:
            from genwright.cli.terminal.bar import Bar

            with Bar(sys.stderr) as bar:
                self._bar = bar
                try:
                    yield bar
                finally:
                    self._bar = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """What the library logs is shown as notes and warnings."""
        logger, handler = logging.getLogger("genwright"), _Handler(self)
        before = logger.level, logger.propagate
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG if self.is_debug else logging.INFO)
        logger.propagate = False
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(before[0])
            logger.propagate = before[1]

    def _tell(self, text: str) -> None:
        if self.is_mute:
            return
        if self._bar is None:
            _write(text, sys.stderr)
        else:
            self._bar.above(text)


class _Handler(logging.Handler):
    def __init__(self, screen: Screen):
        super().__init__()
        self.screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        self.screen.note(record.getMessage(), record.levelno >= logging.WARNING)


class _Lines:
    """Progress as a line every `PATIENCE` seconds."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def __call__(self, done: float, line: str) -> None:
        if time.monotonic() - self.last >= PATIENCE:
            self.last = time.monotonic()
            line, _, drawn = line.partition("\n")
            _write(f"{printable(line)}: {done:.0%}", sys.stderr)
            if drawn:
                _write("\n".join(f"    {printable(part)}" for part in drawn.splitlines()), sys.stderr)


def _write(text: str, stream: TextIO) -> None:
    stream.write(fitted(text, stream) + "\n")
    stream.flush()


def _plain(value: Any) -> Any:
    """The value as JSON has it: no NaN, text for what JSON does not know."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (str, int)) else _plain_other(value)


def _plain_other(value: Any) -> Any:
    item = getattr(value, "item", None)  # NumPy scalars
    return _plain(item()) if callable(item) else str(value)
