"""Pictures are decoded as their formats say, and nothing that a file holds does harm."""

import io
import random
import subprocess
import sys
import warnings

import numpy as np
import pytest
from PIL import Image, ImageOps

from genwright.core.errors import DataError
from genwright.data.pictures import MAX_PIXELS, about, decoded, header
from tests.data.picture_files import PEAK, TEXT_BOMB, encoded, pixels, png


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "WEBP"])
@pytest.mark.parametrize("shape", [(5, 7, 3), (1, 1, 3), (1, 9, 3)])
def test_lossless_formats_give_the_pixels_back(form: str, shape: tuple[int, ...]) -> None:
    x = pixels(*shape)
    data = encoded(x, form, **({"lossless": True} if form == "WEBP" else {}))
    assert np.array_equal(decoded(data, "x"), x)
    assert header(data, "x") == shape


def test_grey_has_one_channel() -> None:
    x = pixels(5, 7)
    for form in ("PNG", "GIF", "BMP", "TIFF"):
        assert np.array_equal(decoded(encoded(x, form), "x").reshape(5, 7, -1)[..., 0], x)
    assert header(encoded(x), "x") == (5, 7, 1)
    assert np.abs(decoded(encoded(np.full((8, 8), 77, np.uint8), "JPEG"), "x").astype(int) - 77).max() <= 1


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_pictures_are_turned_upright(form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(pixels(6, 4, 3), form, exif=exif, **({"lossless": True} if form == "WEBP" else {}))
    found = decoded(data, "x")
    assert np.array_equal(found, np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data)))))
    assert header(data, "x") == found.shape == ((4, 6, 3) if orientation > 4 else (6, 4, 3))


def test_orientation_in_damaged_exif_counts_as_upright() -> None:
    data = encoded(pixels(6, 4, 3), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + bytes(30))
    assert decoded(data, "x").shape == (6, 4, 3)


def test_palettes_are_their_colours() -> None:
    codes = np.array([[0, 1], [2, 1]], np.uint8)
    colours = np.array([[255, 0, 0], [0, 255, 0], [9, 8, 7]], np.uint8)
    image = Image.frombytes("P", (2, 2), codes.tobytes())
    image.putpalette(colours.tobytes())
    assert np.array_equal(decoded(encoded(image), "x"), colours[codes])
    transparent = decoded(encoded(image, transparency=1), "x")
    assert np.array_equal(transparent[..., 3], np.where(codes == 1, 0, 255))
    assert np.array_equal(transparent[..., :3], colours[codes])
    assert header(encoded(image, transparency=1), "x") == (2, 2, 4)


def test_transparency_is_a_fourth_channel_unless_all_is_opaque() -> None:
    x = pixels(4, 5, 4)
    x[0, 0, 3] = 3
    assert np.array_equal(decoded(encoded(x), "x"), x)
    x[..., 3] = 255
    assert np.array_equal(decoded(encoded(x), "x"), x[..., :3])
    grey = Image.merge("LA", [Image.fromarray(x[..., i].copy()) for i in (0, 3)])
    assert np.array_equal(decoded(encoded(grey), "x"), x[..., 0])
    x[1, 2, 3] = 0
    grey = Image.merge("LA", [Image.fromarray(x[..., i].copy()) for i in (0, 3)])
    assert np.array_equal(decoded(encoded(grey), "x"), x[..., [0, 0, 0, 3]])


def test_sixteen_bits_are_scaled_to_eight() -> None:
    x = np.array([[0, 128, 129, 257], [32_767, 65_407, 65_408, 65_535]], np.uint16)
    expected = np.round(x / 257).astype(np.uint8)
    for form in ("PNG", "TIFF"):
        assert np.array_equal(decoded(encoded(x, form), "x"), expected)
        assert header(encoded(x, form), "x") == (2, 4, 1)
    with pytest.raises(
        DataError, match="x cannot be used: its pixels have more than 16 bits; save it with 8 or 16 bits"
    ):
        decoded(encoded(x.astype(np.int32) * 9, "TIFF"), "x")
    with pytest.raises(DataError, match="x cannot be used: its pixels are fractions; save it"):
        decoded(encoded(x.astype(np.float32), "TIFF"), "x")


def test_cmyk_and_one_bit() -> None:
    ink = Image.merge("CMYK", [Image.new("L", (3, 2), v) for v in (0, 255, 255, 0)])
    assert np.array_equal(decoded(encoded(ink, "TIFF"), "x"), np.broadcast_to([255, 0, 0], (2, 3, 3)))
    assert np.abs(decoded(encoded(ink, "JPEG"), "x").astype(int) - [255, 0, 0]).max() <= 2
    bits = np.array([[True, False, True]])
    assert np.array_equal(decoded(encoded(Image.fromarray(bits)), "x"), bits * 255)


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_animated_pictures_the_first_is_taken(form: str) -> None:
    frames = [Image.new("RGB", (4, 3), colour) for colour in ((255, 0, 0), (0, 0, 255), (0, 255, 0))]
    data = encoded(
        frames[0], form, save_all=True, append_images=frames[1:], **({"lossless": True} if form == "WEBP" else {})
    )
    assert np.array_equal(decoded(data, "x"), np.asarray(frames[0]))
    assert about(data, "x").is_animated
    assert not about(encoded(frames[0], form), "x").is_animated


def test_large_pictures_are_shrunk_on_the_way() -> None:
    x = np.repeat(np.repeat(pixels(8, 8, 3), 32, 0), 32, 1)  # (256, 256, 3) of squares
    exact = decoded(encoded(x), "x", at_least=(4, 4))
    assert np.array_equal(exact, x[::32, ::32])
    assert decoded(encoded(x, "JPEG"), "x", at_least=(20, 20)).shape == (64, 64, 3)
    assert decoded(encoded(x), "x", at_least=(200, 1)).shape == x.shape
    for form in ("JPEG", "PNG", "TIFF"):
        exif = Image.Exif()
        exif[0x0112] = 6
        on_its_side = encoded(x[:, :128], form, exif=exif)  # 256 high, 128 wide; upright 128 high, 256 wide
        assert decoded(on_its_side, "x", at_least=(16, 32)).shape == (32, 64, 3)
    clear = np.zeros((8, 8, 4), np.uint8)
    clear[:, ::2] = (200, 100, 50, 255)
    assert np.abs(decoded(encoded(clear), "x", at_least=(1, 1)).astype(int) - [200, 100, 50, 128]).max() <= 1


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_truncated_files_are_told(form: str) -> None:
    data = encoded(pixels(64, 64, 3), form)
    for share in (0.1, 0.5, 0.9):
        with pytest.raises(DataError, match=r"a\.png is (damaged|no picture).*(remove it|copy it again)"):
            decoded(data[: int(share * len(data))], "a.png")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"a\.png is empty \(0 bytes\); copy it again or remove it"),
        (b"hello", "no picture that can be read: expected PNG"),
        (b"\0\0\0\x18ftypheic" + bytes(20), "it is HEIC, AVIF or a film; save it as PNG"),
        (b"<svg xmlns='x'/>", "SVG or XML"),
        (b"<!DOCTYPE html><html>", "a web page, as failed downloads are"),
        (b"\x89PNG\r\n\x1a\n", "is (damaged|no picture)"),
        (b"\xff\xd8\xff\xe0", "header is damaged; copy it again"),
        (png(20_000, 20_000), "more than 50,000,000"),
        (png(8_000, 8_000), "has 8,000 × 8,000 pixels, more than 50,000,000 in all; make it smaller"),
        (png(12_000, 12_000), "has 12,000 × 12,000 pixels"),
        (png(2**31 - 1, 2**31 - 1), "more than 50,000,000"),
        (png(0, 5), r"a\.png"),
        (png(10, 10, TEXT_BOMB), r"damaged: Decompressed data too large"),
    ],
)
def test_what_is_no_picture_is_told(data: bytes, message: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for work in (header, decoded):
            with pytest.raises(DataError, match=message):
                work(data, "a.png")


def test_as_many_pixels_as_are_allowed_pass() -> None:
    assert header(png(MAX_PIXELS // 1_000, 1_000), "x") == (1_000, MAX_PIXELS // 1_000, 1)
    with pytest.raises(DataError, match="x has 1 × 65,536 pixels, more than 65,535 on a side"):
        header(png(1, 65_536), "x")


def test_damaged_bytes_never_raise_anything_else() -> None:
    chance = random.Random(0)
    whole = [encoded(pixels(16, 16, 3), form) for form in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")]
    n_told = 0
    for i in range(600):
        data = bytearray(whole[i % len(whole)])
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            assert decoded(bytes(data), "x").dtype == np.uint8
        except DataError as error:
            n_told += str(error).startswith("x ")
    assert n_told > 50


def test_strips_of_large_pictures_fit_together() -> None:
    x = pixels(1_030, 1_100, 1)[..., 0]
    x[:-1] //= 2
    assert np.array_equal(decoded(encoded(x), "x"), x)
    clear = np.full((1_030, 1_100, 4), 255, np.uint8)
    clear[-1, -1] = (9, 9, 9, 0)  # in the last strip alone
    assert np.array_equal(decoded(encoded(clear), "x"), clear)
    codes = x.astype(np.uint16) * 256
    assert np.array_equal(decoded(encoded(codes), "x"), np.round(codes / 257).astype(np.uint8))
    shrunk = decoded(encoded(x), "x", at_least=(100, 100))  # by 5
    assert np.abs(shrunk - x.reshape(206, 5, 220, 5).mean((1, 3))).max() <= 0.6


def test_webp_has_a_limit_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(pixels(10, 10, 3), "WEBP")
    monkeypatch.setattr("genwright.data.pictures.MAX_WEBP_PIXELS", 99)
    with pytest.raises(DataError, match="has 10 × 10 pixels, more than 99"):
        header(data, "x")


def test_what_decoders_hold_twice_has_a_lower_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genwright.data.pictures.MAX_TWICE_PIXELS", 99)
    x = pixels(100, 100, 3)
    strips = {"compression": "tiff_lzw", "strip_size": 3_000}
    for data in (encoded(x, "JPEG", progressive=True), encoded(x, "TIFF", compression="tiff_lzw")):
        with pytest.raises(DataError, match="has 100 × 100 pixels, more than 99"):
            header(data, "x")
    whole = encoded(x, "JPEG")
    assert {header(data, "x") for data in (whole, encoded(x, "TIFF", **strips))} == {(100, 100, 3)}
    at = whole.index(b"\xff\xda") + 4  # how many layers the first scan has
    with pytest.raises(DataError, match="more than 99"):
        header(whole[:at] + b"\x01" + whole[at + 1 :], "x")


LARGE = f"""{PEAK}
import sys
import numpy, PIL.Image, PIL.PngImagePlugin
from genwright.data.pictures import decoded
data = sys.stdin.buffer.read()
before = peak()
decoded(data, "x", at_least=(1, 1))
print(peak() - before)
"""


def test_a_large_picture_takes_little_more_than_its_pixels() -> None:
    data = encoded(np.zeros((5_000, 5_000, 3), np.uint8))
    found = subprocess.run([sys.executable, "-c", LARGE], input=data, capture_output=True, check=True)
    assert 95 < int(found.stdout) < 130  # MB; Pillow has 100, four bytes a pixel


def test_headers_are_told_without_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [encoded(pixels(9, 8, 3), form) for form in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")]
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda _: pytest.fail("a picture was decoded"))
    assert all(header(data, "x") == (9, 8, 3) for data in files)
