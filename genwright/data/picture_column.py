"""What one pass learns of a column of pictures, from the headers of files: sizes, channels, how many are different."""

import hashlib
from collections import Counter as Tally
from typing import TYPE_CHECKING

from genwright.core.errors import DataError
from genwright.data.observe import TypedColumn
from genwright.data.picture_types import files, size_text, tensor_shape, tensors
from genwright.data.pictures import header

if TYPE_CHECKING:
    import pyarrow as pa

WORDS = {1: "grey", 3: "colour", 4: "transparent"}


class PictureColumn(TypedColumn):
    """Facts about a column of pictures."""

    def __init__(self, limit: int):
        super().__init__(limit)
        self.sizes: Tally[tuple[int, int]] = Tally()  # (height, width) → pictures
        self.channels: Tally[int] = Tally()

    def add(self, column: "pa.Array", first_row: int) -> None:
        """Takes in one batch.

        Raises:
            DataError: a file is no picture; names the row.
        """
        import pyarrow as pa

        self.n += len(column)
        n_known = sum(self.sizes.values())
        hashes = self._of_arrays(column) if tensor_shape(column.type) is not None else self._of_files(column, first_row)
        self.n_missing += len(column) - (sum(self.sizes.values()) - n_known)
        counted = pa.array(hashes, pa.int64()).value_counts()
        self.counter.add(counted.field("values"), counted.field("counts"))

    def told(self) -> str:
        """Sizes and channels in a few words."""
        channels = " and ".join(WORDS[n] for n in sorted(self.channels))
        sizes = sorted(self.sizes)
        if len(sizes) == 1:
            return f"{channels} pictures, {size_text(*sizes[0])}"
        low, high = (tuple(end(size[side] for size in sizes) for side in (0, 1)) for end in (min, max))
        return f"{channels} pictures of {len(sizes):,} sizes, {size_text(*low)} to {size_text(*high)}"

    def top(self, n: int) -> tuple[tuple[str, int], ...]:
        """The most frequent sizes, and how many pictures have them."""
        ordered = sorted(self.sizes.items(), key=lambda item: (-item[1], item[0]))
        return tuple((size_text(*size), count) for size, count in ordered[:n])

    def _of_arrays(self, column: "pa.Array") -> list[int]:
        known = column.drop_null()
        height, width, channels = tensor_shape(column.type) or (0, 0, 0)
        if len(known):
            self.sizes[height, width] += len(known)
            self.channels[channels] += len(known)
        return [_hash(picture.tobytes()) for picture in tensors(known)]

    def _of_files(self, column: "pa.Array", first_row: int) -> list[int]:
        hashes = []
        for i, (content, path) in enumerate(files(column), first_row + 1):
            if content is None:
                continue
            try:
                height, width, channels = header(content, path or "its picture")
            except DataError as error:
                raise DataError(f"row {i}: {error}") from None
            self.sizes[height, width] += 1
            self.channels[channels] += 1
            hashes.append(_hash(content))
        return hashes


def _hash(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little", signed=True)
