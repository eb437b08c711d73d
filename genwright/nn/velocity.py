"""Networks that tell a velocity v(x, t) at points of any row: pictures by UNets, the rest by a residual network.

Both hear the time and the given columns, and each hears of the others in the middle of its way:

    told = MLP(t, given)                          h = told + W y                       bits and scores y
    each picture:  down to its coarsest grid      h ← h + mean of every grid           what they say to each other
    each picture:  up again                       v_y = residual blocks of h

The networks' answer is added to the velocity that is right where rows are normal, `gaussian_velocity`, so that means
and correlations need not be learnt by steps.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genwright.nn.column_embed import ColumnEmbed
from genwright.nn.gaussian_velocity import GaussianVelocity
from genwright.nn.mlp import MLP
from genwright.nn.row_points import RowPoints
from genwright.nn.row_view import RowView
from genwright.nn.unet import UNet

N_WAVES = 16  # sines and cosines that tell the time, each


class Waves(nn.Module):
    """Times (B,) → sines and cosines of them (B, 2 · N_WAVES), from a slow wave to a fast one."""

    speed: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("speed", torch.logspace(0, 2.3, N_WAVES), persistent=False)

    def forward(self, t: Tensor) -> Tensor:
        """(B,) → (B, 2 · N_WAVES)."""
        angle = t.unsqueeze(1) * self.speed
        return torch.cat([angle.sin(), angle.cos()], 1)


class Residual(nn.Module):
    """h + two linear maps of it, told something in between."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.first, self.told, self.second = (nn.Linear(width, width) for _ in range(3))

    def reset(self, generator: torch.Generator) -> None:
        """Begins near the identity."""
        with torch.no_grad():
            self.second.weight.mul_(0.1)

    def forward(self, h: Tensor, told: Tensor) -> Tensor:
        """(B, width) → the same."""
        return h + self.second(F.silu(self.first(self.norm(h)) + self.told(told)))


class VelocityNet(nn.Module):
    """v(x, t) given columns.

    Args:
        points: The rows' points.
        given: The columns that are always known.
        n_hidden: Width of the vector h.
        n_layers: Residual blocks of bits and scores.
        n_embed: Width of the vector that stands for a given code.
        width: Channels of a UNet's first grid.
        patch: Pixels a side that it takes together; 0: by the picture's size.
        has_attention: Whether places of its coarsest grid look at each other.
        n_changes: Parameters of how pictures were changed by chance (`nn/augment`), P.
    """

    def __init__(
        self,
        points: RowPoints,
        given: RowView,
        n_hidden: int = 256,
        n_layers: int = 2,
        n_embed: int = 8,
        width: int = 32,
        patch: int = 0,
        has_attention: bool = True,
        n_changes: int = 0,
    ):
        super().__init__()
        self.points = points
        self.normal = GaussianVelocity(points.n)
        self.changed = GaussianVelocity(points.n, is_kept=False) if n_changes else None  # of changed pictures
        self.embed_given = ColumnEmbed(given, n_embed)
        self.waves = Waves()
        self.n_changes = n_changes
        self.told = MLP(2 * N_WAVES + self.embed_given.n_out + 1 + n_changes, [n_hidden], n_hidden)
        nets = [UNet(shape, n_hidden, width, patch, has_attention, shape[0]) for shape in points.shapes.values()]
        self.pictures = nn.ModuleList(nets)
        is_alone = len(nets) + (points.n_vector > 0) == 1
        self.hear = nn.ModuleList(nn.Linear(net.n_coarse, n_hidden) for net in nets if not is_alone)
        self.enter = nn.Linear(points.n_vector, n_hidden) if points.n_vector else None
        self.blocks = nn.ModuleList(Residual(n_hidden) for _ in range(n_layers if points.n_vector else 0))
        self.leave = nn.Linear(n_hidden, points.n_vector) if points.n_vector else None

    def reset(self, generator: torch.Generator) -> None:
        """Says little at first beside what is right for normal rows."""
        with torch.no_grad():
            if self.leave is not None:
                self.leave.weight.mul_(0.1)

    def forward(self, x: Tensor, t: Tensor, known: Tensor, is_told: Tensor, changes: Tensor | None = None) -> Tensor:
        """v (B, D).

        Args:
            x: Points (B, D).
            t: Times (B,).
            known: The given columns as vectors (B, n_given).
            is_told: 1 where they are told, 0 where they are hidden (B, 1).
            changes: How pictures were changed (B, P); None: not at all.
        """
        normal = self.normal(x, t.unsqueeze(1)) if changes is None else self._normal(x, t.unsqueeze(1), changes)
        changes = x.new_zeros(len(x), self.n_changes) if changes is None else changes
        told = self.told(torch.cat([self.waves(t), known * is_told, is_told, changes], 1))  # (B, n_hidden)
        shown, vector = self.points.split(x)
        guesses = self.points.split(x + (1 - t.unsqueeze(1)) * normal)[0]  # E[x_1 | x_t], were rows normal
        h = told if self.enter is None else told + self.enter(vector)
        nets = [net for net in self.pictures if isinstance(net, UNet)]
        read = [torch.cat(pair, 1) for pair in zip(shown, guesses)]
        going = [net.descend(picture, F.silu(h)) for net, picture in zip(nets, read)]
        for layer, (grid, _) in zip(self.hear, going):
            h = h + layer(grid.mean((2, 3)))
        parts = [net.ascend(*way, F.silu(h)).flatten(1) for net, way in zip(nets, going)]
        if self.leave is not None:
            for block in self.blocks:
                h = block(h, F.silu(told))
            parts.append(self.leave(F.silu(h)))
        return normal + torch.cat(parts, 1)

    def _normal(self, x: Tensor, t: Tensor, changes: Tensor) -> Tensor:
        """What is right for normal rows (B, D), changed pictures being others than those that are as they were.

        What never changes at the edges of pictures does so in moved ones: as far from what normal rows are there, their
        velocity would grow without limit towards t = 1.
        """
        assert self.changed is not None
        is_changed = (changes != 0).any(1)
        v = torch.empty_like(x)
        for normal, at in ((self.normal, ~is_changed), (self.changed, is_changed)):
            v[at] = normal(x[at], t[at])
        return v
