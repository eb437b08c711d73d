"""Pictures as text that a page or a line of a log can hold: `data:image/png;base64,…`."""

import base64
import io
import math
import re
from typing import TYPE_CHECKING

from genwright.data.contact_sheet import contact_sheet, png

if TYPE_CHECKING:
    import numpy as np

SMALL_SIDE = 48  # pixels of a picture's longer side on a small sheet
MOST_BYTES = 7_000  # of a small sheet, before it becomes text
LONGEST = 20_000  # characters of a text that is taken for such a picture
_PICTURE = re.compile(r"data:image/(?:png|jpeg);base64,[A-Za-z0-9+/]+={0,2}")


def data_uri(content: bytes, kind: str = "png") -> str:
    """A file as text."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def is_data_uri(text: object) -> bool:
    """Whether a text is a picture, and nothing else."""
    return isinstance(text, str) and len(text) <= LONGEST and _PICTURE.fullmatch(text) is not None


def small_sheet(pictures: "np.ndarray", n_columns: int | None = None) -> str:
    """Some pictures uint8 (N, C, H, W), 0 dark to 255 bright, on one sheet of at most `MOST_BYTES`, as text.

    Large pictures are shrunk; a sheet that is still too large as PNG becomes a JPEG, of less and less quality.
    """
    import numpy as np
    from PIL import Image

    sheet = Image.fromarray(contact_sheet(pictures, n_columns, scale=1))
    factor = math.ceil(max(pictures.shape[2:]) / SMALL_SIDE)
    while True:
        small = sheet.reduce(factor) if factor > 1 else sheet
        content = png(np.asarray(small))
        if len(content) <= MOST_BYTES:
            return data_uri(content)
        for quality in (75, 50, 30):
            file = io.BytesIO()
            small.save(file, "JPEG", quality=quality)
            if len(file.getvalue()) <= MOST_BYTES:
                return data_uri(file.getvalue(), "jpeg")
        factor += 1
