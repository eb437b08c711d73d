"""Pixels brought to one size and number of channels: uint8 (…, H, W, C), C one of 1 grey, 3 colours, 4 with alpha."""

import numpy as np
from PIL import Image

from genwright.data.paper import on_paper

LUMA = np.array([299, 587, 114], np.uint32)  # of red, green and blue in grey, in thousandths (ITU-R BT.601)


def in_channels(x: np.ndarray, n: int, paper: int = 255) -> np.ndarray:
    """Pixels (…, C) in n channels: transparent ones lie on white paper, colours become grey by their brightness."""
    if x.shape[-1] == n:
        return x
    if x.shape[-1] == 4:
        x = on_paper(x, paper)
    if n == 1:
        return x if x.shape[-1] == 1 else ((x @ LUMA + 500) // 1000).astype(np.uint8)[..., None]
    x = np.repeat(x, 3, axis=-1) if x.shape[-1] == 1 else x
    return x if n == 3 else np.concatenate([x, np.full_like(x[..., :1], paper)], axis=-1)


def is_coloured(x: np.ndarray) -> bool:
    """Whether pixels (…, C), as they look on white paper, are not all grey."""
    if x.shape[-1] == 1:
        return False
    x = on_paper(x) if x.shape[-1] == 4 else x
    return bool((x != x[..., :1]).any())


def without_hidden(x: np.ndarray) -> np.ndarray:
    """Pixels (…, 4) whose colour is white where nothing of it is seen."""
    return np.where(x[..., 3:] == 0, np.array([255, 255, 255, 0], np.uint8), x)


def of_size(x: np.ndarray, height: int, width: int, fit: str = "crop", paper: int = 255) -> np.ndarray:
    """A picture (H, W, C) scaled to another size, its proportions kept.

    Args:
        x: The picture.
        height: Wanted.
        width: Wanted.
        fit: "crop": what stands over is cut off at both sides alike; "pad": there is white paper around it.
        paper: The value of white.
    """
    if x.shape[:2] == (height, width):
        return x
    image = Image.fromarray(x[..., 0] if x.shape[-1] == 1 else np.ascontiguousarray(x))
    if fit == "crop":
        scaled = image.resize((width, height), Image.Resampling.LANCZOS, box=_crop(image.size, width, height))
        return _array(scaled)
    ratio = min(height / image.height, width / image.width)
    h, w = (max(1, min(most, round(ratio * side))) for most, side in ((height, image.height), (width, image.width)))
    out = np.full((height, width, x.shape[-1]), paper, np.uint8)  # (H, W, C)
    out[..., 3:] = 0
    top, left = (height - h) // 2, (width - w) // 2
    out[top : top + h, left : left + w] = _array(image.resize((w, h), Image.Resampling.LANCZOS))
    return out


def _crop(size: tuple[int, int], width: int, height: int) -> tuple[float, float, float, float]:
    """The part of a picture of this size (W, H) that has the wanted proportions, from its middle."""
    ratio = min(size[0] / width, size[1] / height)
    w, h = min(size[0], ratio * width), min(size[1], ratio * height)
    left, top = (size[0] - w) / 2, (size[1] - h) / 2
    return left, top, left + w, top + h


def _array(image: Image.Image) -> np.ndarray:
    x = np.asarray(image)
    return x[..., None] if x.ndim == 2 else x
