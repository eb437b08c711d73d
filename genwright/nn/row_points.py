"""Rows of any columns as points of R^D, for families that need a density there.

    pictures   brightness, −1 … 1; a code's points fill the cell around it     x = (2 (code + u − ½)) / (n − 1) − 1
    codes      their bits, see `analog_bits`                                    y = ±1 · (1 + σ n)
    numbers    their scores z; where a number has a step, any score that comes out as it; where its code says that the
               score does not count, standard normal noise

Every row is spread over points x ~ q(x | row) that lead back to it alone, so a density p(x) bounds its probability
(Theis et al., 2016, https://arxiv.org/abs/1511.01844):

    log p(row) ≥ E_q [log p(x) − log q(x | row)] + log |dz / d number|
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from genwright.core.space import Batch, Pixels, Space
from genwright.nn.analog_bits import AnalogBits
from genwright.nn.picture_view import picture_shape, pictures, prepared, scaled, to_codes, without_pictures
from genwright.nn.row_view import RowView


class RowPoints:
    """Rows ↔ points (B, D): pictures, then bits, then scores.

    Args:
        space: Pictures, real and categorical fields.
    """

    def __init__(self, space: Space):
        self.pictures = pictures(space)
        self.shapes = {name: picture_shape(space, name) for name in self.pictures}  # (C, H, W) each
        self.view = RowView(without_pictures(space))
        self.bits = AnalogBits(self.view.sizes)
        self.n_pixels = sum(math.prod(shape) for shape in self.shapes.values())
        self.n_vector = self.bits.n + self.view.n_scores
        self.n = self.n_pixels + self.n_vector  # D
        self._ends = torch.tensor([n.ends for n in self.view.numbers]).view(-1, 2)
        self._is_stepped = torch.tensor([n.support.step > 0 for n in self.view.numbers], dtype=torch.bool)

    def rows(self, batch: Batch) -> Batch:
        """A batch, prepared: pictures as they are under `pixels.`, and what `RowView.rows` tells of the rest."""
        return {**prepared(batch, self.pictures), **self.view.rows(batch)}

    def levels(self, name: str) -> int:
        """Codes of a column of pictures."""
        support = self.pictures[name].support
        assert isinstance(support, Pixels)
        return support.n

    def split(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """Points (B, D) → each picture (B, C, H, W), and the vector of bits and scores (B, V)."""
        sizes = [math.prod(shape) for shape in self.shapes.values()]
        *parts, vector = x.split([*sizes, self.n_vector], 1)
        return [part.reshape(-1, *shape) for part, shape in zip(parts, self.shapes.values())], vector

    def centre(self, rows: Batch) -> Tensor:
        """The middle of each prepared row's points (B, D)."""
        parts = [scaled(rows[f"pixels.{name}"], self.levels(name)).flatten(1) for name in self.pictures]
        return torch.cat([*parts, self.bits.encode(rows["codes"]), rows["z"]], 1)

    def spread(self, rows: Batch, generator: torch.Generator) -> Tensor:
        """A point of each row, x ~ q(x | row) (B, D)."""
        n = len(rows["codes"])
        u = torch.rand(n, self.n_pixels + self.bits.n, generator=generator)
        start, parts = 0, []
        for name in self.pictures:
            codes = rows[f"pixels.{name}"].flatten(1)
            parts.append(scaled(codes + u[:, start : start + codes.shape[1]] - 0.5, self.levels(name)))
            start += codes.shape[1]
        parts.append(self.bits.around(rows["codes"], u[:, start:]))
        return torch.cat([*parts, self._scores(rows, generator)], 1) if self.view.n_scores else torch.cat(parts, 1)

    def _scores(self, rows: Batch, generator: torch.Generator) -> Tensor:
        """z ~ q(z | row) (B, R)."""
        u = torch.rand(rows["z"].shape, generator=generator)
        noise = torch.randn(rows["z"].shape, generator=generator)
        low, high = self._cell(rows)
        return torch.where(self._is_used(rows), torch.where(self._is_stepped, low + u * (high - low), rows["z"]), noise)

    def _cell(self, rows: Batch) -> tuple[Tensor, Tensor]:
        """Scores that come out as each number, without the endless ones beyond the ends, each (B, R)."""
        return torch.maximum(rows["z_low"], self._ends[:, 0]), torch.minimum(rows["z_high"], self._ends[:, 1])

    def _is_used(self, rows: Batch) -> Tensor:
        """Which scores count (B, R)."""
        return rows["codes"][:, self.view.slots] == self.view.smooth_codes

    def log_volume(self, rows: Batch, x: Tensor) -> Tensor:
        """−log q(x | row) + log |dz / d number|: what makes log p(x) a bound of log p(row) (B,), float64."""
        cells = sum(math.prod(s) * math.log(2 / (self.levels(name) - 1)) for name, s in self.shapes.items())
        bits = x[:, self.n_pixels : self.n_pixels + self.bits.n]
        total = cells - self.bits.log_q(rows["codes"], bits)
        if not self.view.n_scores:
            return total
        low, high = self._cell(rows)
        is_cut = (low > rows["z_low"]) | (high < rows["z_high"])
        width = torch.where(is_cut, (high - low).clamp(min=1e-30).log(), rows["log_width"])
        unused = 0.5 * x[:, -self.view.n_scores :].square() + 0.5 * math.log(2 * math.pi)
        used = torch.where(self._is_stepped, width, rows["log_slope"])
        return total + torch.where(self._is_used(rows), used, unused).double().sum(1)

    def mask(self, known: Mapping[str, Tensor], n: int) -> Tensor:
        """Which numbers of n rows' points are known (n, D).

        Args:
            known: Column → what is known of it, True: cells (B,), pixels (B, H, W) or (B, C, H, W); columns that are
                absent are known wholly.
            n: Rows.
        """
        parts = [_each_pixel(known.get(name), n, shape) for name, shape in self.shapes.items()]
        each = torch.ones(n, self.view.n_codes, dtype=torch.bool)
        for place in self.view.places:
            if place.name in known:
                each[:, place.codes] = known[place.name].reshape(n, -1)
        return torch.cat([*parts, self.bits.spread(each), each[:, self.view.slots]], 1)

    def batch(self, x: Tensor) -> Batch:
        """Points (B, D) → the rows they lead back to."""
        shown, vector = self.split(x)
        found = {name: to_codes(part, self.levels(name)) for name, part in zip(self.pictures, shown)}
        codes = self.bits.decode(vector[:, : self.bits.n])
        return {**found, **self.view.batch(codes, vector[:, self.bits.n :])}


def _each_pixel(known: Tensor | None, n: int, shape: tuple[int, int, int]) -> Tensor:
    """What is known of pictures (n, C · H · W)."""
    if known is None:
        return torch.ones(n, math.prod(shape), dtype=torch.bool)
    lead = known if known.dim() == 4 else known.reshape(n, 1, *(known.shape[1:] or (1, 1)))
    return lead.expand(n, *shape).flatten(1)
