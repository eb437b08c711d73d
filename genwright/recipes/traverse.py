"""What do the main directions of a latent space do to a picture? One row of pictures for each of them.

Directions are the principal components of the latents of pictures (held-out ones, or else draws):

    Z − mean = U S Vᵀ,      row k: E[x | z = mean + s v_k],   s from −3 to 3 standard deviations along v_k

Where latents are noise that spreads alike in all directions (flow_matching, gan), they are those along which pictures
change most (the right singular vectors of the best linear map from noise to pictures):

    E[(x − x̄) zᵀ] = U S Vᵀ,   z ~ N(0, I)

and one starts from a draw, as the middle of the noise is nothing that draws look like. Half of the draws tell the
directions. How much of the pictures' variance each of them explains is measured on the other half, because some
direction always fits the draws that it was chosen by.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genwright.core.dataset import n_rows
from genwright.core.errors import ConfigError
from genwright.core.rng import torch_generator
from genwright.core.space import Batch, Category
from genwright.data.contact_sheet import png
from genwright.data.film import write_bytes
from genwright.data.labelled_sheet import labelled_sheet
from genwright.models.flow_matching import FlowMatching
from genwright.models.gan import GAN
from genwright.runs.picture_latents import check_latent, decoded, encoded, picture_column, reads_given
from genwright.runs.picture_rows import category_words, told
from genwright.runs.picture_sample import some_rows
from genwright.runs.run import Run

log = logging.getLogger("genwright")
N_ROWS, N_NOISE = 1000, 1000  # pictures whose latents are looked at; draws of noise
REACH = 3.0  # standard deviations to either side


@dataclass(frozen=True)
class Traversal:
    """Pictures along directions.

    Args:
        pictures: uint8 (directions, steps, C, H, W), 0 dark to 255 bright.
        steps: Where along each direction, in standard deviations.
        shares: Of the latents' variance that lies along each direction; of noise, of the variance of other
            pictures that a straight line explains.
        of: What directions were learnt from, in words.
        given: Values of the given columns.
    """

    pictures: np.ndarray
    steps: np.ndarray
    shares: np.ndarray
    of: str
    given: Batch

    def sheet(self) -> bytes:
        """A PNG file with a direction a row."""
        words = [f"{k}: {100 * share:.0f} %" for k, share in enumerate(self.shares, 1)]
        return png(
            labelled_sheet(
                list(zip(words, self.pictures, strict=True)), [f"{s:+.3g} sd" if s else "0" for s in self.steps]
            )
        )


def traverse(
    run: Run, n_directions: int = 8, n_steps: int = 9, *, given: Any = None, out: str | Path | None = None
) -> Traversal:
    """Pictures along the main directions of the latent space.

    Args:
        run: Of a family with latents.
        n_directions: Rows.
        n_steps: Pictures a row, from 3 standard deviations on one side to 3 on the other.
        given: Values of the given columns; the most frequent ones where it is not said.
        out: A PNG file to write.

    Raises:
        UnsupportedError: the family has no latents.
        ConfigError: no direction, or fewer than two steps.
    """
    if n_directions < 1 or n_steps < 2:
        raise ConfigError(f"n_directions = {n_directions}, n_steps = {n_steps}; expected at least 1 direction, 2 steps")
    picture_column(run.model)
    check_latent(run.model)
    rows, of = some_rows(run, N_ROWS)
    fixed = _fixed(run, rows, told(run, given))
    if isinstance(run.model, GAN | FlowMatching):
        middle, directions, scales, shares = _of_noise(run, fixed, n_directions)
        of = f"{N_NOISE:,} draws of noise"
    else:
        latents = encoded(run.model, rows, run.artefact.seed)
        middle, directions, scales, shares = main_directions(latents, n_directions)
        middle = _middle(run, rows, latents, fixed)
    steps = torch.linspace(-REACH, REACH, n_steps)
    start = middle.expand(len(directions), -1).unsqueeze(1)
    z = start + (steps.view(1, -1, 1) * scales.view(-1, 1, 1)) * directions.unsqueeze(1)  # (directions, steps, K)
    flat = decoded(run.model, z.flatten(0, 1).float(), fixed, run.artefact.seed)
    found = Traversal(flat.reshape(len(z), n_steps, *flat.shape[1:]), steps.numpy(), shares.numpy(), of, fixed)
    if out is not None:
        write_bytes(found.sheet(), out)
    return found


def main_directions(latents: Tensor, n: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Mean (K,), at most n directions (n, K), standard deviations along them (n,), shares of the variance (n,)."""
    x = latents.double()
    middle = x.mean(0)
    _, s, vt = torch.linalg.svd(x - middle, full_matrices=False)
    n = min(n, int((s > 1e-9).sum())) or 1
    return middle, _signed(vt[:n]), s[:n] / max(len(x) - 1, 1) ** 0.5, s[:n].square() / s.square().sum()


def _signed(v: Tensor) -> Tensor:
    """Directions whose largest part is positive, the same on every machine."""
    return v * v.gather(1, v.abs().argmax(1, keepdim=True)).sign()


def _middle(run: Run, rows: Batch, latents: Tensor, fixed: Batch) -> Tensor:
    """Mean of the latents of rows with the fixed values, where there are some; of all of them else."""
    at = torch.ones(n_rows(rows), dtype=torch.bool)
    for name, x in fixed.items():
        at &= rows[name] == x
    return (latents[at] if reads_given(run.model) and at.sum() >= 2 else latents).double().mean(0)


def _of_noise(run: Run, fixed: Batch, n: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As `main_directions`, with a start for each direction: a draw without what it has of that direction (n, K)."""
    model, generator = run.model, torch_generator(run.artefact.seed, "directions")
    width = model.config.n_noise if isinstance(model, GAN) else model.points.n  # type: ignore[attr-defined]
    z = torch.randn(N_NOISE, width, generator=generator)
    x = torch.from_numpy(decoded(model, z, fixed, run.artefact.seed)).flatten(1).double() / 255  # (B, C H W)
    v, shares = noise_directions(x, z.double(), n)
    one = z[0].double()
    return one - (v @ one).unsqueeze(1) * v, v, torch.ones(len(v)).double(), shares


def noise_directions(x: Tensor, z: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Directions (at most n, K) of noise (N, K) along which pictures (N, D) change, and shares of their variance.

    Shares, the largest first, are what is left above the 1 / (N/2 − 1) that a direction explains by chance.
    """
    half = len(x) // 2
    v = _signed(_right_vectors(x[:half] - x[:half].mean(0), z[:half])[:n])
    seen, along = x[half:] - x[half:].mean(0), z[half:] @ v.T
    q = torch.linalg.qr(along - along.mean(0)).Q  # (N/2, n): each direction without what those before it tell
    chance = 1 / (len(seen) - 1)
    shares = ((q.T @ seen).square().sum(1) / seen.square().sum() - chance) / (1 - chance)
    shares, order = shares.clamp(min=0).sort(descending=True, stable=True)
    return v[order], shares


def _right_vectors(x: Tensor, z: Tensor) -> Tensor:
    """V of xᵀ z = U S Vᵀ as rows, at most as many as there are rows: xᵀ = Q R, zᵀ = P T, and R Tᵀ is small."""
    r, (p, t) = torch.linalg.qr(x.T, mode="r").R, torch.linalg.qr(z.T)
    return torch.linalg.svd(r @ t.T, full_matrices=False)[2] @ p.T


def _fixed(run: Run, rows: Batch, cells: Batch) -> Batch:
    """The given columns: as said, or else as most rows have them, which is told."""
    names = [name for name, f in run.model.space.items() if f.is_given]
    fixed = {name: cells[name] if name in cells else rows[name].mode().values[None] for name in names}
    for name in names:
        if name not in cells and isinstance(run.model.space[name].support, Category):
            word = category_words(run, name)[int(fixed[name])]
            log.info("%s was not said; the most frequent is taken: %s; given=… (--given) says it", name, word)
    return fixed
