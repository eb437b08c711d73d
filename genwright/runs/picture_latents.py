"""Latents of pictures in any family that has them: from rows, back to mean pictures, and between two of them.

    vae              μ(x)                                       decoded with the given columns
    flow_matching    the noise that flows into the row          the same
    vqvae            the vectors of the picture's codes         the given columns do not count
    gan              the noise whose picture is nearest, found by gradient steps (Zhu et al., 2016,
                     https://arxiv.org/abs/1609.03552)

Between two latents one goes on a sphere (Shoemake, 1985, https://doi.org/10.1145/325165.325242), since a normal's
draws of many numbers all lie about as far from its middle; the length goes straight from one to the other:

    z(t) = [sin((1 − t) θ) â + sin(t θ) b̂] / sin θ · ((1 − t) ‖a‖ + t ‖b‖),     θ: angle between a and b
"""

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genwright.core.dataset import n_rows
from genwright.core.errors import UnsupportedError
from genwright.core.model import HasLatent, Model
from genwright.core.registry import MODELS
from genwright.core.rng import torch_generator
from genwright.core.space import Batch, Pixels
from genwright.data.contact_sheet import bright
from genwright.models.gan import GAN
from genwright.models.vqvae import VQVAE
from genwright.nn.picture_view import pictures, scaled, to_codes

FAMILIES = "vae, vqvae, flow_matching and gan"
N_STARTS, N_STEPS, RATE = 4, 100, 0.1  # of the search for a gan's noise: starts, gradient steps, their size
PULL = 1e-3  # of that search towards the noise that draws have
AT_ONCE = 64  # rows decoded together


def picture_column(model: Model) -> str:
    """The one column of pictures that a model draws.

    Raises:
        UnsupportedError: there is none, or several.
    """
    names = [name for name, f in pictures(model.space).items() if not f.is_given]
    if len(names) != 1:
        found = f"has several, {', '.join(names)}" if names else "has none"
        raise UnsupportedError(f"this is for runs with one column of pictures; the run {found}")
    return names[0]


def levels(model: Model, name: str) -> int:
    """Levels of a column's pixels."""
    support = model.space[name].support
    assert isinstance(support, Pixels)
    return support.n


def check_latent(model: Model) -> None:
    """Refuses families without latents.

    Raises:
        UnsupportedError: it is one; names those that have them.
    """
    if not isinstance(model, HasLatent | GAN):
        raise UnsupportedError(f"{MODELS.name_of(type(model))} has no latent space of pictures; {FAMILIES} have one")


def reads_given(model: Model) -> bool:
    """Whether pictures of a latent depend on the given columns."""
    return not isinstance(model, VQVAE) and any(f.is_given for f in model.space.values())


def encoded(model: Model, rows: Batch, seed: int = 0) -> Tensor:
    """Latents (B, K) of rows that have all columns."""
    check_latent(model)
    if isinstance(model, GAN):
        return inverted(model, rows, {}, torch_generator(seed, "invert"))[0]
    assert isinstance(model, HasLatent)
    parts = [model.encode(part) for part in _parts(rows)]
    return torch.cat(parts)


def decoded(model: Model, latents: Tensor, given: Mapping[str, Tensor], seed: int = 0) -> np.ndarray:
    """Mean pictures, without the noise of single pixels, as uint8 (B, C, H, W), 0 dark to 255 bright.

    Args:
        model: Of a family with latents.
        latents: (B, K).
        given: The given columns, one row or as many as latents.
        seed: Of what else a row has, which is not looked at.
    """
    name = picture_column(model)
    codes = decoded_rows(model, latents, given, torch_generator(seed, "decode"))[name]
    return shown(model, name, codes)


def decoded_rows(model: Model, latents: Tensor, given: Mapping[str, Tensor], generator: torch.Generator) -> Batch:
    """Rows of latents, their pictures without the noise of single pixels."""
    check_latent(model)
    given = {name: x.expand(len(latents), *x.shape[1:]) for name, x in given.items() if name in model.space}
    parts = []
    for at in range(0, len(latents), AT_ONCE):
        some = {name: x[at : at + AT_ONCE] for name, x in given.items()}
        parts.append(_decoded(model, latents[at : at + AT_ONCE], some, generator))
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def shown(model: Model, name: str, codes: Tensor) -> np.ndarray:
    """Codes of pictures as brightness 0 … 255."""
    return bright(codes.numpy(), levels(model, name))


def without_noise(model: Model) -> Model:
    """The same model, whose decoder tells the mean of a pixel in place of a draw."""
    if not hasattr(model.config, "noise"):
        return model
    quiet = copy.copy(model)
    quiet.config = replace(model.config, noise="mean")
    return quiet


def _decoded(model: Model, z: Tensor, given: Batch, generator: torch.Generator) -> Batch:
    if isinstance(model, GAN):
        with torch.no_grad():
            name = picture_column(model)
            return {name: to_codes(_generated(model, z, given, generator), levels(model, name))}
    quiet: Any = without_noise(model)
    return quiet.decode(z, generator, given)


def _parts(rows: Batch) -> list[Batch]:
    return [{k: x[i : i + AT_ONCE] for k, x in rows.items()} for i in range(0, n_rows(rows), AT_ONCE)]


def _generated(model: GAN, z: Tensor, given: Batch, generator: torch.Generator) -> Tensor:
    """The pictures of noise (B, K), in (−1, 1)."""
    net = model.net.generator
    whole = model.given.complete(len(z), given, generator)
    known = net.embed_given.forward_given(model.given.prepared(whole), len(z))
    return net.pictures(net(z, known))[list(model.shape.pictures).index(picture_column(model))]


def inverted(model: GAN, rows: Batch, known: Mapping[str, Tensor], generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Noise (B, K) whose pictures are nearest to those of rows, and their mean squared differences (B,).

    Args:
        model: A gan.
        rows: With all given columns.
        known: Column → what is known of it; of the picture (B, H, W), or nothing where all of it is.
        generator: Of the first noise.
    """
    n = n_rows(rows)
    z = torch.randn(n * N_STARTS, model.config.n_noise, generator=generator)  # (B S, K)
    starts = z.split(AT_ONCE * N_STARTS)
    masks = _parts(dict(known)) if known else [{}] * len(starts)
    found = [_inverted(model, *part) for part in zip(_parts(rows), masks, starts, strict=True)]
    return torch.cat([z for z, _ in found]), torch.cat([error for _, error in found])


def _inverted(model: GAN, rows: Batch, known: Mapping[str, Tensor], z: Tensor) -> tuple[Tensor, Tensor]:
    """As `inverted`, from starts z (B S, K) of few rows; the given columns are all there, so nothing else is drawn."""
    name, n = picture_column(model), n_rows(rows)
    target = scaled(rows[name], levels(model, name)).repeat_interleave(N_STARTS, 0)  # (S B, C, H, W)
    mask = known.get(name, torch.ones(n, *rows[name].shape[2:], dtype=torch.bool))
    weight = mask.float().unsqueeze(1).repeat_interleave(N_STARTS, 0)
    weight = weight / (weight.flatten(1).sum(1).clamp(min=1).view(-1, 1, 1, 1) * target.shape[1])
    given = {k: x.repeat_interleave(N_STARTS, 0) for k, x in rows.items() if model.space[k].is_given}
    z, unused = z.clone().requires_grad_(), torch.Generator()
    optimiser = torch.optim.Adam([z], RATE, (0.9, 0.99))
    error = torch.zeros(len(z))
    for step in range(N_STEPS + 1):
        error = ((_generated(model, z, given, unused) - target).square() * weight).flatten(1).sum(1)  # (S B,)
        if step < N_STEPS:
            (z.grad,) = torch.autograd.grad((error + PULL * z.square().mean(1)).sum(), [z])
            optimiser.step()
    best = error.detach().view(n, N_STARTS).argmin(1) + torch.arange(n) * N_STARTS
    return z.detach()[best], error.detach()[best]


def drawn_noise(model: GAN, seed: int, given: Batch) -> tuple[Tensor, Batch]:
    """Noise (1, K) of row 0 under a seed, as `sample` draws it, with its given columns."""
    n, generator = model.chunk, torch_generator(seed, "sample", 0, 0)
    some = {name: x.expand(n, *x.shape[1:]) for name, x in given.items()}
    whole = model.given.complete(n, some, generator)
    z = torch.randn(n, model.config.n_noise, generator=generator)
    return z[:1], {name: x[:1] for name, x in whole.items()}


def between(a: Tensor, b: Tensor, n: int, on_sphere: bool = True) -> Tensor:
    """n latents from a (K,) to b (K,), both included (n, K); straight where they point the same or opposite ways."""
    t = torch.linspace(0, 1, n, dtype=torch.float64).unsqueeze(1)
    x, y = a.double(), b.double()
    length = x.norm(), y.norm()
    straight = (1 - t) * x + t * y
    if not on_sphere or min(length) == 0:
        return straight.to(a.dtype)
    u, v = x / length[0], y / length[1]
    theta = (u @ v).clamp(-1, 1).acos()
    if theta.sin() < 1e-6:
        return straight.to(a.dtype)
    way = (((1 - t) * theta).sin() * u + (t * theta).sin() * v) / theta.sin()
    return (way * ((1 - t) * length[0] + t * length[1])).to(a.dtype)


def path(model: Model, a: Batch, b: Batch, n: int, z: tuple[Tensor, Tensor] | None = None, seed: int = 0) -> np.ndarray:
    """Mean pictures on the way from one row to another, uint8 (n, C, H, W), 0 dark to 255 bright.

    Where the given columns of both differ, each latent is decoded with both, and the pictures fade from the first to
    the second.

    Args:
        model: Of a family with latents.
        a: One row with all columns, or where `z` is there, the given ones.
        b: Another.
        n: Pictures.
        z: Their latents (1, K), where they are known.
        seed: Of what is drawn on the way.
    """
    ends = z or (encoded(model, a, seed), encoded(model, b, seed))
    latents = between(ends[0][0], ends[1][0], n, on_sphere=not isinstance(model, VQVAE))
    given = [{name: x for name, x in row.items() if model.space[name].is_given} for row in (a, b)]
    first = decoded(model, latents, given[0], seed)
    if not reads_given(model) or all(torch.equal(x, given[1][name]) for name, x in given[0].items()):
        return first
    second = decoded(model, latents, given[1], seed)
    t = np.linspace(0, 1, n).reshape(-1, 1, 1, 1)
    return ((1 - t) * first + t * second).round().astype(np.uint8)
