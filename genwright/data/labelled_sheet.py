"""Rows of pictures, each row with a word before it, as one sheet."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from genwright.data.contact_sheet import GAP, PAPER, coloured, enlarged

if TYPE_CHECKING:
    import numpy as np

SHOWN_SIDE = 72  # pixels that a picture's longer side is enlarged to, about
FONT, INK, PAD = 13, (26, 29, 35), 6  # height of the letters, their colour, paper beside them
WIDEST = 320  # pixels of words, at most


def labelled_sheet(rows: "Sequence[tuple[str, np.ndarray]]", head: Sequence[str] = ()) -> "np.ndarray":
    """One picture (H', W', 3), uint8.

    Args:
        rows: (word, pictures uint8 (N, C, H, W), 0 dark to 255 bright) each.
        head: Words above the columns.
    """
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    tiles = [coloured(pictures) for _, pictures in rows]  # (N, H, W, 3) each
    h, w = tiles[0].shape[1:3]
    scale = max(1, round(SHOWN_SIDE / max(h, w)))
    gap, h, w = GAP * scale if scale < 4 else 2 * GAP, h * scale, w * scale
    font = ImageFont.load_default(FONT)
    left = PAD + min(WIDEST, max(int(font.getlength(word)) for word, _ in rows)) + PAD if any(r[0] for r in rows) else 0
    top, n_columns = (FONT + PAD if head else 0), max(map(len, tiles))
    size = (left + n_columns * (w + gap) - gap, top + max(len(rows), 1) * (h + gap) - gap)
    sheet = Image.new("RGB", size, (PAPER,) * 3)
    pen = ImageDraw.Draw(sheet)
    for j, word in enumerate(head):
        pen.text((left + j * (w + gap) + w / 2, 1), word, INK, font, anchor="ma")
    for i, ((word, _), row) in enumerate(zip(rows, tiles, strict=True)):
        y = top + i * (h + gap)
        pen.text((PAD, y + h / 2), word, INK, font, anchor="lm")
        pen.rectangle((left - PAD // 2, y, size[0], y + h), (PAPER,) * 3)  # what of a long word stands over
        for j, tile in enumerate(row):
            sheet.paste(Image.fromarray(enlarged(tile, scale)), (left + j * (w + gap), y))
    return np.asarray(sheet)
