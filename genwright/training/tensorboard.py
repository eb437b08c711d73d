"""An evaluation's numbers as TensorBoard's events, where that is installed and a folder is asked for."""

import os

from genwright.core.errors import FitError
from genwright.training.monitors import Line


def to_tensorboard(folder: str, line: Line) -> None:
    """Adds a line of the log.

    Raises:
        FitError: TensorBoard is not installed, or the folder cannot be written.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise FitError("tensorboard is not installed; pip install tensorboard, or leave the setting empty") from None
    try:
        with SummaryWriter(os.fspath(folder)) as writer:
            for name, value in line.items():
                if name not in ("step", "drawn"):
                    writer.add_scalar(name, value, line["step"])
    except OSError as error:
        raise FitError(f"cannot write to tensorboard = {folder}: {error.strerror or error}; name another") from None
