"""Variational auto-encoder (Kingma and Welling, 2014; Rezende et al., 2014).

https://arxiv.org/abs/1312.6114, https://arxiv.org/abs/1401.4082

    z ~ p(z) = N(0, I)              K numbers nobody sees
    x ~ p(x | z)                    a network tells each column's distribution
    q(z | x) = N(μ(x), diag σ²(x))  another one guesses z from the row

    log p(x) ≥ E_q [log p(x | z)] − KL(q(z | x) ‖ p(z))        (ELBO, what training raises)
    log p(x) ≥ E_q log 1/S Σ_s p(x, z_s) / q(z_s | x)          (Burda et al., 2016, tighter: what `bound` tells)

Columns that the space marks as given are read by both networks and not modelled. Training may weigh the KL term by
β, raise that weight slowly, and spare each latent its first nats (free bits, https://arxiv.org/abs/1606.04934), so that
latents are not given up before the decoder has learnt to use them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from genwright.core.dataset import Dataset, n_rows
from genwright.core.errors import ConfigError
from genwright.core.model import Conditions, HasBound, HasLatent, HasLoss, Model
from genwright.core.space import Batch, Category, Real, Space
from genwright.nn.column_embed import ColumnEmbed
from genwright.nn.column_head import ColumnHead, GaussianHead, uniforms
from genwright.nn.given_columns import GivenColumns
from genwright.nn.mlp import MLP, initialise, untrained
from genwright.nn.row_view import RowView

BOUND_ROWS = 512  # rows whose bound is worked out at once
MIN_LOG_SCALE, MAX_LOG_SCALE = -6.0, 3.0  # of q(z | x)


@dataclass(frozen=True)
class VAEConfig:
    """Settings of `vae`."""

    latent_dim: int = 24  # latents, K
    n_hidden: int = 256  # units of a hidden layer
    n_layers: int = 2  # hidden layers of encoder and of decoder
    n_embed: int = 8  # width of the vector that stands for a code
    n_mixture: int = 4  # logistic distributions a smooth number
    head: Literal["mixture", "gaussian"] = (
        "mixture"  # smooth numbers: logistics on ranks, or a normal, as textbooks have it
    )
    beta: float = 1.0  # weight of the KL term; 1 is the bound itself
    warmup: float = 0.1  # share of the training in which that weight rises from 0
    free_bits: float = 0.0  # nats of KL that each latent may use for nothing
    n_importance: int = 64  # latents a row, S, in `bound`

    def __post_init__(self) -> None:
        for name in ("latent_dim", "n_hidden", "n_embed", "n_mixture", "n_importance"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} = {getattr(self, name)}; expected 1 or more")
        for name in ("n_layers", "beta", "warmup", "free_bits"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name} = {getattr(self, name)}; expected 0 or more")


class VAENet(nn.Module):
    """Encoder and decoder.

    Args:
        config: Settings.
        view: The modelled columns.
        given: The columns that are always known.
    """

    def __init__(self, config: VAEConfig, view: RowView, given: RowView):
        super().__init__()
        hidden = [config.n_hidden] * config.n_layers
        self.embed = ColumnEmbed(view, config.n_embed)
        self.embed_given = ColumnEmbed(given, config.n_embed)
        n_given = self.embed_given.n_out
        self.encoder = MLP(self.embed.n_out + n_given, hidden, 2 * config.latent_dim)
        self.decoder = MLP(config.latent_dim + n_given, hidden, config.n_hidden)
        is_gaussian = config.head == "gaussian"
        head = (
            GaussianHead(view, config.n_hidden) if is_gaussian else ColumnHead(view, config.n_hidden, config.n_mixture)
        )
        self.head, self.is_linear = head, not config.n_layers

    def posterior(self, rows: Batch, known: Tensor) -> tuple[Tensor, Tensor]:
        """μ and log σ of q(z | x), each (B, K)."""
        mu, log_s = self.encoder(torch.cat([self.embed(rows), known], 1)).chunk(2, 1)
        return mu, log_s.clamp(MIN_LOG_SCALE, MAX_LOG_SCALE)

    def hidden(self, z: Tensor, known: Tensor) -> Tensor:
        """What the head reads (B, n_hidden)."""
        h = self.decoder(torch.cat([z, known], 1))
        return h if self.is_linear else nn.functional.silu(h)


class VAE(Model, HasLoss, HasBound, HasLatent, Conditions):
    """Variational auto-encoder."""

    Config = VAEConfig
    supports = (Real, Category)
    takes_shapes = True
    bound_name = "importance-weighted ELBO"
    net: VAENet

    def __init__(self, space: Space, config: Any = None):
        super().__init__(space, config)
        is_linear = self.config.head == "gaussian"
        self.view = RowView(Space({n: f for n, f in space.items() if not f.is_given}), is_linear)
        self.chunk = self.view.n_at_once  # type: ignore[misc]
        self.given = GivenColumns(space, is_linear)
        self.net = untrained(lambda: VAENet(self.config, self.view, self.given.view))
        self._done = 1.0

    def start(self, generator: torch.Generator) -> None:
        """Small random weights."""
        initialise(self.net, generator)

    def prepare(self, batch: Batch) -> Batch:
        """Codes and scores; those of the given columns under `given.`."""
        return {**self.view.rows(batch), **self.given.prepared(batch)}

    def look(self, data: Dataset) -> None:
        """Counts the given columns."""
        self.given.look(data)

    def _known(self, rows: Batch, n: int) -> Tensor:
        """The given columns as vectors (B, n_given)."""
        return self.net.embed_given.forward_given(rows, n)

    def anneal(self, done: float) -> None:
        """The weight of the KL term rises at the beginning."""
        self._done = done

    @property
    def _beta(self) -> float:
        return self.config.beta * (min(1.0, self._done / self.config.warmup) if self.config.warmup else 1.0)

    def loss(self, rows: Batch, generator: torch.Generator, phase: str = "model") -> Tensor:
        """−ELBO, with β and free bits (B,)."""
        mu, log_s = self.net.posterior(rows, known := self._known(rows, len(rows["codes"])))
        z = mu + log_s.exp() * torch.randn(mu.shape, generator=generator)
        reconstruction = self.net.head.log_prob(self.net.hidden(z, known), rows).sum(1)
        kl = _kl(mu, log_s)  # (B, K)
        if self.config.free_bits:
            kl = kl.mean(0).clamp(min=self.config.free_bits).expand_as(kl)
        return self._beta * kl.sum(1) - reconstruction

    @torch.no_grad()
    def monitor(self, rows: Batch, generator: torch.Generator) -> dict[str, float]:
        """Nats of KL in each latent's mean row: how many latents are used, and how much they say."""
        kl = _kl(*self.net.posterior(rows, self._known(rows, len(rows["codes"])))).mean(0)  # (K,)
        return {"kl": float(kl.sum()), "active_latents": float((kl > 0.01).sum()), "n_latents": float(len(kl))}

    @torch.no_grad()
    def bound(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Importance-weighted bound with S latents a row (B,)."""
        rows = self.prepare(batch)
        parts = [
            self._bound({k: x[i : i + BOUND_ROWS] for k, x in rows.items()}, generator)
            for i in range(0, n_rows(batch), BOUND_ROWS)
        ]
        bound = torch.cat(parts) if parts else torch.zeros(0, dtype=torch.float64)
        return bound + self.given.log_prob(batch, len(bound))

    def _bound(self, rows: Batch, generator: torch.Generator) -> Tensor:
        mu, log_s = self.net.posterior(rows, known := self._known(rows, len(rows["codes"])))
        weights = []
        for _ in range(self.config.n_importance):
            noise = torch.randn(mu.shape, generator=generator)
            z = mu + log_s.exp() * noise
            log_ratio = (noise.square() / 2 - z.square() / 2 + log_s).sum(1)  # log p(z) − log q(z | x)
            weights.append(log_ratio + self.net.head.log_prob(self.net.hidden(z, known), rows).sum(1))
        return torch.stack(weights).double().logsumexp(0) - torch.tensor(len(weights)).log()

    @torch.no_grad()
    def sample(self, n: int, given: Batch, generator: torch.Generator, temperature: float = 1.0) -> Batch:
        """z from the prior, then the row."""
        z = torch.randn(n, self.config.latent_dim, generator=generator) * temperature**0.5
        return self._decoded(z, given, generator, temperature)

    def _decoded(self, z: Tensor, given: Batch, generator: torch.Generator, temperature: float = 1.0) -> Batch:
        given = self.given.complete(len(z), given, generator, temperature)
        known = self._known(self.given.prepared(given), len(z))
        u = uniforms(self.net.head, len(z), generator)
        drawn = self.view.batch(*self.net.head.sample(self.net.hidden(z, known), u, temperature))
        return {name: drawn[name] if name in drawn else given[name] for name in self.space}

    @torch.no_grad()
    def encode(self, batch: Batch) -> Tensor:
        """μ(x) (B, K)."""
        rows = self.prepare(batch)
        return self.net.posterior(rows, self._known(rows, n_rows(batch)))[0]

    @torch.no_grad()
    def decode(self, latents: Tensor, generator: torch.Generator, given: Batch | None = None) -> Batch:
        """Rows drawn from p(x | z)."""
        return self._decoded(latents, given or {}, generator)

    def conditions_exactly(self, columns: list[str]) -> bool:
        """Where the space marks them as given."""
        return all(self.space[name].is_given for name in columns)

    @torch.no_grad()
    def propose(
        self, n: int, given: Batch, generator: torch.Generator, known: Mapping[str, Tensor] | None = None
    ) -> tuple[Batch, Tensor]:
        """z from the prior, the rest from p(x | z) with the given cells in place; weight = Π p(given cell | z)."""
        masks = {name: torch.ones(n, dtype=torch.bool) if known is None else known[name] for name in given}
        z = torch.randn(n, self.config.latent_dim, generator=generator)
        read = self.given.complete(n, given, generator, known=masks)
        rows = _put(self._decoded(z, read, generator), given, masks)
        ready = self.prepare(rows)
        each = self.net.head.log_prob(self.net.hidden(z, self._known(ready, n)), ready)  # (n, J)
        weight = torch.zeros(n, dtype=torch.float64)
        for place in self.view.places:
            if place.name in given:
                weight += each[:, place.codes].sum(1).double() * masks[place.name]
        return rows, weight

    def state(self) -> dict[str, Tensor]:
        """Weights of both networks, and how often each value is given."""
        return {**self.net.state_dict(), **self.given.state()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        self.net.load_state_dict(self.given.load_state(state))


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
