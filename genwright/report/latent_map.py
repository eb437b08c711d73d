"""Where rows lie in a model's latent space: the two directions in which their latents differ most.

    Z − mean = U S Vᵀ        a row's place: its first two columns of U S (principal components)

Rows are marked by the value of one category column, each value with a colour and a shape of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from genwright.report import svg
from genwright.report.words import percent, shorten

WIDTH, HEIGHT, EDGE = 360, 270, 9
MAX_ROWS, N_MARKS = 600, 6  # rows that are drawn; values that have a mark of their own, the last for all others
SIZE = 2.6


@dataclass(frozen=True)
class LatentMap:
    """Rows in the plane.

    Args:
        places: Of each row (N, 2).
        shares: Of the latents' variance that the two directions hold (2,).
        n_latents: Numbers in a row's latent.
        column: The category that marks rows; nothing where there is none.
        values: What the marks mean.
        mark: Of each row (N,).
    """

    places: np.ndarray
    shares: np.ndarray
    n_latents: int
    column: str = ""
    values: tuple[str, ...] = ()
    mark: np.ndarray | None = None


def latent_map(latents: np.ndarray, column: str = "", labels: list[str] | None = None) -> LatentMap | None:
    """The map of latents (N, K); None where they do not differ, or are too few.

    Args:
        latents: Of some rows.
        column: The category column that marks them.
        labels: Its value in each row.
    """
    latents = latents[:, np.isfinite(latents).all(0)].astype(np.float64)
    if len(latents) < 3 or not latents.shape[1]:
        return None
    centred = latents - latents.mean(0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    if not s[0] > 1e-9:
        return None
    places = np.zeros((len(latents), 2))
    shares = np.zeros(2)
    n = min(2, len(s))
    flip = np.sign(u[np.abs(u[:, :n]).argmax(0), np.arange(n)])  # the same picture on every machine
    places[:, :n], shares[:n] = (u * s)[:, :n] * flip, s[:n] ** 2 / (s**2).sum()
    if not labels:
        return LatentMap(places, shares, latents.shape[1])
    seen, code, count = np.unique(np.array(labels, dtype=str), return_inverse=True, return_counts=True)
    order = np.argsort(-count, kind="stable")
    rank = np.empty(len(seen), np.int64)
    rank[order] = np.arange(len(seen))
    values = [str(seen[k]) for k in order]
    if len(values) > N_MARKS:
        values = [*values[: N_MARKS - 1], f"other ({len(values) - N_MARKS + 1:,})"]
    return LatentMap(places, shares, latents.shape[1], column, tuple(values), rank[code.ravel()].clip(max=N_MARKS - 1))


def draw(found: LatentMap) -> Markup:
    """The figure."""
    low, high = found.places.min(0), found.places.max(0)
    span = np.where(high > low, high - low, 1.0)
    x = EDGE + (WIDTH - 2 * EDGE) * (found.places[:, 0] - low[0]) / span[0]
    y = HEIGHT - 20 - EDGE - (HEIGHT - 20 - 2 * EDGE) * (found.places[:, 1] - low[1]) / span[1]
    mark = np.zeros(len(x), np.int64) if found.mark is None else found.mark
    parts = [svg.element("path", d=svg.box(1, 1, WIDTH - 2, HEIGHT - 22), class_="axis")]
    for k in range(int(mark.max()) + 1):
        at = mark == k
        d = "".join(shape(k, a, b) for a, b in zip(x[at], y[at], strict=True))
        parts.append(svg.element("path", d=d, class_=f"mark{k}"))
    words = f"first direction: {percent(found.shares[0])} of the variance; second, upwards: {percent(found.shares[1])}"
    parts.append(svg.text(WIDTH / 2, HEIGHT - 4, words, "middle", "quiet"))
    return svg.figure("Rows in latent space", describe(found), WIDTH, HEIGHT, parts)


def legend(found: LatentMap) -> list[tuple[Markup, str]]:
    """(mark, what it means) of every value."""
    return [(_sample(k), shorten(value, 40)) for k, value in enumerate(found.values)]


def describe(found: LatentMap) -> str:
    """The figure in words."""
    marked = f" Marked by {shorten(found.column, 40)}." if found.column else ""
    middles = []
    for k, value in enumerate(found.values):
        at = found.mark == k
        a, b = np.median(found.places[at], 0)
        middles.append(f"{shorten(value, 30)} {a:.2g}, {b:.2g}")
    told = f" Medians: {'; '.join(middles)}." if middles else ""
    return (
        f"{len(found.places)} rows by their {found.n_latents} latents; two directions hold "
        f"{percent(float(found.shares.sum()))} of the variance.{marked}{told}"
    )


def shape(k: int, x: float, y: float) -> str:
    """The path of mark k around a point: disc, cross, triangle, square, plus, diamond."""
    r = SIZE
    shapes: list[Callable[[], str]] = [
        lambda: f"M{x - r:.1f} {y:.1f}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0z",
        lambda: f"M{x - r:.1f} {y - r:.1f}l{2 * r} {2 * r}m0 {-2 * r}l{-2 * r} {2 * r}",
        lambda: f"M{x:.1f} {y - r - 0.5:.1f}l{r} {2 * r}h{-2 * r}z",
        lambda: svg.box(x - r, y - r, 2 * r, 2 * r),
        lambda: f"M{x - r - 0.6:.1f} {y:.1f}h{2 * r + 1.2}M{x:.1f} {y - r - 0.6:.1f}v{2 * r + 1.2}",
        lambda: f"M{x:.1f} {y - r - 1:.1f}l{r + 1} {r + 1}l{-r - 1} {r + 1}l{-r - 1} {-r - 1}z",
    ]
    return shapes[k % len(shapes)]()


def _sample(k: int) -> Markup:
    path = svg.element("path", d=shape(k, 7, 7), class_=f"mark{k}")
    return svg.element("svg", path, width=14, height=14, viewBox="0 0 14 14", aria_hidden="true")
