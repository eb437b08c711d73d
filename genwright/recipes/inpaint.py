"""Draw a part of a picture anew, so that it fits the rest: what is under a mask is drawn, all other pixels stay.

Each family does it in its own way (`runs/picture_fill`), which is told; all but independent pixels are approximate.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genwright.core.errors import ConfigError
from genwright.core.rng import torch_generator
from genwright.data.contact_sheet import png
from genwright.data.film import write_bytes
from genwright.data.labelled_sheet import labelled_sheet
from genwright.runs.draw import whole
from genwright.runs.picture_fill import filled, way
from genwright.runs.picture_latents import picture_column, shown
from genwright.runs.picture_rows import mask_of, picture_rows
from genwright.runs.run import Run

VEIL = 127  # brightness of what a sheet does not show


@dataclass(frozen=True)
class Inpainted:
    """A picture with its hole filled, several times.

    Args:
        original: uint8 (1, C, H, W) in the run's size, 0 dark to 255 bright.
        known: Which pixels (H, W) stayed.
        pictures: The fillings (N, C, H, W).
        way: How they were found, in words.
        guessed: Given columns that were guessed, and the guess.
    """

    original: np.ndarray
    known: np.ndarray
    pictures: np.ndarray
    way: str
    guessed: dict[str, list[str]]

    def sheet(self) -> bytes:
        """A PNG file: the picture with its hole, then the fillings; of one filling only that, in the run's size."""
        if len(self.pictures) == 1:
            return png(np.moveaxis(self.pictures[0], 0, -1))
        holed = np.where(self.known, self.original, np.uint8(VEIL))
        return png(labelled_sheet([("", np.concatenate([holed, self.pictures]))]))


def inpaint(
    run: Run,
    picture: Any,
    mask: Any,
    *,
    n: int = 1,
    given: Any = None,
    seed: int | None = None,
    out: str | Path | None = None,
) -> Inpainted:
    """A picture with a part of it drawn anew.

    Args:
        run: Of vae, flow_matching, vqvae, gan, gpt or marginals.
        picture: A path, a Pillow image or an array; it is brought to the run's size.
        mask: The same of a mask that is white where the picture is to be drawn and black where it stays; or truth
            values (H, W), or zeros and ones, true where it is drawn.
        n: Fillings.
        given: Values of the given columns; guessed where they are not said.
        seed: Of the draws; the run's where it is not given.
        out: A PNG file to write: the picture, or of several fillings a row of them behind the picture with its hole.

    Raises:
        UnsupportedError: the family cannot.
        DataError: a picture cannot be read, or the mask is none, or leaves nothing to draw.
        ConfigError: n is not a whole number of one or more.
    """
    n = whole(n, "n")
    if n < 1:
        raise ConfigError(f"n = {n}; expected 1 or more")
    name, how = picture_column(run.model), way(run.model)
    known = mask_of(run, mask)
    found = picture_rows(run, picture, given, known=known)
    if len(found) != 1:
        raise ConfigError(f"expected one picture, found {len(found)}; name a single file")
    rows = {k: x.expand(n, *x.shape[1:]).clone() for k, x in found.rows.items()}
    generator = torch_generator(run.artefact.seed if seed is None else seed, "inpaint")
    drawn = filled(run.model, rows, {name: known.expand(n, *known.shape)}, generator)
    pictures, original = shown(run.model, name, drawn[name]), shown(run.model, name, found.rows[name])
    result = Inpainted(original, known.numpy(), pictures, how, found.guessed)
    if out is not None:
        write_bytes(result.sheet(), out)
    return result
