"""A network whose training cannot fit in memory is refused before its weights take any.

Linux hands out memory that is not there until it is written to, and then ends the process. Each weight counts
`BYTES_A_WEIGHT` when it learns: itself, its gradient, Adam's two moments and its average, in float32.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from genwright.core.errors import ConfigError

BYTES_A_WEIGHT = 20


@contextmanager
def limited_weights(memory: int | None = None) -> Iterator[None]:
    """Networks built within must be able to learn in the machine's memory.

    Args:
        memory: Bytes; the machine's where it is not given.

    Raises:
        ConfigError: one has more weights than that.
    """
    most = (memory or _physical()) // BYTES_A_WEIGHT
    n_weights = 0

    def count(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        nonlocal n_weights
        n_weights += 0 if parameter is None else parameter.numel()
        if n_weights > most:
            raise _too_many(f"{n_weights:,}", most)

    handle = register_module_parameter_registration_hook(count)
    try:
        yield
    except RuntimeError as error:  # torch's, where not even addresses are left
        if "allocate memory" not in str(error) and "overflow" not in str(error):
            raise
        raise _too_many(f"{most:,}", most) from None
    finally:
        handle.remove()


def _too_many(n: str, most: int) -> ConfigError:
    return ConfigError(
        f"a network of {n} weights and more cannot learn in this machine's memory, which is enough for {most:,}; "
        "lower its width or its layers"
    )


def _physical() -> int:
    """Bytes of memory that the machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
