"""The same picture with another attribute: a shirt as a bag would have its shade and its folds.

Where the attribute is given to the model, the latent keeps what the attribute does not say (Kingma et al., 2014,
https://arxiv.org/abs/1406.5298):

    z = z(x, label it has),      x' = E[x | z, label asked for]

Else one moves by the difference of the classes' means (Larsen et al., 2016, https://arxiv.org/abs/1512.09300):

    z' = z(x) + strength · (mean of z of the class asked for − mean of z of the class it has)

Latents of a vae tell of the class even where it is given: its prior leans on the class, and a decoder that can read it
off the latent hardly looks at what is given. So both are done there; where latents say nothing of the class, the
difference is none.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genwright.core.errors import DataError, GivenError, UnsupportedError
from genwright.core.space import Category
from genwright.data.contact_sheet import png
from genwright.data.film import write_bytes
from genwright.data.labelled_sheet import labelled_sheet
from genwright.models.gan import GAN
from genwright.models.vae import VAE
from genwright.runs.picture_latents import check_latent, decoded, encoded, picture_column, reads_given, shown
from genwright.runs.picture_rows import PictureRows, category_words, picture_rows, told
from genwright.runs.picture_sample import some_rows
from genwright.runs.run import Run

N_ROWS = 2000  # whose means are taken


@dataclass(frozen=True)
class Edited:
    """Pictures before and after.

    Args:
        names: What each is called.
        originals: uint8 (B, C, H, W) in the run's size, 0 dark to 255 bright.
        pictures: With the attribute asked for, the same.
        before: What the attributes were, a word for each picture.
        guessed: Given columns that were guessed, and the guesses.
        way: How it was done, in words.
    """

    names: list[str]
    originals: np.ndarray
    pictures: np.ndarray
    before: dict[str, list[str]]
    guessed: dict[str, list[str]]
    way: str

    def sheet(self) -> bytes:
        """A PNG file: the edited picture in the run's size, or of several pictures a sheet, originals above."""
        if len(self.pictures) == 1:
            return png(np.moveaxis(self.pictures[0], 0, -1))
        return png(labelled_sheet([("before", self.originals), ("after", self.pictures)]))


def edit(
    run: Run,
    picture: Any,
    change: Any,
    *,
    given: Any = None,
    strength: float = 1.0,
    out: str | Path | None = None,
) -> Edited:
    """Pictures with attributes changed.

    Args:
        run: Of a family with latents, fitted with the attribute's column.
        picture: A path, a Pillow image or an array; several; a folder.
        change: What is to be, `"label = 'bag'"` or `{"label": "bag"}`.
        given: What the picture has now; guessed where it is not said.
        strength: How far to go where latents are moved; 1: as far as the classes' means lie apart.
        out: A PNG file to write.

    Raises:
        GivenError: the change names no column, or no value of it.
        UnsupportedError: the family has no latents, or the column is no category.
    """
    name = picture_column(run.model)
    check_latent(run.model)
    cells = told(run, change)
    if not cells:
        raise GivenError("say what is to change, for example \"label = 'bag'\"")
    moved = [k for k in cells if _is_moved(run, k)]
    found = picture_rows(run, picture, given)
    latents = encoded(run.model, found.rows, run.artefact.seed)
    fixed = {k: x for k, x in found.rows.items() if run.model.space[k].is_given}
    for k in moved:
        latents = latents + strength * _step(run, k, found, int(cells[k]), latents)
    after = fixed | {k: x.expand(len(found), *x.shape[1:]) for k, x in cells.items() if k in fixed}
    pictures = decoded(run.model, latents, after, run.artefact.seed)
    words = {k: _before(run, k, found) for k in cells}
    way = _way(bool(moved), bool(cells.keys() & fixed.keys()) and reads_given(run.model))
    result = Edited(found.names, shown(run.model, name, found.rows[name]), pictures, words, found.guessed, way)
    if out is not None:
        write_bytes(result.sheet(), out)
    return result


def _is_moved(run: Run, name: str) -> bool:
    """Whether another value of the column lies elsewhere among the latents."""
    f = run.model.space[name]
    tells = isinstance(run.model, VAE) and isinstance(f.support, Category)
    return tells or not f.is_given or not reads_given(run.model)


def _way(is_moved: bool, is_given: bool) -> str:
    moved, given = "moved by the difference of the classes' mean latents", "decoded with the value asked for"
    return f"{moved} and {given}" if is_moved and is_given else moved if is_moved else given


def _before(run: Run, name: str, found: PictureRows) -> list[str]:
    if not isinstance(run.model.space[name].support, Category):
        return [f"{x:g}" for x in found.rows[name].tolist()]
    words = category_words(run, name)
    return [words[code] for code in found.rows[name].tolist()]


def _step(run: Run, name: str, found: PictureRows, to: int, latents: torch.Tensor) -> torch.Tensor:
    """From each picture's class to another (B, K)."""
    if not isinstance(run.model.space[name].support, Category):
        raise UnsupportedError(f"{name} is no category, and the model is not given it; only categories can be moved to")
    if isinstance(run.model, GAN):
        raise UnsupportedError(f"a gan that is not given {name} cannot change it; fit it with given={name}")
    needed = {to, *found.rows[name].tolist()}
    rows, of = some_rows(run, N_ROWS, name, tuple(needed))
    z, codes = encoded(run.model, rows, run.artefact.seed), rows[name]
    means: dict[int, torch.Tensor] = {}
    for code in needed:
        if not (codes == code).any():
            word = category_words(run, name)[code]
            advice = "fit again on data that have some, or edit beside the data of the fit, where they do"
            raise DataError(f"none of {of} has {name} = {word!r}: nothing tells what it looks like; {advice}")
        means[code] = z[codes == code].mean(0)
    return torch.stack([means[to] - means[code] for code in found.rows[name].tolist()]).to(latents.dtype)
