"""What families draw, below each other, and real rows above them: pictures, texts or sequences to be looked at."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from genwright.core.codec import TableCodec
from genwright.report.picture_figures import Tile, shown, tile
from genwright.report.text_samples import cut
from genwright.report.words import shorten, steps
from genwright.runs.leaderboard import Leaderboard

KINDS = {"texts": "text", "pictures": "image", "sequences": "sequence"}  # of data → of the column that is shown
N_TILES, MOST_TEXTS, CHARACTERS = 24, 6, 700  # of each family; characters in all
MAX_STEPS, MAX_NAME = 200, 40  # characters of a sequence, and of a family's name


def views(board: Leaderboard) -> list[dict[str, Any]]:
    """For the page: whose, and tiles or passages; nothing of tables."""
    wanted = KINDS.get(board.yardstick.kind)
    runs = [entry.run for entry in board.entries if entry.run is not None and entry.drawn is not None]
    names = [c.name for c in runs[0].schema if c.kind == wanted] if runs and wanted else []
    if not names:
        return []
    codec = max((run.artefact.codec for run in runs), key=lambda codec: len(codec.modelled))
    sides = [(f"Real {board.yardstick.kind}", "real", board.real)]
    sides += [(shorten(e.model, MAX_NAME), "synthetic", e.drawn) for e in board.entries if e.run is not None]
    found = [_view(whose, side, rows, _longest(names, board.real), codec) for whose, side, rows in sides]
    return [view for view in found if view["tiles"] or view["passages"]]


def _view(whose: str, side: str, rows: pa.Table | None, name: str, codec: TableCodec) -> dict[str, Any]:
    tiles: list[Tile] = []
    passages: list[str] = []
    if rows is not None and name in rows.column_names and rows.column(name).null_count < rows.num_rows:
        column = rows.column(name)
        if codec.schema[name].kind == "image":
            tiles = _tiles(column, whose, getattr(codec.codecs[name], "peak", 255))
        else:
            passages = _passages(column.to_pylist())
    return {"name": whose, "side": side, "tiles": tiles, "passages": passages}


def _tiles(column: pa.ChunkedArray, whose: str, white: int) -> list[Tile]:
    return [tile(x, f"{whose}, number {i + 1}") for i, x in enumerate(shown(column.slice(0, N_TILES), white))]


def _passages(values: Sequence[Any]) -> list[str]:
    """The first ones, as many as do not tire."""
    words = [cut(v) if isinstance(v, str) else shorten(steps(v), MAX_STEPS) for v in values if v is not None]
    n = CHARACTERS * len(words) // max(1, sum(map(len, words)))
    return words[: min(len(words), max(2, min(n, MOST_TEXTS)))]


def _longest(names: Sequence[str], real: pa.Table | None) -> str:
    """Of several columns the one that holds most."""
    if real is None or len(names) == 1:
        return names[0]
    return max(names, key=lambda name: sum(len(v) for v in real.column(name).to_pylist() if isinstance(v, str | list)))
