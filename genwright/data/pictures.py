"""Pictures in files, decoded safely whoever wrote them.

PNG, JPEG, WebP, GIF, BMP and TIFF are read, told by their content, whatever a file is called. What comes out is uint8:
(H, W) of grey, (H, W, 3) of colours, (H, W, 4) with transparency.

- Turned by the camera (EXIF orientation): turned upright.
- Palettes: their colours. CMYK and YCbCr: RGB by the plain formula; colour profiles are not applied.
- 16 bits: scaled to 8. One bit: black and white as grey.
- Transparency: a fourth channel, unless every pixel is opaque; grey with transparency becomes RGBA.
- Animated, or of several pages: the first one.

A file is refused, before anything is decoded, whose header announces more than 50 million pixels or a side of more than
65,535, and one with bombs in its text chunks (Pillow's limits: a chunk of 1 MB, 64 MB of them). WebP may have 18
million pixels, as its decoder takes 15 bytes each; JPEG of several scans, as progressive ones are, and TIFF of a single
strip 30 million, as all of it is there twice while it is decoded.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genwright.core.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
MAX_PIXELS, MAX_BYTES = 50_000_000, 200_000_000  # of one picture: when decoded, as a file
MAX_WEBP_PIXELS, MAX_TWICE_PIXELS = 18_000_000, 30_000_000  # WebP; what is there twice while it is decoded
MAX_SIDE = 65_535  # pixels; rows of one pixel take many bytes each
ORIENTATION, ROWS_PER_STRIP = 0x0112, 0x0116  # tags of EXIF and TIFF
STRIP = 1 << 20  # pixels that are converted at once
GREY = ("1", "L", "LA", "La")
EXPECTED = "PNG, JPEG, WebP, GIF, BMP or TIFF"
_MARKS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


class _DepthError(ValueError):
    """Pixels that 8 bits do not hold."""


@dataclass(frozen=True)
class About:
    """What a picture's header says.

    Args:
        height: In pixels, turned upright.
        width: In pixels, turned upright.
        channels: 1, 3 or 4; 4 is the most that decoding gives, as pixels may all be opaque.
        is_animated: There are more pictures in it than the first.
    """

    height: int
    width: int
    channels: int
    is_animated: bool


def is_picture(data: bytes) -> bool:
    """Whether a file begins as a picture does; its rest may be damaged."""
    return data[:8].startswith(_MARKS) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def header(data: bytes, name: str) -> tuple[int, int, int]:
    """Height, width and channels, without decoding any pixel; see `About`.

    Args:
        data: The file.
        name: What a message calls it.

    Raises:
        DataError: it is no picture, or too large.
    """
    with _opened(data, name) as image:
        return (*_upright(image), _channels(image))


def about(data: bytes, name: str) -> About:
    """What the header says, as `header`, and whether the picture is animated."""
    with _opened(data, name) as image:
        is_animated = image.format != "MPO" and bool(getattr(image, "is_animated", False))
        return About(*_upright(image), _channels(image), is_animated)


def decoded(data: bytes, name: str, at_least: tuple[int, int] | None = None) -> "np.ndarray":
    """The picture's pixels.

    Args:
        data: The file.
        name: What a message calls it.
        at_least: Height and width that it will be shrunk to: a much larger one is shrunk on the way by a whole number,
            to no less than twice these, so that it takes little memory and time.

    Raises:
        DataError: it is no picture, damaged or too large; names the file and says what to do.
    """
    with _opened(data, name) as image:
        turn = 1 if image.format == "TIFF" else _orientation(image)  # Pillow turns TIFF itself
        least = None if at_least is None else (2 * at_least[0], 2 * at_least[1])
        if least is not None and image.format in ("JPEG", "MPO"):
            image.draft(None, least if turn > 4 else least[::-1])
        image.load()
        height, width = (least[::-1] if turn > 4 else least) if least else (0, 0)
        factor = min(image.height // height, image.width // width, STRIP // image.width) if height and width else 1
        return _turned(_pixels(image, max(factor, 1)), turn)  # (H, W) or (H, W, C) uint8


@contextmanager
def _opened(data: bytes, name: str) -> "Iterator[Image]":
    """The picture with its header read; whatever goes wrong with it inside becomes a DataError."""
    from io import BytesIO

    from PIL import Image

    if not data:
        raise DataError(f"{name} is empty (0 bytes); copy it again or remove it")
    if len(data) > MAX_BYTES:
        raise DataError(f"{name} has {len(data):,} bytes, more than {MAX_BYTES:,}; make it smaller")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata; what matters raises
            with Image.open(BytesIO(data), formats=FORMATS) as image:
                _check_size(image, data, name)
                yield image
    except DataError:
        raise
    except _DepthError as error:
        raise DataError(f"{name} cannot be used: {error}; save it with 8 or 16 bits") from None
    except Image.DecompressionBombError:
        raise DataError(f"{name} has more than {MAX_PIXELS:,} pixels; make it smaller") from None
    except Image.UnidentifiedImageError:
        raise DataError(f"{name} is no picture that can be read: {_guess(data)}") from None
    except MemoryError:
        raise DataError(f"{name} does not fit into memory; make it smaller") from None
    except Exception as error:  # decoders of hostile bytes raise whatever there is
        raise DataError(f"{name} is damaged: {_one_line(error)}; copy it again or remove it") from None


def _check_size(image: "Image", data: bytes, name: str) -> None:
    height, width, most = image.height, image.width, _most_pixels(image, data)
    if height * width > most:
        raise DataError(f"{name} has {width:,} × {height:,} pixels, more than {most:,} in all; make it smaller")
    if max(height, width) > MAX_SIDE:
        raise DataError(
            f"{name} has {width:,} × {height:,} pixels, more than {MAX_SIDE:,} on a side; cut it into parts"
        )
    if height < 1 or width < 1:
        raise DataError(f"{name} has {width} × {height} pixels; remove it")


def _most_pixels(image: "Image", data: bytes) -> int:
    """How many pixels a picture may have, by the memory that its decoder takes."""
    if image.format == "WEBP":
        return MAX_WEBP_PIXELS
    tags = getattr(image, "tag_v2", {})
    is_one_strip = tags and tags.get(ROWS_PER_STRIP, image.height) >= image.height
    is_twice = "progressive" in image.info or is_one_strip or _has_scans(data, getattr(image, "layers", 0))
    return MAX_TWICE_PIXELS if is_twice else MAX_PIXELS


def _has_scans(data: bytes, n_layers: int) -> bool:
    """Whether the first scan of a JPEG has some of its layers only, so that all of it is kept until the last."""
    at = 2
    while at + 4 < len(data) and data[at] == 0xFF:
        if data[at + 1] == 0xDA:  # start of scan
            return data[at + 4] < n_layers
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:200]}…"


def _guess(data: bytes) -> str:
    """What bytes that are no picture may be, and what to do."""
    start = data[:64].lstrip().lower()
    if data[4:8] == b"ftyp":
        return f"it is HEIC, AVIF or a film; save it as {EXPECTED}"
    if start.startswith((b"<svg", b"<?xml")):
        return f"it is SVG or XML, which has no pixels; save it as {EXPECTED}"
    if start.startswith((b"<!doctype", b"<html")):
        return "it is a web page, as failed downloads are; download it again or remove it"
    if is_picture(data):
        return "its header is damaged; copy it again or remove it"
    return f"expected {EXPECTED}; convert it or remove it"


def _orientation(image: "Image") -> int:
    """How the camera was held, 1 … 8 as in EXIF; what cannot be read counts as upright.

    Of a PNG only EXIF before its pixels counts, as Pillow decodes all of them to look for more.
    """
    if image.format == "PNG" and "exif" not in image.info:
        return 1
    try:
        found = image.getexif().get(ORIENTATION, 1)
    except Exception:  # EXIF written by anyone
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _upright(image: "Image") -> tuple[int, int]:
    """Height and width after turning; Pillow tells those of TIFF turned already."""
    is_on_its_side = image.format != "TIFF" and _orientation(image) > 4
    return (image.width, image.height) if is_on_its_side else (image.height, image.width)


def _turned(x: "np.ndarray", orientation: int) -> "np.ndarray":
    """Pixels (H, W, …) upright; 5 … 8 are 1 … 4 of the transposed picture, in another order."""
    import numpy as np

    if orientation > 4:
        x, orientation = x.swapaxes(0, 1), {5: 1, 6: 2, 7: 3, 8: 4}[orientation]
    ways = {2: x[:, ::-1], 3: x[::-1, ::-1], 4: x[::-1]}
    return np.ascontiguousarray(ways.get(orientation, x))


def _channels(image: "Image") -> int:
    if image.has_transparency_data and not image.mode.startswith("I"):
        return 4
    return 1 if image.mode in GREY or image.mode.startswith(("I", "F")) else 3


def _pixels(image: "Image", factor: int) -> "np.ndarray":
    """The picture in 8 bits, each side shrunk by a whole number; strip by strip, as copies of a large one are large."""
    import numpy as np

    rows = factor * max(1, STRIP // (image.width * factor))  # of a strip
    out, is_opaque = np.empty(0, np.uint8), True
    for top in range(0, image.height, rows):
        strip = _eight_bit(image.crop((0, top, image.width, min(top + rows, image.height))))
        is_opaque &= not strip.mode.endswith("A") or strip.getchannel("A").getextrema() == (255, 255)
        x = np.asarray(_shrunk(strip, factor))  # (rows, W) or (rows, W, C)
        if not top:
            out = np.empty((-(-image.height // factor), *x.shape[1:]), np.uint8)
        out[top // factor :][: len(x)] = x
    return _without_alpha(out, is_opaque)


def _without_alpha(x: "np.ndarray", is_opaque: bool) -> "np.ndarray":
    """Without the channel of transparency where all is opaque; else grey in three channels before it."""
    if x.ndim == 2 or x.shape[2] == 3:
        return x
    if is_opaque:
        return x[..., 0] if x.shape[2] == 2 else x[..., :3]
    return x[..., [0, 0, 0, 1]] if x.shape[2] == 2 else x


def _eight_bit(image: "Image") -> "Image":
    """The picture in mode L, LA, RGB or RGBA."""
    if image.mode.startswith("I"):
        return _of_16_bits(image)
    if image.mode == "F":
        raise _DepthError("its pixels are fractions")
    mode = ("L" if image.mode in GREY else "RGB") + ("A" if image.has_transparency_data else "")
    return image if image.mode == mode else image.convert(mode)


def _of_16_bits(image: "Image") -> "Image":
    """Grey of 16 bits as mode L: code 65,535 → 255."""
    import numpy as np
    from PIL import Image

    codes: Any = np.asarray(image)  # (H, W) uint16, or int32 of the mode I
    if codes.min() < 0 or codes.max() > 65_535:
        raise _DepthError("its pixels have more than 16 bits")
    return Image.fromarray(((codes.astype(np.int32) + 128) // 257).astype(np.uint8))


def _shrunk(image: "Image", factor: int) -> "Image":
    """Means of squares of pixels; colours weighted by how opaque they are."""
    if factor == 1:
        return image
    if not image.mode.endswith("A"):
        return image.reduce(factor)
    return image.convert("RGBA").convert("RGBa").reduce(factor).convert("RGBA")
