"""Arrow columns that hold pictures: encoded files, files with their paths, arrays of one size.

binary                         files as they are on the disk: PNG, JPEG, WebP, GIF, BMP, TIFF
struct{bytes, path}            the same with where they came from, as Hugging Face's data sets have them
fixed_shape_tensor of uint8    (H, W), (H, W, C) or (C, H, W), C one of 1, 3 and 4
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from genwright.data.pictures import is_picture

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

CHANNELS = (1, 3, 4)
N_SNIFFED = 20  # values that tell whether a column of bytes holds pictures


def is_bytes(kind: "pa.DataType") -> bool:
    """Whether a type holds bytes, in any layout."""
    import pyarrow as pa

    t = pa.types
    return t.is_binary(kind) or t.is_large_binary(kind) or t.is_fixed_size_binary(kind) or t.is_binary_view(kind)


def is_file_with_path(kind: "pa.DataType") -> bool:
    """Whether a type is a struct of a file's bytes and its path."""
    import pyarrow as pa

    if not pa.types.is_struct(kind) or {f.name for f in kind} != {"bytes", "path"}:
        return False
    return is_bytes(kind.field("bytes").type)


def tensor_shape(kind: "pa.DataType") -> tuple[int, int, int] | None:
    """(H, W, C) of a type of arrays that are pictures; None where it is none."""
    import pyarrow as pa

    if not isinstance(kind, pa.FixedShapeTensorType) or kind.value_type != pa.uint8() or _is_permuted(kind):
        return None
    shape = tuple(kind.shape)
    if len(shape) == 2:
        return (*shape, 1)
    if len(shape) != 3:
        return None
    if is_channel_first(kind):
        return (*shape[1:], shape[0])
    return shape if shape[2] in CHANNELS else None


def is_channel_first(kind: "pa.FixedShapeTensorType") -> bool:
    """Whether a type of arrays is (C, H, W)."""
    shape = kind.shape
    return len(shape) == 3 and shape[0] in CHANNELS and shape[2] not in CHANNELS


def is_picture_type(kind: "pa.DataType") -> bool:
    """Whether a column of this type can be one of pictures; of bytes, the values have to be looked at, too."""
    return is_bytes(kind) or is_file_with_path(kind) or tensor_shape(kind) is not None


def holds_files(values: "pa.Array") -> bool:
    """Whether one of the first values of a column of files is a picture, or none of them says that it is not."""
    from itertools import islice

    some = list(islice((data for data, _ in files(values) if data), N_SNIFFED))
    return not some or any(map(is_picture, some))


def files(values: "pa.Array") -> Iterator[tuple[bytes | None, str]]:
    """(content, path or nothing) of each row of a column of files, one at a time."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_struct(values.type):
        yield from ((value.as_py(), "") for value in values)
        return
    contents, paths = pc.struct_field(values, "bytes"), pc.struct_field(values, "path")
    for content, path in zip(contents, paths, strict=True):
        yield content.as_py(), path.as_py() or ""


def missing(values: "pa.Array") -> "pa.BooleanArray":
    """Which rows have no picture (B,)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return (pc.struct_field(values, "bytes") if pa.types.is_struct(values.type) else values).is_null()


def tensors(values: "pa.Array") -> "np.ndarray":
    """A column of arrays as uint8 (B, H, W, C), without copying where it can."""
    import numpy as np

    x = values.to_numpy_ndarray()
    if x.ndim == 3:
        return x[..., None]
    return np.moveaxis(x, 1, -1) if is_channel_first(values.type) else x


def from_tensors(x: "np.ndarray", like: "pa.FixedShapeTensorType") -> "pa.Array":
    """The inverse of `tensors`: uint8 (B, H, W, C) in the layout of a type, whose size may be another one."""
    import numpy as np
    import pyarrow as pa

    if len(like.shape) == 2:
        x = x[..., 0]
    elif is_channel_first(like):
        x = np.moveaxis(x, -1, 1)
    if not len(x):
        return pa.array([], pa.fixed_shape_tensor(pa.uint8(), x.shape[1:], like.dim_names))
    return pa.FixedShapeTensorArray.from_numpy_ndarray(np.ascontiguousarray(x), dim_names=like.dim_names)


def size_text(height: int, width: int) -> str:
    """A picture's size as it is written, the width first.

    >>> size_text(32, 48)
    '48×32'
    """
    return f"{width}×{height}"


def _is_permuted(kind: "pa.FixedShapeTensorType") -> bool:
    return kind.permutation is not None and list(kind.permutation) != sorted(kind.permutation)
