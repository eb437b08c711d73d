"""Files to be read, made on the spot."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Writes bytes or text into a file of this name."""

    def make(content: bytes | str, name: str = "x.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make
