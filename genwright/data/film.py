"""Pictures one after the other: a film that moves (GIF, WebP, MP4), or a strip of all of them (PNG).

The ending of a file says which. Small pictures are enlarged by a whole number, so that they can be looked at. GIF has
256 colours a picture; MP4 is made by ffmpeg, where it is installed.
"""

import io
import math
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from genwright.core.errors import ConfigError, GenwrightError
from genwright.core.files import replace_file
from genwright.data.contact_sheet import GAP, coloured, contact_sheet, enlarged, png
from genwright.data.write import explained

if TYPE_CHECKING:
    import numpy as np

MOVING = (".gif", ".webp", ".mp4")
ENDINGS = (*MOVING, ".png")
SHOWN_SIDE = 224  # pixels that the longer side is enlarged to, about
STRIP_WIDTH, STRIP_SIDE = 1200, 64  # pixels of a strip before its pictures begin a new line, and of each of them
ENCODERS = ("libx264", "mpeg4")  # of ffmpeg, the first that works


def check_film(path: str | Path) -> None:
    """Refuses an ending that `film` does not know, and MP4 where nothing can make it, before any work is done.

    Raises:
        ConfigError: it cannot be written; names what can.
    """
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise ConfigError(f"{path}: a film is {', '.join(MOVING)}, and a strip of all pictures .png; name one of these")
    if ending == ".mp4" and shutil.which("ffmpeg") is None:
        raise ConfigError(f"{path}: .mp4 takes ffmpeg, which is not installed; name a .gif, .webp or .png instead")


def film(pictures: "np.ndarray", ending: str, milliseconds: int = 50) -> bytes:
    """A file of pictures uint8 (N, C, H, W), 0 dark to 255 bright.

    Args:
        pictures: In their order.
        ending: One of `ENDINGS`.
        milliseconds: That each is seen, where they move.

    Raises:
        ConfigError: the ending is unknown.
        GenwrightError: ffmpeg failed.
    """
    check_film(f"film{ending}")
    if ending == ".png":
        return png(_strip(pictures))
    x = coloured(pictures)  # (N, H, W, 3)
    scale = max(1, round(SHOWN_SIDE / max(x.shape[1:3])))
    if ending == ".mp4":
        return _mp4([enlarged(frame, scale + scale % 2) for frame in x], 1000 / milliseconds)
    return _animated([enlarged(frame, scale) for frame in x], ending, milliseconds)


def write_film(pictures: "np.ndarray", path: str | Path, milliseconds: int = 50) -> Path:
    """The file, whole or not at all.

    Raises:
        ConfigError: the ending is unknown, or MP4 cannot be made here.
        DataError: it cannot be written there; says why.
    """
    path = Path(path)
    check_film(path)
    return write_bytes(film(pictures, path.suffix.lower(), milliseconds), path)


def write_bytes(content: bytes, path: str | Path) -> Path:
    """A file with this content, whole or not at all.

    Raises:
        DataError: it cannot be written there; says why.
    """
    path = Path(path)
    try:
        replace_file(path, content)
    except OSError as error:
        raise explained(error, path) from None
    return path


def _strip(pictures: "np.ndarray") -> "np.ndarray":
    """All pictures on as few lines as they fit on, each about as long."""
    n, _, height, width = pictures.shape
    scale = max(1, round(STRIP_SIDE / max(height, width)))
    n_lines = math.ceil(n / max(1, STRIP_WIDTH // (scale * (width + GAP))))
    return contact_sheet(pictures, math.ceil(n / n_lines), scale)


def _animated(frames: "list[np.ndarray]", ending: str, milliseconds: int) -> bytes:
    from PIL import Image

    images, file = [Image.fromarray(frame) for frame in frames], io.BytesIO()
    how = {"save_all": True, "append_images": images[1:], "duration": milliseconds, "loop": 0}
    if ending == ".gif":
        images[0].save(file, "GIF", **how)
    else:
        images[0].save(file, "WEBP", lossless=True, **how)
    return file.getvalue()


def _mp4(frames: "list[np.ndarray]", n_a_second: float) -> bytes:
    height, width = frames[0].shape[:2]
    size = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{n_a_second:g}", "-i", "-"]
    raw, errors = b"".join(frame.tobytes() for frame in frames), ""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "film.mp4"
        for encoder in ENCODERS:
            words = ["ffmpeg", "-v", "error", "-nostdin", "-y", *size, "-c:v", encoder, "-pix_fmt", "yuv420p", str(out)]
            ended = subprocess.run(words, input=raw, capture_output=True, check=False)
            if not ended.returncode and out.exists():
                return out.read_bytes()
            errors = " ".join(ended.stderr.decode(errors="replace").split())[-200:] or "it said nothing"
    raise GenwrightError(f"ffmpeg cannot make the film ({errors}); name a .gif, .webp or .png instead")
