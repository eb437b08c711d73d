"""Vector-quantised auto-encoder, with a prior of any family over its codes (van den Oord et al., 2017).

https://arxiv.org/abs/1711.00937

    codes(x)_ij = argmin_k ‖z_ij(x) − e_k‖     z: what the encoder makes of a picture, at h × w places
    loss        = −log p(x | codes(x)) + β ‖z − e‖²
    p(row)      ≥ p(codes(x), other columns) p(x | codes(x))

It learns in two stages. First encoder, codes and decoder (`nn/picture_codes`, `nn/quantise`); then the prior: a model
of another family, of rows in which each picture is replaced by the sequence of its codes, line by line. So the prior
may be anything that models sequences, what it knows exactly stays exact, and other columns of the row are its matter.

Training may change pictures by chance (`augment`), in the first stage alone: codes learn to tell changed pictures, too,
and the prior learns which codes pictures have as they were, so that no draw shows a change.

The bound holds since p(x) = Σ_c p(c) p(x | c), of which the picture's own codes are one term.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from genwright.core.config import check_least, check_positive, configure, parse_settings, to_json
from genwright.core.dataset import Dataset, n_rows
from genwright.core.errors import ConfigError, UnknownNameError, UnsupportedError
from genwright.core.model import Conditions, HasBound, HasLatent, HasLogProb, HasLoss, HasStages, Model
from genwright.core.registry import MODELS
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch, Category, Field, Pixels, Real, Space, Tokens
from genwright.nn.augment import Augmentation, applied, drawn
from genwright.nn.mlp import initialise, untrained
from genwright.nn.picture_codes import PictureCodes
from genwright.nn.picture_trunk import Noise
from genwright.nn.picture_view import picture_shape, pictures, prepared, to_codes
from genwright.nn.pixel_head import FEW
from genwright.nn.quantise import Codebook, Usage

PRIOR = "prior."  # prefix of the prior's tensors
AT_ONCE = 1 << 19  # pixels that are read or decoded together
SETTLED = 0.8  # share of the training behind which no code begins anew


@dataclass(frozen=True)
class VQVAEConfig:
    """Settings of `vqvae`."""

    n_codes: int = 256  # codes, K
    code_dim: int = 8  # numbers a code, D
    levels: int = 0  # how often a picture is halved; 0: until the longer side has at most 8 places
    width: int = 32  # channels of the convolutions' first level
    beta: float = 0.25  # weight of the distance to the codes, β
    decay: float = 0.95  # of the running means that codes are
    reset: float = 0.1  # a code begins anew where it is chosen less than this part of the mean; 0: never
    pixels: Literal["auto", "bernoulli", "logistic", "categorical"] = "auto"  # distribution of a pixel, by the levels
    n_mixture: int = 4  # logistics a pixel
    noise: Noise = "auto"  # drawn pixels: from p(x | codes), or its mean; auto: mean above 8 levels
    prior: Literal["gpt", "rnn", "ngram", "hmm", "marginals"] = "gpt"  # family of the codes
    prior_settings: tuple[str, ...] = ()  # of the prior and its training, such as n_layers=4,batch_size=64
    prior_share: float = 0.5  # of the steps or minutes, for a prior that takes some
    augment: tuple[Augmentation, ...] = ()  # pictures changed by chance while codes learn, which no draw shows

    def __post_init__(self) -> None:
        check_least(self, 2, "n_codes", "code_dim")
        check_least(self, 1, "width", "n_mixture")
        check_least(self, 0, "levels", "beta", "reset")
        check_positive(self, "prior_share", "decay")
        if self.decay >= 1 or self.prior_share >= 1:
            raise ConfigError(f"decay = {self.decay}, prior_share = {self.prior_share}; expected less than 1")


class VQVAENet(nn.Module):
    """Encoder, codes and decoder of each column of pictures."""

    def __init__(self, config: VQVAEConfig, space: Space):
        super().__init__()
        self.names = list(pictures(space))
        self.of_name = {name: self._codes(config, space, name) for name in self.names}
        self.pictures = nn.ModuleList(self.of_name.values())

    @staticmethod
    def _codes(c: VQVAEConfig, space: Space, name: str) -> PictureCodes:
        support = space[name].support
        assert isinstance(support, Pixels)
        if c.pixels == "bernoulli" and support.n > 2:
            raise ConfigError(f"pixels = bernoulli: column {name!r} has {support.n} levels, not 2; use logistic")
        book = Codebook(c.n_codes, c.code_dim, c.decay, c.reset)
        return PictureCodes(
            picture_shape(space, name), support.n, book, c.width, c.levels or None, c.pixels, c.n_mixture
        )


class VQVAE(Model, HasLoss, HasStages, HasBound, HasLatent, Conditions):
    """Vector-quantised auto-encoder."""

    Config = VQVAEConfig
    supports = (Real, Category, Tokens, Pixels)
    takes_shapes = True
    usual_minutes = 10.0
    training: ClassVar[Mapping[str, Any]] = {"batch_size": 128, "learning_rate": 4e-3, "n_evaluations": 20, "ema": 0.99}
    net: VQVAENet

    def __init__(self, space: Space, config: Any = None):
        super().__init__(space, config)
        if not pictures(space):
            raise UnsupportedError(f"vqvae models pictures, and there is none among {list(space)}; use another family")
        self.net = untrained(lambda: VQVAENet(self.config, space))
        self.second = self.prior = self._prior()
        self.bound_name = f"{self.config.prior} of the codes and p(x | codes)"  # type: ignore[misc]
        n_pixels = max(int(np.prod(f.event_shape)) for f in pictures(space).values())
        self._at_once = max(1, AT_ONCE // n_pixels)
        self.chunk = min(self.prior.chunk, 1 << (self._at_once.bit_length() - 1))  # type: ignore[misc]

    # -- the prior --------------------------------------------------------------------------------------------------

    @property
    def holds_rows(self) -> bool:  # type: ignore[override]
        """As the prior: n-grams of codes are parts of training pictures."""
        return self.prior.holds_rows

    def _prior(self) -> Model:
        """The second model, untrained.

        Raises:
            UnsupportedError: it cannot model another column; names it.
            UnknownNameError: it has no such setting.
        """
        family, own, rest = _divided(self.config)
        if rest and not issubclass(family, HasLoss):
            raise UnknownNameError(next(iter(rest)), [f.name for f in fields(family.Config)], "prior_settings")
        try:
            return family(self._space_of_codes(), configure(family.Config, own))
        except UnsupportedError as error:
            raise UnsupportedError(
                f"the prior of vqvae: {error}; name another prior, or leave the column out"
            ) from None

    def _space_of_codes(self) -> Space:
        """The space in which each picture is the sequence of its codes."""
        return Space({n: self._field_of_codes(n, f) if n in self.net.of_name else f for n, f in self.space.items()})

    def _field_of_codes(self, name: str, f: Field) -> Field:
        """All rows are as long, so networks need not learn where they end; counted n-grams know where they begin."""
        K, length = self.config.n_codes, self.net.of_name[name].n_places
        runs_on = issubclass(MODELS.get(self.config.prior), HasLoss)
        return Field(Tokens(length, K + 2, pad=K, end=K + 1, runs_on=runs_on), is_given=f.is_given)

    @classmethod
    def suited(cls, config: VQVAEConfig, data: Dataset, minutes: float | None) -> tuple[VQVAEConfig, dict[str, Any]]:
        """The prior's size and training by its share of the time."""
        family, own, rest = _divided(config)
        if not issubclass(family, HasLoss):
            return config, {}
        chosen, more = family.suited(
            configure(family.Config, own),
            cls(data.space, config)._faked(data),
            (minutes or 0) * config.prior_share or None,
        )
        usual = to_json(family.Config())
        differing = {name: x for name, x in to_json(chosen).items() if x != usual[name]}
        settings = {**differing, **more, **rest}
        return replace(config, prior_settings=tuple(f"{name}={x}" for name, x in settings.items())), {}

    def _faked(self, data: Dataset) -> Dataset:
        """The rows with codes that mean nothing, as long as they will be; zeros that nobody reads take no memory."""
        arrays = {name: a for name, a in data.arrays.items() if name not in self.net.of_name}
        codes = {name: np.zeros((len(data), part.n_places), np.int64) for name, part in self.net.of_name.items()}
        return Dataset(self.prior.space, {name: ({**arrays, **codes})[name] for name in self.space})

    @property
    def second_settings(self) -> Mapping[str, Any]:
        """Those of `prior_settings` that are not the prior's own."""
        return _divided(self.config)[2]

    @property
    def second_share(self) -> float:
        """As set."""
        return self.config.prior_share

    def second_took(self, share: float) -> None:
        """Keeps it among the settings."""
        self.config = replace(self.config, prior_share=share)

    def second_rows(self, data: Dataset) -> Dataset:
        """All rows, each picture as its codes, in an order by chance: of rows that run on, neighbours are watched."""
        found: dict[str, list[np.ndarray]] = {name: [] for name in self.net.names}
        for batch in data.batches(self._at_once):
            for name, x in self.tokens(batch).items():
                found[name].append(x.numpy())
        codes = {name: np.concatenate(parts) for name, parts in found.items()}
        rows = Dataset(self.prior.space, {name: codes.get(name, data.arrays[name]) for name in self.space})
        return rows.subset(numpy_generator(0, "codes").permutation(len(data)))

    # -- learning ---------------------------------------------------------------------------------------------------

    def start(self, generator: torch.Generator) -> None:
        """Small random weights, and codes that begin at the first batch."""
        initialise(self.net, generator)

    def prepare(self, batch: Batch) -> Batch:
        """Pictures as they are."""
        return prepared(batch, self.space)

    def anneal(self, done: float) -> None:
        """Codes begin anew only while there is time to learn them."""
        for part in self.net.of_name.values():
            part.book.forget()
            part.book.is_reviving = done < SETTLED

    def stepped(self) -> None:
        """Codes move to what chose them."""
        for part in self.net.of_name.values():
            part.book.update()

    def loss(self, rows: Batch, generator: torch.Generator, phase: str = "model") -> Tensor:
        """−log p(x | codes) + β ‖z − e‖² (B,)."""
        if torch.is_grad_enabled():
            return self._loss(rows, generator)
        starts = range(0, n_rows(rows), self._at_once)  # many rows are watched at once: piece by piece
        pieces = [{key: x[i : i + self._at_once] for key, x in rows.items()} for i in starts]
        return torch.cat([self._loss(piece, generator) for piece in pieces])

    def _loss(self, rows: Batch, generator: torch.Generator) -> Tensor:
        seen = generator if self.net.training else None
        rows, total = self._changed(rows, generator), []
        for name, part in self.net.of_name.items():
            log_p, distance, _ = part(rows[f"pixels.{name}"], seen)
            total.append(self.config.beta * distance - log_p)
        return torch.stack(total).sum(0)

    def _changed(self, rows: Batch, generator: torch.Generator) -> Batch:
        """Rows whose pictures are changed by chance while training."""
        if not (self.config.augment and self.net.training):
            return rows
        pixels = {f"pixels.{name}": rows[f"pixels.{name}"] for name in self.net.names}
        n = n_rows(pixels)
        return rows | {key: applied(x, drawn(n, self.config.augment, generator)) for key, x in pixels.items()}

    @torch.no_grad()
    def monitor(self, rows: Batch, generator: torch.Generator) -> dict[str, float]:
        """How many codes are in use, in the worst column."""
        usage = {name: Usage(self.config.n_codes) for name in self.net.names}
        for name, part in self.net.of_name.items():
            for pixels in rows[f"pixels.{name}"].split(self._at_once):
                usage[name].add(part.tokens(pixels))
        return {
            "dead_codes": max(u.dead for u in usage.values()),
            "perplexity": min(u.perplexity for u in usage.values()),
        }

    # -- pictures ↔ codes -------------------------------------------------------------------------------------------

    @torch.no_grad()
    def tokens(self, batch: Batch) -> Batch:
        """Pictures of a batch, those that are in it, as codes (B, h · w), line by line."""
        return {
            name: torch.cat([part.tokens(x) for x in batch[name].split(self._at_once)])
            for name, part in self.net.of_name.items()
            if name in batch
        }

    @torch.no_grad()
    def from_tokens(self, codes: Batch, generator: torch.Generator, temperature: float = 1.0) -> Batch:
        """The inverse: pictures from p(x | codes), or its mean, as `noise` says."""
        found = {}
        for name, x in codes.items():
            part = self.net.of_name[name]
            u = part.head.uniforms(len(x), self._size(name), generator)
            pieces = zip(x.split(self._at_once), u.split(self._at_once), strict=True)
            found[name] = torch.cat([self._drawn(part, some, at, temperature) for some, at in pieces])
        return found

    def _drawn(self, part: PictureCodes, codes: Tensor, u: Tensor, temperature: float) -> Tensor:
        params = part.from_tokens(codes.clamp(max=self.config.n_codes - 1))
        if self.config.noise == "mean" or (self.config.noise == "auto" and part.n > FEW):
            return to_codes(part.head.mean(params), part.n)
        return part.head.sample(params, u, temperature)

    def _size(self, name: str) -> tuple[int, int]:
        _, height, width = picture_shape(self.space, name)
        return height, width

    def _as_codes(self, batch: Batch) -> Batch:
        """Columns of rows as the prior reads them."""
        codes = self.tokens(batch)
        return {name: codes.get(name, x) for name, x in batch.items()}

    # -- likelihood and drawing -------------------------------------------------------------------------------------

    @torch.no_grad()
    def bound(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """log p(codes, other columns) + log p(pictures | codes) (B,)."""
        rows, found = self._as_codes(batch), torch.zeros(n_rows(batch), dtype=torch.float64)
        for name, part in self.net.of_name.items():
            if not self.space[name].is_given:
                pieces = zip(rows[name].split(self._at_once), batch[name].split(self._at_once), strict=True)
                parts = [part.head.log_prob(part.from_tokens(codes), x).double() for codes, x in pieces]
                found += torch.cat(parts)
        if isinstance(self.prior, HasLogProb):
            return found + self.prior.log_prob(rows)
        assert isinstance(self.prior, HasBound)
        return found + self.prior.bound(rows, generator)

    @torch.no_grad()
    def sample(self, n: int, given: Batch, generator: torch.Generator, temperature: float = 1.0) -> Batch:
        """Codes and other columns from the prior, then the pictures."""
        rows = self.prior.sample(n, self._as_codes(given), generator, temperature)
        return self._with_pictures(rows, given, generator, temperature)

    def _with_pictures(self, rows: Batch, given: Batch, generator: torch.Generator, temperature: float) -> Batch:
        """Rows of the prior with pictures in place of codes, and what is given as it is."""
        drawn = {name: rows[name] for name in self.net.names if name not in given}
        return {**rows, **self.from_tokens(drawn, generator, temperature), **given}

    def conditions_exactly(self, columns: list[str]) -> bool:
        """Pictures where the space marks them as given, which are read as their codes; others as the prior does."""
        is_free = any(name in self.net.of_name and not self.space[name].is_given for name in columns)
        return not is_free and isinstance(self.prior, Conditions) and self.prior.conditions_exactly(columns)

    @property
    def proposes(self) -> bool:
        """As the prior does."""
        return isinstance(self.prior, Conditions) and self.prior.proposes

    def propose(
        self, n: int, given: Batch, generator: torch.Generator, known: Mapping[str, Tensor] | None = None
    ) -> tuple[Batch, Tensor]:
        """As the prior does; it knows no picture's probability.

        Raises:
            UnsupportedError: a picture is to be fixed that the space does not mark as given, or the prior cannot weigh.
        """
        fixed = [name for name in given if name in self.net.of_name]
        if any(not self.space[name].is_given for name in fixed):
            raise UnsupportedError(f"vqvae cannot weigh rows by pictures ({', '.join(fixed)}); leave them to be drawn")
        if not self.proposes or not isinstance(self.prior, Conditions):
            what = f"vqvae with the prior {self.config.prior} cannot weigh proposals"
            raise UnsupportedError(f"{what}, and so cannot draw around known cells; name another, for example ngram")
        rows, weight = self.prior.propose(n, self._as_codes(given), generator, known)
        pixels = {name: given[name] for name in fixed}
        return self._with_pictures(rows, pixels, generator, 1.0), weight

    # -- latents ----------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def encode(self, batch: Batch) -> Tensor:
        """The vectors of the pictures' codes, one beside the other (B, h · w · D)."""
        codes = self.tokens({name: batch[name] for name in self.net.names})
        parts = [part.book.codes[codes[name]].flatten(1) for name, part in self.net.of_name.items()]
        return torch.cat(parts, 1)

    @torch.no_grad()
    def decode(self, latents: Tensor, generator: torch.Generator, given: Batch | None = None) -> Batch:
        """Pictures of the nearest codes; other columns as given, or drawn, for which latents do not count."""
        given, codes, at = given or {}, {}, 0
        for name, part in self.net.of_name.items():
            width = part.n_places * part.book.dim
            z = latents[:, at : at + width].reshape(-1, part.book.dim)
            codes[name], at = part.book.nearest(z).view(len(latents), -1), at + width
        others = {name for name in self.space if name not in codes}
        rows = {} if others <= given.keys() else self.prior.sample(len(latents), self._as_codes(given), generator)
        found = self._with_pictures({**rows, **given, **codes}, {}, generator, 1.0)
        return {name: found[name] for name in self.space}

    # -- what was learnt --------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Tensor]:
        """Weights and codes, and the prior's under `prior.`."""
        return {**self.net.state_dict(), **{PRIOR + name: x for name, x in self.prior.state().items()}}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        self.net.load_state_dict({name: x for name, x in state.items() if not name.startswith(PRIOR)})
        self.prior.load_state({name.removeprefix(PRIOR): x for name, x in state.items() if name.startswith(PRIOR)})

    def describe(self) -> dict[str, Any]:
        """Codes, their grids and the prior."""
        grids = {name: " × ".join(map(str, part.size)) for name, part in self.net.of_name.items()}
        n = sum(p.numel() for p in self.net.parameters())
        of_prior = {f"{self.config.prior} {what}": x for what, x in self.prior.describe().items()}
        return {"parameters": n, "codes": self.config.n_codes, "grid": ", ".join(grids.values()), **of_prior}


def _divided(config: VQVAEConfig) -> tuple[type[Model], dict[str, Any], dict[str, Any]]:
    """The prior's family, its own settings, and those of its training."""
    family = MODELS.get(config.prior)
    settings = parse_settings(list(config.prior_settings))
    names = {f.name for f in fields(family.Config)}
    own = {name: x for name, x in settings.items() if name in names}
    return family, own, {name: x for name, x in settings.items() if name not in names}
