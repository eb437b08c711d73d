"""Copies and near-copies: how draws race between training and unseen rows, and how far they lie from the former.

Two figures from what the judge `near_copies` left:

- the race: on a line from 0 to 1 the draws' share with its interval, that of unseen real rows (as good as it gets) and
  that of a pure copy of the training rows (as bad as it gets);
- distances, from the evenly spaced quantiles in `details["distance_quantiles"]`: the share of draws that lie within a
  distance of their closest training row, and of their closest unseen row, among equally many of either. A curve to the
  training rows that rises earlier means copies.
"""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from genwright.core.judge import Score
from genwright.report import svg
from genwright.report.words import heading, is_known, number, percent

WIDTH, LABEL, LINE = 340, 78, 34
CURVE_WIDTH, CURVE_HEIGHT, LEFT, FOOT = 340, 180, 44, 34


def races(scores: Sequence[Score]) -> list[Score]:
    """The scores of the judge that can be drawn."""
    return [s for s in scores if s.name.split(".")[0] == "near_copies" and is_known(s.value)]


def label(score: Score) -> str:
    """What the score is called beside its line: "closer tail"."""
    return heading(score.name).rpartition(" · ")[2]


def draw_races(found: Sequence[Score]) -> Markup:
    """The first figure; nothing without scores."""
    if not found:
        return Markup("")
    height = LINE * len(found) + 22
    parts = [_scale(height)] + [_race(score, LINE * (i + 0.5)) for i, score in enumerate(found)]
    return svg.figure("Copies of training rows", describe_races(found), WIDTH, height, parts)


def describe_races(found: Sequence[Score]) -> str:
    """The first figure in words."""
    return " ".join(
        f"{heading(s.name)}: {number(s.value)}, unseen real rows {number(s.floor)}, a pure copy {number(_copy(s))}."
        for s in found
    )


def distances(scores: Sequence[Score]) -> tuple[np.ndarray, np.ndarray] | None:
    """Quantiles of the draws' distance to the closest (training row, unseen row), or None."""
    for score in races(scores):
        given = score.details.get("distance_quantiles")
        if isinstance(given, dict) and {"to_train", "to_held_out"} <= set(given):
            sides = [
                np.asarray([v for v in given[k] if is_known(v)], dtype=np.float64) for k in ("to_train", "to_held_out")
            ]
            if min(map(len, sides)) > 1:
                return np.sort(sides[0]), np.sort(sides[1])
    return None


def draw_distances(quantiles: tuple[np.ndarray, np.ndarray]) -> Markup:
    """The second figure."""
    to_train, to_held_out = quantiles
    top = float(np.quantile(np.concatenate(quantiles), 0.99)) or float(max(to_train[-1], to_held_out[-1])) or 1.0
    floor = CURVE_HEIGHT - FOOT
    parts = [
        svg.line(LEFT, floor, CURVE_WIDTH, floor, "axis"),
        *(svg.text(LEFT - 6, floor - share * (floor - 10) + 4, percent(share), "end") for share in (0.0, 0.5, 1.0)),
        *_ticks(top, floor),
        svg.element("path", d=_curve(to_held_out, top, floor), class_="real outline"),
        svg.element("path", d=_curve(to_train, top, floor), class_="fake outline"),
        svg.text(
            (LEFT + CURVE_WIDTH) / 2,
            CURVE_HEIGHT - 3,
            "distance of a synthetic row to its closest real row",
            "middle",
            "quiet",
        ),
    ]
    return svg.figure(
        "Distance of synthetic rows to real ones", describe_distances(quantiles), CURVE_WIDTH, CURVE_HEIGHT, parts
    )


def describe_distances(quantiles: tuple[np.ndarray, np.ndarray]) -> str:
    """The second figure in words."""
    sides = zip(("To the closest training row", "To the closest unseen row"), quantiles, strict=True)
    return " ".join(
        "{}: 5 percent within {}, half within {}.".format(name, *(number(v) for v in np.quantile(q, (0.05, 0.5))))
        for name, q in sides
    )


def _x(share: float) -> float:
    return LABEL + (WIDTH - LABEL - 14) * min(1.0, max(0.0, share))


def _scale(height: float) -> Markup:
    """The axis from 0 to 1 under the lines."""
    marks = [svg.text(_x(v), height - 4, f"{v:g}", "middle") for v in (0, 0.5, 1)]
    lines = [svg.line(_x(v), 4, _x(v), height - 18, "axis") for v in (0, 0.5, 1)]
    return svg.element("g", *lines, *marks)


def _race(score: Score, y: float) -> Markup:
    parts = [svg.text(LABEL - 12, y + 4, label(score), "end"), svg.line(_x(0), y, _x(1), y, "axis")]
    if is_known(score.low) and is_known(score.high):
        parts.append(svg.line(_x(score.low), y, _x(score.high), y, "interval"))
    if is_known(_copy(score)):
        parts.append(svg.rectangle(_x(_copy(score)) - 5, y - 5, 10, 10, "copy"))
    if is_known(score.floor):
        parts.append(svg.element("circle", cx=_x(score.floor), cy=y, r=5.5, class_="floor"))
    at = _x(score.value)
    parts.append(svg.element("path", d=f"M{at:.1f} {y - 6:g}l5 6l-5 6l-5 -6z", class_="value"))
    return svg.element("g", *parts)


def _copy(score: Score) -> float:
    copy = score.details.get("copy")
    return float(copy) if copy is not None and is_known(copy) else float("nan")


def _curve(quantiles: np.ndarray, top: float, floor: float) -> str:
    """The path of a cumulative share over distance."""
    shares = np.linspace(0, 1, len(quantiles))
    inside = quantiles <= top
    x = LEFT + (CURVE_WIDTH - LEFT - 6) * np.append(quantiles[inside], top) / top
    y = floor - (floor - 10) * np.append(shares[inside], np.interp(top, quantiles, shares))
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))


def _ticks(top: float, floor: float) -> list[Markup]:
    places = [(v, LEFT + (CURVE_WIDTH - LEFT - 6) * v / top) for v in svg.ticks(0, top, 5)]
    return [svg.text(min(x, CURVE_WIDTH - 12), floor + 14, f"{v:g}", "middle") for v, x in places]
