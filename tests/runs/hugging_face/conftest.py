import os

import pytest


@pytest.fixture(autouse=True)
def _fakes(monkeypatch):
    """Real families and codecs."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
