"""Pictures ↔ codes of their pixels, all of one size: uint8 (C, H, W), 0 dark to n−1 bright.

Size: pictures that are all of one size, at most 96 pixels high and wide, keep it. Otherwise the median height and width
are taken, shrunk until the longer is at most 64, and rounded to multiples of 4. A picture of other proportions is
scaled until it covers that size, and what stands over is cut off at both sides alike (`fit="pad"`: it is scaled until
it fits in, and has white paper around it). Scaling is Lanczos' filter, which averages where pictures shrink.

Channels: grey (1) where no picture has colours, whatever kind of file it came in; else red, green, blue (3).
Transparent pixels lie on white paper; `channels=4` keeps how opaque they are. Arrays keep the channels they have.

Levels: 256. Arrays that never exceed a value below 32 have one level a value (digits of 0 … 16 have 17). Fewer levels
are what values are rounded to: with `levels=2` pixels become black or white, whichever is nearer.

What comes back are PNG files where files came in, and arrays where arrays did. As tokens, pixels are read row by row
from the top left, the channels of a pixel behind each other.

Sizes are told by the headers of all files, colours by a sample of the files.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import torch

from genwright.codecs._arrow_json import type_from_text, type_to_text
from genwright.codecs._lowest import Lowest
from genwright.codecs._notes import LOGGER, column_of, warn_once
from genwright.codecs._pixels import in_channels, is_coloured, of_size, without_hidden
from genwright.codecs._storage import is_new_type
from genwright.core.codec import Codec
from genwright.core.errors import CellError, ConfigError, DataError
from genwright.core.space import Field, Pixels
from genwright.data.contact_sheet import png
from genwright.data.picture_types import (
    CHANNELS,
    files,
    from_tensors,
    is_picture_type,
    missing,
    size_text,
    tensor_shape,
    tensors,
)
from genwright.data.pictures import decoded, header

KEPT_SIDE, LONGEST_SIDE, MULTIPLE = 96, 64, 4  # pixels: of pictures of one size; chosen; what a chosen size divides by
FEW_LEVELS = 32  # arrays whose values stay below have one level a value
MAX_SIDE = 1024
_AS_FILE = "or leave out what cannot be read with skip_bad=True (--skip-bad), or drop the row of a table"
NONE_THERE = "there is no picture; drop the rows without one"


@dataclass(frozen=True)
class ImageConfig:
    """How pictures are encoded."""

    size: tuple[int, ...] = ()  # height and width, or one side of squares; empty: chosen from the pictures
    channels: int = 0  # 1 grey, 3 colours, 4 with transparency; 0: chosen from the pictures
    levels: int = 0  # of brightness, 2 … 256; 0: chosen from the pictures
    fit: Literal["crop", "pad"] = "crop"  # pictures of other proportions are cut, or have white paper around them

    def __post_init__(self) -> None:
        if len(self.size) > 2 or not all(1 <= side <= MAX_SIDE for side in self.size):
            raise ConfigError(f"size = {self.size}; expected height and width, each 1 … {MAX_SIDE}")
        if self.channels not in (0, *CHANNELS):
            raise ConfigError(f"channels = {self.channels}; expected 1 (grey), 3 (colours) or 4 (with transparency)")
        if self.levels and not 2 <= self.levels <= 256:
            raise ConfigError(f"levels = {self.levels}; expected 2 … 256")


class Image(Codec):
    """Files of pictures, or arrays of uint8."""

    Config = ImageConfig

    def __init__(self, config: ImageConfig | None = None):
        super().__init__(config)
        self.type: pa.DataType = pa.null()
        self.size, self.channels, self.levels = (1, 1), 1, 256
        self.peak = 255  # the value of the brightest code in the records
        self._sizes: Counter[tuple[int, int]] = Counter()
        self._sample, self._is_grey, self._brightest = Lowest(), True, 0

    def update(self, values: pa.Array) -> None:
        """Looks at the headers of files, and at the brightest value of arrays."""
        self._learn_type(values.type)
        if pa.types.is_null(values.type):
            return
        if (shape := tensor_shape(self.type)) is not None:
            known = tensors(values.drop_null())
            self._sizes[shape[:2]] += len(known)
            self._brightest = max(self._brightest, int(known.max(initial=0)))
            return
        for content, _ in files(values):
            self._look(content)

    def finish(self) -> None:
        """Chooses what was left open, and says what it chose."""
        if not self._sizes.total():
            raise DataError("holds no picture that can be read; set the column's kind to omitted to leave it out")
        config = self.config
        self.size = (config.size * 2)[:2] if config.size else chosen_size(self._sizes)
        self.channels = config.channels or self._chosen_channels()
        is_dim = tensor_shape(self.type) is not None and 0 < self._brightest < FEW_LEVELS
        self.peak = self._brightest if is_dim else 255
        self.levels = config.levels or self.peak + 1
        LOGGER.info("%s: %s", column_of(self), self.told())

    @property
    def field(self) -> Field:
        """Channels, height and width."""
        return Field(Pixels(self.levels), (self.channels, *self.size))

    def encode(self, values: pa.Array) -> torch.Tensor:
        """Codes (B, C, H, W).

        Raises:
            CellError: there is no picture in a row, or it cannot be decoded.
        """
        out = np.empty((len(values), *self.size, self.channels), np.uint8)  # (B, H, W, C)
        if values.null_count == len(values) and len(values):
            raise CellError(0, NONE_THERE)
        for i, picture in enumerate(self._pictures(values)):
            out[i] = self._fitted(picture)
        codes = self._to_codes()[out]
        return torch.from_numpy(np.ascontiguousarray(np.moveaxis(codes, -1, 1)))

    def decode(self, codes: torch.Tensor) -> pa.Array:
        """PNG files, or arrays as those that came in."""
        x = self._to_values()[np.moveaxis(codes.detach().cpu().numpy(), 1, -1)]  # (B, H, W, C)
        if (shape := tensor_shape(self.type)) is not None:
            return from_tensors(in_channels(x, shape[2], self.peak), self.type)
        contents = [png(picture) for picture in x]
        if not pa.types.is_struct(self.type):
            return pa.array(contents, self.type)
        return pa.array([{"bytes": content, "path": None} for content in contents], self.type)

    def encode_tokens(self, values: pa.Array) -> torch.Tensor:
        """Codes (B, H·W·C), int64."""
        return self.encode(values).permute(0, 2, 3, 1).flatten(1).long()

    def decode_tokens(self, tokens: torch.Tensor) -> pa.Array:
        """The inverse of `encode_tokens`."""
        return self.decode(tokens.reshape(-1, *self.size, self.channels).permute(0, 3, 1, 2))

    def told(self) -> str:
        """What the pictures become, for a reader."""
        what = {1: "grey", 3: "colour", 4: "colour and transparency"}[self.channels]
        plan = f"{size_text(*self.size)} pixels, {what}, {self.levels} levels"
        if set(self._sizes) <= {self.size}:
            return plan
        n = len(self._sizes)
        found = size_text(*next(iter(self._sizes))) if n == 1 else f"{n:,} sizes"
        return f"pictures of {found} become {plan}; {_FITS[self.config.fit]}"

    def state(self) -> dict[str, Any]:
        """Everything learnt."""
        return {
            "type": type_to_text(self.type),
            "size": list(self.size),
            "channels": self.channels,
            "levels": self.levels,
            "peak": self.peak,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        self.type, self.size = type_from_text(state["type"]), tuple(state["size"])
        self.channels, self.levels, self.peak = state["channels"], state["levels"], state["peak"]

    def _learn_type(self, kind: pa.DataType) -> None:
        if not pa.types.is_null(kind) and not is_picture_type(kind):
            raise DataError(f"holds {kind} values; pictures are files in binary columns, or arrays of uint8")
        if is_new_type(kind, self.type):
            self.type = kind

    def _look(self, content: bytes | None) -> None:
        """Takes in the header of a file; one that cannot be read is told when it is encoded."""
        try:
            height, width, channels = header(content or b"", "")
        except DataError:
            return
        assert content is not None
        self._sizes[height, width] += 1
        self._is_grey &= channels == 1
        if not self._is_grey:
            self._sample.add(content)

    def _chosen_channels(self) -> int:
        if (shape := tensor_shape(self.type)) is not None:
            return shape[2]
        return 3 if not self._is_grey and any(map(is_coloured, _decodable(self._sample.contents()))) else 1

    def _pictures(self, values: pa.Array) -> Iterator[np.ndarray]:
        """Each row's pixels (H, W, C)."""
        if tensor_shape(values.type) is not None:
            if values.null_count:
                raise CellError(missing(values).index(True).as_py(), NONE_THERE)
            yield from tensors(values)
            return
        for i, (content, path) in enumerate(files(values)):
            if content is None:
                raise CellError(i, NONE_THERE)
            try:
                yield _with_channels(decoded(content, path or "its picture", self.size))
            except DataError as error:
                raise CellError(i, f"{error}; {_AS_FILE if path else 'or drop the row'}") from None

    def _fitted(self, x: np.ndarray) -> np.ndarray:
        """Pixels (H, W, C) in the codec's size and channels."""
        if self.channels == 1 and is_coloured(x):
            warn_once(self, "has coloured pictures, which become grey; channels=3 keeps colours")
        x = of_size(in_channels(x, self.channels, self.peak), *self.size, self.config.fit, self.peak)
        is_file = tensor_shape(self.type) is None
        return without_hidden(x) if self.channels == 4 and is_file else x

    def _to_codes(self) -> np.ndarray:
        """The code of every value (256,)."""
        values = np.arange(256).clip(max=self.peak)
        return ((2 * values * (self.levels - 1) + self.peak) // (2 * self.peak)).astype(np.uint8)

    def _to_values(self) -> np.ndarray:
        """The value of every code (n,)."""
        codes, most = np.arange(self.levels), self.levels - 1
        return ((2 * codes * self.peak + most) // (2 * most)).astype(np.uint8)


_FITS = {"crop": "what stands over is cut off", "pad": "white paper around those of other proportions"}


def chosen_size(sizes: Mapping[tuple[int, int], int]) -> tuple[int, int]:
    """Height and width for pictures of some sizes, each with how many there are."""
    if len(sizes) == 1 and max(only := next(iter(sizes))) <= KEPT_SIDE:
        return only
    height, width = (_median([(size[side], n) for size, n in sizes.items()]) for side in (0, 1))
    ratio = min(1.0, LONGEST_SIDE / max(height, width))
    return _rounded(ratio * height), _rounded(ratio * width)


def _median(counted: list[tuple[int, int]]) -> int:
    half, seen = sum(n for _, n in counted) / 2, 0
    for value, n in sorted(counted):
        seen += n
        if seen >= half:
            return value
    raise AssertionError


def _rounded(side: float) -> int:
    return max(1, round(side / MULTIPLE)) * MULTIPLE


def _decodable(contents: list[bytes]) -> Iterator[np.ndarray]:
    for content in contents:
        try:
            yield _with_channels(decoded(content, "", (LONGEST_SIDE, LONGEST_SIDE)))
        except DataError:
            continue


def _with_channels(x: np.ndarray) -> np.ndarray:
    return x[..., None] if x.ndim == 2 else x
