"""A network that cannot fit in memory is refused before its weights take any.

Linux hands out memory that is not there until it is written to, and then ends the process. In float32 a weight that
learns counts `BYTES_TO_LEARN`: itself, its gradient, Adam's two moments and its average. One that is only loaded counts
`BYTES_TO_LOAD`: itself, and what the file held.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from genwright.core.errors import ConfigError, GenwrightError, RunError

BYTES_TO_LEARN, BYTES_TO_LOAD = 20, 8
_is_loading: ContextVar[bool] = ContextVar("_is_loading", default=False)


@contextmanager
def loading() -> Iterator[None]:
    """Networks built within get weights that are there already, and do not learn."""
    token = _is_loading.set(True)
    try:
        yield
    finally:
        _is_loading.reset(token)


@contextmanager
def limited_weights(memory: int | None = None) -> Iterator[None]:
    """Networks built within must be able to learn in the machine's memory, or to be loaded into it.

    Args:
        memory: Bytes; the machine's where it is not given.

    Raises:
        ConfigError: one has more weights than can learn.
        RunError: one has more than can be loaded, where it is `loading`.
    """
    most = (memory or _physical()) // (BYTES_TO_LOAD if _is_loading.get() else BYTES_TO_LEARN)
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


def _too_many(n: str, most: int) -> GenwrightError:
    found, enough = f"a network of {n} weights and more cannot", f"which is enough for {most:,}"
    if _is_loading.get():
        return RunError(f"{found} be loaded into this machine's memory, {enough}; load it where there is more")
    return ConfigError(f"{found} learn in this machine's memory, {enough}; lower its width or its layers")


def _physical() -> int:
    """Bytes of memory that the machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
