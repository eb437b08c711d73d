"""Pictures as Python has them ↔ Arrow: Pillow's images, and NumPy arrays of uint8.

Images become PNG files. Arrays (H, W), (H, W, C) or (C, H, W) of one size stay arrays, those of several sizes become
PNG files, too. On the way back, files are Pillow's images, which notebooks show, and arrays are NumPy's.
"""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from genwright.core.errors import DataError
from genwright.data.contact_sheet import png
from genwright.data.picture_types import files, is_channel_first, is_picture_type, tensor_shape

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_SAVED = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I")  # Pillow's modes that PNG has


def pictures_of(values: Sequence[Any], name: Any, place: str) -> "pa.Array | None":
    """A column of pictures; None where the first value that there is says that it is none.

    Raises:
        DataError: the first is a picture, and another value is none; names its row.
    """
    values = [None if isinstance(value, float) and value != value else value for value in values]
    first = next((value for value in values if value is not None), None)
    if is_image(first):
        return _files([None if v is None else _saved(v) if is_image(v) else b"" for v in values], name, place)
    if not _is_pixels(first):
        return None
    if any(value is not None and not _is_pixels(value) for value in values):
        row = next(i for i, value in enumerate(values, 1) if value is not None and not _is_pixels(value))
        raise _odd(row, name, place)
    if len({None if value is None else value.shape for value in values}) == 1:
        return _tensors(values)
    return _files([None if v is None else png(_channel_last(v)) for v in values], name, place)


def as_objects(column: "pa.ChunkedArray") -> "list[Any] | None":
    """A column of pictures as Pillow's images or NumPy's arrays; None where it holds something else."""
    if not is_picture_type(column.type):
        return None
    chunks = column.chunks
    if tensor_shape(column.type) is not None:
        known = (picture for chunk in chunks for picture in chunk.drop_null().to_numpy_ndarray())
        return [next(known) if is_there else None for is_there in column.is_valid().to_pylist()]
    return [None if content is None else opened(content) for chunk in chunks for content, _ in files(chunk)]


def opened(content: bytes) -> Any:
    """A file that was drawn, as Pillow's image."""
    from PIL import Image

    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def is_image(value: Any) -> bool:
    """Whether it is one of Pillow's images; Pillow need not be installed."""
    return any(cls.__module__ == "PIL.Image" and cls.__name__ == "Image" for cls in type(value).__mro__)


def _is_pixels(value: Any) -> bool:
    import numpy as np

    return isinstance(value, np.ndarray) and value.dtype == np.uint8 and _is_shape(value.shape)


def _is_shape(shape: tuple[int, ...]) -> bool:
    import pyarrow as pa

    is_possible = len(shape) in (2, 3) and 0 not in shape
    return is_possible and tensor_shape(pa.fixed_shape_tensor(pa.uint8(), shape)) is not None


def _saved(image: Any) -> bytes:
    """A PNG file; what PNG does not have becomes RGB."""
    file = io.BytesIO()
    (image if image.mode in _SAVED else image.convert("RGB")).save(file, "PNG")
    return file.getvalue()


def _files(contents: list[bytes | None], name: Any, place: str) -> "pa.Array":
    import pyarrow as pa

    if b"" in contents:
        raise _odd(contents.index(b"") + 1, name, place)
    return pa.array(contents, pa.large_binary())


def _tensors(arrays: Sequence["np.ndarray"]) -> "pa.Array":
    import numpy as np
    import pyarrow as pa

    return pa.FixedShapeTensorArray.from_numpy_ndarray(np.ascontiguousarray(np.stack(arrays)))


def _channel_last(x: "np.ndarray") -> "np.ndarray":
    import numpy as np
    import pyarrow as pa

    is_first = is_channel_first(pa.fixed_shape_tensor(pa.uint8(), x.shape))
    return np.moveaxis(x, 0, -1) if is_first else x


def _odd(row: int, name: Any, place: str) -> DataError:
    return DataError(f"{place}: row {row}, column {name!r} holds no picture, as the first row does; mend it or drop it")
