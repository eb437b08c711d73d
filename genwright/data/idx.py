"""IDX, the format of MNIST and its successors: pictures in one file, their labels in another; plain or gzipped.

https://yann.lecun.org/exdb/mnist/ (Y. LeCun, C. Cortes, C. J. C. Burges)

    0 0 type n_dims | n_dims sizes, 4 bytes each, the first byte the highest | values, the last dimension fastest

Labels lie beside the pictures under the same name, `images` become `labels` and `idx3` `idx1`:
`train-images-idx3-ubyte.gz`, `train-labels-idx1-ubyte.gz`. Of a folder one part is read: `train`, or `test` (t10k).
"""

import gzip
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from genwright.core.errors import DataError
from genwright.core.records import Records
from genwright.data.parts import chosen_part, part_of
from genwright.data.picture_arrays import array_records, labels_of, shape_of

if TYPE_CHECKING:
    import numpy as np

NAME = re.compile(r"[-._]idx(\d)[-._]ubyte(\.gz)?$", re.IGNORECASE)
UINT8, MOST_DIMS, MAX_LABELS = 0x08, 4, 100_000_000


def is_idx_name(name: str) -> bool:
    """Whether a file's name ends as those of IDX do."""
    return NAME.search(name) is not None


def images_in(folder: Path, part: str | None) -> Path | None:
    """The file of pictures of a part of a folder; none where there are no such files.

    Raises:
        ConfigError: the folder has no such part.
    """
    files = sorted(p for p in folder.iterdir() if is_idx_name(p.name) and "images" in p.name.lower())
    by_part = {part_of(re.split(r"[-._]", file.name)[0]): file for file in reversed(files)}
    known = {name: file for name, file in by_part.items() if name is not None}
    if not files:
        return None
    return known[chosen_part(part, known, str(folder))] if known or part is not None else files[0]


def idx_records(path: Path, names: tuple[str, ...] = ()) -> Records:
    """Pictures, and their labels where a file of them lies beside.

    Args:
        path: The file of pictures.
        names: Words for the labels 0, 1, 2 …; none: their digits.

    Raises:
        DataError: a file is damaged, or the two do not belong together.
    """
    import pyarrow as pa

    shape = _shape(path)
    if len(shape) == 1:
        raise DataError(f"{path} holds labels; name the file of pictures, whose name has images and idx3")
    picture = shape_of(shape, str(path))
    beside = _labels_beside(path)
    others = pa.table({})
    if beside is not None:
        labels = _labels(beside)
        if len(labels) != shape[0]:
            raise DataError(f"{path} has {shape[0]:,} pictures, and {beside} {len(labels):,} labels; copy both again")
        others = pa.table({"label": labels_of(labels, names)})
    return array_records(str(path), lambda n: _chunks(path, n), shape[0], picture, others, path=str(path))


def _labels_beside(path: Path) -> Path | None:
    match = NAME.search(path.name)
    if match is None:
        return None
    stem = path.name[: match.start()]
    ending = path.name[match.start() :].replace(match[1], "1", 1).removesuffix(".gz")
    for old, new in (("images", "labels"), ("Images", "Labels"), ("IMAGES", "LABELS"), ("image", "label")):
        for name in (f"{stem.replace(old, new)}{ending}{gz}" for gz in ("", ".gz")):
            if old in stem and (path.parent / name).is_file():
                return path.parent / name
    return None


def _labels(path: Path) -> "np.ndarray":
    """All labels (N,)."""
    import numpy as np

    shape = _shape(path)
    if len(shape) != 1 or shape[0] > MAX_LABELS:
        raise DataError(f"{path} has shape {shape}, expected labels: one dimension")
    return np.concatenate(list(_chunks(path, shape[0]))) if shape[0] else np.empty(0, np.uint8)


def _shape(path: Path) -> tuple[int, ...]:
    with _opened(path) as file:
        return _header(file, path)


def _header(file: BinaryIO, path: Path) -> tuple[int, ...]:
    """The sizes; the file then stands at the first value."""
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0":
        raise DataError(f"{path} is no IDX file; expected two zero bytes, a type and the number of dimensions")
    if start[2] != UINT8:
        raise DataError(f"{path} holds values of type 0x{start[2]:02x}; expected 0x08, whole numbers 0 … 255")
    n_dims = start[3]
    sizes = file.read(4 * n_dims) if 1 <= n_dims <= MOST_DIMS else b""
    if not sizes or len(sizes) < 4 * n_dims:
        raise DataError(f"{path} has {n_dims} dimensions, or is cut short; expected 1 … {MOST_DIMS} and their sizes")
    return struct.unpack(f">{n_dims}I", sizes)


def _chunks(path: Path, n: int) -> "Iterator[np.ndarray]":
    """Rows (n, …) after each other; what the header announces is never made room for at once."""
    import numpy as np

    with _opened(path) as file:
        n_rows, *row = _header(file, path)
        n_bytes = int(np.prod(row, dtype=np.int64))
        for start in range(0, n_rows, n):
            count = min(n, n_rows - start)
            data = file.read(count * n_bytes)
            if len(data) < count * n_bytes:
                found = start + len(data) // n_bytes
                raise DataError(f"{path} ends after {found:,} of {n_rows:,} rows; copy or download it again")
            yield np.frombuffer(data, np.uint8).reshape(count, *row)
        if file.read(1):
            raise DataError(f"{path} holds more than the {n_rows:,} rows it announces; copy or download it again")


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The bytes, decompressed where they are gzipped, whatever the name says."""
    try:
        with path.open("rb") as raw:
            is_gzip = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if not is_gzip:
                yield raw
                return
            with gzip.open(raw) as file:
                yield file  # type: ignore[misc]  # reads bytes
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is damaged: {error}; copy or download it again") from None
