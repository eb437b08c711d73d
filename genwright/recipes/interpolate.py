"""From one picture to another through the latent space: what lies between a 3 and an 8?

z(t) from z(a) to z(b) on a sphere,   picture(t) = E[x | z(t)]        (`runs/picture_latents` has the equations)
"""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genwright.core.dataset import select
from genwright.core.errors import ConfigError, UnsupportedError
from genwright.core.space import Batch
from genwright.data.film import check_film, write_film
from genwright.models.gan import GAN
from genwright.runs.picture_latents import check_latent, drawn_noise, encoded, path, picture_column
from genwright.runs.picture_rows import picture_rows, told
from genwright.runs.run import Run

log = logging.getLogger("genwright")


def interpolate(
    run: Run,
    a: Any,
    b: Any,
    n_frames: int = 60,
    *,
    given: Any = None,
    out: str | Path | None = None,
    milliseconds: int = 50,
) -> np.ndarray:
    """Mean pictures on the way from a to b, both included.

    Args:
        run: Of a family with latents: vae, vqvae, flow_matching, gan.
        a: A path of a picture, a Pillow image or an array; or a whole number: the first row drawn under that seed.
        b: Another.
        n_frames: Pictures.
        given: Values of the given columns, for both; those of a and b where it is not said, with the pictures fading
            from those of the first to those of the second where they differ. A picture's own are guessed.
        out: A file to write: .gif, .webp, .mp4 (takes ffmpeg), or .png with all pictures on a sheet.
        milliseconds: That each picture is seen in it.

    Returns:
        uint8 (n_frames, C, H, W), 0 dark to 255 bright.

    Raises:
        UnsupportedError: the family has no latents.
        DataError: a picture cannot be read.
        ConfigError: too few frames, or a file of another ending.
    """
    if n_frames < 2:
        raise ConfigError(f"n_frames = {n_frames}; expected 2 or more")
    if out is not None:
        check_film(out)
    picture_column(run.model)
    check_latent(run.model)
    ends = [_end(run, source, given) for source in (a, b)]
    frames = path(run.model, ends[0][0], ends[1][0], n_frames, (ends[0][1], ends[1][1]), run.artefact.seed)
    if out is not None:
        write_film(frames, out, milliseconds)
    return frames


def _end(run: Run, source: Any, given: Any) -> tuple[Batch, torch.Tensor]:
    """One row of given columns at least, and its latent (1, K)."""
    if isinstance(source, (int, np.integer)) and not isinstance(source, bool):
        return _drawn(run, int(source), told(run, given))
    found = picture_rows(run, source, given)
    if len(found) != 1:
        raise ConfigError(f"expected one picture at each end, found {len(found)}; name a single file")
    for column, words in found.guessed.items():
        log.info("%s of %s was not said; guessed: %s; given=… (--given) says it", column, found.names[0], words[0])
    return found.rows, encoded(run.model, found.rows, run.artefact.seed)


def _drawn(run: Run, seed: int, cells: Batch) -> tuple[Batch, torch.Tensor]:
    """The first row under a seed."""
    if isinstance(run.model, GAN):
        z, given = drawn_noise(run.model, seed, cells)
        return given, z
    draw = run.draw(seed=seed)
    free = [name for name in cells if not run.model.space[name].is_given]
    if free:
        raise UnsupportedError(f"{free[0]} is not given to this model, so draws cannot start from it; leave it out")
    draw.fixed = cells
    table = next(draw.tables(1))
    rows = select(run.artefact.codec.encode(table), slice(0, 1))
    return rows, encoded(run.model, rows, seed)
