"""What a captions file tells about pictures: a table, one of whose columns names them.

`metadata.csv`, `captions.csv`, the same as `.tsv` or `.jsonl`. The column of names is the one with most names of
pictures in it, as paths from the folder of the captions file; the others become columns beside the picture. A picture
may have several rows, or none: then they are missing.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from unicodedata import normalize

from genwright.core.errors import DataError
from genwright.data.picture_sources import Entry
from genwright.data.read import read

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("genwright")


@dataclass(frozen=True)
class Captions:
    """A captions file in memory.

    Args:
        path: The file.
        table: Its columns, but for that of names.
        rows: A picture's name → its rows.
        is_text: Numbers and dates are strings, as in a CSV.
    """

    path: Path
    table: "pa.Table"
    rows: dict[str, list[int]]
    is_text: bool


def captions_of(path: Path, folder: str, names: Collection[str], packed: Entry | None = None) -> Captions:
    """Reads a captions file.

    Args:
        path: The file.
        folder: Where its names start from, below the folder of pictures.
        names: Of all pictures, whether they can be read or not.
        packed: Its content, where it lies in an archive.

    Raises:
        DataError: it cannot be read, or no column names pictures.
    """
    table, is_text = _unpacked(packed, path) if packed else _table(path)
    known = set(names)
    columns = {name: _paths(column, folder) for name, column in zip(table.column_names, table.columns)}
    n_known = {name: sum(value in known for value in values) for name, values in columns.items()}
    by = max(n_known, key=lambda name: n_known[name])
    if not n_known[by]:
        example = next(iter(names), "a.png").removeprefix(f"{folder}/")
        raise DataError(f"{path}: no column names the pictures, such as {example!r}; add a column file_name")
    rows = defaultdict(list)
    for row, name in enumerate(columns[by]):
        rows[name].append(row)
    return Captions(path, table.drop_columns([by]), dict(rows), is_text)


def _table(path: Path) -> "tuple[pa.Table, bool]":
    """The whole file, and whether its numbers are strings."""
    import pyarrow as pa

    records = read(path)
    return pa.Table.from_batches(list(records.open()), records.arrow_schema), records.is_text


def _unpacked(packed: Entry, path: Path) -> "tuple[pa.Table, bool]":
    """The same of one in an archive, which lies on the disk meanwhile."""
    if packed.problem:
        raise DataError(f"{packed.place} {packed.problem}")
    with TemporaryDirectory() as folder:
        copy = Path(folder, path.name)
        copy.write_bytes(packed.read())
        try:
            return _table(copy)
        except DataError as error:
            raise DataError(str(error).replace(str(copy), packed.place)) from None


def absent(captions: Captions, names: Collection[str]) -> list[str]:
    """What is wrong with rows whose pictures are not there."""
    known = set(names)
    gone = [(rows[0] + 1, name) for name, rows in captions.rows.items() if name not in known]
    return [f"{captions.path}: row {row} names {name!r}, which is not there; mend the name" for row, name in gone]


def plan(captions: Captions, names: Iterable[str]) -> tuple[list[int], list[int | None]]:
    """Rows of pictures with their captions: which picture each is, and which row of the captions, if any."""
    pictures: list[int] = []
    rows: list[int | None] = []
    for i, name in enumerate(names):
        found: list[int] | list[None] = captions.rows.get(name) or [None]
        pictures += [i] * len(found)
        rows += found
    n = rows.count(None)
    if n:
        log.warning("%s: %s pictures are not in it; their columns are missing", captions.path, f"{n:,}")
    return pictures, rows


def _paths(column: "pa.ChunkedArray", folder: str) -> list[str]:
    """Values of a column as paths below the folder of pictures, composed as `readable` has them."""
    return [str(PurePosixPath(folder, normalize("NFC", str(value)).replace("\\", "/"))) for value in column.to_pylist()]
