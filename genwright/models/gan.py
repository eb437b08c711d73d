"""Generative adversarial network (Goodfellow et al., 2014), for rows of any columns.

https://arxiv.org/abs/1406.2661

    generator      x = G(z, noise),  z ~ N(0, I)       loss  E softplus(−D(G(z)))              (non-saturating)
    discriminator  real or drawn?                      loss  E softplus(D(G(z))) + E softplus(−D(x)) + γ/2 E ‖∇_x D(x)‖²

The last term, R1 (Mescheder et al., 2018, https://arxiv.org/abs/1801.04406), makes training converge near the solution.
Codes are drawn with the Gumbel trick and pass gradients straight through; numbers are scores moved by logistic noise,
and real numbers with a step are spread over the scores that come out as them, so that steps do not give draws away. The
discriminator may look at several rows together (PacGAN, Lin et al., 2018, https://arxiv.org/abs/1712.04086), so that a
generator that always draws the same is found out. A GAN has no likelihood.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genwright.core.dataset import Dataset
from genwright.core.errors import ConfigError
from genwright.core.model import Conditions, HasLoss, Model
from genwright.core.space import Batch, Category, Real, Space
from genwright.nn.code_groups import CodeGroups
from genwright.nn.column_embed import ColumnEmbed
from genwright.nn.column_head import ColumnHead, uniforms
from genwright.nn.given_columns import GivenColumns
from genwright.nn.mlp import MLP, initialise, untrained
from genwright.nn.row_view import RowView

MONITORED = 512  # rows whose variety is watched


@dataclass(frozen=True)
class GANConfig:
    """Settings of `gan`."""

    n_noise: int = 64  # numbers that the generator begins with
    n_hidden: int = 256  # units of a hidden layer
    n_layers: int = 2  # hidden layers of generator and of discriminator
    n_embed: int = 8  # width of the vector that stands for a code
    pack: int = 1  # rows that the discriminator sees together
    gradient_penalty: float = 5.0  # γ of R1
    tau: float = 0.5  # temperature of the soft shares behind hard codes

    def __post_init__(self) -> None:
        for name in ("n_noise", "n_hidden", "n_embed", "pack"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} = {getattr(self, name)}; expected 1 or more")
        for name in ("n_layers", "gradient_penalty"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name} = {getattr(self, name)}; expected 0 or more")
        if not self.tau > 0:
            raise ConfigError(f"tau = {self.tau}; expected more than 0")


class Generator(nn.Module):
    """Noise, and the given columns → the parameters of a row."""

    def __init__(self, config: GANConfig, view: RowView, given: RowView):
        super().__init__()
        self.embed_given = ColumnEmbed(given, config.n_embed)
        n_in = config.n_noise + self.embed_given.n_out
        self.body = MLP(n_in, [config.n_hidden] * config.n_layers, config.n_hidden, norm=True)
        self.head = ColumnHead(view, config.n_hidden, n_mixture=1)

    def forward(self, z: Tensor, known: Tensor) -> Tensor:
        """What the head reads (B, n_hidden)."""
        return F.silu(self.body(torch.cat([z, known], 1)))


class Discriminator(nn.Module):
    """Rows, several at a time → how real they look."""

    def __init__(self, config: GANConfig, view: RowView, given: RowView):
        super().__init__()
        self.embed_given = ColumnEmbed(given, config.n_embed)
        self.pack = config.pack
        n_in = config.pack * (CodeGroups(view.sizes).n_padded + view.n_scores + self.embed_given.n_out)
        self.body = MLP(n_in, [config.n_hidden] * config.n_layers, 1)

    def forward(self, rows: Tensor) -> Tensor:
        """Vectors of rows (B, n) → one number a pack (B / pack,)."""
        return self.body(rows.reshape(len(rows) // self.pack, -1)).squeeze(1)


class GANNet(nn.Module):
    """Both networks."""

    def __init__(self, config: GANConfig, view: RowView, given: RowView):
        super().__init__()
        self.generator, self.discriminator = Generator(config, view, given), Discriminator(config, view, given)


class GAN(Model, HasLoss, Conditions):
    """Generative adversarial network."""

    Config = GANConfig
    supports = (Real, Category)
    takes_shapes = True
    phases = ("discriminator", "generator")
    net: GANNet
    betas = (0.5, 0.99)
    training: ClassVar[Mapping[str, Any]] = {"learning_rate": 2e-3, "batch_size": 512, "weight_decay": 0.0}

    def __init__(self, space: Space, config: Any = None):
        super().__init__(space, config)
        self.view = RowView(Space({n: f for n, f in space.items() if not f.is_given}))
        self.chunk = self.view.n_at_once  # type: ignore[misc]
        self.given = GivenColumns(space)
        self.net = untrained(lambda: GANNet(self.config, self.view, self.given.view))

    def start(self, generator: torch.Generator) -> None:
        """Small random weights."""
        initialise(self.net, generator)

    def parameters(self, phase: str) -> list[nn.Parameter]:
        """Those of the network that the phase is named for."""
        return list(getattr(self.net, phase).parameters())

    def prepare(self, batch: Batch) -> Batch:
        """Codes and scores; those of the given columns under `given.`."""
        return {**self.view.rows(batch), **self.given.prepared(batch)}

    def look(self, data: Dataset) -> None:
        """Counts the given columns."""
        self.given.look(data)

    def loss(self, rows: Batch, generator: torch.Generator, phase: str = "generator") -> Tensor:
        """Each row's share of its pack's loss (B,)."""
        n = len(rows["codes"])
        n_whole = n - n % self.config.pack
        if not n_whole:  # fewer rows than a pack: seen again and again
            again = torch.arange(self.config.pack) % n
            return self.loss({k: x[again] for k, x in rows.items()}, generator, phase)[:n]
        rows = {k: x[:n_whole] for k, x in rows.items()}
        of_phase = self._discriminator_loss if phase == "discriminator" else self._generator_loss
        packs = of_phase(rows, generator)
        each = packs.repeat_interleave(self.config.pack)
        return torch.cat([each, each.mean().expand(n - n_whole)])

    def _discriminator_loss(self, rows: Batch, generator: torch.Generator) -> Tensor:
        """One number a pack (B / pack,)."""
        critic = self.net.discriminator
        with torch.no_grad():
            drawn = self._drawn(rows, generator)
        known = critic.embed_given.forward_given(rows, len(rows["codes"]))
        fake = critic(torch.cat([drawn, known], 1))
        real_rows = self._real(rows, generator).requires_grad_()
        real = critic(torch.cat([real_rows, known], 1))
        loss = F.softplus(fake) + F.softplus(-real)
        if not self.config.gradient_penalty:
            return loss
        (slope,) = torch.autograd.grad(real.sum(), real_rows, create_graph=True)
        return loss + 0.5 * self.config.gradient_penalty * slope.square().view(len(real), -1).sum(1)

    def _generator_loss(self, rows: Batch, generator: torch.Generator) -> Tensor:
        critic = self.net.discriminator
        known = critic.embed_given.forward_given(rows, len(rows["codes"]))
        return F.softplus(-critic(torch.cat([self._drawn(rows, generator), known], 1)))

    def _real(self, rows: Batch, generator: torch.Generator) -> Tensor:
        """Real rows as the discriminator sees them (B, P + R): shares of codes that are 0 or 1, and scores."""
        groups = self.net.generator.head.groups
        shares = torch.zeros(len(rows["codes"]), groups.n_padded).scatter_(1, rows["codes"] + groups.offsets, 1.0)
        return torch.cat([shares, self._spread(rows, generator)], 1)

    def _spread(self, rows: Batch, generator: torch.Generator) -> Tensor:
        head = self.net.generator.head
        u = torch.rand(rows["z"].shape, generator=generator)
        if not self.view.n_scores:
            return rows["z"]
        low = torch.maximum(rows["z_low"], head.ends[:, 0])
        high = torch.minimum(rows["z_high"], head.ends[:, 1])
        return torch.where(head.is_stepped & self._is_used(rows["codes"]), low + u * (high - low), rows["z"])

    def _is_used(self, codes: Tensor) -> Tensor:
        """Which scores count (B, R)."""
        return codes[:, self.view.slots] == self.view.smooth_codes

    def _drawn(self, rows: Batch, generator: torch.Generator) -> Tensor:
        """As many relaxed draws as rows (B, P + R): shares of codes, and scores."""
        net, n = self.net.generator, len(rows["codes"])
        h = net(
            torch.randn(n, self.config.n_noise, generator=generator),
            net.embed_given.forward_given(rows, len(rows["codes"])),
        )
        u = torch.rand(n, net.head.groups.n_padded, generator=generator).clamp(1e-9, 1 - 1e-7)
        v = torch.rand(n, self.view.n_scores, generator=generator)
        shares, z = net.head.relaxed(h, -(-u.log()).log(), v, self.config.tau)
        flat = torch.cat([s.flatten(1) for s in shares], 1)  # (B, P)
        return torch.cat([flat, z * flat[:, self._smooth_places]], 1)

    @property
    def _smooth_places(self) -> Tensor:
        """Where, among the P shares, stands that score r counts (R,)."""
        return self.net.generator.head.groups.offsets[self.view.slots] + self.view.smooth_codes

    @torch.no_grad()
    def monitor(self, rows: Batch, generator: torch.Generator) -> dict[str, float]:
        """How far apart draws are, as a share of real rows' distance, and how far off single columns are."""
        rows = {k: x[:MONITORED] for k, x in rows.items()}
        codes, z = self._sampled(rows, len(rows["codes"]), generator)
        z = torch.where(self._is_used(codes), z, 0.0)
        real, drawn = _spacing(rows["codes"], rows["z"]), _spacing(codes, z)
        return {"variety": drawn / max(real, 1e-9), "columns_off": self._columns_off(rows, codes, z)}

    def _columns_off(self, rows: Batch, codes: Tensor, z: Tensor) -> float:
        """The worst column: total variation of its codes, or the mean difference of its scores' quantiles."""
        groups = self.net.generator.head.groups
        shares = [
            torch.zeros(groups.n_padded).index_add_(
                0, (c + groups.offsets).flatten(), torch.full((c.numel(),), 1 / len(c))
            )
            for c in (rows["codes"], codes)
        ]
        apart = [part.abs().sum(-1).flatten() / 2 for part in groups.split((shares[0] - shares[1])[None])]
        at = torch.linspace(0.1, 0.9, 9)
        if self.view.n_scores:
            apart.append((rows["z"].float().quantile(at, 0) - z.float().quantile(at, 0)).abs().mean(0))
        return float(torch.cat(apart).max())

    def _sampled(
        self, rows: Batch, n: int, generator: torch.Generator, temperature: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """Codes (n, J) and scores (n, R)."""
        net = self.net.generator
        z = torch.randn(n, self.config.n_noise, generator=generator) * temperature**0.5
        known = net.embed_given.forward_given(rows, n)
        return net.head.sample(net(z, known), uniforms(net.head, n, generator), temperature)

    @torch.no_grad()
    def sample(self, n: int, given: Batch, generator: torch.Generator, temperature: float = 1.0) -> Batch:
        """Noise through the generator."""
        given = self.given.complete(n, given, generator, temperature)
        drawn = self.view.batch(*self._sampled(self.given.prepared(given), n, generator, temperature))
        return {name: drawn[name] if name in drawn else given[name] for name in self.space}

    def conditions_exactly(self, columns: list[str]) -> bool:
        """Where the space marks them as given."""
        return all(self.space[name].is_given for name in columns)

    def state(self) -> dict[str, Tensor]:
        """Weights of both networks, and how often each value is given."""
        return {**self.net.state_dict(), **self.given.state()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        self.net.load_state_dict(self.given.load_state(state))


def _spacing(codes: Tensor, z: Tensor) -> float:
    """Mean distance between neighbouring rows of a sample: other codes (B, J), and the difference of scores (B, R)."""
    parts = [(codes != codes.roll(1, 0)).double(), (z - z.roll(1, 0)).abs().double()]
    return float(sum(part.mean() for part in parts if part.numel()))
