"""Pixels that are not opaque as they look on white paper."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def on_paper(x: "np.ndarray", paper: int = 255) -> "np.ndarray":
    """(…, 4) → (…, 3) uint8: red, green, blue and alpha, 0 … paper, on white, whose value is that of `paper`."""
    colour, alpha = x[..., :3].astype("uint32"), x[..., 3:].astype("uint32")
    return ((colour * alpha + paper * (paper - alpha) + paper // 2) // paper).astype("uint8")
