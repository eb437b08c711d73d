"""A score before and after on one line: a ring and a diamond, each with its 95 % interval, one above the other."""

from markupsafe import Markup

from genwright.core.paired import Gain
from genwright.report import svg
from genwright.report.words import heading, is_known, number

WIDTH, HEIGHT, MARGIN = 190, 40, 12
BEFORE, AFTER = 11, 27  # where each stands
LEAST = 0.05  # width of the scale, so that noise is not blown up


def draw(gain: Gain) -> Markup:
    """The figure; nothing where a score is not known."""
    if not (is_known(gain.before) and is_known(gain.after)):
        return Markup("")
    known = [v for v in (gain.before, gain.after, *gain.before_range, *gain.after_range) if is_known(v)]
    pad = max(0.0, LEAST - (max(known) - min(known))) / 2
    low, high = min(known) - pad, max(known) + pad

    def x(value: float) -> float:
        return MARGIN + (WIDTH - 2 * MARGIN) * (value - low) / (high - low)

    parts = [svg.line(2, HEIGHT - 1, WIDTH - 2, HEIGHT - 1, "axis")]
    for y, between, side in ((BEFORE, gain.before_range, "before"), (AFTER, gain.after_range, "interval")):
        if all(map(is_known, between)):
            parts.append(svg.line(x(between[0]), y, x(between[1]), y, side))
    parts.append(svg.element("circle", cx=x(gain.before), cy=BEFORE, r=5.5, class_="floor"))
    parts.append(svg.element("path", d=f"M{x(gain.after):.1f} {AFTER - 6}l5 6l-5 6l-5 -6z", class_="value"))
    return svg.figure(f"{heading(gain.metric)} before and after", describe(gain), WIDTH, HEIGHT, parts)


def describe(gain: Gain) -> str:
    """The figure in words."""
    sides = (("Before", gain.before, gain.before_range), ("after", gain.after, gain.after_range))
    return "; ".join(f"{side} {number(v)}, 95 percent interval {spread(r)}" for side, v, r in sides) + "."


def spread(between: tuple[float, float]) -> str:
    """An interval in words."""
    return f"{number(between[0])} to {number(between[1])}"
