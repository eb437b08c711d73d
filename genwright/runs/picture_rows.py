"""Pictures from files, arrays or Pillow's images as rows that a run's model reads, with all its other columns.

What else a row has is taken in this order: what the caller says, what stands beside the pictures in their folder, and
else a guess. A class that is given to the model is guessed as the one under which the picture is likeliest, together
with how often it occurs:

    ĉ = argmax_c p(c) p(picture | c)        by log p or its bound; for a gan, the class that comes nearest

and columns that the model draws are drawn to fit.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from genwright.codecs._pixels import of_size
from genwright.codecs.image import Image
from genwright.core.dataset import concat, n_rows, select
from genwright.core.errors import DataError, GivenError
from genwright.core.given import parse
from genwright.core.model import Model
from genwright.core.rng import torch_generator
from genwright.core.schema import Schema
from genwright.core.space import Batch, Category
from genwright.data.picture_objects import is_image, pictures_of
from genwright.data.picture_types import is_picture_type
from genwright.data.pictures import MAX_BYTES, decoded, is_picture
from genwright.data.read import read
from genwright.data.typed import typed
from genwright.nn.picture_view import picture_shape
from genwright.runs.code_words import code_words
from genwright.runs.draw import Draw
from genwright.runs.picture_fill import filled, fit_of, way
from genwright.runs.picture_latents import picture_column
from genwright.runs.run import Run

log = logging.getLogger("genwright")

MOST_GUESSED = 64  # combinations of given values that are tried
MOST_PICTURES = 256  # of a folder
DARK = 32  # of a mask, up to which a pixel counts as known


@dataclass(frozen=True)
class PictureRows:
    """Pictures as rows.

    Args:
        rows: All columns of the model.
        names: What each is called.
        guessed: Given columns that were guessed, each with the words of the guesses.
    """

    rows: Batch
    names: list[str]
    guessed: dict[str, list[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)


def picture_rows(run: Run, source: Any, given: Any = None, *, known: Tensor | None = None) -> PictureRows:
    """Pictures as rows with all columns.

    Args:
        run: With one column of pictures.
        source: A path of a picture, a Pillow image, an array; several of these; a folder, a file or a frame of many.
        given: Values of other columns, as in `sample`; only `column = value`.
        known: Which pixels of all pictures are known (H, W); None: all.

    Raises:
        DataError: a picture is not there or cannot be read; names it.
        GivenError: a value is none of its column, or one that is needed is neither given nor to be guessed.
        UnsupportedError: the run has not one column of pictures.
    """
    name = picture_column(run.model)
    found, names = _opened(run, name, source)
    n = n_rows(found)
    if not n:
        raise DataError("there is no picture in it; name another")
    found |= {k: x.expand(n, *x.shape[1:]) for k, x in told(run, given).items()}
    masks = {} if known is None else {name: known.expand(n, *known.shape)}
    rows, guessed = completed(run, found, masks)
    return PictureRows(rows, names, guessed)


def told(run: Run, given: Any) -> Batch:
    """Conditions `column = value` as encoded cells, each (1,).

    Raises:
        GivenError: a condition is another one, or no value of its column.
    """
    draw = Draw(run.artefact.codec, run.model, parse(given), run.artefact.seed)
    cells = {}
    for condition in draw.conditions:
        if condition.operator != "=":
            raise GivenError(f"{condition}: expected column = value here")
        codec = run.artefact.codec.codecs[condition.column]
        kind = codec.decode(_some_code(run, condition.column)).type
        cells[condition.column] = codec.encode(pa.array(condition.values, kind))
    return cells


def completed(
    run: Run, rows: Batch, known: Mapping[str, Tensor], seed: int | None = None
) -> tuple[Batch, dict[str, list[str]]]:
    """Rows with all columns, absent ones guessed or drawn, and the words of those guessed.

    Args:
        run: The run.
        rows: Pictures, and some other columns.
        known: Of the pictures; what is not known is drawn where the guess needs it, and left as it was in the answer.
        seed: Of the draws; the run's where it is not given.
    """
    model, n = run.model, n_rows(rows)
    seed = run.artefact.seed if seed is None else seed
    absent = [name for name in model.space if name not in rows]
    guess = [name for name in absent if model.space[name].is_given]
    loose = [name for name in absent if name not in guess]
    masks = {**known, **{name: torch.zeros(n, dtype=torch.bool) for name in loose}}
    if not absent:
        return {name: rows[name] for name in model.space}, {}
    if not guess:
        return _with_loose(model, rows, loose, masks, known, seed), {}
    best, score = rows, torch.full((n,), -torch.inf, dtype=torch.float64)
    for values in _combinations(run, guess):
        tried = {**rows, **{name: x.expand(n, *x.shape[1:]) for name, x in values.items()}}
        whole = _with_loose(model, tried, loose, masks, {}, seed)
        fit = fit_of(model, whole, masks, torch_generator(seed, "guess"))
        is_better = fit > score
        best = {k: torch.where(_wide(is_better, x), x, best.get(k, x)) for k, x in whole.items()}
        score = torch.maximum(score, fit)
    best = {**best, **{name: rows[name] for name in known}}
    words = {name: _words(run, name, best[name]) for name in guess}
    return {name: best[name] for name in model.space}, words


def _wide(mask: Tensor, like: Tensor) -> Tensor:
    return mask.view(-1, *[1] * (like.dim() - 1))


def _with_loose(
    model: Model,
    rows: Batch,
    loose: Sequence[str],
    masks: Mapping[str, Tensor],
    keep: Mapping[str, Tensor],
    seed: int,
) -> Batch:
    """Rows with the columns that the model draws; pictures in `keep` come back as they were."""
    if not masks:
        return {name: rows[name] for name in model.space}
    way(model)
    generator, n = torch_generator(seed, "fill"), n_rows(rows)
    given = {name: x for name, x in rows.items() if model.space[name].is_given}
    drawn = model.sample(n, given, generator) if loose else {}
    whole = filled(model, {name: rows[name] if name in rows else drawn[name] for name in model.space}, masks, generator)
    return {name: rows[name] if name in keep else x for name, x in whole.items()}


def _combinations(run: Run, names: Sequence[str]) -> list[Batch]:
    """All values of given columns, together."""
    space = run.model.space
    supports = {name: space[name].support for name in names}
    sizes = {name: s.n if isinstance(s, Category) else 0 for name, s in supports.items()}
    n = int(np.prod(list(sizes.values())))
    if not n or n > MOST_GUESSED:
        which = next((name for name, size in sizes.items() if not size), names[0])
        raise GivenError(f"say what {which} is, as it is always given to this model: given={{{which!r}: …}}, --given")
    every = product(*(range(sizes[name]) for name in names))
    return [{name: torch.tensor([code]) for name, code in zip(names, codes, strict=True)} for codes in every]


def _words(run: Run, name: str, codes: Tensor) -> list[str]:
    words = category_words(run, name)
    return [words[code] for code in codes.tolist()]


def category_words(run: Run, name: str) -> list[str]:
    """The values of a category as the data write them, by code."""
    from genwright.nn.networks.codes import CategoryCodes

    support = run.artefact.codec.space[name].support
    assert isinstance(support, Category)
    return code_words(run.artefact.codec, name, CategoryCodes(support))


def _some_code(run: Run, name: str) -> Tensor:
    support = run.artefact.codec.space[name].support
    return torch.zeros(1, dtype=torch.int64 if isinstance(support, Category) else torch.float64)


# -- from outside ---------------------------------------------------------------------------------------------------


def _opened(run: Run, name: str, source: Any) -> tuple[Batch, list[str]]:
    """Columns that the source has, encoded, and what its pictures are called."""
    codec = run.artefact.codec.codecs[name]
    assert isinstance(codec, Image)
    if isinstance(source, (list, tuple)):
        each = [_opened(run, name, one) for one in source]
        shared = set.intersection(*(set(rows) for rows, _ in each)) if each else set()
        return concat([{k: rows[k] for k in sorted(shared)} for rows, _ in each]), [
            n for _, names in each for n in names
        ]
    if isinstance(source, (str, Path)) and _is_single(Path(source)):
        return {name: one_picture(codec, source)}, [Path(source).name]
    if _is_object(source):
        return {name: one_picture(codec, source)}, ["the picture"]
    return _table(run, name, source)


def _is_single(path: Path) -> bool:
    """Whether a path is that of one picture, there or not."""
    if not path.is_file():
        return not path.is_dir() and bool(path.suffix)
    with path.open("rb") as file:
        return is_picture(file.read(16))


def _is_object(value: Any) -> bool:
    is_array = isinstance(value, np.ndarray) and value.ndim in (2, 3) and value.dtype == np.uint8
    return is_array or is_image(value)


def one_picture(codec: Image, source: Any) -> Tensor:
    """One picture as codes (1, C, H, W).

    Raises:
        DataError: it is not there or cannot be read.
    """
    if isinstance(source, (str, Path)):
        pixels = _read_file(Path(source), codec.size)
        return _encoded(codec, _to_peak(pixels, codec))
    array = pictures_of([source], "picture", "the picture")
    if array is None:
        raise DataError("expected a picture: a path, one of Pillow's images, or an array of uint8 (H, W) or (H, W, C)")
    if isinstance(source, np.ndarray):  # in the records' own units
        return codec.encode(array)
    content = array[0].as_py()
    return _encoded(codec, _to_peak(decoded(content, "the picture", codec.size), codec))


def _encoded(codec: Image, pixels: np.ndarray) -> Tensor:
    """Pixels (H, W) or (H, W, C), 0 … the codec's brightest."""
    array = pictures_of([pixels], "picture", "the picture")
    assert array is not None
    return codec.encode(array)


def _to_peak(pixels: np.ndarray, codec: Image) -> np.ndarray:
    """Brightness 0 … 255 in the records' units, such as 0 … 16."""
    if codec.peak == 255:
        return pixels
    return ((pixels.astype(np.uint16) * codec.peak + 127) // 255).astype(np.uint8)


def _read_file(path: Path, at_least: tuple[int, int] | None) -> np.ndarray:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"{path} has more than {MAX_BYTES:,} bytes; make it smaller")
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: the picture cannot be read ({error.strerror}); name another file") from None
    return decoded(content, str(path), at_least)


def _table(run: Run, name: str, source: Any) -> tuple[Batch, list[str]]:
    """Rows of a folder, a file or a frame: the picture, and other columns that the run knows."""
    records = read(source)
    there = records.arrow_schema.names
    own = [n for n in run.model.space if n in there]
    if name not in there:
        others = [f.name for f in records.arrow_schema if is_picture_type(f.type)]
        what = f"; its pictures are in {', '.join(others)}" if others else ""
        raise DataError(f"{records.name} has no column {name!r}, which the run's pictures are in{what}")
    batches, n = [], 0
    for batch in typed(records, Schema(tuple(run.schema[n] for n in own))):
        batches.append(run.artefact.codec.encode(batch, own))
        n += batch.num_rows
        if n >= MOST_PICTURES:
            break
    if n > MOST_PICTURES:
        log.warning("%s: the first %s pictures are taken", records.name, MOST_PICTURES)
    rows = select(concat(batches), slice(0, MOST_PICTURES)) if batches else {}
    return rows, [f"row {i}" for i in range(1, n_rows(rows) + 1)]


def mask_of(run: Run, source: Any) -> Tensor:
    """Which pixels (H, W) of the run's pictures are known, from a mask that is white where a picture is to be filled.

    It is scaled and cut as pictures are; a pixel counts as known where the mask is black, or nearly.

    Raises:
        DataError: it is none, cannot be read, or leaves nothing to be filled.
    """
    name = picture_column(run.model)
    codec = run.artefact.codec.codecs[name]
    assert isinstance(codec, Image)
    if isinstance(source, (str, Path)):
        pixels = _read_file(Path(source), None)
    elif isinstance(source, np.ndarray):
        pixels = _brightness(source)
    elif is_image(source):
        pixels = np.asarray(source.convert("L"))
    else:
        what = "None" if source is None else f"a {type(source).__name__}"
        raise DataError(f"the mask is {what}; expected a path, one of Pillow's images, or an array (H, W)")
    if pixels.ndim == 3:
        pixels = (
            pixels[..., :3].max(-1) if pixels.shape[-1] < 4 else np.minimum(pixels[..., :3].max(-1), pixels[..., 3])
        )
    fitted = of_size(pixels[..., None], *picture_shape(run.model.space, name)[1:], codec.config.fit, 0)[..., 0]
    known = torch.from_numpy(fitted <= DARK)
    if bool(known.all()):
        raise DataError("the mask is black all over, and leaves nothing to be filled; paint what is to be drawn white")
    return known


def _brightness(mask: np.ndarray) -> np.ndarray:
    """An array of truth values, of zeros and ones, or of 0 … 255 as the latter.

    Raises:
        DataError: it has another shape, or holds something else.
    """
    is_picture = mask.ndim == 2 or (mask.ndim == 3 and mask.shape[-1] <= 4)
    if not is_picture or not mask.size:
        raise DataError(
            f"the mask has the shape {mask.shape}; expected (H, W), or (H, W, C) with at most four channels"
        )
    is_level = np.isin(mask, np.arange(256)) if mask.dtype.kind in "buif" else np.zeros(mask.shape, bool)
    if not is_level.all():
        found = mask[~is_level][0]
        raise DataError(f"the mask holds {found}; expected truth values, or brightness from 0 to 255")
    pixels = mask.astype(np.uint8)
    return pixels * np.uint8(255) if pixels.max() == 1 else pixels
