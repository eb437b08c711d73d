"""Drawn rows beside real ones of the same class, to be looked at: pictures, texts, or rows of a table."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from genwright.core.schema import Schema
from genwright.data.typed import as_written, readable
from genwright.data.write_pictures import described
from genwright.report import sample_rows
from genwright.report.picture_figures import Tile, shown, tile
from genwright.report.text_samples import cut
from genwright.report.words import shorten
from genwright.runs.augmentation import Augmented

MOST_CLASSES = 6  # those that got the most rows
N_TILES, N_TEXTS, N_REAL, N_DRAWN = 7, 3, 2, 3  # of a class and a side; N_REAL and N_DRAWN of tables
MOST_COLUMNS, MAX_NAME = 30, 60


def view(found: Augmented) -> dict[str, Any] | None:
    """For the page: tiles or passages of each class, or one table of rows; None where nothing was drawn."""
    sides = _sides(found)
    if not sides:
        return None
    kinds = {column.name: column.kind for column in found.schema}
    pictures = [name for name in found.table.column_names if kinds.get(name) == "image"]
    texts = [name for name in found.table.column_names if kinds.get(name) == "text"]
    if pictures:
        return {"kind": "pictures", "classes": [_pictures(found, pictures[0], *side) for side in sides]}
    if texts:
        name = _longest(found, texts, sides)
        return {"kind": "texts", "classes": [_texts(found, name, *side) for side in sides]}
    return {"kind": "rows", **_rows(found, sides)}


def _sides(found: Augmented) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(class, numbers of its real rows, of its drawn ones) of the classes that got the most rows."""
    report = found.report
    names = sorted((n for n, drawn in report.drawn.items() if drawn), key=lambda n: -report.drawn[n])[:MOST_CLASSES]
    n_real = found.table.num_rows - report.n_drawn
    words, codes = _coded(found.table, found.schema, report.target)
    places = [(name, np.flatnonzero(codes == words.index(name))) for name in names if name in words]
    return [(name, at[at < n_real], at[at >= n_real]) for name, at in places]


def _coded(table: pa.Table, schema: Schema, target: str) -> tuple[list[str], np.ndarray]:
    """The classes as the data write them, and the number of each row's."""
    coded = table.column(target).combine_chunks().dictionary_encode()
    words = [str(v) for v in as_written(coded.dictionary, schema[target]).to_pylist()]
    return words, coded.indices.to_numpy(zero_copy_only=False)


def _pictures(found: Augmented, name: str, label: str, real: np.ndarray, drawn: np.ndarray) -> dict[str, Any]:
    return {
        "name": shorten(label, MAX_NAME),
        "real": _tiles(found, name, real[:N_TILES], f"Real picture of {label}"),
        "drawn": _tiles(found, name, drawn[:N_TILES], f"Drawn picture of {label}"),
    }


def _tiles(found: Augmented, name: str, at: np.ndarray, alt: str) -> list[Tile]:
    column = found.table.column(name).take(pa.array(at))
    return [tile(x, f"{shorten(alt, 80)}, number {i + 1}") for i, x in enumerate(shown(column, found.white))]


def _texts(found: Augmented, name: str, label: str, real: np.ndarray, drawn: np.ndarray) -> dict[str, Any]:
    sides = {"real": real[:N_TEXTS], "drawn": drawn[:N_TEXTS]}
    passages = {side: [cut(v) for v in _values(found, name, at) if v is not None] for side, at in sides.items()}
    return {"name": shorten(label, MAX_NAME), **passages}


def _values(found: Augmented, name: str, at: np.ndarray) -> list[str | None]:
    return [None if v is None else str(v) for v in found.table.column(name).take(pa.array(at)).to_pylist()]


def _longest(found: Augmented, names: Sequence[str], sides: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> str:
    """Of several columns of texts the one that holds most."""
    at = np.concatenate([real[:N_TEXTS] for _, real, _ in sides])
    return max(names, key=lambda name: sum(len(v or "") for v in _values(found, name, at)))


def _rows(found: Augmented, sides: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> dict[str, Any]:
    """Real and drawn rows of each class below each other, the class in front."""
    parts = [(real[:N_REAL], drawn[:N_DRAWN]) for _, real, drawn in sides]
    at = np.concatenate([rows for both in parts for rows in both])
    is_drawn = [k == 1 for both in parts for k, rows in enumerate(both) for _ in rows]
    target = found.report.target
    names = [target, *(name for name in found.table.column_names if name != target)][:MOST_COLUMNS]
    some, schema = described([found.table.take(pa.array(at))], found.schema)
    seen = sample_rows.view(readable(next(iter(some)), schema, found.is_text), names, schema)
    n_more = len(found.table.column_names) - len(names)
    return {"names": seen["names"], "rows": list(zip(is_drawn, seen["rows"], strict=True)), "n_more": n_more}
