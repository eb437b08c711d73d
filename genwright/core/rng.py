"""Seeds: every draw is a pure function of (seed, path), and global state is never touched.

A path names what the randomness is for, e.g. ``("sample", 3)`` for the fourth chunk of rows. The seed of a path is a
hash of the path, so that neighbouring seeds and neighbouring chunks share nothing.
"""

import hashlib
import operator
from typing import TYPE_CHECKING

from genwright.core.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    import torch


def derive(seed: int, *path: str | int) -> int:
    """A 63-bit seed for one purpose.

    >>> derive(0, "sample", 1) == derive(0, "sample", 1) != derive(1, "sample", 1)
    True

    Raises:
        ConfigError: the seed is not a whole number.
    """
    try:
        start = operator.index(seed)
    except TypeError:
        raise ConfigError(f"seed = {seed!r}; expected a whole number") from None
    text = repr((start, *(p if isinstance(p, str) else int(p) for p in path))).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") >> 1


def torch_generator(seed: int, *path: str | int, device: str = "cpu") -> "torch.Generator":
    """A fresh ``torch.Generator`` for one purpose."""
    import torch

    return torch.Generator(device=device).manual_seed(derive(seed, *path))


def numpy_generator(seed: int, *path: str | int) -> "np.random.Generator":
    """A fresh NumPy generator for one purpose."""
    import numpy as np

    return np.random.Generator(np.random.PCG64(derive(seed, *path)))
