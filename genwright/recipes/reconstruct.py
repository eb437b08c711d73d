"""What of a picture passes through the latent space: originals beside what their latents are decoded to.

x̂ = E[x | z(x)]            error: mean of (x − x̂)² over pixels, brightness from 0 to 1
bits a pixel: −log p(picture | given) / (C H W ln 2), exact or by the family's bound
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from genwright.core.dataset import n_rows
from genwright.core.model import HasBound, HasLogProb
from genwright.core.rng import torch_generator
from genwright.core.space import Batch
from genwright.data.contact_sheet import png
from genwright.data.film import write_bytes
from genwright.data.labelled_sheet import labelled_sheet
from genwright.nn.given_columns import GivenColumns
from genwright.nn.picture_view import picture_shape
from genwright.runs.picture_latents import check_latent, decoded, encoded, picture_column, shown
from genwright.runs.picture_rows import picture_rows
from genwright.runs.run import Run

SHOWN = 32  # pictures on a sheet


@dataclass(frozen=True)
class Reconstructed:
    """Pictures and what came back.

    Args:
        names: What each picture is called.
        originals: uint8 (B, C, H, W) in the run's size, 0 dark to 255 bright.
        pictures: What their latents are decoded to, the same.
        error: Mean squared error of each (B,), brightness from 0 to 1.
        bits_per_dim: Of each picture (B,); None where the model knows none, or draws other columns beside pictures.
        guessed: Given columns that were guessed, and the guesses.
    """

    names: list[str]
    originals: np.ndarray
    pictures: np.ndarray
    error: np.ndarray
    bits_per_dim: np.ndarray | None
    guessed: dict[str, list[str]]

    def sheet(self) -> bytes:
        """A PNG file: originals, below them what came back; of many the first."""
        rows = [("original", self.originals[:SHOWN]), ("back", self.pictures[:SHOWN])]
        return png(labelled_sheet(rows))


def reconstruct(run: Run, pictures: Any, *, given: Any = None, out: str | Path | None = None) -> Reconstructed:
    """Pictures through the latent space and back.

    Args:
        run: Of a family with latents.
        pictures: One or several paths, Pillow images or arrays; a folder, a file or a frame.
        given: Values of the given columns; guessed where they are not said.
        out: A PNG file to write, originals above what came back.

    Raises:
        UnsupportedError: the family has no latents.
        DataError: a picture cannot be read, or the file cannot be written.
    """
    name = picture_column(run.model)
    check_latent(run.model)
    found = picture_rows(run, pictures, given)
    latents = encoded(run.model, found.rows, run.artefact.seed)
    fixed = {k: x for k, x in found.rows.items() if run.model.space[k].is_given}
    back = decoded(run.model, latents, fixed, run.artefact.seed)
    originals = shown(run.model, name, found.rows[name])
    error = np.square((originals.astype(np.float64) - back) / 255).mean((1, 2, 3))
    result = Reconstructed(found.names, originals, back, error, _bits(run, found.rows), found.guessed)
    if out is not None:
        write_bytes(result.sheet(), out)
    return result


def _bits(run: Run, rows: Batch) -> np.ndarray | None:
    """Bits a number of each picture (B,)."""
    model, name = run.model, picture_column(run.model)
    if any(not f.is_given for column, f in model.space.items() if column != name):
        return None
    if isinstance(model, HasLogProb):
        log_p: Tensor = model.log_prob(rows)
    elif isinstance(model, HasBound) and model.bounds_rows:
        log_p = model.bound(rows, torch_generator(run.artefact.seed, "bound"))
    else:
        return None
    of_given = getattr(model, "given", None) or getattr(getattr(model, "prior", None), "given", None)
    if isinstance(of_given, GivenColumns):
        log_p = log_p - of_given.log_prob(rows, n_rows(rows))
    elif any(f.is_given for f in model.space.values()):
        return None
    return (-log_p / (math.prod(picture_shape(model.space, name)) * math.log(2))).numpy()
