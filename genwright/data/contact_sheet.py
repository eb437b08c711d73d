"""Pictures side by side on one sheet, as an array of pixels and as a PNG file.

Pictures come as models have them: codes (N, C, H, W) of one channel (grey), three (red, green, blue) or four (and
alpha: how opaque a pixel is; what is not opaque shows white paper).
"""

import io
import math
from typing import TYPE_CHECKING

from genwright.data.paper import on_paper

if TYPE_CHECKING:
    import numpy as np

NAME = "contact-sheet.png"  # of the sheet in a folder of pictures, which readers pass over
GAP = 2  # pixels of paper between pictures, before they are enlarged
PAPER = 255
WIDEST = 960  # pixels that a sheet is enlarged to, at most
LARGEST_SCALE = 8


def contact_sheet(pictures: "np.ndarray", n_columns: int | None = None, scale: int | None = None) -> "np.ndarray":
    """One picture (H', W', 3) of many, uint8, row by row from the top left.

    Args:
        pictures: uint8 (N, C, H, W), 0 dark to 255 bright; see `bright` for other levels.
        n_columns: Pictures a row; as many as make the sheet about square where it is not given.
        scale: How many pixels wide and high a pixel becomes; by the sheet's size where it is not given.
    """
    import numpy as np

    tiles = coloured(pictures)  # (N, H, W, 3)
    n, h, w, _ = tiles.shape
    n_columns = max(1, min(n_columns or _square(n, h, w), max(n, 1)))
    n_rows = max(1, math.ceil(n / n_columns))
    sheet = np.full((n_rows, h + GAP, n_columns, w + GAP, 3), PAPER, np.uint8)
    for i, tile in enumerate(tiles):
        sheet[i // n_columns, :h, i % n_columns, :w] = tile
    sheet = sheet.reshape(n_rows * (h + GAP), n_columns * (w + GAP), 3)[:-GAP, :-GAP]
    return enlarged(sheet, scale or max(1, min(LARGEST_SCALE, WIDEST // max(sheet.shape[:2]))))


def coloured(pictures: "np.ndarray") -> "np.ndarray":
    """uint8 (N, C, H, W) of one, three or four channels → (N, H, W, 3) as it looks on white paper."""
    import numpy as np

    x = np.moveaxis(pictures, 1, -1)  # (N, H, W, C)
    if x.shape[-1] == 1:
        return np.repeat(x, 3, axis=-1)
    return x if x.shape[-1] == 3 else on_paper(x, PAPER)


def bright(codes: "np.ndarray", n: int) -> "np.ndarray":
    """Codes 0 … n−1 as brightness 0 … 255, uint8."""
    import numpy as np

    return codes if n == 256 else ((codes.astype(np.uint16) * 255 + (n - 1) // 2) // (n - 1)).astype(np.uint8)


def enlarged(pixels: "np.ndarray", scale: int) -> "np.ndarray":
    """(H, W, …) with every pixel `scale` pixels wide and high."""
    return pixels if scale == 1 else pixels.repeat(scale, 0).repeat(scale, 1)


def png(pixels: "np.ndarray") -> bytes:
    """A PNG file of uint8 (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)."""
    import numpy as np
    from PIL import Image

    file = io.BytesIO()
    flat = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels
    Image.fromarray(np.ascontiguousarray(flat)).save(file, "PNG")
    return file.getvalue()


def _square(n: int, h: int, w: int) -> int:
    """Columns that make the sheet of n pictures about as wide as high."""
    return round(math.sqrt(n * (h + GAP) / (w + GAP))) or 1
