"""Which class is taken for which: true classes down, called ones across, shaded by the share of the true class.

Cells have their counts where there is room; the diagonal, where both agree, is framed.
"""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from genwright.report import svg
from genwright.report.words import breadth, percent, shorten_apart

ROOM = 15  # classes beyond which cells are small and without counts
LETTERS = 16  # of a class's name
UNSEEN = "never seen"
SHADES = (0.0, 0.02, 0.1, 0.3, 0.6, 0.9)  # shares of a row from which a cell is darker
PALE = (0.0, 0.1, 0.5)  # the same below counts, which have to be read


def draw(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> Markup:
    """The figure.

    Args:
        classes: Names of the K classes.
        counts: (K, K), or (K + 1, K) where some rows are of classes never seen.
    """
    order = _in_order(classes)
    classes, across = [classes[k] for k in order], np.asarray(counts)[:, order]
    table = np.concatenate([across[order], across[len(order) :]])
    has_room = len(classes) <= ROOM
    names = shorten_apart(classes, LETTERS)
    rows = [*names, UNSEEN][: len(table)]
    side = 46 if has_room else max(14, 560 // len(classes))
    is_upright = 7 * max(map(breadth, names)) < side
    left = 24 + 6.4 * max(map(breadth, rows))
    top = 38 + (0 if is_upright else 4.4 * max(map(breadth, names)))
    share = table / np.maximum(table.sum(1, keepdims=True), 1)
    parts = [svg.text(left, 11, "called", class_="quiet"), svg.text(2, top - 6, "true", class_="quiet")]
    for i, name in enumerate(rows):
        parts.append(svg.text(left - 6, top + side * (i + 0.5) + 4, name, "end"))
    parts += [_called(name, left + side * (j + 0.5), top - 6, is_upright) for j, name in enumerate(names)]
    shades = PALE if has_room else SHADES
    for i, j in np.ndindex(table.shape):
        shade = int(np.searchsorted(shades, share[i, j], "right")) - 1
        x, y = left + side * j, top + side * i
        parts.append(svg.rectangle(x, y, side, side, f"heat heat{shade}"))
        if has_room and table[i, j]:
            parts.append(svg.text(x + side / 2, y + side / 2 + 4, f"{table[i, j]:,}", "middle"))
    parts += [svg.rectangle(left + side * k, top + side * k, side, side, "axis") for k in range(len(classes))]
    ends = [side * (j + 0.5) + (0 if is_upright else 5.2 * breadth(name)) for j, name in enumerate(names)]
    width = left + max(side * len(classes), *ends)
    return svg.figure("Confusion matrix", describe(classes, table), width, top + side * len(table) + 4, parts)


def _in_order(classes: Sequence[str]) -> list[int]:
    """Numbers by their size, other classes as they come."""
    try:
        return sorted(range(len(classes)), key=lambda k: float(classes[k]))
    except ValueError:
        return list(range(len(classes)))


def _called(name: str, x: float, y: float, is_upright: bool) -> Markup:
    """A name above its column: upright where all of them are narrow enough."""
    if is_upright:
        return svg.text(x, y, name, "middle")
    return svg.element("text", name, x=x, y=y, transform=f"rotate(-40 {x:.1f} {y:.1f})")


def describe(classes: Sequence[str], table: np.ndarray) -> str:
    """The figure in words: hits, and what is confused most."""
    K = len(classes)
    off = table.copy()
    off[np.arange(K), np.arange(K)] = 0
    names = [*classes, UNSEEN]
    worst = [divmod(int(i), K) for i in np.argsort(-off, axis=None, kind="stable")[:3]]
    told = [f"{names[a]} called {classes[b]} {off[a, b]:,} times" for a, b in worst if off[a, b]]
    hits, n = int(np.trace(table[:K])), int(table.sum())
    return f"{hits:,} of {n:,} rows are called what they are ({percent(hits / max(n, 1))}). " + "; ".join(told)
