"""Tables on a screen: aligned columns, the last one wrapped to the terminal's width, never wrapped in a pipe."""

import sys
from collections.abc import Iterable, Sequence

from genwright.cli.terminal.ink import ENDLESS, is_coloured, is_unicode, printable, width

LONGEST = 60  # characters of a name that are shown


def table_text(head: Sequence[str], rows: Iterable[Sequence[object]], right: Iterable[str] = ()) -> str:
    """A table as text for standard output.

    Args:
        head: Names of the columns; "" for none.
        rows: Cells; shown as they are, whatever markup they look like.
        right: Names of the columns that are aligned to the right.
    """
    from rich.box import ASCII, SIMPLE_HEAD, Box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    line: Box = (
        SIMPLE_HEAD if is_unicode(sys.stdout) else Box(str(ASCII).replace("|", " ").replace("+", " "), ascii=True)
    )
    table = Table(
        box=line, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", show_header=any(head)
    )
    for name in head:
        table.add_column(Text(name), justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console = Console(
        file=sys.stdout,
        width=width(sys.stdout, ENDLESS),
        force_terminal=is_coloured(sys.stdout),
        color_system="standard" if is_coloured(sys.stdout) else None,
        legacy_windows=False,
    )
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def short(name: object) -> str:
    """A name of the data that leaves room for others."""
    text = printable(name)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
