"""Variational auto-encoder (Kingma and Welling, 2014; Rezende et al., 2014).

https://arxiv.org/abs/1312.6114, https://arxiv.org/abs/1401.4082

    z ~ p(z)                        K numbers nobody sees: N(0, I), or a mixture of normals that is learnt (`prior`)
    x ~ p(x | z)                    a network tells each column's distribution, and each pixel's
    q(z | x) = N(μ(x), diag σ²(x))  another one guesses z from the row

    log p(x) ≥ E_q [log p(x | z)] − KL(q(z | x) ‖ p(z))        (ELBO, what training raises)
    log p(x) ≥ E_q log 1/S Σ_s p(x, z_s) / q(z_s | x)          (Burda et al., 2016, tighter: what `bound` tells)

Columns that the space marks as given are read by both networks and not modelled. Training may weigh the KL term by
β, raise that weight slowly, and spare each latent its first nats (free bits, https://arxiv.org/abs/1606.04934), so that
latents are not given up before the decoder has learnt to use them. It may also raise the second bound
(`n_train_importance`), by the gradient of Tucker et al. (2019, https://arxiv.org/abs/1810.04152), whose noise does not
grow with S: w_s = p(x, z_s) / q(z_s | x) / Σ counts once for the decoder and twice, through z_s, for the encoder.

Pictures pass through convolutions or, as in textbooks, one matrix. Grey ones may be modelled as binary (`pixels`), and
changed by chance (`augment`), which the decoder is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from genwright.core.config import check_least
from genwright.core.dataset import Dataset, n_rows
from genwright.core.errors import UnsupportedError
from genwright.core.model import Conditions, HasBound, HasLatent, HasLoss, Model
from genwright.core.space import Batch, Category, Pixels, Real, Space
from genwright.nn.augment import N_PARAMETERS, Augmentation, applied, drawn
from genwright.nn.column_embed import ColumnEmbed
from genwright.nn.column_head import ColumnHead, GaussianHead, uniforms
from genwright.nn.given_columns import GivenColumns
from genwright.nn.latent_prior import LOG_2PI, LatentPrior
from genwright.nn.mlp import MLP, initialise, untrained
from genwright.nn.picture_trunk import Noise, PictureDecoder, PictureEncoder, Trunk
from genwright.nn.picture_view import pictures, prepared, without_pictures
from genwright.nn.pixel_head import binarised
from genwright.nn.row_view import RowView

BOUND_ROWS = 512  # rows whose bound is worked out at once
MIN_LOG_SCALE, MAX_LOG_SCALE = -6.0, 3.0  # of q(z | x)
AT_ONCE, LEAST_ROWS = 1 << 18, 16  # pixels drawn at a time, and rows at least


@dataclass(frozen=True)
class VAEConfig:
    """Settings of `vae`."""

    latent_dim: int | None = None  # latents, K; None: 24, with pictures 32
    n_hidden: int = 256  # units of a hidden layer
    n_layers: int = 2  # hidden layers of encoder and of decoder
    n_embed: int = 8  # width of the vector that stands for a code
    n_mixture: int = 4  # logistic distributions a smooth number, or a pixel
    head: Literal["mixture", "gaussian"] = (
        "mixture"  # smooth numbers: logistics on ranks, or a normal, as textbooks have it
    )
    beta: float = 1.0  # weight of the KL term; 1 is the bound itself
    warmup: float = 0.1  # share of the training in which that weight rises from 0
    free_bits: float = 0.0  # nats of KL that each latent may use for nothing
    n_importance: int = 64  # latents a row, S, in `bound`
    n_train_importance: int = 1  # latents a row in training; more raise the tighter bound, and cost as much more
    prior: Literal["auto", "normal", "mixture"] = "auto"  # where latents come from; auto: a mixture for pictures
    n_components: int = 64  # normals of that mixture, M
    trunk: Trunk = "auto"  # pictures: convolutions, or one matrix (dense); auto: dense up to 12 pixels a side
    width: int = 32  # channels of the convolutions' first level
    pixels: Literal["auto", "bernoulli", "logistic", "categorical"] = "auto"  # distribution of a pixel, by the levels
    binarise: bool = True  # grey pictures under bernoulli become binary anew when seen; no: grey is a probability
    noise: Noise = "auto"  # drawn pixels: from p(x | z), or its mean; auto: mean above 8 levels
    augment: tuple[Augmentation, ...] = ()  # pictures changed by chance while training, which no draw shows

    def __post_init__(self) -> None:
        check_least(self, 1, "n_hidden", "n_embed", "n_mixture", "n_importance", "n_train_importance", "n_components")
        check_least(self, 1, "width", *(["latent_dim"] if self.latent_dim is not None else []))
        check_least(self, 0, "n_layers", "beta", "warmup", "free_bits")


class VAENet(nn.Module):
    """Encoder, decoder and prior.

    Args:
        config: Settings.
        space: All columns.
        view: The modelled columns that are no pictures.
        given: The columns that are always known.
    """

    def __init__(self, config: VAEConfig, space: Space, view: RowView, given: RowView):
        super().__init__()
        hidden, has_pictures = [config.n_hidden] * config.n_layers, bool(pictures(space))
        self.embed = ColumnEmbed(view, config.n_embed)
        self.embed_given = ColumnEmbed(given, config.n_embed)
        self.embed_pictures = PictureEncoder(space, config.trunk, config.n_hidden, config.width)
        n_given = self.embed_given.n_out
        self.n_known = n_given + (N_PARAMETERS if config.augment else 0)  # of the decoder
        n_latents = config.latent_dim or (32 if has_pictures else 24)
        n_in = self.embed.n_out + self.embed_pictures.n_out + n_given
        self.encoder = MLP(n_in, hidden, 2 * n_latents)
        # its last layer is hidden, too: one more than n_layers for tables, with pictures as textbooks count
        self.decoder = MLP(n_latents + self.n_known, hidden[1:] if has_pictures else hidden, config.n_hidden)
        is_gaussian = config.head == "gaussian"
        head = (
            GaussianHead(view, config.n_hidden) if is_gaussian else ColumnHead(view, config.n_hidden, config.n_mixture)
        )
        self.head, self.is_linear = head, not config.n_layers
        self.pictures = PictureDecoder(
            space, config.trunk, config.n_hidden, config.width, config.pixels, config.n_mixture
        )
        is_mixture = has_pictures if config.prior == "auto" else config.prior == "mixture"
        self.prior = LatentPrior(n_latents, config.n_components if is_mixture else 0, n_given)

    def posterior(self, rows: Batch, known: Tensor) -> tuple[Tensor, Tensor]:
        """μ and log σ of q(z | x), each (B, K)."""
        parts = [self.embed(rows), self.embed_pictures(rows, len(known)), known]
        mu, log_s = self.encoder(torch.cat(parts, 1)).chunk(2, 1)
        return mu, log_s.clamp(MIN_LOG_SCALE, MAX_LOG_SCALE)

    def hidden(self, z: Tensor, known: Tensor) -> Tensor:
        """What the heads read (B, n_hidden); known: the given columns, and behind them how pictures are changed."""
        known = nn.functional.pad(known, (0, self.n_known - known.shape[1]))  # not at all, where nothing is said
        h = self.decoder(torch.cat([z, known], 1))
        return h if self.is_linear else nn.functional.silu(h)

    def log_likelihood(self, z: Tensor, known: Tensor, rows: Batch) -> Tensor:
        """log p(x | z) (B,)."""
        h = self.hidden(z, known)
        return self.head.log_prob(h, rows).sum(1) + sum(self.pictures.log_prob(h, rows).values())


class VAE(Model, HasLoss, HasBound, HasLatent, Conditions):
    """Variational auto-encoder."""

    Config = VAEConfig
    supports = (Real, Category, Pixels)
    takes_shapes = True
    bound_name = "importance-weighted ELBO"
    net: VAENet

    def __init__(self, space: Space, config: Any = None):
        super().__init__(space, config)
        for name in pictures(space):
            if space[name].is_given:
                raise UnsupportedError(
                    f"vae cannot be given pictures, as column {name!r} is; model it, or name another"
                )
        is_linear = self.config.head == "gaussian"
        self.view = RowView(without_pictures(Space({n: f for n, f in space.items() if not f.is_given})), is_linear)
        self.chunk = min(self.view.n_at_once, _pictures_at_once(space))  # type: ignore[misc]
        self.given = GivenColumns(space, is_linear)
        self.net = untrained(lambda: VAENet(self.config, space, self.view, self.given.view))
        self._done, self._has_pictures = 1.0, bool(pictures(space))
        self._binary = [n for n, h in self.net.pictures.heads.items() if h.name == "bernoulli" and self.config.binarise]
        if any(head.name == "bernoulli" and head.n > 2 for head in self.net.pictures.heads.values()):
            what = "of pictures made binary" if self.config.binarise else "with grey taken for a probability"
            self.bound_name, self.bounds_rows = f"importance-weighted ELBO {what}", False  # type: ignore[misc]

    def start(self, generator: torch.Generator) -> None:
        """Small random weights."""
        initialise(self.net, generator)

    def prepare(self, batch: Batch) -> Batch:
        """Codes and scores; those of the given columns under `given.`, pictures as they are under `pixels.`."""
        return {**self.view.rows(batch), **self.given.prepared(batch), **prepared(batch, self.space)}

    def look(self, data: Dataset) -> None:
        """Counts the given columns."""
        self.given.look(data)

    def _known(self, rows: Batch, n: int) -> Tensor:
        """The given columns as vectors (B, n_given)."""
        return self.net.embed_given.forward_given(rows, n)

    def _binarised(self, rows: Batch, generator: torch.Generator) -> Batch:
        """Rows whose grey pictures are made binary anew, where they are learnt so."""
        levels = {f"pixels.{name}": self.net.pictures.heads[name].n for name in self._binary}
        return rows | {key: binarised(rows[key], n, generator) for key, n in levels.items()}

    def _changed(self, rows: Batch, known: Tensor, generator: torch.Generator) -> tuple[Batch, Tensor]:
        """What the decoder is to tell: changed pictures while training, and beside what is known how they were changed.

        Latents are guessed from the pictures as they were, so that they cannot tell the change, and draws without one
        show none.
        """
        if not (self.config.augment and self.net.training):
            return rows, known
        changes = drawn(len(known), self.config.augment, generator)
        found = {f"pixels.{name}": applied(rows[f"pixels.{name}"], changes) for name in self.net.pictures.heads}
        for name in self._binary:
            most = self.net.pictures.heads[name].n - 1
            found[f"pixels.{name}"] = (found[f"pixels.{name}"] > most // 2).to(torch.uint8) * most
        return rows | found, torch.cat([known, changes], 1)

    def anneal(self, done: float) -> None:
        """The weight of the KL term rises at the beginning."""
        self._done = done

    @property
    def _beta(self) -> float:
        return self.config.beta * (min(1.0, self._done / self.config.warmup) if self.config.warmup else 1.0)

    def loss(self, rows: Batch, generator: torch.Generator, phase: str = "model") -> Tensor:
        """−ELBO, with β and free bits, or the negative importance-weighted bound (B,)."""
        if not torch.is_grad_enabled() and self._has_pictures:  # many rows are watched at once: piece by piece
            return torch.cat([self._loss(part, generator) for part in self._pieces(rows)])
        return self._loss(rows, generator)

    def _pieces(self, rows: Batch) -> list[Batch]:
        """Prepared rows, as many at a time as memory bears."""
        n, size = len(rows["codes"]), min(BOUND_ROWS, _pictures_at_once(self.space))
        return [{k: x[i : i + size] for k, x in rows.items()} for i in range(0, n, size)]

    def _loss(self, rows: Batch, generator: torch.Generator) -> Tensor:
        rows = self._binarised(rows, generator)
        mu, log_s = self.net.posterior(rows, known := self._known(rows, len(rows["codes"])))
        rows, known = self._changed(rows, known, generator)
        if self.config.n_train_importance > 1:
            return -self._tight(mu, log_s, rows, known, generator)
        z = mu + log_s.exp() * torch.randn(mu.shape, generator=generator)
        reconstruction = self.net.log_likelihood(z, known, rows)
        if self.net.prior.n_components:  # has no closed form: one draw tells
            kl = (_log_q(z, mu, log_s) - self.net.prior.log_prob(z, known)).unsqueeze(1)  # (B, 1)
        else:
            kl = _kl(mu, log_s)  # (B, K)
        if self.config.free_bits:
            kl = kl.mean(0).clamp(min=self.config.free_bits * mu.shape[1] / kl.shape[1]).expand_as(kl)
        return self._beta * kl.sum(1) - reconstruction

    def _tight(self, mu: Tensor, log_s: Tensor, rows: Batch, known: Tensor, generator: torch.Generator) -> Tensor:
        """The importance-weighted bound (B,), with the gradient of Tucker et al."""
        n = self.config.n_train_importance
        noise = torch.randn(n, *mu.shape, generator=generator)
        z = (mu + log_s.exp() * noise).flatten(0, 1)  # (S B, K)
        rows, known = {k: _again(x, n) for k, x in rows.items()}, _again(known, n)
        log_q = _log_q(z, _again(mu.detach(), n), _again(log_s.detach(), n))
        ratio = self.net.prior.log_prob(z, known) - log_q
        log_w = (self._beta * ratio + self.net.log_likelihood(z, known, rows)).view(n, -1)  # (S, B)
        w = log_w.detach().softmax(0)
        if z.requires_grad:
            z.register_hook(lambda slope: w.flatten().unsqueeze(1) * slope)
        bound = (w * log_w).sum(0)
        return bound + (log_w.detach().logsumexp(0) - torch.tensor(n).log() - bound.detach())

    @torch.no_grad()
    def monitor(self, rows: Batch, generator: torch.Generator) -> dict[str, float]:
        """Nats of KL that latents say about a row, and how many of them say any (Burda et al.: means that vary)."""
        rows = self._binarised(rows, generator)
        mu, log_s = self.net.posterior(rows, known := self._known(rows, len(rows["codes"])))
        if not self.net.prior.n_components:
            kl = _kl(mu, log_s).mean(0)  # (K,)
            total, is_active = kl.sum(), kl > 0.01
        else:
            z = mu + log_s.exp() * torch.randn(mu.shape, generator=generator)
            total = (_log_q(z, mu, log_s) - self.net.prior.log_prob(z, known)).mean()
            is_active = mu.var(0, correction=0) > 0.01
        return {"kl": float(total), "active_latents": float(is_active.sum()), "n_latents": float(mu.shape[1])}

    @torch.no_grad()
    def bound(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Importance-weighted bound with S latents a row (B,), of what `bound_name` says."""
        rows = self.prepare(batch)
        parts = [self._bound(part, generator) for part in self._pieces(rows)]
        bound = torch.cat(parts) if parts else torch.zeros(0, dtype=torch.float64)
        return bound + self.given.log_prob(batch, len(bound))

    def _bound(self, rows: Batch, generator: torch.Generator) -> Tensor:
        rows = self._binarised(rows, generator)
        mu, log_s = self.net.posterior(rows, known := self._known(rows, len(rows["codes"])))
        weights = []
        for _ in range(self.config.n_importance):
            z = mu + log_s.exp() * torch.randn(mu.shape, generator=generator)
            log_ratio = self.net.prior.log_prob(z, known) - _log_q(z, mu, log_s)
            weights.append(log_ratio + self.net.log_likelihood(z, known, rows))
        return torch.stack(weights).double().logsumexp(0) - torch.tensor(len(weights)).log()

    @torch.no_grad()
    def sample(self, n: int, given: Batch, generator: torch.Generator, temperature: float = 1.0) -> Batch:
        """z from the prior, then the row; of pictures a draw or the mean, as `noise` says."""
        given, known = self._completed(n, given, generator, temperature)
        z = self.net.prior.sample(n, known, generator, temperature)
        return self._decoded(z, given, known, generator, temperature)

    def _completed(
        self,
        n: int,
        given: Batch,
        generator: torch.Generator,
        temperature: float = 1.0,
        masks: Mapping[str, Tensor] | None = None,
    ) -> tuple[Batch, Tensor]:
        """The given columns, those drawn that are not fixed, and their vectors."""
        whole = self.given.complete(n, given, generator, temperature, masks)
        return whole, self._known(self.given.prepared(whole), n)

    def _decoded(
        self,
        z: Tensor,
        given: Batch,
        known: Tensor,
        generator: torch.Generator,
        temperature: float = 1.0,
    ) -> Batch:
        h = self.net.hidden(z, known)
        u = uniforms(self.net.head, len(z), generator)
        drawn = self.view.batch(*self.net.head.sample(h, u, temperature))
        drawn |= self.net.pictures.sample(h, generator, temperature, self.config.noise)
        return {name: drawn[name] if name in drawn else given[name] for name in self.space}

    @torch.no_grad()
    def encode(self, batch: Batch) -> Tensor:
        """μ(x) (B, K)."""
        rows, n = self.prepare(batch), n_rows(batch)
        pieces = self._pieces(rows) if self._has_pictures and n else [rows]
        return torch.cat([self.net.posterior(x, self._known(x, len(x["codes"])))[0] for x in pieces])

    @torch.no_grad()
    def decode(self, latents: Tensor, generator: torch.Generator, given: Batch | None = None) -> Batch:
        """Rows from p(x | z); of pictures a draw or the mean, as `noise` says."""
        whole, known = self._completed(len(latents), given or {}, generator)
        return self._decoded(latents, whole, known, generator)

    def conditions_exactly(self, columns: list[str]) -> bool:
        """Where the space marks them as given."""
        return all(self.space[name].is_given for name in columns)

    @torch.no_grad()
    def propose(
        self, n: int, given: Batch, generator: torch.Generator, known: Mapping[str, Tensor] | None = None
    ) -> tuple[Batch, Tensor]:
        """z from the prior, the rest from p(x | z) with the given cells in place; weight = Π p(given cell | z)."""
        masks = {name: torch.ones(n, dtype=torch.bool) if known is None else known[name] for name in given}
        read, vectors = self._completed(n, given, generator, masks=masks)
        z = self.net.prior.sample(n, vectors, generator)
        rows = _put(self._decoded(z, read, vectors, generator), given, masks)
        ready, h = self.prepare(rows), self.net.hidden(z, vectors)
        each = self.net.head.log_prob(h, ready)  # (n, J)
        weight = torch.zeros(n, dtype=torch.float64)
        for place in self.view.places:
            if place.name in given:
                weight += each[:, place.codes].sum(1).double() * masks[place.name]
        of_pictures = self.net.pictures.log_prob(h, ready) if any(n in given for n in pictures(self.space)) else {}
        return rows, weight + sum(x.double() * masks[name] for name, x in of_pictures.items() if name in given)

    def describe(self) -> dict[str, Any]:
        """How large it is."""
        return {"parameters": sum(p.numel() for p in self.net.parameters()), "latents": self.net.prior.n_latents}

    def state(self) -> dict[str, Tensor]:
        """Weights of both networks, and how often each value is given."""
        return {**self.net.state_dict(), **self.given.state()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        self.net.load_state_dict(self.given.load_state(state))


def _pictures_at_once(space: Space) -> int:
    """Rows drawn at a time, a power of two: fewer where pictures are large."""
    n_pixels = sum(f.event_shape[1] * f.event_shape[2] for f in pictures(space).values())
    n = max(LEAST_ROWS, AT_ONCE // max(n_pixels, 1))
    return 1 << (n.bit_length() - 1)


def _log_q(z: Tensor, mu: Tensor, log_s: Tensor) -> Tensor:
    """log N(z; μ, σ²), summed over latents (B,)."""
    return -0.5 * (((z - mu) * (-log_s).exp()).square().sum(1) + mu.shape[1] * LOG_2PI) - log_s.sum(1)


def _again(x: Tensor, n: int) -> Tensor:
    """n copies, one below the other (n B, …)."""
    return x.repeat(n, *[1] * (x.dim() - 1))


def _kl(mu: Tensor, log_s: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) of each latent (B, K)."""
    return (mu.square() + (2 * log_s).exp() - 1) / 2 - log_s


def _put(rows: Batch, given: Batch, masks: Mapping[str, Tensor]) -> Batch:
    """Rows with the known cells of `given` in place."""
    return {
        name: torch.where(_wide(masks[name], x), given[name], x) if name in given else x for name, x in rows.items()
    }


def _wide(mask: Tensor, like: Tensor) -> Tensor:
    """A mask (B,) that fits a tensor (B, …)."""
    return mask.view(-1, *[1] * (like.dim() - 1))
