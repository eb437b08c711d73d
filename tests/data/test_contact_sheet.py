import io

import numpy as np
from PIL import Image

from genwright.data.contact_sheet import bright, coloured, contact_sheet, png

RNG = np.random.default_rng(0)


def test_every_picture_stands_in_its_place() -> None:
    pictures = RNG.integers(0, 255, (5, 3, 4, 6), dtype=np.uint8)
    sheet = contact_sheet(pictures, n_columns=2, scale=3)
    assert sheet.shape == ((3 * 6 - 2) * 3, (2 * 8 - 2) * 3, 3)
    small = sheet[::3, ::3]
    for i, picture in enumerate(pictures):
        row, column = divmod(i, 2)
        np.testing.assert_array_equal(
            small[row * 6 : row * 6 + 4, column * 8 : column * 8 + 6], picture.transpose(1, 2, 0)
        )
    assert (small[12:, 8:] == 255).all(), "the sixth place is paper"
    assert (sheet.reshape(small.shape[0], 3, small.shape[1], 3, 3) == small[:, None, :, None]).all()


def test_a_sheet_is_about_square_and_not_too_large() -> None:
    sheet = contact_sheet(np.zeros((64, 1, 28, 28), np.uint8))
    assert sheet.shape == (8 * 30 * 4 - 8, 8 * 30 * 4 - 8, 3)
    assert contact_sheet(np.zeros((1, 1, 1, 1), np.uint8)).shape == (8, 8, 3)
    assert contact_sheet(np.zeros((0, 1, 5, 5), np.uint8), scale=1).shape == (5, 5, 3)


def test_what_is_not_opaque_shows_paper() -> None:
    rgba = np.array([10, 200, 90, 0], np.uint8).reshape(1, 4, 1, 1)
    assert coloured(rgba).tolist() == [[[[255, 255, 255]]]]
    rgba[0, 3] = 255
    assert coloured(rgba).tolist() == [[[[10, 200, 90]]]]


def test_levels_become_brightness() -> None:
    assert bright(np.arange(17, dtype=np.uint8), 17)[[0, 8, 16]].tolist() == [0, 128, 255]
    assert bright(np.array([0, 1], np.uint8), 2).tolist() == [0, 255]
    assert (bright(np.arange(256, dtype=np.uint8), 256) == np.arange(256)).all()


def test_a_png_holds_the_pixels() -> None:
    for shape in ((3, 5), (3, 5, 1), (3, 5, 3), (3, 5, 4)):
        pixels = RNG.integers(0, 256, shape, dtype=np.uint8)
        with Image.open(io.BytesIO(png(pixels))) as back:
            np.testing.assert_array_equal(np.asarray(back), pixels.reshape(np.asarray(back).shape))
