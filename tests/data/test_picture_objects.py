import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

from genwright.core.errors import DataError
from genwright.data.contact_sheet import png
from genwright.data.infer import infer
from genwright.data.picture_objects import as_objects
from genwright.data.read import read

RNG = np.random.default_rng(0)


def _random(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def _column(values: list) -> pa.ChunkedArray:
    records = read(pd.DataFrame({"x": pd.Series(values, dtype=object), "y": range(len(values))}))
    return pa.Table.from_batches(list(records.open()), records.arrow_schema).column("x")


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "HSV"])
def test_images_become_png_files_and_come_back(mode):
    image = Image.fromarray(_random(5, 7, 3)).convert(mode)
    back = as_objects(_column([image, image]))
    assert [b.size for b in back] == [(7, 5)] * 2
    np.testing.assert_array_equal(np.asarray(back[0].convert("RGB")), np.asarray(image.convert("RGB")))


def test_images_from_files_become_what_is_seen_of_them():
    file = io.BytesIO()
    Image.fromarray(_random(30, 20, 3)).save(file, "JPEG")
    image = Image.open(file)
    np.testing.assert_array_equal(np.asarray(as_objects(_column([image]))[0]), np.asarray(image))


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3), (5, 7, 4), (3, 5, 7)])
def test_arrays_of_one_size_stay_arrays(shape):
    arrays = [_random(*shape) for _ in range(4)]
    column = _column(arrays)
    assert column.type == pa.fixed_shape_tensor(pa.uint8(), shape)
    np.testing.assert_array_equal(as_objects(column), arrays)
    assert infer(pd.DataFrame({"x": arrays}))[0]["x"].kind == "image"


def test_arrays_of_several_sizes_become_files():
    arrays = [_random(5, 7, 3), _random(6, 7, 3), _random(3, 8, 7)]
    back = as_objects(_column(arrays))
    for picture, array in zip(back[:2], arrays):
        np.testing.assert_array_equal(np.asarray(picture), array)
    np.testing.assert_array_equal(np.asarray(back[2]), arrays[2].transpose(1, 2, 0))


def test_missing_pictures_stay_missing():
    assert _column([Image.new("L", (2, 2)), None]).null_count == 1
    assert _column([float("nan"), _random(2, 2), None]).null_count == 2


def test_what_is_no_picture_is_named():
    with pytest.raises(DataError, match="row 2, column 'x' holds no picture"):
        _column([Image.new("L", (2, 2)), "a.png"])
    with pytest.raises(DataError, match="row 3, column 'x' holds no picture"):
        _column([_random(2, 2), _random(2, 2), 7])


def test_other_objects_are_read_as_before():
    assert as_objects(_column(["a", "b"])) is None
    assert _column([[1, 2], [3]]).type == pa.list_(pa.int64())
    assert _column([np.array([1.0, 2.0]), np.array([3.0])]).type == pa.list_(pa.float64())


def test_files_come_back_as_images_with_and_without_paths():
    content = png(_random(4, 4))
    paths = pa.chunked_array([pa.array([{"bytes": content, "path": "a"}, {"bytes": None, "path": "b"}])])
    first, second = as_objects(paths)
    assert first.size == (4, 4)
    assert second is None
