"""A row as one sequence of tokens, for families that read everything as a sequence.

Columns stand one after the other, given ones first, then single values, then sequences, each at places of its own:

    place   0        1       2        3 …                   L − 1
    column  form     title   title    text  …
    token   a form   a code  padding  a code … end, padding …

One vocabulary holds the codes of all columns, each in a block of its own; padding and the end of a sequence are shared.
A number's token is its cell (see `nn/cells`), within which its remainder is uniform, so that probabilities stay exact.
A picture is the sequence of its pixels' levels, line by line, the channels of a pixel one behind the other; all of them
are as long, so it has no end.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from genwright.core.space import OPEN, Batch, Category, Field, Pixels, Real, Space, Tokens
from genwright.nn.cells import Cells

PAD, START = 0, 1  # shared codes: behind a sequence; its end, from which rows start too
SHARED = 2
BEHIND = -100  # what stands for padding among the codes of a head, which count nothing in a likelihood


@dataclass(frozen=True)
class Place:
    """Where a column stands.

    Args:
        name: The column's.
        index: Its number in the layout.
        places: Its places in the row.
        first: First code of its block of the vocabulary.
        last: Behind the last one.
        codes: The shared code of each of the column's own codes (n,).
        own: The column's own code of each code of the block, `first` first.
        is_given: Always known when sampling.
        cells: Of a number.
        support: Of the column; of a picture that of its pixels as a sequence.
        shape: (C, H, W) of a picture.
    """

    name: str
    index: int
    places: slice
    first: int
    last: int
    codes: Tensor
    own: Tensor
    is_given: bool
    support: Category | Real | Tokens
    cells: Cells | None = None
    shape: tuple[int, ...] = ()

    @property
    def is_sequence(self) -> bool:
        """Whether it is a sequence, with an end."""
        return isinstance(self.support, Tokens)

    @property
    def has_end(self) -> bool:
        """Whether its end is predicted: where passages of a running text end says nothing about the text."""
        return isinstance(self.support, Tokens) and not self.support.runs_on

    def to_shared(self, x: Tensor) -> Tensor:
        """Codes of the whole vocabulary (B, places); open places stay open."""
        if isinstance(self.support, Tokens):
            x = _in_line(x).long() if x.dim() == 4 else x  # before asking for what is open: bytes have no −1
            return torch.where(x == OPEN, OPEN, self.codes[x.clamp(min=0)])
        own = torch.from_numpy(self.cells.index(x.numpy())) if self.cells is not None else x
        return self.codes[own][:, None]

    def in_head(self, tokens: Tensor) -> Tensor:
        """Tokens as codes of the column's own head, the end of a sequence first; `BEHIND` for what it does not have."""
        if not self.has_end:
            return torch.where(tokens < SHARED, BEHIND, tokens - self.first)
        return torch.where(tokens == PAD, BEHIND, torch.where(tokens == START, 0, tokens - self.first + 1))

    def from_shared(self, tokens: Tensor, u: Tensor | None = None) -> Tensor:
        """The column of tokens (B, places); a number lies at u (B,) of its cell."""
        if isinstance(self.support, Tokens):
            codes = self.own_codes(tokens)
            return _as_picture(codes, self.shape) if self.shape else codes
        own = self.own[(tokens[:, 0] - self.first).clamp(0, len(self.own) - 1)]
        if self.cells is None:
            return own
        at = np.full(len(own), 0.5) if u is None else u.numpy()
        return torch.from_numpy(self.cells.place(own.numpy(), at))

    def own_codes(self, tokens: Tensor) -> Tensor:
        """Tokens of a sequence (B, places) as its own codes, still one behind the other."""
        assert isinstance(self.support, Tokens)
        inside = self.own[(tokens - self.first).clamp(0, len(self.own) - 1)] if len(self.own) else tokens
        inside = torch.where(tokens == START, self.support.end, inside)
        return torch.where(tokens == PAD, self.support.pad, inside)

    def log_inside(self, x: Tensor) -> Tensor:
        """Log probability or density of a number within its cell (B,); 0 for other columns."""
        if self.cells is None:
            return torch.zeros(len(x), dtype=torch.float64)
        return torch.from_numpy(self.cells.log_inside(self.cells.index(x.numpy())))


@dataclass
class RowTokens:
    """Rows ↔ tokens (B, L).

    Args:
        space: Scalar numbers and categories, sequences of codes, and pictures.
    """

    space: Space
    columns: list[Place] = field(init=False)

    def __post_init__(self) -> None:
        self.columns = []
        at, first = 0, SHARED
        for name, f in sorted(self.space.items(), key=lambda item: _rank(item[1])):
            column = _place(len(self.columns), name, f, at, first)
            self.columns.append(column)
            at, first = column.places.stop, column.last
        self.length, self.n = at, first
        of_place = [c.index for c in self.columns for _ in range(c.places.start, c.places.stop)]
        self.column_of = torch.tensor(of_place, dtype=torch.int64)  # (L,)
        self.grid, self.n_grid = self._grid()

    def __getitem__(self, name: str) -> Place:
        return next(c for c in self.columns if c.name == name)

    def _grid(self) -> tuple[Tensor, int]:
        """Line, column and channel of each place (L, 3) as numbers that no two pictures share, 0 where there is none;
        and how many there are.
        """
        grid, n = torch.zeros(self.length, 3, dtype=torch.int64), 1
        for c in self.columns:
            if c.shape:
                channels, height, width = c.shape
                every = torch.cartesian_prod(torch.arange(height), torch.arange(width), torch.arange(channels))
                grid[c.places] = every.view(-1, 3) + torch.tensor([n, n + height, n + height + width])
                n += height + width + channels
        return grid, n if n > 1 else 0

    @property
    def n_given(self) -> int:
        """Places of the columns that are always given; they stand first."""
        return sum(c.places.stop - c.places.start for c in self.columns if c.is_given)

    @property
    def is_single(self) -> bool:
        """Whether a row is one sequence and nothing else."""
        return len(self.columns) == 1 and self.columns[0].is_sequence

    @property
    def has_inner_padding(self) -> bool:
        """Whether padding may stand before something: behind a sequence that is not the last column."""
        return any(c.is_sequence for c in self.columns[:-1])

    def encode(self, batch: Batch) -> Tensor:
        """Rows as tokens (B, L) int64."""
        return torch.cat([c.to_shared(batch[c.name]) for c in self.columns], 1)

    def decode(self, tokens: Tensor, u: Tensor | None = None) -> Batch:
        """The inverse.

        Args:
            tokens: (B, L).
            u: Where in its cell each column's number lies (B, number of columns), in [0, 1); None: in its middle.
        """
        rows = {c.name: c.from_shared(tokens[:, c.places], None if u is None else u[:, c.index]) for c in self.columns}
        return {name: rows[name] for name in self.space}

    def log_inside(self, batch: Batch, n: int) -> Tensor:
        """What numbers' places within their cells add to log p (B,); columns that are always given are left out."""
        parts = [c.log_inside(batch[c.name]) for c in self.columns if c.cells is not None and not c.is_given]
        return torch.stack(parts).sum(0) if parts else torch.zeros(n, dtype=torch.float64)


def _rank(f: Field) -> int:
    """Given columns stand first, then single values, then sequences."""
    return 2 * (not f.is_given) + isinstance(f.support, Tokens | Pixels)


def _in_line(x: Tensor) -> Tensor:
    """Pictures (B, C, H, W) → (B, H · W · C)."""
    return x.permute(0, 2, 3, 1).flatten(1)


def _as_picture(codes: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The inverse, uint8."""
    channels, height, width = shape
    return codes.view(-1, height, width, channels).permute(0, 3, 1, 2).to(torch.uint8).contiguous()


def _place(index: int, name: str, f: Field, at: int, first: int) -> Place:
    support = f.support
    if isinstance(support, Pixels):
        line = Tokens(math.prod(f.event_shape), support.n + 2, pad=support.n, end=support.n + 1, runs_on=True)
        return replace(_place(index, name, replace(f, support=line), at, first), shape=f.event_shape)
    if isinstance(support, Tokens):
        inner = torch.tensor([c for c in range(support.n) if c not in (support.pad, support.end)], dtype=torch.int64)
        codes = torch.full((support.n,), PAD, dtype=torch.int64)
        codes[inner] = first + torch.arange(len(inner))
        codes[support.end] = START
        places = slice(at, at + support.length)
        return Place(name, index, places, first, first + len(inner), codes, inner, f.is_given, support)
    assert isinstance(support, (Real, Category))
    cells = Cells(support) if isinstance(support, Real) else None
    n = cells.n if cells is not None else support.n  # type: ignore[union-attr]
    codes, own = first + torch.arange(n), torch.arange(n)
    return Place(name, index, slice(at, at + 1), first, first + n, codes, own, f.is_given, support, cells)
