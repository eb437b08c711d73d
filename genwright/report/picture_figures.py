"""Pictures of a run as a reader sees them: draws with their row numbers, classes, nearest training pictures, a way.

- a gallery: draws, each with the number of its row, under which `sample` draws it again, beside real ones;
- a row of draws for every class;
- the draws that lie nearest to a training picture, as the judge `picture_copies` listed them, each beside that one;
- a way through the latent space from one real picture to another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from genwright.core.dataset import Dataset
from genwright.core.judge import Score
from genwright.core.model import HasLatent
from genwright.core.schema import Schema
from genwright.data.contact_sheet import bright, coloured, png
from genwright.data.data_uri import data_uri
from genwright.data.picture_types import files, tensor_shape, tensors
from genwright.data.pictures import decoded
from genwright.models.gan import GAN
from genwright.nn.picture_view import pictures
from genwright.report import drawn_over_time
from genwright.report.words import number, shorten
from genwright.runs.picture_latents import drawn_noise, levels, path
from genwright.runs.run import Run

N_GALLERY, N_REAL, N_CLASSES, N_OF_CLASS, N_CLOSEST, N_WAY = 48, 24, 12, 8, 12, 10
LOOKED_AT = 64  # rows among which a second picture is looked for
LARGEST = 96  # pixels of a tile's longer side

Tile = dict[str, str]


@dataclass(frozen=True)
class PictureFigures:
    """What the page shows of pictures; each tile has `src`, `alt` and words below it."""

    gallery: list[Tile]
    real: list[Tile]
    classes: list[dict[str, Any]]
    class_column: str
    closest: list[dict[str, Any]]
    way: list[Tile]
    over_time: list[dict[str, str]]
    seed: int

    @classmethod
    def of(cls, run: Run, real: pa.Table, fake: pa.Table) -> "PictureFigures | None":
        """A run's, of real and drawn records; None where it draws no pictures, or nothing was drawn."""
        names = [name for name, f in pictures(run.model.space).items() if not f.is_given]
        if not names or not fake.num_rows:
            return None
        name, label = names[0], _label(run.schema, fake)
        white = getattr(run.artefact.codec.codecs[name], "peak", 255)
        drawn = shown(fake.column(name), white)
        words = _words(fake, label)
        return cls(
            gallery=[_draw(drawn[i], i, words[i]) for i in range(min(N_GALLERY, len(drawn)))],
            real=_real(real, name, label, white),
            classes=_classes(drawn, words) if label else [],
            class_column=label,
            closest=_closest(run, name, drawn, words),
            way=_way(run, name),
            over_time=drawn_over_time.views(run.artefact.log),
            seed=run.artefact.seed,
        )


def tile(picture: np.ndarray, alt: str, below: str = "") -> Tile:
    """One picture uint8 (C, H, W), 0 dark to 255 bright, for the page."""
    from PIL import Image

    x = coloured(picture[None])[0]  # (H, W, 3)
    if max(x.shape[:2]) > LARGEST:
        image = Image.fromarray(x)
        image.thumbnail((LARGEST, LARGEST))
        x = np.asarray(image)
    grey = bool((x == x[..., :1]).all())
    return {"src": data_uri(png(x[..., 0] if grey else x)), "alt": alt, "below": below}


def _draw(picture: np.ndarray, i: int, word: str) -> Tile:
    return tile(picture, f"Draw, row {i:,}" + (f": {word}" if word else ""), f"{i}" + (f" · {word}" if word else ""))


def _real(real: pa.Table, name: str, label: str, white: int) -> list[Tile]:
    if not real.num_rows or name not in real.column_names or pa.types.is_null(real.column(name).type):
        return []
    some = real.slice(0, N_REAL)
    both = zip(shown(some.column(name), white), _words(some, label), strict=True)
    return [tile(x, "Real picture" + (f": {word}" if word else ""), word) for x, word in both]


def _classes(drawn: Sequence[np.ndarray], words: Sequence[str]) -> list[dict[str, Any]]:
    """The first draws of every class, the most frequent classes first."""
    numbers: dict[str, list[int]] = {}
    for i, word in enumerate(words):
        numbers.setdefault(word, []).append(i)
    order = sorted(numbers, key=lambda word: (-len(numbers[word]), word))[:N_CLASSES]
    return [
        {
            "name": word,
            "tiles": [tile(drawn[i], f"Draw of {word}, row {i:,}", f"{i}") for i in numbers[word][:N_OF_CLASS]],
        }
        for word in sorted(order)
    ]


def _closest(run: Run, name: str, drawn: Sequence[np.ndarray], words: Sequence[str]) -> list[dict[str, Any]]:
    """Draws beside the training pictures they are nearest to, those that lie nearest first."""
    found = _listed(run.artefact.scores)
    if not found or run.train is None:
        return []
    pairs = []
    for entry in found:
        i, row = entry.get("draw"), entry.get("row")
        if not (isinstance(i, int) and isinstance(row, int) and i < len(drawn) and 0 <= row < len(run.train)):
            continue
        real = _of_row(run, run.train, name, row)
        apart = number(entry.get("relative"))
        pairs.append(
            {
                "draw": _draw(drawn[i], i, words[i]),
                "train": tile(
                    real, f"The training picture nearest to draw {i:,}, training row {row:,}", f"train {row}"
                ),
                "apart": apart,
            }
        )
    return pairs[:N_CLOSEST]


def _listed(scores: Sequence[Score]) -> list[dict[str, Any]]:
    score = next((s for s in scores if s.name == "picture_copies.exact"), None)
    found = score.details.get("closest") if score else None
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _of_row(run: Run, data: Dataset, name: str, row: int) -> np.ndarray:
    return bright(np.asarray(data.arrays[name][row]), levels(run.model, name))


def _way(run: Run, name: str) -> list[Tile]:
    """From one picture to another, of classes that differ where there are any."""
    if len(pictures(run.model.space)) != 1:
        return []
    frames = _frames(run)
    if frames is None:
        return []
    return [
        tile(x, f"Step {k} of {len(frames) - 1} on the way from one picture to another") for k, x in enumerate(frames)
    ]


def _frames(run: Run) -> np.ndarray | None:
    seed = run.artefact.seed
    if isinstance(run.model, GAN):
        (a, first), (b, second) = (drawn_noise(run.model, seed + k, {}) for k in (0, 1))
        return path(run.model, first, second, N_WAY, (a, b), seed)
    data = run.held_out if run.held_out is not None and len(run.held_out) >= 2 else run.train
    if not isinstance(run.model, HasLatent) or data is None or len(data) < 2:
        return None
    first, second = (data.take(np.array([i])) for i in (0, _other(run, data)))
    return path(run.model, first, second, N_WAY, seed=seed)


def _other(run: Run, data: Dataset) -> int:
    """The first row that differs from row 0 in a given column; the next one where there is none."""
    given = [name for name, f in run.model.space.items() if f.is_given]
    some = {name: np.asarray(data.arrays[name][:LOOKED_AT]) for name in given}
    at = np.flatnonzero(sum((x != x[0] for x in some.values()), np.zeros(min(LOOKED_AT, len(data)))))
    return int(at[0]) if len(at) else 1


def _label(schema: Schema, fake: pa.Table) -> str:
    """The first category beside pictures, with not too many values to stand below a tile."""
    named = (c.name for c in schema if c.kind in ("category", "boolean") and c.name in fake.column_names)
    return next((name for name in named if fake.column(name).null_count < fake.num_rows), "")


def _words(table: pa.Table, label: str) -> list[str]:
    if not label or label not in table.column_names:
        return [""] * table.num_rows
    return ["missing" if v is None else shorten(v, 24) for v in table.column(label).to_pylist()]


def shown(column: pa.ChunkedArray, white: int) -> list[np.ndarray]:
    """Each picture of a column as uint8 (C, H, W), 0 dark to 255 bright."""
    found: list[np.ndarray] = []
    for chunk in column.chunks:
        if tensor_shape(chunk.type) is not None:
            found += [np.moveaxis(bright(x, white + 1), -1, 0) for x in tensors(chunk)]
            continue
        for content, _ in files(chunk):
            x = decoded(content or b"", "a picture")
            found.append(x[None] if x.ndim == 2 else np.moveaxis(x, -1, 0))
    return found
