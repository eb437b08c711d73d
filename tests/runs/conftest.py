import os

import pytest

from tests.runs import fakes


@pytest.fixture(autouse=True)
def _fakes(monkeypatch):
    fakes.install(monkeypatch)
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # slow, and only `test_flushed_in_order` can tell


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs" / "people"


@pytest.fixture(params=["exchange", "two renames"])
def swapping(request, monkeypatch):
    """Both ways of replacing a folder, whatever the system offers."""
    if request.param == "two renames":
        monkeypatch.setattr("genwright.core.files._exchange", lambda a, b: False)
    return request.param
