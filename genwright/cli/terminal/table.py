"""Tables on a screen: columns side by side, wrapped between words to the terminal's width, never wrapped in a pipe.

Numbers are never broken, words only where they are longer than a narrow terminal has room for. Where the columns do not
fit side by side so, each row is a paragraph.
"""

import sys
import textwrap
from collections.abc import Iterable, Sequence

from genwright.cli.terminal.ink import ENDLESS, is_coloured, is_unicode, printable, width

LONGEST = 60  # characters of a name that are shown
GAP = 2  # between two columns
LONG = 26  # letters of the longest word that is never broken: a time with its zone is one


def table_text(head: Sequence[str], rows: Iterable[Sequence[object]], right: Iterable[str] = ()) -> str:
    """A table as text for standard output.

    Args:
        head: Names of the columns; "" for none.
        rows: Cells; shown as they are, whatever markup they look like.
        right: Names of the columns that are aligned to the right: numbers.
    """
    cells, numbers = [[printable(cell) for cell in row] for row in rows], set(right)
    n_columns = width(sys.stdout, ENDLESS)
    widths = _widths(head, cells, numbers, n_columns - GAP * (len(head) - 1))
    if widths is None:
        return "\n".join(_paragraph(head, row, numbers, n_columns) for row in cells)
    return _grid(head, cells, numbers, widths)


def _widths(head: Sequence[str], rows: list[list[str]], right: set[str], room: int) -> list[int] | None:
    """Letters of each column, the widest narrowed until all fit into the room; None where words would have to break."""
    from rich.cells import cell_len

    columns = [[name, *(row[i] for row in rows)] for i, name in enumerate(head)]
    most = [max(map(cell_len, column)) for column in columns]
    words = [max((cell_len(word) for cell in column for word in cell.split()), default=0) for column in columns]
    least = [n if name in right else min(word, LONG) for name, n, word in zip(head, most, words, strict=True)]
    if sum(least) > room:
        return None
    found, cap = most, room
    while sum(found) > room:
        found = [min(n, max(few, cap)) for n, few in zip(most, least, strict=True)]
        cap -= 1
    return found


def _grid(head: Sequence[str], rows: list[list[str]], right: set[str], widths: list[int]) -> str:
    """Columns side by side."""
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
    for name, n in zip(head, widths, strict=True):
        table.add_column(Text(name), justify="right" if name in right else "left", overflow="fold", width=n)
    for row in rows:
        table.add_row(*map(Text, row))
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


def _paragraph(head: Sequence[str], row: list[str], right: set[str], n_columns: int) -> str:
    """A row as "first cell: name cell; name cell", wrapped between words."""
    whole = [cell.replace(" ", "\u00a0") if name in right else cell for name, cell in zip(head, row, strict=True)]
    rest = "; ".join(f"{name} {cell}".strip() for name, cell in zip(head[1:], whole[1:], strict=True) if cell)
    lines = textwrap.wrap(f"{whole[0]}: {rest}", n_columns, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(lines).replace("\u00a0", " ")


def short(name: object) -> str:
    """A name of the data that leaves room for others."""
    text = printable(name)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
