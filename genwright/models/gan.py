"""Generative adversarial network (Goodfellow et al., 2014), for rows of any columns and for pictures.

https://arxiv.org/abs/1406.2661

    generator      x̂ = G(z, noise),  z ~ N(0, I)    loss  E softplus(D(x) − D(x̂))                     (relativistic)
    discriminator  real or drawn?                   loss  E softplus(D(x̂) − D(x)) + γ₁/2 E ‖∇D(x)‖² + γ₂/2 E ‖∇D(x̂)‖²

Each draw is held against a real row (Huang et al., 2024, https://arxiv.org/abs/2501.05441). The last terms, R1 and R2,
make training converge near the solution; `nn/adversarial.py` has them and the other losses. The discriminator reads
cosines of each number's rank besides (`nn/adversaries.py`), so that a number that is drawn too narrow shows. Codes are
drawn with the Gumbel trick and pass gradients straight through; numbers are scores moved by logistic noise, and real
numbers with a step are spread over the scores that come out as them, so that steps do not give draws away. Pixels come
from a tanh and are rounded to their levels, gradients straight through, so that the discriminator sees of a draw what
will be drawn. It may look at several rows together (PacGAN, Lin et al., 2018, https://arxiv.org/abs/1712.04086), so
that a generator that always draws the same is found out. What is given, say a class, is read by the generator beside
the noise and projected on the discriminator's features (Miyato and Koyama, 2018, https://arxiv.org/abs/1802.05637); a
classifier may watch besides that draws are of their class (Odena et al., 2017, https://arxiv.org/abs/1610.09585).
A GAN has no likelihood.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from genwright.core.config import check_least, check_positive
from genwright.core.dataset import Dataset, n_rows
from genwright.core.errors import ConfigError, UnsupportedError
from genwright.core.model import Conditions, HasLoss, Model
from genwright.core.space import Batch, Category, Pixels, Real, Space
from genwright.nn.adversarial import (
    Seen,
    behind,
    discriminator_loss,
    first,
    generator_loss,
    joined,
    n_penalised,
    slopes,
)
from genwright.nn.adversaries import Discriminator, Generator, Shape
from genwright.nn.augment import Augmentation, applied, drawn
from genwright.nn.column_head import uniforms
from genwright.nn.given_columns import GivenColumns
from genwright.nn.likeness import likeness, points, spacing
from genwright.nn.mlp import initialise, untrained
from genwright.nn.picture_view import picture_shape, pictures, prepared, scaled, to_codes, without_pictures
from genwright.nn.row_view import RowView
from genwright.nn.spectral_norm import SpectralNorm

MONITORED = 512  # rows whose variety is watched
PIXELS_AT_ONCE = 1 << 18  # drawn at a time, so that a few pictures come soon
AUXILIARY_OF_PICTURES = 0.2  # weight of the classifier where nothing is said


@dataclass(frozen=True)
class GANConfig:
    """Settings of `gan`."""

    n_noise: int = 64  # numbers that the generator begins with
    n_hidden: int = 256  # units of a hidden layer
    n_layers: int = 2  # hidden layers of the discriminator; the generator has one more where there are no pictures
    n_embed: int = 8  # width of the vector that stands for a code
    pack: int = 1  # rows that the discriminator sees together
    n_waves: int = 4  # cosines of each number's rank that it reads besides
    gradient_penalty: float = 1.0  # γ of R1, of real rows
    tau: float = 0.5  # temperature of the soft shares behind hard codes
    trunk: Literal["auto", "conv", "dense"] = "auto"  # networks of pictures; auto: convolutions
    width: int = 32  # channels at the first level of convolutions
    activation: Literal["silu", "relu", "tanh", "gelu"] = "silu"  # between dense layers
    loss: Literal["non_saturating", "hinge", "relativistic"] = "relativistic"  # what each network wants
    fake_penalty: float = 1.0  # γ of R2, of drawn rows
    penalised: float = 0.25  # share of a batch's rows that both are worked out for
    spectral_norm: bool = False  # the discriminator's matrices are divided by their largest singular value
    minibatch_std: bool = False  # the discriminator is told how much a batch's pictures differ
    discriminator_rate: float = 1.0  # learning rate of the discriminator, as a multiple of the generator's
    auxiliary: float | None = None  # weight of a classifier that draws must please; None: 0, with pictures 0.2
    augment: tuple[Augmentation, ...] = ()  # what is done to real and drawn pictures alike: flip, crop, shift

    def __post_init__(self) -> None:
        check_least(self, 1, "n_noise", "n_hidden", "n_embed", "pack", "width")
        check_least(self, 0, "n_layers", "n_waves")
        check_least(self, 0, "gradient_penalty", "fake_penalty")
        if self.auxiliary is not None:
            check_least(self, 0, "auxiliary")
        check_positive(self, "tau", "discriminator_rate", "penalised")
        if self.penalised > 1:
            raise ConfigError(f"penalised = {self.penalised}; expected a share, from above 0 to 1")


def filled(config: GANConfig, space: Space) -> GANConfig:
    """The settings with what was left open chosen for the columns."""
    if config.auxiliary is not None:
        return config
    return replace(config, auxiliary=AUXILIARY_OF_PICTURES if pictures(space) else 0.0)


class GANNet(nn.Module):
    """Both networks."""

    def __init__(self, shape: Shape, has_spectral: bool):
        super().__init__()
        self.generator, self.discriminator = Generator(shape), Discriminator(shape)
        self.spectral = SpectralNorm(self.discriminator) if has_spectral else None

    def reset(self, generator: torch.Generator) -> None:
        """Finds the largest singular values of the first weights."""
        if self.spectral is not None:
            self.spectral.begin(self.discriminator, generator)


class GAN(Model, HasLoss, Conditions):
    """Generative adversarial network."""

    Config = GANConfig
    supports = (Real, Category, Pixels)
    takes_shapes = True
    phases = ("discriminator", "generator")
    net: GANNet
    betas = (0.5, 0.99)
    training: ClassVar[Mapping[str, Any]] = {"learning_rate": 2e-3, "batch_size": 512, "weight_decay": 0.0}
    of_pictures: ClassVar[Mapping[str, Any]] = {"learning_rate": 1e-3, "batch_size": 32, "ema": 0.998}

    def __init__(self, space: Space, config: Any = None):
        super().__init__(space, config)
        self.config = filled(self.config, space)
        known = [name for name in pictures(space) if space[name].is_given]
        if known:
            raise UnsupportedError(f"gan cannot be given the picture {known[0]!r}; leave it to be drawn")
        modelled = without_pictures(Space({n: f for n, f in space.items() if not f.is_given}))
        self.view, self.given = RowView(modelled), GivenColumns(space)
        self.shape = self._shape()
        n_pixels = sum(math.prod(s) for s in self.shape.pictures.values())
        n_at_once = 1 << (max(PIXELS_AT_ONCE // n_pixels, 16).bit_length() - 1) if n_pixels else self.view.n_at_once
        self.chunk = min(n_at_once, self.view.n_at_once)  # type: ignore[misc]
        self.net = untrained(lambda: GANNet(self.shape, self.config.spectral_norm))

    def _shape(self) -> Shape:
        c = self.config
        names = ("n_noise", "n_hidden", "n_layers", "n_embed", "pack", "n_waves", "activation")
        sizes = {name: picture_shape(self.space, name) for name in pictures(self.space)}
        width = 0 if c.trunk == "dense" else c.width
        more: dict[str, Any] = {name: getattr(c, name) for name in names}
        return Shape(
            self.view,
            self.given.view,
            sizes,
            **more,
            width=width,
            has_std=c.minibatch_std,
            has_classifier=bool(c.auxiliary),
        )

    @classmethod
    def suited(cls, config: Any, data: Dataset, minutes: float | None) -> tuple[Any, Mapping[str, Any]]:
        """What is left open, chosen by whether there are pictures."""
        return filled(config, data.space), cls.of_pictures if pictures(data.space) else {}

    def start(self, generator: torch.Generator) -> None:
        """Small random weights."""
        initialise(self.net, generator)

    def parameters(self, phase: str) -> list[nn.Parameter]:
        """Those of the network that the phase is named for."""
        return list(getattr(self.net, phase).parameters())

    def rate(self, phase: str) -> float:
        """Two time scales (Heusel et al., 2017, https://arxiv.org/abs/1706.08500)."""
        return self.config.discriminator_rate if phase == "discriminator" else 1.0

    def anneal(self, done: float) -> None:
        """Once a step the largest singular values are followed."""
        if self.net.spectral is not None and self.net.training:
            self.net.spectral.iterate(self.net.discriminator)

    def prepare(self, batch: Batch) -> Batch:
        """Codes and scores, pictures; the given columns under `given.`."""
        return {**self.view.rows(batch), **self.given.prepared(batch), **prepared(batch, self.space)}

    def look(self, data: Dataset) -> None:
        """Counts the given columns."""
        self.given.look(data)

    def loss(self, rows: Batch, generator: torch.Generator, phase: str = "generator") -> Tensor:
        """Each row's share of its pack's loss (B,)."""
        n = n_rows(rows)
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
        with torch.no_grad():
            fake = self._drawn(rows, generator)
        real = self._real(rows, generator)
        fake, real = self._augmented([fake, real], generator)
        loss, logits = self._of_pairs(real, fake, self._known(rows, self.net.discriminator))
        return loss + self._misread(logits, rows)

    def _of_pairs(self, real: Seen, fake: Seen, known: Tensor) -> tuple[Tensor, Tensor]:
        """Losses of pairs, the first of which have their slopes in them (B / pack,), and logits of real rows."""
        c, n = self.config, len(known)
        m = n_penalised(n, c.penalised, c.pack)
        r, f, logits = self._judged_pairs(behind(real, m), behind(fake, m), known[m:])
        penalty = torch.zeros(m // c.pack)
        heads = []
        for rows, weight in ((first(real, m), c.gradient_penalty), (first(fake, m), c.fake_penalty)):
            if weight:
                *judged, slope = slopes(self._judged, rows, known[:m])
                penalty = penalty + 0.5 * weight * slope
            else:
                judged = list(self._judged(rows, known[:m]))
            heads.append(judged)
        loss = discriminator_loss(c.loss, torch.cat([heads[0][0], r]), torch.cat([heads[1][0], f]))
        loss = loss + torch.cat([penalty * (n / m), torch.zeros(len(r))])
        return loss, torch.cat([heads[0][1], logits]) if len(logits) else heads[0][1]

    def _judged(self, seen: Seen, known: Tensor) -> tuple[Tensor, Tensor]:
        """The discriminator's answers (B / pack,), and its logits of the given codes (B, P)."""
        critic, spectral = self.net.discriminator, self.net.spectral
        return critic(seen, known) if spectral is None else spectral.call(critic, seen, known)

    def _judged_pairs(self, real: Seen, fake: Seen, known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Answers to real and to drawn rows, in one go, and logits of real ones."""
        if not len(known):
            return torch.zeros(0), torch.zeros(0), torch.zeros(0, 0)
        if self.config.minibatch_std:  # looks at all rows of a call
            r, logits = self._judged(real, known)
            return r, self._judged(fake, known)[0], logits
        answers, logits = self._judged(joined(real, fake), torch.cat([known, known]))
        r, f = answers.chunk(2)
        return r, f, logits[: len(known)]

    def _misread(self, logits: Tensor, rows: Batch) -> Tensor | float:
        """−log p(given codes | row), weighed, the mean of each pack (B / pack,)."""
        critic = self.net.discriminator
        if critic.classify is None:
            return 0.0
        log_p = critic.codes.log_prob(logits, rows["given.codes"]).sum(1)  # (B,)
        return -(self.config.auxiliary or 0.0) * log_p.view(-1, self.config.pack).mean(1)

    def _generator_loss(self, rows: Batch, generator: torch.Generator) -> Tensor:
        known = self._known(rows, self.net.discriminator)
        sides = [self._drawn(rows, generator)]
        if self.config.loss == "relativistic":
            sides.append(self._real(rows, generator))
        fake, *real = self._augmented(sides, generator)
        with torch.no_grad():
            r = self._judged(real[0], known)[0] if real else None
        f, logits = self._judged(fake, known)
        return generator_loss(self.config.loss, r, f) + self._misread(logits, rows)

    def _known(self, rows: Batch, net: Generator | Discriminator) -> Tensor:
        """The given columns as a network reads them (B, m)."""
        return net.embed_given.forward_given(rows, n_rows(rows))

    def _augmented(self, sides: list[Seen], generator: torch.Generator) -> list[Seen]:
        """Pictures of real and of drawn rows moved alike (Zhao et al., 2020, https://arxiv.org/abs/2006.10738)."""
        names = self.config.augment
        if not names:
            return sides
        return [[*(applied(x, drawn(len(x), names, generator)) for x in seen[:-1]), seen[-1]] for seen in sides]

    def _real(self, rows: Batch, generator: torch.Generator) -> Seen:
        """Real rows as the discriminator sees them: pictures, then shares of codes that are 0 or 1, and scores."""
        groups = self.net.generator.head.groups
        shares = torch.zeros(n_rows(rows), groups.n_padded).scatter_(1, rows["codes"] + groups.offsets, 1.0)
        seen = [scaled(rows[f"pixels.{name}"], self._levels(name)) for name in self.shape.pictures]
        return [*seen, torch.cat([shares, self._spread(rows, generator)], 1)]

    def _levels(self, name: str) -> int:
        return self.space[name].support.n  # type: ignore[union-attr]

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

    def _drawn(self, rows: Batch, generator: torch.Generator) -> Seen:
        """As many relaxed draws as rows: pictures, then shares of codes, and scores (B, P + R)."""
        net, n = self.net.generator, n_rows(rows)
        h = net(torch.randn(n, self.config.n_noise, generator=generator), self._known(rows, net))
        seen = [_rounded(x, self._levels(name)) for name, x in zip(self.shape.pictures, net.pictures(h))]
        if not self.view.places:
            return [*seen, torch.zeros(n, 0)]
        u = torch.rand(n, net.head.groups.n_padded, generator=generator).clamp(1e-9, 1 - 1e-7)
        v = torch.rand(n, self.view.n_scores, generator=generator)
        shares, z = net.head.relaxed(h, -(-u.log()).log(), v, self.config.tau)
        flat = torch.cat([s.flatten(1) for s in shares], 1)  # (B, P)
        return [*seen, torch.cat([flat, z * flat[:, self._smooth_places]], 1)]

    @property
    def _smooth_places(self) -> Tensor:
        """Where, among the P shares, stands that score r counts (R,)."""
        return self.net.generator.head.groups.offsets[self.view.slots] + self.view.smooth_codes

    @torch.no_grad()
    def monitor(self, rows: Batch, generator: torch.Generator) -> dict[str, float]:
        """How far apart draws are, as a share of real rows' distance, and how far off single columns are."""
        rows = {k: x[:MONITORED] for k, x in rows.items()}
        n = n_rows(rows)
        codes, z, pixels = self._sampled(rows, n, generator)
        found: dict[str, float] = {}
        if self.view.places:
            z = torch.where(self._is_used(codes), z, 0.0)
            found["variety"] = spacing(codes, z) / max(spacing(rows["codes"], rows["z"]), 1e-9)
            found["columns_off"] = self._columns_off(rows, codes, z)
        if self.shape.pictures and n > 1:
            sides = ({name: rows[f"pixels.{name}"] for name in pixels}, pixels)
            seen = likeness(*(torch.cat([points(x) for x in side.values()], 1) for side in sides))
            found = {**seen, **found, "variety": min(seen["variety"], found.get("variety", math.inf))}
        return found

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
    ) -> tuple[Tensor, Tensor, Batch]:
        """Codes (n, J), scores (n, R), and pictures."""
        net = self.net.generator
        z = torch.randn(n, self.config.n_noise, generator=generator) * temperature**0.5
        h = net(z, net.embed_given.forward_given(rows, n))
        u = uniforms(net.head, n, generator)
        pixels = {name: to_codes(x, self._levels(name)) for name, x in zip(self.shape.pictures, net.pictures(h))}
        if not self.view.places:
            return torch.zeros(n, 0, dtype=torch.int64), torch.zeros(n, 0), pixels
        return *net.head.sample(h, u, temperature), pixels

    @torch.no_grad()
    def sample(self, n: int, given: Batch, generator: torch.Generator, temperature: float = 1.0) -> Batch:
        """Noise through the generator."""
        given = self.given.complete(n, given, generator, temperature)
        codes, z, pixels = self._sampled(self.given.prepared(given), n, generator, temperature)
        rows = given | pixels | self.view.batch(codes, z)
        return {name: rows[name] for name in self.space}

    def conditions_exactly(self, columns: list[str]) -> bool:
        """Where the space marks them as given."""
        return all(self.space[name].is_given for name in columns)

    def describe(self) -> dict[str, Any]:
        """How large both networks are; of pictures also which way they go."""
        sides = {"generator": self.net.generator, "discriminator": self.net.discriminator}
        sizes = {f"parameters of the {side}": sum(p.numel() for p in net.parameters()) for side, net in sides.items()}
        depths = ", ".join(f"{net.n_hidden_layers} in the {side}" for side, net in sides.items())
        found: dict[str, Any] = {"parameters": sum(sizes.values()), **sizes, "latents": self.shape.n_noise}
        found |= {"units": self.shape.n_hidden, "hidden layers": depths}
        if not self.shape.pictures:
            return found
        width = self.shape.width
        return found | ({"trunk": "conv", "channels at the first level": width} if width else {"trunk": "dense"})

    def state(self) -> dict[str, Tensor]:
        """Weights of both networks, and how often each value is given."""
        return {**self.net.state_dict(), **self.given.state()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        self.net.load_state_dict(self.given.load_state(state))


def _rounded(x: Tensor, n: int) -> Tensor:
    """Pictures on their n levels, gradients straight through."""
    return x + (scaled(to_codes(x.detach(), n), n) - x.detach())
