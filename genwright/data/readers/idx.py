"""IDX files, as MNIST and Fashion-MNIST have them: pictures, and their labels beside; or a folder of such files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genwright.core.errors import ConfigError, DataError
from genwright.core.records import Reader, Records
from genwright.data.idx import idx_records, images_in, is_idx_name


@dataclass(frozen=True)
class IdxReader(Reader):
    """Reads IDX."""

    part: str | None = None  # of a folder: train or test; None: train

    @classmethod
    def accepts(cls, source: Any) -> bool:
        """A path that ends like `idx3-ubyte` or `idx3-ubyte.gz`, or a folder with such files in it."""
        if not isinstance(source, (str, Path)):
            return False
        path = Path(source)
        return any(is_idx_name(p.name) for p in path.iterdir()) if path.is_dir() else is_idx_name(path.name)

    def read(self, source: Any) -> Records:
        """Reads the headers and the labels."""
        path = Path(source)
        if not path.is_dir():
            if self.part is not None:
                raise ConfigError(f"part is for a folder; {path} is one file")
            return idx_records(path)
        images = images_in(path, self.part)
        if images is None:
            raise DataError(f"{path} has IDX files, and none of pictures; expected train-images-idx3-ubyte")
        return idx_records(images)
