"""Flow matching: noise flows along straight paths into rows (Lipman et al., 2023; Liu et al., 2023).

https://arxiv.org/abs/2210.02747, https://arxiv.org/abs/2209.03003. Time runs from noise at t = 0 to data at t = 1.

    x_0 ~ N(0, I),  x_1 a point of a row,  x_t = (1 − t) x_0 + t x_1
    loss     E ‖v(x_t, t) − (x_1 − x_0)‖²
    draw     dx/dt = v(x, t) from x_0 to x_1
    density  log p(x_1) = log N(x_0; 0, I) − ∫_0^1 tr ∂v/∂x (x_t, t) dt

Rows are points by `nn/row_points`: pictures, bits of codes, scores of numbers, each spread over the points that lead
back to it, so that the density bounds the probability of a row. Columns that the space marks as given are read and not
modelled; training hides them now and then, so that draws can be pushed away from what they would be without them
(classifier-free guidance, Ho and Salimans, 2022, https://arxiv.org/abs/2207.12598):

    v = v_hidden + guidance_scale (v_told − v_hidden)

Training may change pictures by chance (`augment`); the network is told how, and draws are made of pictures as they were
(Karras et al., 2022, https://arxiv.org/abs/2206.00364, appendix F.2).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor

from genwright.core.config import check_least, check_positive
from genwright.core.dataset import Dataset, n_rows, select
from genwright.core.errors import ConfigError, UnsupportedError
from genwright.core.model import Conditions, HasBound, HasLatent, HasLoss, Model
from genwright.core.space import Batch, Category, Pixels, Real, Space
from genwright.nn import divergence
from genwright.nn.augment import N_PARAMETERS, Augmentation, applied, drawn
from genwright.nn.gaussian_velocity import MOST_AXES
from genwright.nn.given_columns import GivenColumns
from genwright.nn.mlp import initialise, untrained
from genwright.nn.picture_view import merged, pictures
from genwright.nn.row_points import RowPoints
from genwright.nn.velocity import VelocityNet
from genwright.samplers.adams import adams
from genwright.samplers.euler import euler
from genwright.samplers.heun import heun
from genwright.samplers.ode import solve, times

COUNTED = 20_000  # rows whose means and covariances are taken
COUNTED_WIDE = 2_000  # the same, where a row has more numbers than axes: their cost grows as rows³
BOUND_NUMBERS = 1 << 18  # numbers of points whose density is worked out at once
DRAWN_NUMBERS = 1 << 16  # pixels that are drawn at once; a power of two of rows
LEAST_ROWS = 16
MOST_SKEW = 10.0  # ρ and σ of a draw's times: beyond, the first steps would be none
MIDDLE = 0.5  # share of the mixed times that are logit-normal: draws gain by them, and bounds by the others
BOUND_POWER = 2.0  # ρ of the times in `bound` and `encode`


@dataclass(frozen=True)
class FlowMatchingConfig:
    """Settings of `flow_matching`."""

    width: int = 32  # channels of a picture's first grid, a multiple of 8
    patch: int = 0  # pixels a side that are taken together; 0: 2 in pictures above 16, 4 above 32, else 1
    attention: bool = True  # places of a picture's coarsest grid look at each other
    n_hidden: int = 256  # units of a hidden layer
    n_layers: int = 2  # residual blocks of the columns that are no pictures
    n_embed: int = 8  # width of the vector that stands for a given code
    time_sampling: Literal["auto", "uniform", "logit-normal", "mixed"] = (
        "auto"  # times that training looks at; logit-normal: the middle; mixed: both, as auto has it for pictures
    )
    drop_given: float = 0.1  # share of rows whose given columns are hidden in training
    guidance_scale: float = 1.0  # how strongly draws follow the given columns; 1: as rows do
    sampler: Literal["adams", "euler", "heun"] = "adams"  # method that draws
    n_calls: int = 10  # evaluations of the network a draw, at most
    time_power: float = 1.0  # ρ of the draw's times; below 1: larger steps towards the data
    time_skew: float = 1.3  # σ of the draw's times; above 1: smaller steps towards the noise
    n_bound_steps: int = 20  # steps of Heun's method in `bound`
    n_probes: int = 1  # Hutchinson's probes in `bound`, each at a point of its own
    exact_dim: int = 4  # numbers a row, D, up to which the trace is exact
    n_importance: int = 16  # points a row where it is
    augment: tuple[Augmentation, ...] = ()  # pictures changed by chance while training, which no draw shows

    def __post_init__(self) -> None:
        check_least(self, 0, "patch", "n_layers", "exact_dim", "guidance_scale")
        check_least(self, 1, "n_hidden", "n_embed", "n_calls", "n_bound_steps", "n_probes", "n_importance")
        if self.width < 8 or self.width % 8:
            raise ConfigError(f"width = {self.width}; expected a multiple of 8")
        if not 0 <= self.drop_given < 1:
            raise ConfigError(f"drop_given = {self.drop_given}; expected from 0 up to but not 1")
        if self.guidance_scale != 1 and not self.drop_given:
            what = f"guidance_scale = {self.guidance_scale} needs the velocity of rows whose given columns are hidden"
            raise ConfigError(f"{what}, which drop_given = 0 never shows in training; raise it, to 0.1 for example")
        check_positive(self, "time_power", "time_skew")
        if max(self.time_power, self.time_skew) > MOST_SKEW:
            name = "time_power" if self.time_power > MOST_SKEW else "time_skew"
            raise ConfigError(f"{name} = {getattr(self, name)}; expected at most {MOST_SKEW:g}")


class FlowMatching(Model, HasLoss, HasBound, HasLatent, Conditions):
    """Flow matching."""

    Config = FlowMatchingConfig
    supports = (Real, Category, Pixels)
    takes_shapes = True
    bound_name = "dequantised flow, trace exact or by Hutchinson's estimate"
    net: VelocityNet

    def __init__(self, space: Space, config: Any = None):
        super().__init__(space, config)
        for name, f in space.items():
            if f.is_given and isinstance(f.support, Pixels):
                raise UnsupportedError(f"flow_matching cannot be given pictures; leave column {name!r} to be drawn")
        self.points = RowPoints(Space({n: f for n, f in space.items() if not f.is_given}))
        self.given = GivenColumns(space)
        self.chunk = _chunk(self.points)  # type: ignore[misc]
        c = self.config
        n_changes = N_PARAMETERS if c.augment and self.points.shapes else 0
        sizes = (c.n_hidden, c.n_layers, c.n_embed, c.width, c.patch, c.attention, n_changes)
        self.net = untrained(lambda: VelocityNet(self.points, self.given.view, *sizes))

    @classmethod
    def suited(cls, config: Any, data: Dataset, minutes: float | None) -> tuple[Any, Mapping[str, Any]]:
        """Pictures are learnt in many small steps."""
        return config, {"batch_size": 64, "learning_rate": 3e-3} if pictures(data.space) else {}

    def start(self, generator: torch.Generator) -> None:
        """Small random weights."""
        initialise(self.net, generator)

    def look(self, data: Dataset) -> None:
        """Counts the given columns, and takes means and covariances of the others, of changed pictures as well."""
        self.given.look(data)
        n = COUNTED if self.points.n <= MOST_AXES else COUNTED_WIDE
        step = max(1, len(data) // n)
        rows = self.prepare(data.take(slice(0, step * n, step)))
        own = torch.Generator().manual_seed(0)  # the same in every fit
        self.net.normal.fit(self.points.spread(rows, own))
        if self.net.changed is not None:
            moved, how = self._changed(rows, own)
            assert how is not None
            at = (how != 0).any(1).nonzero()[:, 0].numpy()
            self.net.changed.fit(self.points.spread(select(moved, at) if len(at) else moved, own))

    def prepare(self, batch: Batch) -> Batch:
        """Pictures, codes and scores; those of the given columns under `given.`."""
        return {**self.points.rows(batch), **self.given.prepared(batch)}

    def describe(self) -> dict[str, Any]:
        """Its size."""
        return {"parameters": sum(p.numel() for p in self.net.parameters())}

    def _known(self, rows: Batch, n: int) -> Tensor:
        """The given columns as vectors (B, n_given)."""
        return self.net.embed_given.forward_given(rows, n)

    def loss(self, rows: Batch, generator: torch.Generator, phase: str = "model") -> Tensor:
        """Squared error of the velocity, the mean of each picture's numbers plus that of the others' (B,)."""
        rows, changes = self._changed(rows, generator) if self.net.training else (rows, None)
        x_1 = self.points.spread(rows, generator)  # (B, D)
        x_0 = torch.randn(x_1.shape, generator=generator)
        t = self._times(len(x_1), generator)  # (B,)
        is_told = (torch.rand(len(x_1), 1, generator=generator) >= self.config.drop_given).float()
        x_t = torch.lerp(x_0, x_1, t.unsqueeze(1))
        error = (self.net(x_t, t, self._known(rows, len(x_1)), is_told, changes) - (x_1 - x_0)).square()
        shown, vector = self.points.split(error)
        parts = [part.flatten(1).mean(1) for part in [*shown, vector] if part.numel()]
        return torch.stack(parts).sum(0)

    def _changed(self, rows: Batch, generator: torch.Generator) -> tuple[Batch, Tensor | None]:
        """Rows whose pictures are changed by chance, and how (B, P); None where they never are."""
        if not self.net.n_changes:
            return rows, None
        changes = drawn(n_rows(rows), self.config.augment, generator)
        return rows | {key: applied(rows[key], changes) for key in map("pixels.{}".format, self.points.shapes)}, changes

    def _times(self, n: int, generator: torch.Generator) -> Tensor:
        """Times (B,), evenly spread over the batch (Kingma et al., 2021, https://arxiv.org/abs/2107.00630)."""
        u = (torch.rand(1, generator=generator) + torch.arange(n) / n) % 1
        how = self.config.time_sampling
        if how == "auto":
            how = "mixed" if self.points.shapes else "uniform"
        if how == "uniform":
            return u
        middle = torch.special.ndtri(u.clamp(1e-6, 1 - 1e-6)).sigmoid()
        return middle if how == "logit-normal" else torch.where(torch.rand(n, generator=generator) < MIDDLE, middle, u)

    def _velocity(self, known: Tensor, guidance_scale: float = 1.0) -> Callable[[Tensor, float], Tensor]:
        """v(x, t) for rows with these given columns."""
        n = len(known)
        told, hidden = torch.ones(n, 1), torch.zeros(n, 1)

        def velocity(x: Tensor, t: float) -> Tensor:
            at = torch.full((n,), t)
            if guidance_scale == 1.0 or not known.shape[1]:
                return self.net(x, at, known, told)
            twice = [torch.cat([a, b]) for a, b in ((x, x), (at, at), (known, known), (told, hidden))]
            follows, free = self.net(*twice).chunk(2)
            return free + guidance_scale * (follows - free)

        return velocity

    def _flow(self, x: Tensor, known: Tensor) -> Tensor:
        """Points at t = 1 from points at t = 0; the last step of Heun's is Euler's, since data have edges."""
        c = self.config
        velocity = self._velocity(known, c.guidance_scale)
        at = self._grid((c.n_calls + 1) // 2 if c.sampler == "heun" else c.n_calls)
        if c.sampler == "adams":
            return adams(velocity, x, at)
        return solve(euler, velocity, x, at) if c.sampler == "euler" else solve(heun, velocity, x, at, last=euler)

    def _grid(self, n: int) -> list[float]:
        """The times of n steps of a draw (n + 1,)."""
        return times(n, self.config.time_power, self.config.time_skew)

    @torch.no_grad()
    def sample(self, n: int, given: Batch, generator: torch.Generator, temperature: float = 1.0) -> Batch:
        """Noise along the flow; a temperature is the variance of the noise."""
        x = torch.randn(n, self.points.n, generator=generator) * temperature**0.5
        return self._decoded(x, given, generator, temperature)

    def _decoded(self, x: Tensor, given: Batch, generator: torch.Generator, temperature: float = 1.0) -> Batch:
        given = self.given.complete(len(x), given, generator, temperature)
        drawn = self.points.batch(self._flow(x, self._known(self.given.prepared(given), len(x))))
        return {name: drawn[name] if name in drawn else given[name] for name in self.space}

    @torch.no_grad()
    def encode(self, batch: Batch) -> Tensor:
        """The noise that flows into each row (B, D), by Heun's method backwards."""
        at = times(self.config.n_bound_steps, BOUND_POWER)[::-1]
        parts = [self._noise(piece, at) for piece in self._pieces(self.prepare(batch))]
        return torch.cat(parts) if parts else torch.zeros(0, self.points.n)

    def _noise(self, rows: Batch, at: list[float]) -> Tensor:
        """What the middle of each row's points came from (B, D), at falling times."""
        return solve(heun, self._velocity(self._known(rows, len(rows["codes"]))), self.points.centre(rows), at)

    def _pieces(self, rows: Batch) -> list[Batch]:
        """Prepared rows, as many at a time as memory bears."""
        size = max(1, BOUND_NUMBERS // max(self.points.n, 1))
        return [{k: x[i : i + size] for k, x in rows.items()} for i in range(0, len(rows["codes"]), size)]

    @torch.no_grad()
    def decode(self, latents: Tensor, generator: torch.Generator, given: Batch | None = None) -> Batch:
        """The rows that noise flows into."""
        return self._decoded(latents, given or {}, generator)

    @torch.no_grad()
    def bound(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """A bound of log p by points of each row (B,), up to the error of the solver's steps.

        Where the trace is exact, log 1/S Σ_s p(x_s) / q(x_s | row); else the mean over probes of Hutchinson's estimate,
        whose expectation is a bound.
        """
        parts = [self._bound(piece, generator) for piece in self._pieces(self.prepare(batch))]
        bound = torch.cat(parts) if parts else torch.zeros(0, dtype=torch.float64)
        return bound + self.given.log_prob(batch, len(bound))

    def _bound(self, rows: Batch, generator: torch.Generator) -> Tensor:
        is_exact = self.points.n <= self.config.exact_dim
        known = self._known(rows, len(rows["codes"]))
        found = []
        for _ in range(self.config.n_importance if is_exact else self.config.n_probes):
            x = self.points.spread(rows, generator)
            found.append(self._log_density(x, known, generator, is_exact) + self.points.log_volume(rows, x))
        values = torch.stack(found)
        return values.logsumexp(0) - math.log(len(values)) if is_exact else values.mean(0)

    def _log_density(self, x: Tensor, known: Tensor, generator: torch.Generator, is_exact: bool) -> Tensor:
        """log p(x) of points at t = 1 (B,), float64: the change of volume along the flow (Chen et al., 2018)."""
        velocity = self._velocity(known)

        def grown(state: Tensor, t: float) -> Tensor:
            """Velocity of (x, ∫ tr ∂v/∂x dt)  (B, D + 1)."""
            field = lambda y: velocity(y, t)  # noqa: E731
            point = state[:, :-1]
            v, trace = divergence.exact(field, point) if is_exact else divergence.hutchinson(field, point, generator)
            return torch.cat([v, trace.unsqueeze(1)], 1)

        at = times(self.config.n_bound_steps, BOUND_POWER)[::-1]
        end = solve(heun, grown, torch.cat([x, torch.zeros(len(x), 1)], 1), at).double()
        noise, trace = end[:, :-1], end[:, -1]  # the trace's integral runs from 1 to 0
        return trace - 0.5 * noise.square().sum(1) - 0.5 * noise.shape[1] * math.log(2 * math.pi)

    def conditions_exactly(self, columns: list[str]) -> bool:
        """Where the space marks them as given."""
        return all(self.space[name].is_given for name in columns)

    @torch.no_grad()
    def inpaint(
        self, batch: Batch, known: Mapping[str, Tensor], generator: torch.Generator, n_steps: int = 20, n_turns: int = 3
    ) -> Batch:
        """Rows with their known parts kept and the rest drawn to fit, approximately (Lugmayr et al., 2022).

        Each step puts the known parts, mixed with fresh noise, in place. Several turns at one time let the parts grow
        together: noise is added until a step is undone, x_t = t/t' x_t' + √((1 − t)² − (t/t')² (1 − t')²) ε.
        https://arxiv.org/abs/2201.09865

        Args:
            batch: Rows; what they hold in unknown parts is not looked at.
            known: Column → what is known of it, True: cells (B,), pixels (B, H, W) or (B, C, H, W); columns that are
                absent are known wholly.
            generator: All randomness comes from it.
            n_steps: Steps of time.
            n_turns: Evaluations of the network a step.
        """
        rows = self.prepare(batch)
        n, mask = n_rows(batch), self.points.mask(known, n_rows(batch))  # (B, D)
        truth, velocity = self.points.centre(rows), self._velocity(self._known(rows, n), self.config.guidance_scale)
        at = self._grid(n_steps)
        x = torch.randn(n, self.points.n, generator=generator)
        fresh = lambda: torch.randn(x.shape, generator=generator)  # noqa: E731
        for t, to in pairwise(at):
            for turn in range(n_turns):
                x = torch.where(mask, torch.lerp(fresh(), truth, t), x)
                x = x + (to - t) * velocity(x, t)
                if turn < n_turns - 1:
                    x = t / to * x + ((1 - t) ** 2 - (t / to * (1 - to)) ** 2) ** 0.5 * fresh()
        drawn = self.points.batch(x)
        return {name: merged(x, drawn.get(name, x), known[name]) if name in known else x for name, x in batch.items()}

    def state(self) -> dict[str, Tensor]:
        """Weights, and how often each value is given."""
        return {**self.net.state_dict(), **self.given.state()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        self.net.load_state_dict(self.given.load_state(state))


def _chunk(points: RowPoints) -> int:
    """Rows drawn at a time, a power of two."""
    if not points.shapes:
        return points.view.n_at_once
    n = min(points.view.n_at_once, max(LEAST_ROWS, DRAWN_NUMBERS // points.n_pixels))
    return 1 << (n.bit_length() - 1)
