"""Files of pictures, made on the spot."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

RNG = np.random.default_rng(0)


def pixels(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape or (8, 6, 3), dtype=np.uint8)


def encoded(x: np.ndarray | Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    (x if isinstance(x, Image.Image) else Image.fromarray(x)).save(buffer, form, **options)
    return buffer.getvalue()


def put(path: Path, data: bytes | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(pixels()) if data is None else data)
    return path


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *before: bytes) -> bytes:
    """A PNG of one black row that announces any size, with chunks before its pixels."""
    size = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(min(width, 100) + 1)))
    return b"\x89PNG\r\n\x1a\n" + size + b"".join(before) + body + chunk(b"IEND", b"")


TEXT_BOMB = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(20_000_000)))

PEAK = """
def peak():  # MB that this program took at most; rusage also counts what started it
    return next(int(x.split()[1]) for x in open("/proc/self/status") if x.startswith("VmHWM")) // 1024
"""
