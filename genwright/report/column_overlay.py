"""One column, real over synthetic: step histograms with shared bins for numbers and dates, paired bars for categories.

Values that repeat often (atoms: 0 hours, 99999 dollars) and missing values stand apart from the histogram with a
scale of their own, since one tall bar would flatten the rest. All heights are shares of all rows.
"""

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from genwright.report import svg
from genwright.report.values import MISSING, Pair, shares
from genwright.report.words import breadth, number, percent, quantity, shorten, shorten_apart

WIDTH, TOP, PLOT, BOTTOM = 280, 16, 100, 18  # pixels; a plot is TOP + PLOT + BOTTOM high
N_BINS, N_LEVELS = 36, 15
N_ATOMS, ATOM_SHARE, ATOM_WIDTH = 3, 0.1, 60
MAX_HINT = 200  # letters of a level's whole name
ROW, LABEL, BAR = 17, 112, 86  # height of a pair of bars, width of its label, length of the longest bar


@dataclass(frozen=True)
class Histogram:
    """Shares of all rows in shared bins.

    Args:
        edges: Bin edges (K+1,), in log10 of the unit where `is_log`.
        real: Share of the real rows in each bin (K,).
        fake: The same of synthetic rows.
        is_log: The axis is logarithmic.
        is_cut: The first and last bin also hold what lies beyond them.
    """

    edges: np.ndarray
    real: np.ndarray
    fake: np.ndarray
    is_log: bool = False
    is_cut: bool = False


def draw(both: Pair) -> Markup:
    """The figure of a column; nothing for a column that cannot be drawn."""
    if both.shape == "nothing" or not len(both.real) or not len(both.fake):
        return Markup("")
    return _bars(both) if both.shape == "category" else _overlay(both)


def atoms(both: Pair) -> list[tuple[float, float, float]]:
    """(value, real share, synthetic share) of the few values that repeat often, in order of value."""
    if both.shape != "number" or _has_bin_each(both):
        return []
    found: dict[float, None] = {}
    for side in (both.real, both.fake):
        values, counts = np.unique(side[~np.isnan(side)], return_counts=True)
        typical = 4 * np.median(counts) if len(counts) else 0
        often = (counts >= ATOM_SHARE * len(side)) & (counts > typical)
        found.update(dict.fromkeys(values[often].tolist()))
    every = [(v, float((both.real == v).mean()), float((both.fake == v).mean())) for v in found]
    return sorted(sorted(every, key=lambda a: -max(a[1:]))[:N_ATOMS])


def histogram(both: Pair) -> Histogram | None:
    """The values that are no atoms; None where there are none."""
    apart = [a[0] for a in atoms(both)]
    rest = [side[~np.isnan(side) & ~np.isin(side, apart)] for side in (both.real, both.fake)]
    pooled = np.concatenate(rest)
    if not len(pooled):
        return None
    is_log = both.shape == "number" and _is_skewed(pooled)
    if is_log:
        rest, pooled = [np.log10(side) for side in rest], np.log10(pooled)
    low, high, is_cut = _range(pooled)
    edges = _edges(low, high, is_whole=not is_log and bool((pooled == np.round(pooled)).all()))
    counts = [np.histogram(np.clip(side, edges[0], edges[-1]), edges)[0] for side in rest]
    return Histogram(edges, counts[0] / max(1, len(both.real)), counts[1] / max(1, len(both.fake)), is_log, is_cut)


def levels(both: Pair) -> list[tuple[str, float, float]]:
    """The levels to show: the most frequent ones, and the others together."""
    every = shares(both)
    if len(every) <= N_LEVELS + 1:
        return every
    shown = every[:N_LEVELS]
    if both.missing != (0.0, 0.0) and not any(level[0] == MISSING for level in shown):
        shown[-1] = next(level for level in every if level[0] == MISSING)
    rest = [level for level in every if level not in shown]
    return [*shown, (f"other ({len(rest):,})", sum(r for _, r, _ in rest), sum(f for *_, f in rest))]


def note(both: Pair) -> str:
    """What a reader must know about the drawing, in a line."""
    parts = [both.note]
    bins = histogram(both) if both.shape in ("number", "datetime") else None
    if bins is not None:
        parts += [
            "log axis" if bins.is_log else "",
            "values beyond the axis are in the end bins" if bins.is_cut else "",
        ]
    if both.shape in ("number", "datetime") and both.missing != (0.0, 0.0):
        parts.append(f"missing: {percent(both.missing[0])} real, {percent(both.missing[1])} synthetic")
    return "; ".join(p for p in parts if p)


def describe(both: Pair) -> str:
    """The figure in words and numbers."""
    ending = f" Distance {number(both.distance)}."
    if both.shape == "category":
        top = "; ".join(f"{shorten(v, 30)}: {percent(r)} real, {percent(f)} synthetic" for v, r, f in levels(both)[:6])
        return f"{top}.{ending}"
    show = _date if both.shape == "datetime" else quantity
    sides = []
    for name, side in (("Real", both.real), ("Synthetic", both.fake)):
        known = side[~np.isnan(side)]
        if len(known):
            low, middle, high = (show(float(v)) for v in np.quantile(known, (0.05, 0.5, 0.95)))
            sides.append(f"{name}: median {middle}, 5 to 95 percent {low} to {high}.")
    repeats = "".join(f" {quantity(v)}: {percent(r)} real, {percent(f)} synthetic." for v, r, f in atoms(both))
    return " ".join(sides) + repeats + (f" {note(both)}." if note(both) else "") + ending


def _overlay(both: Pair) -> Markup:
    """Atoms and missing values at the left, the histogram at the right."""
    apart = [(quantity(v), r, f) for v, r, f in atoms(both)]
    if both.missing != (0.0, 0.0):
        apart.append((MISSING, *both.missing))
    parts = [_atom(i * ATOM_WIDTH, atom, max(max(a[1:]) for a in apart)) for i, atom in enumerate(apart)]
    left = len(apart) * ATOM_WIDTH + (8 if apart else 0)
    bins = histogram(both)
    if bins is not None:
        parts += _steps(bins, left, both.shape == "datetime")
    return svg.figure(_title(both), describe(both), WIDTH, TOP + PLOT + BOTTOM, parts)


def _atom(x: float, atom: tuple[str, float, float], top: float) -> Markup:
    label, real, fake = atom
    heights = [(PLOT - 4) * share / top for share in (real, fake)]
    floor = TOP + PLOT
    return svg.element(
        "g",
        svg.rectangle(x + 12, floor - heights[0], 15, heights[0], "real bar"),
        svg.rectangle(x + 29, floor - heights[1], 15, heights[1], "fake bar"),
        svg.line(x + 2, floor, x + ATOM_WIDTH - 4, floor, "axis"),
        svg.text(x + 28, floor - max(heights) - 4, _both(real, fake).replace(" ", ""), "middle", "quiet"),
        svg.text(x + 28, floor + 13, shorten(label, 8, breadth), "middle"),
    )


def _steps(bins: Histogram, left: float, is_date: bool) -> list[Markup]:
    """Both outlines over one axis."""
    floor, top = TOP + PLOT, max(float(bins.real.max()), float(bins.fake.max()))
    span = bins.edges[-1] - bins.edges[0]
    x = left + 2 + (WIDTH - left - 4) * (bins.edges - bins.edges[0]) / span
    outlines = [svg.steps(x, (PLOT - 4) * side / top, floor) for side in (bins.real, bins.fake)]
    return [
        svg.element("path", d=outlines[0], class_="real area"),
        svg.element("path", d=outlines[1], class_="fake outline"),
        svg.line(left, floor, WIDTH, floor, "axis"),
        svg.text(left + 2, TOP - 4, f"tallest bin {percent(top)}", class_="quiet"),
        *_ticks(bins, left, span, is_date),
    ]


def _ticks(bins: Histogram, left: float, span: float, is_date: bool) -> list[Markup]:
    low, width, floor = bins.edges[0], WIDTH - left - 4, TOP + PLOT
    drawn, free = [], float(left)
    for value in _tick_values(bins, is_date):
        x = left + 2 + width * (value - low) / span
        words = _date(value, span) if is_date else quantity(10**value if bins.is_log else value, 6)
        margin = (3.2 if is_date else 3.5) * len(words)
        middle = min(max(x, left + margin), WIDTH - margin)
        drawn.append(svg.line(x, floor, x, floor + 3, "axis"))
        if middle - margin >= free:  # labels do not overlap
            drawn.append(svg.text(middle, floor + 13, words, "middle"))
            free = middle + margin + 6
    return drawn


def _tick_values(bins: Histogram, is_date: bool) -> list[float]:
    """Where the axis is labelled: round numbers, whole powers of ten, or three dates."""
    low, high = float(bins.edges[0]), float(bins.edges[-1])
    if is_date:
        return [low + share * (high - low) for share in (0.16, 0.5, 0.84)]
    if bins.is_log:
        return [float(power) for power in range(int(np.ceil(low)), int(np.floor(high)) + 1)]
    return svg.ticks(low, high, 4)


def _bars(both: Pair) -> Markup:
    """One pair of horizontal bars a level."""
    shown = levels(both)
    top = max(max(r, f) for _, r, f in shown) or 1.0
    parts = []
    short = shorten_apart([label for label, _, _ in shown], 16, breadth)
    for i, (label, (whole, real, fake)) in enumerate(zip(short, shown, strict=True)):
        y = 2 + i * ROW
        parts += [
            svg.text(LABEL - 5, y + 10.5, label, "end", whole=whole[:MAX_HINT]),
            svg.rectangle(LABEL, y + 1, BAR * real / top, 6, "real bar"),
            svg.rectangle(LABEL, y + 7.5, BAR * fake / top, 6, "fake bar"),
            svg.text(WIDTH, y + 10.5, _both(real, fake), "end", "quiet"),
        ]
    height = 4 + ROW * len(shown)
    return svg.figure(_title(both), describe(both), WIDTH, height, [*parts, svg.line(LABEL, 0, LABEL, height, "axis")])


def _both(real: float, fake: float) -> str:
    """Two shares with one sign: 33 · 32 %."""
    return f"{percent(real)} · {percent(fake)}".replace(" %", "") + " %"


def _title(both: Pair) -> str:
    return f"{shorten(both.name, 80)}: real and synthetic"


def _has_bin_each(both: Pair) -> bool:
    """Whole numbers so close together that every one has a bin of its own, and none fills half of the rows."""
    known = np.concatenate([side[~np.isnan(side)] for side in (both.real, both.fake)])
    if np.any(known != np.round(known)) or known.max() - known.min() >= N_BINS:
        return False
    return bool(np.unique(known, return_counts=True)[1].max() < 0.5 * len(known))


def _is_skewed(pooled: np.ndarray) -> bool:
    """Positive, and over more than two orders of magnitude."""
    low, high = np.quantile(pooled, (0.02, 0.98))
    return bool(pooled.min() > 0 and high > 100 * low)


def _range(pooled: np.ndarray) -> tuple[float, float, bool]:
    """Where the axis begins and ends, and whether a long tail is cut off."""
    low, high = float(pooled.min()), float(pooled.max())
    inner = np.quantile(pooled, (0.005, 0.995))
    if high - low > 2.5 * (inner[1] - inner[0]) > 0:
        return float(inner[0]), float(inner[1]), True
    return low, high, False


def _edges(low: float, high: float, is_whole: bool) -> np.ndarray:
    """Bin edges; bins of whole numbers hold equally many of them."""
    if is_whole and max(abs(low), abs(high)) < 2**50:
        width = max(1.0, np.ceil((high - low + 1) / N_BINS))
        return np.arange(np.floor(low) - 0.5, np.floor(high) + 0.5 + width, width)
    largest = max(abs(low), abs(high))
    pad = 0.01 * largest + 1e-9 if high - low <= 1e-9 * largest + 1e-290 else 0.0
    return np.linspace(low - pad, high + pad, N_BINS + 1)


def _date(seconds: float, span: float = 86_400 * 365) -> str:
    """A date, or a time where all lie within two days."""
    unit = "m" if span < 2 * 86_400 else "D" if span < 4 * 365 * 86_400 else "M"
    try:
        words = str(np.datetime64(round(seconds * 1e6), "us").astype(f"datetime64[{unit}]"))
    except (OverflowError, ValueError):
        return number(seconds)
    return words[5:].replace("T", " ") if unit == "m" else words
