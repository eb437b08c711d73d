"""A column as the image of latent uniforms: x = F⁻¹(u), and back, the interval of u that gives x.

A value with probability mass owns the interval (F(x−), F(x)] (the distributional transform, Rüschendorf, 2009,
https://doi.org/10.1016/j.jspi.2009.05.030), a value with a density owns a point. F is a histogram over the column's
codes: categories in an order of their own, or the cells of a real column (see `nn/cells`). Of a cell with so many
multiples of the step that their intervals would be no wider than rounding, each is a point, too, and its mass stands
for a density.

A real column that can be missing has a second latent, which says whether it is; where it is, the first one is not seen
and may be anything.
"""

import numpy as np
from scipy.special import logsumexp

from genwright.core.errors import UnsupportedError
from genwright.core.space import Category, Field, Real
from genwright.nn.cells import Cells

LARGEST = 690.0  # nats that a weight of a tempered margin may lie from that of the likeliest code
COLDEST = 1e300  # largest 1 / temperature
FINE = 2.0**30  # multiples of a step above which each of them is a point


class Histogram:
    """Codes that stand in a line, and their distribution function.

    Args:
        p: Weight of each code (K,), in the order of the line.
        edge: Probability beyond the ends of the line. It makes the smallest and the largest of n values as extreme as
            such values are, and falls to them when it is drawn.
    """

    def __init__(self, p: np.ndarray, edge: float = 0.0):
        inner = np.concatenate([[0.0], np.cumsum(p)])
        self.edges = edge + (1 - 2 * edge) * inner / inner[-1]  # (K+1,)
        self.width = np.diff(self.edges)
        self._outer = np.concatenate([[0.0], self.edges[1:-1], [1.0]])  # values with mass own what is beyond the ends

    def interval(self, code: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
        """Lower and upper u (2, B) of the part start … stop, in [0, 1], of each code."""
        low, high = (self.edges[code] + at * self.width[code] for at in (start, stop))
        is_mass = start < stop
        low = np.where(is_mass & (start == 0), self._outer[code], low)
        high = np.where(is_mass & (stop == 1), self._outer[code + 1], high)
        return np.stack([low, high])

    def at(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Code and position inside it, in [0, 1), of some u (B,)."""
        code = np.searchsorted(self.edges, u, side="right").clip(1, len(self.width)) - 1
        position = (u - self.edges[code]) / np.maximum(self.width[code], 1e-300)
        return code, position.clip(0, 1 - 1e-15)

    def bins(self, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Codes put together to at most so many bins, about equally likely: the bin of each code (K,), and the cuts."""
        middle = (self.edges[:-1] + self.edges[1:]) / 2
        _, first, bins = np.unique((middle * most).astype(int), return_index=True, return_inverse=True)
        return bins, self.edges[first[1:]]


class LatentMargin:
    """The margin of one column.

    Args:
        field: Of the column.
    """

    def __init__(self, field: Field):
        self.field, support = field, field.support
        if field.event_shape or not isinstance(support, (Real, Category)):
            raise UnsupportedError(f"a margin needs numbers or categories, found {field}")
        self.cells = Cells(support) if isinstance(support, Real) else None
        self.step = self.cells.step if self.cells else 0.0
        self.n = len(self.cells.low) if self.cells else support.n  # type: ignore[union-attr]  # codes but the missing one
        self.has_missing = self.cells is not None and self.cells.has_missing
        self.size = self.cells.size if self.cells else np.ones(self.n)  # multiples of the step in a code, or its width
        self.is_point = self.cells.is_atom if self.cells else np.ones(self.n, bool)  # the code is a single value
        self.is_dense = ~self.is_point & ((self.size > FINE) if self.step else True)  # values of the code are points
        self.is_smooth = bool(self.is_dense.all())  # its latent is a point for every value
        self.line = np.arange(self.n)  # codes in the order of the line
        self.histograms: list[Histogram] = []  # of its one or two latents

    def codes(self, x: np.ndarray) -> np.ndarray:
        """Code of each value (B,); the missing one is the last."""
        return self.cells.index(x) if self.cells else x

    def learn(self, counts: np.ndarray, n_rows: int) -> None:
        """Takes the shape of a histogram from positive counts (n,) or, with the missing code, (n+1,)."""
        self.counts, self.n_rows = counts, n_rows
        edge = 0.25 / n_rows if self.is_dense[self.line[[0, -1]]].any() else 0.0
        self.histograms = [Histogram(counts[self.line], edge)]
        if self.has_missing:
            self.histograms.append(Histogram(np.array([counts[:-1].sum(), counts[-1]])))

    def arrange(self, line: np.ndarray) -> None:
        """Puts the codes into another order."""
        self.line = line
        self.learn(self.counts, self.n_rows)

    def tempered(self, temperature: float) -> "LatentMargin":
        """The margin with p^(1/T), normalised; a density as a whole is tempered like a single value with its mass."""
        if temperature == 1:
            return self
        other, p, beta = LatentMargin(self.field), self.counts / self.counts.sum(), min(1 / temperature, COLDEST)
        known, rest = p[: self.n], self.is_dense
        hot = np.log(self.size) + beta * np.log(known / self.size)  # logarithms: powers of cold margins are no numbers
        if rest.any():
            hot[rest] += beta * np.log(known[rest].sum()) - logsumexp(hot[rest])
        hot -= hot.max()
        missing = beta * np.log(p[self.n :] / known.sum()) + logsumexp(hot)
        other.line = self.line
        other.learn(np.exp(np.concatenate([hot, missing]).clip(-LARGEST, LARGEST)), self.n_rows)
        return other

    def intervals(self, x: np.ndarray) -> np.ndarray:
        """Lower and upper u of each of its latents (latents, 2, B) that give the values x (B,)."""
        if not self.cells:
            place = np.argsort(self.line)[x]
            return self.histograms[0].interval(place, np.zeros(len(x)), np.ones(len(x)))[None]
        is_missing = np.isnan(x)
        code = np.where(is_missing, 0, self.codes(x))
        value = self.histograms[0].interval(code, *self._inside(code, np.where(is_missing, self.cells.low[0], x)))
        if not self.has_missing:
            return value[None]
        value = np.where(is_missing, np.array([[0.0], [1.0]]), value)
        whether = self.histograms[1].interval(is_missing.astype(int), np.zeros(len(x)), np.ones(len(x)))
        return np.stack([value, whether])

    def _inside(self, code: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The part of its cell that a value is: start and stop (B,), equal where it has a density."""
        assert self.cells is not None
        low, size, is_point = self.cells.low[code], self.size[code], self.is_point[code]
        if self.step:
            index = (np.round(x / self.step) - np.round(low / self.step) - 1).clip(0, size - 1)
            is_dense = self.is_dense[code]
            start, stop = (index + 0.5 * is_dense) / size, (index + 1 - 0.5 * is_dense) / size
        else:
            start = stop = ((x - low) / np.where(is_point, 1, size)).clip(0, 1)
        return np.where(is_point, 0.0, start), np.where(is_point, 1.0, stop)

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """log du/dx (B,) where the latent is a point, for a value with a step times that; 0 elsewhere."""
        if not self.cells:
            return np.zeros(len(x))
        is_missing = np.isnan(x)
        code = np.where(is_missing, 0, self.codes(x))
        density = self.histograms[0].width[code] / self.size[code]
        return np.where(is_missing | ~self.is_dense[code], 0.0, np.log(density))

    def value(self, u: np.ndarray) -> np.ndarray:
        """Values (B,) at some u of its latents (latents, B)."""
        place, position = self.histograms[0].at(u[0])
        if not self.cells:
            return self.line[place]
        x = np.minimum(self.cells.place(place, position), self.cells.high[-1])
        return np.where(self.histograms[1].at(u[1])[0] == 1, np.nan, x) if self.has_missing else x
