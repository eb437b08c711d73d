"""A moving bar on a terminal: what is being done, how much of it, for how long, and how long it will still take."""

from datetime import timedelta
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from genwright.cli.terminal.ink import fitted, is_coloured, printable

EARLIEST = 0.01  # share done before which nothing is foretold


class Bar:
    """Called with (fraction done, one line about it), as a `Progress` is."""

    def __init__(self, stream: TextIO):
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            _Left(),
        )
        console = Console(file=stream, force_terminal=True, no_color=not is_coloured(stream))
        self.stream, self.progress = stream, Progress(*columns, console=console, transient=True)
        self.task = self.progress.add_task("", total=1.0, visible=False)

    def __call__(self, done: float, line: str) -> None:
        """Moves it."""
        text = fitted(printable(line), self.stream)
        self.progress.update(self.task, completed=done, description=text, visible=True)

    def above(self, text: str) -> None:
        """Prints a line above it."""
        self.progress.console.print(Text.from_ansi(text), soft_wrap=True)

    def __enter__(self) -> "Bar":
        self.progress.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.progress.stop()


class _Left(ProgressColumn):
    """The time that is left if the rest goes as fast as what is done."""

    def render(self, task: Task) -> Text:
        """E.g. `0:01:10 left`."""
        done = task.percentage / 100
        if done < EARLIEST or task.elapsed is None:
            return Text("")
        return Text(f"{timedelta(seconds=round(task.elapsed * (1 - done) / done))} left", style="progress.remaining")
