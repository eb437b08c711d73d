"""The file's name is the thing's name, and nothing is imported to list them."""

import subprocess
import sys

import pytest

from genwright.core.errors import GenwrightError, UnknownNameError
from genwright.core.model import Model
from genwright.core.registry import CODECS, MODELS, Registry


def test_names_are_the_files_of_the_folder():
    assert "marginals" in MODELS.names()
    assert MODELS.names() == sorted(MODELS.names())
    assert not any(name.startswith("_") for name in [*MODELS.names(), *CODECS.names()])


def test_a_name_gives_its_class_and_back():
    cls = MODELS.get("marginals")
    assert issubclass(cls, Model)
    assert MODELS.name_of(cls) == "marginals"


def test_an_unknown_name_offers_the_nearest():
    with pytest.raises(UnknownNameError, match=r"no marginal in genwright\.models; did you mean marginals\?"):
        MODELS.get("marginal")
    for name in ("../core/model", "", "__init__", "marginals.py"):
        with pytest.raises(UnknownNameError):
            MODELS.get(name)
    with pytest.raises(UnknownNameError):
        MODELS.name_of(int)


def test_the_summary_is_the_first_line_of_the_file():
    assert MODELS.summary("marginals").startswith("Independent columns")


def test_listing_imports_no_torch():
    code = (
        "import sys, genwright; from genwright.core.registry import MODELS;"
        "[MODELS.summary(n) for n in MODELS.names()];"
        "sys.exit(any(m in sys.modules for m in ('torch', 'pandas', 'pyarrow', 'sklearn', 'matplotlib', 'duckdb')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class EntryPoint:
    name = "elsewhere"

    def load(self):
        return Elsewhere


class Elsewhere(Model):
    """A model of another package."""


def test_other_packages_join_by_entry_point(monkeypatch):
    monkeypatch.setattr("genwright.core.registry.entry_points", lambda group: [EntryPoint()])
    registry = Registry("models", "Model")
    assert registry.get("elsewhere") is Elsewhere
    assert registry.name_of(Elsewhere) == "elsewhere"
    assert registry.summary("elsewhere") == "A model of another package."
    assert {"elsewhere", "marginals"} <= set(registry.names())


def test_a_file_without_its_class_is_an_error():
    with pytest.raises(GenwrightError, match=r"genwright\.core\.rng has no class that derives from Model"):
        Registry("core", "Model").get("rng")
