"""Rows of each class, real ones and, behind them, those that were added: a bar a class on one scale."""

from collections.abc import Mapping

from markupsafe import Markup

from genwright.report import svg
from genwright.report.words import breadth, shorten_apart

MOST = 30  # classes that are drawn, those with the fewest rows
ROW, BAR, LETTER = 20, 150, 7  # pixels: height of a class, the longest bar, width of a letter
LETTERS = 20  # of a class's name


def shown(real: Mapping[str, int]) -> list[str]:
    """The classes that are drawn, the most frequent one first: of very many, those that have the fewest rows."""
    return sorted(real, key=lambda name: -real[name])[-MOST:]


def draw(real: Mapping[str, int], added: Mapping[str, int]) -> Markup:
    """The figure.

    Args:
        real: Class → its rows.
        added: Class → rows added; a class that got none may be absent.
    """
    names, parts = shown(real), []
    top = max((real[name] + added.get(name, 0) for name in names), default=0) or 1
    short = shorten_apart(names, LETTERS)
    left = 8 + LETTER * max(map(breadth, short), default=0)
    ends = [left]
    for i, name in enumerate(names):
        y, n, more = 2 + i * ROW, real[name], added.get(name, 0)
        end, words = left + BAR * (n + more) / top, f"{n:,}" + (f" + {more:,}" if more else "")
        parts += [
            svg.text(left - 6, y + 12.5, short[i], "end"),
            svg.rectangle(left, y + 3, BAR * n / top, 12, "real bar"),
            *([svg.rectangle(left + BAR * n / top, y + 3, BAR * more / top, 12, "fake bar")] if more else []),
            svg.text(end + 6, y + 12.5, words),
        ]
        ends.append(end + 6 + LETTER * len(words))
    height = 4 + ROW * len(names)
    parts.append(svg.line(left, 0, left, height, "axis"))
    return svg.figure("Rows of each class", describe(real, added), max(ends), height, parts)


def describe(real: Mapping[str, int], added: Mapping[str, int]) -> str:
    """The figure in words."""
    told = [f"{name}: {real[name]:,} real" + _more(added.get(name, 0)) for name in shown(real)]
    return "; ".join(told) + "."


def _more(n: int) -> str:
    return f", {n:,} added" if n else ""
