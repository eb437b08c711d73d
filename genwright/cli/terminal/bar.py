"""A moving bar on a terminal: what is being done, how much of it, for how long, and how long it will still take.

The time left is foretold anew when the work reports, half from its pace so far and half from what was foretold before,
and counts down in between: a long step neither freezes it nor makes it grow.
"""

import time
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskProgressColumn, TextColumn
from rich.text import Text

from genwright.cli.terminal.ink import fitted, is_coloured, is_unicode, printable

EARLIEST = 0.01, 1.0  # share done and seconds passed before which nothing is foretold
OTHERS = 42  # columns of a terminal that the description leaves to the rest
SHORTEST = 16  # characters of a description that are always shown


class Bar:
    """Called with (fraction done, one line about it), as a `Progress` is."""

    def __init__(self, stream: TextIO):
        self.left = TimeLeft()
        columns = (
            SpinnerColumn("dots" if is_unicode(stream) else "line"),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            _Times(self.left),
        )
        console = Console(file=stream, force_terminal=True, no_color=not is_coloured(stream))
        self.stream, self.progress = stream, Progress(*columns, console=console, transient=True)
        self.task = self.progress.add_task("", total=1.0, visible=False)

    def __call__(self, done: float, line: str) -> None:
        """Moves it; what stands behind a first line is printed above."""
        line, _, drawn = line.partition("\n")
        if drawn:
            self.above(f"{printable(line)}\n{indented(drawn)}")
        text = middle_out(fitted(printable(line), self.stream), max(SHORTEST, self.progress.console.width - OTHERS))
        self.left.update(done)
        self.progress.update(self.task, completed=done, description=fitted(text, self.stream), visible=True)

    def above(self, text: str) -> None:
        """Prints a line above it."""
        self.progress.console.print(Text.from_ansi(text), soft_wrap=True)

    def __enter__(self) -> "Bar":
        self.progress.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.progress.stop()


def indented(text: str) -> str:
    """A drawn text, set off from what is said about it."""
    return "\n".join(f"    {printable(line)}" for line in text.splitlines())


class TimeLeft:
    """How long some work will still take."""

    def __init__(self) -> None:
        self.began = self.start = self.told_at = time.monotonic()
        self.before, self.done = 0.0, 0.0  # share when the pace began to be measured, and now
        self.told = -1.0  # seconds left when it was told; below 0: not known yet

    def update(self, done: float) -> None:
        """Takes in how much is done."""
        now = time.monotonic()
        if not done:
            self.began = now  # what came before it tells nothing about the pace: reading, timing
        if now - self.began < EARLIEST[1]:  # nor does what was done so soon: by work that goes on, before it ended
            self.start, self.before, self.done = now, done, done
        if done <= self.done or done - self.before < EARLIEST[0]:
            return
        at_this_pace = (now - self.start) * (1 - done) / (done - self.before)
        before = self.told - (now - self.told_at)
        self.told = at_this_pace if before < 0 else (at_this_pace + before) / 2
        self.done, self.told_at = done, now

    def __call__(self) -> float | None:
        """Seconds, None where nothing can be said."""
        left = self.told - (time.monotonic() - self.told_at)
        return left if left >= 0 else None


class _Times(ProgressColumn):
    """The time since the start and the time that is left, e.g. `0:12 1:10 left`."""

    def __init__(self, left: TimeLeft):
        super().__init__()
        self.left = left

    def render(self, task: Task) -> Text:
        """Both as minutes and seconds."""
        left, passed = self.left(), clock(task.elapsed or 0.0)
        return Text(passed if left is None else f"{passed} {clock(left)} left", style="progress.remaining")


def clock(seconds: float) -> str:
    """`0:05`, `12:00`, `1:00:00`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def middle_out(text: str, longest: int) -> str:
    """The text, its middle left out where it is too long: of a path the file's name matters most."""
    if len(text) <= longest:
        return text
    n_first = longest // 3
    n_last = longest - 1 - n_first
    return f"{text[:n_first]}…{text[len(text) - n_last :]}"
