"""A registry is a folder: the file's name is the thing's name, and nobody edits a list.

``Registry("models")`` finds ``genwright/models/*.py`` and what other packages offer under the entry point group
``genwright.models``. Names and first docstring lines are read without importing anything.
"""

import ast
import importlib
import importlib.util
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from genwright.core.errors import GenwrightError, UnknownNameError


@dataclass(frozen=True)
class Registry:
    """The registered things of one folder.

    Args:
        folder: The folder below ``genwright``, e.g. ``models`` or ``data/readers``.
        base: The contract's class name in ``genwright.core``; a file registers the class that derives from it.
    """

    folder: str
    base: str

    @property
    def package(self) -> str:
        """The folder as Python imports it; also the name of the entry point group."""
        return f"genwright.{self.folder.replace('/', '.')}"

    @cached_property
    def _files(self) -> dict[str, Path]:
        place = Path(__file__).parent.parent / self.folder
        return {p.stem: p for p in sorted(place.glob("*.py")) if not p.stem.startswith("_")}

    @cached_property
    def _entry_points(self) -> dict[str, EntryPoint]:
        return {e.name: e for e in entry_points(group=self.package)}

    def names(self) -> list[str]:
        """All registered names, sorted."""
        return sorted({*self._files, *self._entry_points})

    def get(self, name: str) -> type[Any]:
        """The class registered under a name.

        Raises:
            UnknownNameError: there is none; the nearest is named.
        """
        if name in self._files:
            return self._class_in(f"{self.package}.{name}")
        if name in self._entry_points:
            return self._entry_points[name].load()
        raise UnknownNameError(name, self.names(), self.package)

    def name_of(self, cls: type) -> str:
        """The name a class is registered under."""
        own = f"{self.package}."
        if cls.__module__.startswith(own):
            return cls.__module__.removeprefix(own)
        for name in self._entry_points:
            if self.get(name) is cls:
                return name
        raise UnknownNameError(cls.__qualname__, self.names(), self.package)

    def summary(self, name: str) -> str:
        """The first line of the file's docstring, without importing the file."""
        if name in self._files:
            source = self._files[name].read_text(encoding="utf-8")
            return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
        return (self.get(name).__doc__ or "").partition("\n")[0]

    def _class_in(self, module_name: str) -> type[Any]:
        module = importlib.import_module(module_name)
        for value in vars(module).values():
            is_own = isinstance(value, type) and value.__module__ == module_name
            if is_own and any(b.__name__ == self.base for b in value.__mro__[1:]):
                return value
        raise GenwrightError(f"{module_name} has no class that derives from {self.base}")


MODELS = Registry("models", "Model")
CODECS = Registry("codecs", "Codec")
JUDGES = Registry("judges", "Judge")
CLASSIFIERS = Registry("classifiers", "Classifier")
READERS = Registry("data/readers", "Reader")
