"""`.npz`: several arrays in a ZIP file; one of pictures, and others of as many rows that become columns beside it.

https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

Pictures are told by type and shape (picture_arrays.py), and read a few rows at a time. Names tell parts, of which one
is read: `x_train`, `y_train`, `x_test` …, `train_images`, `train_labels` …. What is left of a name is the column's;
`y`, `labels` and the like become `label`, whole numbers in it a category. Arrays of Python objects are not read.
"""

import logging
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

from genwright.core.errors import DataError
from genwright.core.records import Records
from genwright.data.parts import chosen_part, part_of
from genwright.data.picture_arrays import array_records, labels_of, native, shape_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

log = logging.getLogger("genwright")
LABELS = ("y", "label", "labels", "target", "targets", "class", "classes")
MAX_BYTES = 1 << 30  # of an array that is read whole
KINDS = "biufUSM"  # truth values, numbers, texts, dates


@dataclass(frozen=True)
class Member:
    """One array of a file.

    Args:
        key: Its name.
        part: The part that its name speaks of.
        name: The rest of the name.
        shape: Its shape.
        dtype: Its type.
        is_fortran: The first dimension is the fastest.
    """

    key: str
    part: str | None
    name: str
    shape: tuple[int, ...]
    dtype: "np.dtype[Any]"
    is_fortran: bool

    @property
    def is_pictures(self) -> bool:
        """Whether it may hold pictures."""
        return len(self.shape) in (3, 4) and self.dtype.name in ("uint8", "bool")

    @property
    def n_bytes(self) -> int:
        """Of the whole array."""
        import math

        return math.prod(self.shape) * self.dtype.itemsize


def npz_records(path: Path, part: str | None = None, names: tuple[str, ...] = ()) -> Records:
    """Pictures and what stands beside them.

    Args:
        path: The file.
        part: train, test or validation; None: train where there are parts.
        names: Words for the labels 0, 1, 2 …; none: their digits.

    Raises:
        DataError: the file is damaged, or has no array of pictures, or several.
        ConfigError: it has no such part.
    """
    import pyarrow as pa

    every = _members(path)
    members = _of_part(every, part, path)
    found = [member for member in members if member.is_pictures]
    if len(found) != 1:
        raise _none_or_several(path, every, found)
    shape = shape_of(found[0].shape, f"{path}: array {found[0].key}")
    n, columns = found[0].shape[0], {}
    for member in members:
        if member.shape in ((n,), (n, 1)) and member.dtype.kind in KINDS:
            name = "label" if member.name in LABELS else member.name
            columns[name if name not in columns else member.key] = _column(path, member, name == "label", names)
        elif member is not found[0]:
            log.warning("%s: array %s is left out: %s of shape %s", path, member.key, member.dtype, member.shape)
    return array_records(str(path), lambda rows: _chunks(path, found[0], rows), n, shape, pa.table(columns), str(path))


def _of_part(members: list[Member], asked: str | None, path: Path) -> list[Member]:
    """The arrays of one part; all of them where names do not speak of parts."""
    parts = {member.part for member in members if member.is_pictures and member.part is not None}
    if not parts and asked is None:
        return members
    part = chosen_part(asked, parts, str(path))
    return [member for member in members if member.part == part]


def _none_or_several(path: Path, members: list[Member], found: list[Member]) -> DataError:
    if found:
        keys = ", ".join(member.key for member in found)
        return DataError(
            f"{path} has several arrays of pictures: {keys}; keep one, or hand over x = np.load(path)[key]"
        )
    listed = ", ".join(f"{m.key} {m.dtype} {m.shape}" for m in members[:8]) or "nothing"
    expected = "uint8 of shape (N, H, W), (N, H, W, C) or (N, C, H, W)"
    return DataError(f"{path} has no array of pictures, {expected}; it has {listed}")


def _column(path: Path, member: Member, is_label: bool, names: tuple[str, ...]) -> "pa.Array":
    import pyarrow as pa

    values = native(_whole(path, member).reshape(-1))
    if is_label and values.dtype.kind in "biu":
        return labels_of(values, names)
    try:
        return pa.array(values.astype(str) if values.dtype.kind == "S" else values, from_pandas=True)
    except (pa.ArrowException, UnicodeError, ValueError) as error:
        raise DataError(f"{path}: array {member.key}: {error}") from None


def _members(path: Path) -> list[Member]:
    with _opened(path) as archive:
        keys = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        return [_member(archive, path, key) for key in keys]


def _member(archive: ZipFile, path: Path, key: str) -> Member:
    with archive.open(f"{key}.npy") as file:
        shape, is_fortran, dtype = _header(file, path, key)
    if min(shape, default=0) < 0:  # NumPy's reader lets it pass, and file.read(-1) unpacks everything
        raise DataError(f"{path}: array {key} is damaged: shape {shape}; save it again with np.savez")
    words = [word for word in re.split(r"[_\-. ]+", key) if word]
    parts = [part for part in map(part_of, words) if part is not None]
    name = "_".join(word for word in words if part_of(word) is None)
    return Member(key, parts[0] if parts else None, name or "image", shape, dtype, is_fortran)


def _header(file: IO[bytes], path: Path, key: str) -> "tuple[tuple[int, ...], bool, np.dtype[Any]]":
    """Shape, whether the first dimension is the fastest, type; the file then stands at the first value."""
    from numpy.lib import format as npy

    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise DataError(f"{path}: array {key} is of NumPy's format {version}; save it again with np.savez")
    return (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(file)


def _whole(path: Path, member: Member) -> "np.ndarray":
    import numpy as np

    if member.n_bytes > MAX_BYTES:
        raise DataError(f"{path}: array {member.key} has {member.n_bytes:,} bytes, more than {MAX_BYTES:,}")
    with _opened(path) as archive, archive.open(f"{member.key}.npy") as file:
        _header(file, path, member.key)
        data = _exactly(file, member.n_bytes, path, member.key)
    return np.frombuffer(data, member.dtype).reshape(member.shape, order="F" if member.is_fortran else "C")


def _chunks(path: Path, member: Member, n: int) -> "Iterator[np.ndarray]":
    """Rows (n, …) after each other; what the header announces is never made room for at once."""
    import numpy as np

    n_rows, *row = member.shape
    if member.is_fortran:
        x = _whole(path, member)
        yield from (np.ascontiguousarray(x[start : start + n]) for start in range(0, n_rows, n))
        return
    with _opened(path) as archive, archive.open(f"{member.key}.npy") as file:
        _header(file, path, member.key)
        for start in range(0, n_rows, n):
            count = min(n, n_rows - start)
            data = _exactly(file, count * member.n_bytes // n_rows, path, member.key)
            yield np.frombuffer(data, member.dtype).reshape(count, *row)


def _exactly(file: IO[bytes], n_bytes: int, path: Path, key: str) -> bytes:
    data = file.read(n_bytes)
    if len(data) < n_bytes:
        raise DataError(f"{path}: array {key} ends before its last row; copy or download the file again")
    return data


@contextmanager
def _opened(path: Path) -> Iterator[ZipFile]:
    """The archive; whatever is wrong with it becomes a DataError."""
    try:
        with ZipFile(path) as archive:
            yield archive
    except (BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError, KeyError) as error:
        raise DataError(f"{path} is damaged: {error}; copy or download it again") from None
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} cannot be read as plain NumPy arrays: {error}") from None
