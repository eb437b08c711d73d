"""Drawn pictures → a folder that a person looks at and that can be fitted again, whole or not at all.

out/contact-sheet.png     the first pictures on one sheet
out/cat/000000.png        row 0, in the folder of its `label`, where there is such a column
out/000001.png            where there is none, or where a label cannot name a folder
out/metadata.csv          the other columns, where there are any; `file_name` says whose they are
"""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genwright.core.errors import ConfigError, DataError
from genwright.core.files import put_folder, temporary_beside
from genwright.core.schema import Column, Schema
from genwright.data.contact_sheet import NAME, bright, coloured, contact_sheet, png
from genwright.data.names import column_names
from genwright.data.parts import part_of
from genwright.data.picture_types import files, size_text, tensor_shape, tensors
from genwright.data.pictures import decoded, header
from genwright.data.typed import as_written
from genwright.data.write import explained, row_writer

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

CAPTIONS, FILE_NAME, LABEL = "metadata.csv", "file_name", "label"
ON_SHEET = 100  # pictures on the contact sheet, at most
LONGEST_NAME = 100  # bytes of a label that names a folder


def write_pictures(
    batches: "Iterable[pa.Table]", path: str | Path, schema: Schema, overwrite: bool = False, white: int = 255
) -> int:
    """Writes typed tables as a folder of PNG files, and returns the number of rows.

    Args:
        batches: Tables with the schema's columns.
        path: The folder, which does not exist, or is empty, or is one that this has written.
        schema: Of the rows; one of its columns is of pictures.
        overwrite: Replace the folder that this has written there.
        white: The value of white in arrays; 16 of digits in 17 levels.

    Raises:
        DataError: there is no column of pictures, or several; or the disk is full: no folder is left then.
        ConfigError: the folder is taken.
    """
    path = Path(path)
    check_folder(path, overwrite)
    part = temporary_beside(path)
    try:
        part.mkdir()
        folder = _Folder(part, schema, white)
        for table in batches:
            folder.add(table)
        folder.close()
        put_folder(part, path)
    except OSError as error:
        raise explained(error, path) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder.n_rows


def check_folder(path: Path, overwrite: bool) -> None:
    """Refuses a place that pictures cannot go to, before any work is done.

    Raises:
        ConfigError: it is taken, or its parent is not there.
    """
    if not path.parent.is_dir():
        raise ConfigError(f"{path.parent} is not a folder; make it first, or name another place")
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not _is_own(path):
        raise ConfigError(f"{path} holds something else than drawn pictures; name another folder")
    if not overwrite:
        raise ConfigError(f"{path} exists; add --overwrite (overwrite=True) to replace it, or name another folder")


def described(tables: "Iterable[pa.Table]", schema: Schema) -> "tuple[Iterator[pa.Table], Schema]":
    """Tables in which pictures are told in words, "28×28 picture", for terminals; and their schema."""
    names = [column.name for column in schema if column.kind == "image"]
    if not names:
        return iter(tables), schema
    words = schema.with_columns(Column(name, "category") for name in names)
    return (_in_words(table, names) for table in tables), words


def _in_words(table: "pa.Table", names: list[str]) -> "pa.Table":
    import pyarrow as pa

    for name in names:
        sizes = [size for chunk in table.column(name).chunks for size in _sizes(chunk)]
        texts = [None if size is None else f"{size_text(*size)} picture" for size in sizes]
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(texts, pa.string()))
    return table


def _sizes(pictures: "pa.Array") -> Iterator[tuple[int, int] | None]:
    shape = tensor_shape(pictures.type)
    if shape is not None:
        yield from (shape[:2] if is_there else None for is_there in pictures.is_valid().to_pylist())
        return
    for content, _ in files(pictures):
        yield None if content is None else header(content, "a picture")[:2]


class _Folder:
    """Takes rows, and writes their pictures at once and the rest at the end."""

    def __init__(self, path: Path, schema: Schema, white: int):
        self.path, self.schema, self.white = path, schema, white
        self.column = _column_of_pictures(schema)
        self.n_rows = 0
        self.others: list[pa.Table] = []
        self.is_placed = True  # every label names a folder
        self.sheet: list[np.ndarray] = []  # (3, H, W) each

    def add(self, table: "pa.Table") -> None:
        """Writes the pictures of some rows."""
        import pyarrow as pa

        labels = self._labels(table)
        names = []
        for label, content in zip(labels, _contents(table.column(self.column), self.white), strict=True):
            name = self._name(label)
            place = self.path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
            self._keep(content)
            names.append(name)
            self.n_rows += 1
        rest = table.select([c.name for c in self._described()])
        self.others.append(rest.add_column(0, pa.field(FILE_NAME, pa.string()), pa.array(names, pa.string())))

    def close(self) -> None:
        """Writes the sheet, and the other columns where there are any."""
        import numpy as np

        if self.sheet:
            (self.path / NAME).write_bytes(png(contact_sheet(np.stack(self.sheet))))
        columns = self._described()
        is_told = self.is_placed and [c.name for c in columns] == [LABEL]
        if columns and self.others and not is_told:
            names = column_names([FILE_NAME, *(c.name for c in columns)], str(self.path))
            schema = Schema((Column(FILE_NAME, "id"), *(replace(c, name=n) for c, n in zip(columns, names[1:]))))
            with (self.path / CAPTIONS).open("xb") as file:
                put = row_writer(".csv", file, schema)
                for table in self.others:
                    put.table(table.rename_columns(names))
                put.close()

    def _described(self) -> list[Column]:
        """The columns that stand in the captions file."""
        return [c for c in self.schema if c.name != self.column and c.kind != "omitted"]

    def _labels(self, table: "pa.Table") -> list[Any]:
        if LABEL not in self.schema.names or self.schema[LABEL].kind not in ("category", "boolean", "constant"):
            self.is_placed = False
            return [None] * table.num_rows
        written = as_written(table.column(LABEL), self.schema[LABEL])
        return [None if v is None else str(v) for v in written.to_pylist()]

    def _name(self, label: str | None) -> str:
        """The file's path below the folder."""
        name = f"{self.n_rows:06d}.png"
        if label is not None and _is_place(label):
            return f"{label}/{name}"
        self.is_placed = False
        return name

    def _keep(self, content: bytes) -> None:
        import numpy as np

        if len(self.sheet) >= ON_SHEET:
            return
        x = decoded(content, "a picture")
        picture = x[None] if x.ndim == 2 else np.moveaxis(x, -1, 0)  # (C, H, W)
        self.sheet.append(_on_white(picture))


def _on_white(picture: "np.ndarray") -> "np.ndarray":
    """(C, H, W) of any number of channels → (3, H, W)."""
    import numpy as np

    return np.moveaxis(coloured(picture[None])[0], -1, 0)


def _contents(column: "pa.ChunkedArray", white: int) -> Iterator[bytes]:
    """Each picture as a PNG file."""
    for chunk in column.chunks:
        if tensor_shape(chunk.type) is not None:
            yield from (png(bright(picture, white + 1)) for picture in tensors(chunk))
            continue
        for content, _ in files(chunk):
            if content is None:
                raise DataError("there is no picture in a row; nothing was written")
            yield content


def _column_of_pictures(schema: Schema) -> str:
    names = [column.name for column in schema if column.kind == "image"]
    if not names:
        raise DataError("there is no column of pictures, which a folder is for; name a file, such as rows.csv")
    if len(names) > 1:
        raise DataError(
            f"a folder holds one column of pictures, and there are {', '.join(names)}; name a .parquet file"
        )
    return names[0]


def _is_place(label: str) -> bool:
    """Whether a label can name a folder that readers take for it."""
    parts = label.split("/")
    is_plain = all(part.strip() == part and part and not part.startswith((".", "__MACOSX")) for part in parts)
    is_safe = label.isprintable() and not set(label) & set('\\:*?"<>|') and len(label.encode()) <= LONGEST_NAME
    return is_plain and is_safe and part_of(parts[0]) is None


def _is_own(path: Path) -> bool:
    """Whether a folder holds nothing but what `write_pictures` writes."""
    if not path.is_dir() or path.is_symlink() or not (path / NAME).is_file():
        return False
    with suppress(OSError):
        return all(
            not p.is_symlink() and (p.is_dir() or p.suffix == ".png" or p == path / CAPTIONS) for p in path.rglob("*")
        )
    return False
