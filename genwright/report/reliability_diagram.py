"""Is a confidence kept? The share of hits against the mean confidence, a point for each bin of equally many rows.

Points on the dashed diagonal are calibrated; below it the classifier is too sure, above it not sure enough. The line
through a point is Wilson's 95 % interval of its share.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from genwright.core.statistics import share_measure
from genwright.report import svg
from genwright.report.words import number

LEAST = 10  # rows of a point; smaller bins are put together
SIZE, LEFT, TOP, FOOT = 250, 46, 10, 36  # of the square, and around it


def draw(bins: Sequence[Mapping[str, Any]]) -> Markup:
    """The figure of bins with `n`, `hits` and `confidence`, in order of confidence."""
    bins = together(bins)
    parts = [*frame("confidence", "share of hits"), svg.line(*place(0, 0), *place(1, 1), "kept")]
    points = []
    for b in bins:
        share = share_measure(b["hits"], b["n"])
        x, y = place(b["confidence"], share.value)
        parts.append(svg.line(x, place(0, share.low)[1], x, place(0, share.high)[1], "real outline"))
        points.append((x, y))
    if len(points) > 1:
        parts.append(svg.element("path", d=joined(points), class_="real outline"))
    parts += [svg.element("circle", cx=x, cy=y, r=3.2, class_="point") for x, y in points]
    return svg.figure("Reliability diagram", describe(bins), LEFT + SIZE + 14, TOP + SIZE + FOOT, parts)


def describe(bins: Sequence[Mapping[str, Any]]) -> str:
    """The figure in words: each side's mean, and how many bins are off by more than chance."""
    n = sum(b["n"] for b in bins)
    confidence = sum(b["n"] * b["confidence"] for b in bins) / max(n, 1)
    hits = sum(b["hits"] for b in bins) / max(n, 1)
    off = 0
    for b in bins:
        share = share_measure(b["hits"], b["n"])
        off += not share.low <= b["confidence"] <= share.high
    in_bins = f"in {len(bins)} {'bins' if len(bins) > 1 else 'bin'}"
    return (
        f"Mean confidence {number(confidence)}, share of hits {number(hits)}, on {n:,} rows {in_bins}; "
        f"in {off} of them the confidence lies outside the interval of the share of hits."
    )


def together(bins: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Neighbouring bins put together until each has rows enough to say something."""
    found: list[dict[str, Any]] = []
    for b in bins:
        if found and found[-1]["n"] < LEAST:
            found[-1] = _joint(found[-1], b)
        else:
            found.append(dict(b))
    if len(found) > 1 and found[-1]["n"] < LEAST:
        last = found.pop()
        found[-1] = _joint(found[-1], last)
    return found


def _joint(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    n = a["n"] + b["n"]
    confidence = (a["n"] * a["confidence"] + b["n"] * b["confidence"]) / n
    return {"n": n, "hits": a["hits"] + b["hits"], "confidence": confidence}


def place(x: float, y: float) -> tuple[float, float]:
    """A point of the unit square in pixels."""
    return LEFT + SIZE * x, TOP + SIZE * (1 - y)


def joined(points: Sequence[tuple[float, float]]) -> str:
    """The path through points."""
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def frame(across: str, up: str) -> list[Markup]:
    """Axes of the unit square with their names."""
    parts = [svg.line(*place(0, 0), *place(1, 0), "axis"), svg.line(*place(0, 0), *place(0, 1), "axis")]
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = place(value, value)
        floor = TOP + SIZE
        parts += [svg.line(x, floor, x, floor + 3, "axis"), svg.text(x, floor + 14, f"{value:g}", "middle")]
        parts += [svg.line(LEFT - 3, y, LEFT, y, "axis"), svg.text(LEFT - 6, y + 4, f"{value:g}", "end")]
    middle = TOP + SIZE / 2
    up_words = svg.element(
        "text", up, x=10, y=middle, text_anchor="middle", class_="quiet", transform=f"rotate(-90 10 {middle:g})"
    )
    return [*parts, svg.text(LEFT + SIZE / 2, TOP + SIZE + FOOT - 6, across, "middle", "quiet"), up_words]
