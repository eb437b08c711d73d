"""A score on a line: the value with its interval, real rows (the floor) and independent columns (the ceiling).

The line runs in the score's own unit, that of a perplexity in its logarithm. The value is a filled diamond, the floor a
ring, the ceiling a cross; an arrowhead at an end shows which way is better, a tick shows 0.5 where that is best.
"""

from collections.abc import Callable

from markupsafe import Markup

from genwright.core.judge import Score
from genwright.report import svg
from genwright.report.words import heading, is_known, number, on_scale

WIDTH, HEIGHT, MARGIN = 190, 24, 18
ANCHORS = ("real rows", "independent columns")  # floor and ceiling
BETTER = {"lower": "lower is better", "higher": "higher is better", "half": "0.5 is best"}


def draw(
    score: Score,
    limits: tuple[float, float] | None = None,
    whose: str = "",
    anchors: tuple[str, str] = ANCHORS,
) -> Markup:
    """The figure of a score; nothing without a value.

    Args:
        score: What is drawn.
        limits: Ends of the line, where several scores share one; those of `scale` where they are not given.
        whose: Of which model it is, for the text alternative.
        anchors: What floor and ceiling are, for the same.
    """
    low, high = limits or scale(score)
    if not is_known(score.value):
        return Markup("")

    def x(value: float) -> float:
        return MARGIN + (WIDTH - 2 * MARGIN) * (on_scale(value, score.unit) - low) / (high - low)

    middle = HEIGHT / 2
    parts = [svg.line(8, middle, WIDTH - 8, middle, "axis"), _better(score, x, middle)]
    if is_known(score.low) and is_known(score.high):
        parts.append(svg.line(x(score.low), middle, x(score.high), middle, "interval"))
    if is_known(score.ceiling):
        at = x(score.ceiling)
        cross = f"M{at - 4:.1f} {middle - 4}l8 8m0 -8l-8 8"
        parts.append(svg.element("path", d=cross, class_="ceiling"))
    if is_known(score.floor):
        parts.append(svg.element("circle", cx=x(score.floor), cy=middle, r=5.5, class_="floor"))
    at = x(score.value)
    parts.append(svg.element("path", d=f"M{at:.1f} {middle - 6}l5 6l-5 6l-5 -6z", class_="value"))
    title = f"{heading(score.name)}{f' of {whose}' if whose else ''} on its scale"
    return svg.figure(title, describe(score, anchors), WIDTH, HEIGHT, parts)


def describe(score: Score, anchors: tuple[str, str] = ANCHORS) -> str:
    """The figure in words."""
    return (
        f"Value {number(score.value)}, 95 percent interval {number(score.low)} to {number(score.high)}; "
        f"{anchors[0]} {number(score.floor)}, {anchors[1]} {number(score.ceiling)}; {BETTER[score.direction]}."
    )


def scale(score: Score) -> tuple[float, float]:
    """The ends of the line: every number of the score fits, and noise is not blown up."""
    shown = [score.value, score.low, score.high, score.floor, score.ceiling]
    known = [on_scale(float(v), score.unit) for v in shown if is_known(v)] + (
        [0.5] if score.direction == "half" else []
    )
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    least = 0.1 * max(abs(low), abs(high)) or 1.0
    pad = max(0.0, least - (high - low)) / 2
    return low - pad, high + pad


def _better(score: Score, x: Callable[[float], float], middle: float) -> Markup:
    """An arrowhead at the better end, or a tick where the best lies."""
    if score.direction == "half":
        return svg.line(x(0.5), middle - 9, x(0.5), middle + 9, "axis")
    end, back = (WIDTH - 1, -8) if score.direction == "higher" else (1, 8)
    return svg.element("path", d=f"M{end} {middle:g}l{back} -4.5v9z", class_="arrow")
