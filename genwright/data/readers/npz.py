"""`.npz` files: an array of pictures, with labels and other columns in arrays beside it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genwright.core.records import Reader, Records
from genwright.data.npz import npz_records


@dataclass(frozen=True)
class NpzReader(Reader):
    """Reads `.npz` files."""

    part: str | None = None  # train, test or validation, where names speak of them; None: train

    @classmethod
    def accepts(cls, source: Any) -> bool:
        """A path that ends in .npz."""
        return isinstance(source, (str, Path)) and str(source).lower().endswith(".npz")

    def read(self, source: Any) -> Records:
        """Reads the headers and the columns beside the pictures."""
        return npz_records(Path(source), self.part)
