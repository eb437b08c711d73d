"""A picture for a README: six columns and two pairs of columns, real against synthetic, as a PNG.

The figures of the report itself are SVG; this one is for places that show only pixels.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from genwright.core.errors import DataError
from genwright.core.schema import Schema
from genwright.report import column_overlay
from genwright.report.values import Pair, pair
from genwright.report.words import quantity, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REAL, FAKE, INK, QUIET = "#0a5fae", "#c9530f", "#1a1d23", "#6a717d"
N_COLUMNS, N_BARS, N_DOTS = 6, 6, 1_500


def save_picture(real: pa.Table, fake: pa.Table, schema: Schema, path: str | Path) -> Path:
    """Draws both tables and writes the PNG.

    Raises:
        DataError: no column can be drawn.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    pairs = [p for p in (pair(c, real, fake) for c in schema) if p.shape != "nothing" and len(p.real) and len(p.fake)]
    if not pairs:
        raise DataError("no column can be drawn: every one is an id, constant, or has no rows; pass other columns")
    figure = Figure(figsize=(13, 6), dpi=130, facecolor="white", layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12))
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 10)
    for i, both in enumerate(telling(pairs)):
        row, column = divmod(i, 3)
        _column(figure.add_subplot(grid[row, 2 * column : 2 * column + 2]), both)
    for i, (x, y) in enumerate(telling_pairs(pairs)):
        real_axes, fake_axes = (figure.add_subplot(grid[i, 6 + 2 * k : 8 + 2 * k]) for k in range(2))
        _dots(real_axes, x, y, "real")
        _dots(fake_axes, x, y, "fake")
    _legend(figure)
    figure.savefig(path, metadata={"Software": None})
    return Path(path)


def telling(pairs: list[Pair]) -> list[Pair]:
    """Six columns worth seeing: four histograms and two categories where there are as many, in the table's order."""
    histograms = [p for p in pairs if p.shape != "category"]
    bars = sorted((p for p in pairs if p.shape == "category"), key=lambda p: -min(7, len(column_overlay.levels(p))))
    n_bars = min(len(bars), max(2, N_COLUMNS - len(histograms)))
    chosen = [*histograms[: N_COLUMNS - n_bars], *bars[:n_bars]]
    return [p for p in pairs if any(p is c for c in chosen)]


def telling_pairs(pairs: list[Pair]) -> list[tuple[Pair, Pair]]:
    """The two pairs of number columns that hang together most in the real rows, without a column twice if possible."""
    numbers = [p for p in pairs if p.shape == "number" and sum(r for _, r, _ in column_overlay.atoms(p)) < 0.6]
    strength = {
        (j, i): abs(_rank_correlation(numbers[i].real, numbers[j].real)) for i in range(len(numbers)) for j in range(i)
    }
    order = sorted(strength, key=lambda ij: -strength[ij])
    apart = [ij for ij in order if ij == order[0] or not set(ij) & set(order[0])]
    return [(numbers[i], numbers[j]) for i, j in (apart if len(apart) > 1 else order)[:2]]


def _column(axes: "Axes", both: Pair) -> None:
    """One column: histogram or bars."""
    _style(axes, shorten(both.name, 28))
    axes.set_yticks([])
    if both.shape == "category":
        _bars(axes, both)
        return
    bins = column_overlay.histogram(both)
    if bins is None:
        return
    axes.stairs(bins.real, bins.edges, fill=True, color=REAL, alpha=0.3)
    axes.stairs(bins.real, bins.edges, color=REAL, lw=1.1)
    axes.stairs(bins.fake, bins.edges, color=FAKE, lw=1.6, ls=(0, (4, 1.6)))
    axes.set_xlim(bins.edges[0], bins.edges[-1])
    if both.shape == "datetime":
        axes.xaxis.set_major_formatter(lambda v, _: str(np.datetime64(int(v), "s").astype("datetime64[M]")))
        axes.locator_params(axis="x", nbins=3)
    else:
        axes.xaxis.set_major_formatter(lambda v, _: quantity(10**v if bins.is_log else v, 6))
        axes.locator_params(axis="x", nbins=4)
    _say_atoms(axes, both)


def _say_atoms(axes: "Axes", both: Pair) -> None:
    """Values that repeat often are told rather than drawn."""
    for i, (value, real, fake) in enumerate(column_overlay.atoms(both)[:2]):
        words = f"{quantity(value)}: {real:.0%} | {fake:.0%}"
        axes.text(0.97, 0.93 - 0.11 * i, words, transform=axes.transAxes, ha="right", va="top", fontsize=8, color=QUIET)


def _bars(axes: "Axes", both: Pair) -> None:
    shown = column_overlay.levels(both)[:N_BARS]
    y = np.arange(len(shown))
    axes.barh(y - 0.19, [r for _, r, _ in shown], 0.36, color=REAL, alpha=0.75)
    axes.barh(y + 0.19, [f for *_, f in shown], 0.36, color="white", edgecolor=FAKE, hatch="//////", lw=1)
    axes.set_yticks(y, [shorten(label, 16) for label, *_ in shown])
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.tick_params(axis="y", length=0)


def _dots(axes: "Axes", x: Pair, y: Pair, side: str) -> None:
    """Two number columns against each other, real or synthetic rows, on the axes of the real ones."""
    _style(axes, f"{shorten(x.name, 17)} × {shorten(y.name, 17)}" if side == "real" else "")
    a, b = getattr(x, side), getattr(y, side)
    at = np.linspace(0, len(a) - 1, min(N_DOTS, len(a))).astype(int)  # evenly, as files are often sorted
    a, b = a[at], b[at]
    axes.scatter(a, b, s=5, color=REAL if side == "real" else FAKE, alpha=0.35, linewidths=0, rasterized=True)
    for limit, both in ((axes.set_xlim, x), (axes.set_ylim, y)):
        low, high = np.nanquantile(both.real, (0.005, 0.995))
        limit(low - 0.04 * (high - low), high + 0.04 * (high - low))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda v, _: quantity(v, 6))
    axes.locator_params(nbins=3)
    words = "real" if side == "real" else "synthetic"
    axes.set_xlabel(words, fontsize=9, color=REAL if side == "real" else FAKE)


def _legend(figure: "Figure") -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=REAL, alpha=0.6, label="real rows"),
        Patch(facecolor="white", edgecolor=FAKE, hatch="//////", label="synthetic rows"),
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=2, frameon=False, fontsize=11)


def _style(axes: "Axes", title: str) -> None:
    axes.set_title(title.replace("$", r"\$"), fontsize=10, color=INK, loc="left", fontweight="bold")
    axes.tick_params(labelsize=8, colors=QUIET, length=2)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(QUIET)


def _rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's, over the rows where both are known."""
    known = ~np.isnan(x) & ~np.isnan(y)
    if known.sum() < 3:
        return 0.0
    ranks = [np.unique(side[known], return_inverse=True)[1].astype(float) for side in (x, y)]
    if any(np.ptp(r) == 0 for r in ranks):
        return 0.0
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])
