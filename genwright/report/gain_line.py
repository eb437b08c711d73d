"""What a way gains on a line: its mean with a 95 % interval, a dot for each fold, and where nothing is gained.

Several ways share a line's ends; what lies beyond an end is drawn at it.
"""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from genwright.report import svg
from genwright.report.words import is_known, signed

WIDTH, HEIGHT, MARGIN = 190, 24, 10
LEAST = 0.02  # width of a line's scale, so that noise is not blown up


def limits(values: Iterable[float]) -> tuple[float, float]:
    """Ends of a line that holds the known ones of the values, and nothing gained."""
    known = [0.0, *(float(v) for v in values if is_known(v))]
    low, high = min(known), max(known)
    pad = max(0.04 * (high - low), (LEAST - (high - low)) / 2)
    return low - pad, high + pad


def draw(
    gain: float,
    interval: tuple[float, float],
    ends: tuple[float, float],
    folds: Sequence[float] = (),
    whose: str = "",
) -> Markup:
    """The figure; nothing where the gain is not known.

    Args:
        gain: Mean over folds, or on held-out rows.
        interval: Of 95 %; NaN where there is none.
        ends: Of the line, see `limits`.
        folds: The gain on each, where there are folds.
        whose: What gained, for the text alternative.
    """
    if not is_known(gain):
        return Markup("")
    low, high = ends

    def x(value: float) -> float:
        return MARGIN + (WIDTH - 2 * MARGIN) * (min(max(value, low), high) - low) / (high - low)

    middle, zero = HEIGHT / 2, x(0.0)
    parts = [svg.line(2, middle, WIDTH - 2, middle, "axis"), svg.line(zero, 2, zero, HEIGHT - 2, "zero")]
    if all(map(is_known, interval)):
        parts.append(svg.line(x(interval[0]), middle, x(interval[1]), middle, "interval"))
    parts += [svg.element("circle", cx=x(g), cy=middle, r=3, class_="fold") for g in folds if is_known(g)]
    parts.append(svg.element("path", d=f"M{x(gain):.1f} {middle - 6:g}l5 6l-5 6l-5 -6z", class_="value"))
    title = "Gain" + (f" of {whose}" if whose else "")
    return svg.figure(title, describe(gain, interval, folds), WIDTH, HEIGHT, parts)


def describe(gain: float, interval: tuple[float, float], folds: Sequence[float] = ()) -> str:
    """The figure in words."""
    told = f"Gain {signed(gain)}"
    if all(map(is_known, interval)):
        told += f", 95 percent interval {signed(interval[0])} to {signed(interval[1])}"
    known = [signed(g) for g in folds if is_known(g)]
    return told + (f"; on folds {', '.join(known)}" if known else "") + "."
