"""Events for TensorBoard, which need not be installed here."""

import sys
from types import ModuleType

import pytest

from genwright.core.errors import FitError
from genwright.training.tensorboard import to_tensorboard


def test_a_folder_that_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(folder: str) -> None:
        raise PermissionError(13, "Permission denied", folder)

    module = ModuleType("torch.utils.tensorboard")
    monkeypatch.setattr(module, "SummaryWriter", refused, raising=False)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    with pytest.raises(FitError, match="cannot write to tensorboard = /there: Permission denied; name another"):
        to_tensorboard("/there", {"step": 1, "loss": 0.5})
