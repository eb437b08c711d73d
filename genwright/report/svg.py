"""SVG by hand: compact, without scripts, in the page's own colours, each figure with its text alternative.

Colours are classes of `style.css` (`real`, `fake`, `mark` …), so that a figure follows the light or dark theme. Real
rows are drawn solid, synthetic ones dashed or hatched: colour is never the only difference. Coordinates are in pixels
of the figure's own view box.
"""

from collections.abc import Iterable

import numpy as np
from markupsafe import Markup, escape

from genwright.report.words import clean


def element(name: str, *children: str, **attributes: object) -> Markup:
    """One element; children are escaped unless they are markup, `class_` stands for class, `_` for a hyphen."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-") if key != "viewBox" else key}="{escape(_attribute(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(escape(clean(c) if not isinstance(c, Markup) else c) for c in children)
    return Markup(f"<{name}{written}>{inside}</{name}>" if inside else f"<{name}{written}/>")


def figure(title: str, description: str, width: float, height: float, parts: Iterable[Markup]) -> Markup:
    """A whole drawing with its name and what it says in numbers."""
    return element(
        "svg",
        element("title", title),
        element("desc", description),
        *parts,
        role="img",
        viewBox=f"0 0 {width:g} {height:g}",
        width=width,
        height=height,
    )


def text(x: float, y: float, words: str, anchor: str = "start", class_: str | None = None, whole: str = "") -> Markup:
    """Words at a point; anchor is start, middle or end; `whole`, of words that were cut, shows under the pointer."""
    hint = [element("title", whole)] if whole not in ("", words) else []
    return element("text", *hint, words, x=x, y=y, text_anchor=None if anchor == "start" else anchor, class_=class_)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return element("path", d=f"M{_short(x1)} {_short(y1)}L{_short(x2)} {_short(y2)}", class_=class_)


def rectangle(x: float, y: float, width: float, height: float, class_: str) -> Markup:
    """A rectangle."""
    return element("path", d=box(x, y, width, height), class_=class_)


def box(x: float, y: float, width: float, height: float) -> str:
    """The path of a rectangle."""
    return f"M{_short(x)} {_short(y)}h{_short(width)}v{_short(height)}h{_short(-width)}z"


def steps(x: np.ndarray, heights: np.ndarray, bottom: float) -> str:
    """The path of a histogram's outline: edges x (K+1,), heights (K,) in pixels above `bottom`."""
    moves = [f"M{_short(x[0])} {_short(bottom)}"]
    moves += [f"V{_short(bottom - h)}H{_short(right)}" for h, right in zip(heights, x[1:], strict=True)]
    return "".join(moves) + f"V{_short(bottom)}"


def ticks(low: float, high: float, n: int = 4) -> list[float]:
    """About n round numbers between low and high.

    >>> ticks(17, 90)
    [20.0, 40.0, 60.0, 80.0]
    """
    if not high > low:
        return [float(low)]
    rough = (high - low) / n
    power = 10.0 ** np.floor(np.log10(rough))
    step = power * min((m for m in (1, 2, 2.5, 5, 10) if power * m >= rough * 0.999), default=10)
    first = np.ceil(low / step - 1e-9)
    found = [float(k * step) for k in np.arange(first, high / step + 1e-9)]  # + 0.0: no −0
    return [float(f"{v:.12g}") + 0.0 for v in found] or [float(low)]


def _attribute(value: object) -> str:
    return _short(value) if isinstance(value, (int, float)) else clean(str(value))


def _short(value: float) -> str:
    return f"{round(float(value), 1):g}"
