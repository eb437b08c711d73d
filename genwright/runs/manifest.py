"""The manifest: size and SHA-256 of every file of a run, so that a damaged or exchanged file is found before use.

    {"format": 1, "files": {"run.json": {"size": 2048, "sha256": "9f86d0…"}, ...}}

Files that it does not list are the user's own and are never read.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from genwright.core.errors import RunError
from genwright.core.files import read_plain
from genwright.runs import strict_json
from genwright.runs.migrate import check_format

MANIFEST = "manifest.json"
LIMIT = 2**20  # bytes of the manifest itself
ADVICE = "restore the folder from a copy, or fit and save again"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Entry:
    """What a file has to be."""

    size: int  # bytes
    sha256: str  # hexadecimal


@dataclass(frozen=True)
class Manifest:
    """The files of a run."""

    format: int
    files: dict[str, Entry]

    def dumps(self) -> bytes:
        """As JSON text."""
        files = {name: asdict(self.files[name]) for name in sorted(self.files)}
        return strict_json.dumps({"format": self.format, "files": files}, indent=1)


def entries_of(files: Mapping[str, bytes]) -> dict[str, Entry]:
    """The entries of some files."""
    return {name: Entry(len(content), hashlib.sha256(content).hexdigest()) for name, content in files.items()}


def is_plain_name(name: str) -> bool:
    """Whether a file may be called so: letters, digits, `.`, `_`, `-`; no folder, not hidden."""
    return _NAME.fullmatch(name) is not None


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a run folder.

    Raises:
        RunError: there is none, it is damaged, or from a newer version.
    """
    path = folder / MANIFEST
    try:
        state = strict_json.loads(read_plain(path, LIMIT))
    except FileNotFoundError:
        raise RunError(f"{folder} is not a run: it has no {MANIFEST}") from None
    except OSError as error:
        raise RunError(f"{path}: {error.strerror or error}; {ADVICE}") from None
    except ValueError as error:
        raise RunError(f"{path} is damaged: {error}; {ADVICE}") from None
    if not isinstance(state, dict):
        raise RunError(f"{path} is not a manifest: expected an object with format and files; {ADVICE}")
    version = check_format(state.get("format"), str(path))
    return Manifest(version, _entries(state.get("files"), path))


def _entries(files: Any, path: Path) -> dict[str, Entry]:
    if not isinstance(files, dict):
        raise RunError(f"{path} lists no files; {ADVICE}")
    for name, entry in files.items():
        if not is_plain_name(name):
            raise RunError(f"{path} names {name!r}, which is not a file of this folder; do not trust this run")
        is_whole = isinstance(entry, dict) and set(entry) == {"size", "sha256"}
        if not is_whole or type(entry["size"]) is not int or not isinstance(entry["sha256"], str):
            raise RunError(f"{path} is damaged: expected size and sha256 of {name}; {ADVICE}")
    return {name: Entry(**entry) for name, entry in files.items()}


def read_checked(folder: Path, entries: Mapping[str, Entry], needed: tuple[str, ...]) -> dict[str, bytes]:
    """The needed files; all listed ones are compared with the manifest.

    Raises:
        RunError: a file is absent, no plain file, or not the one that was saved; the message names it.
    """
    for name in needed:
        if name not in entries:
            raise RunError(f"{folder / MANIFEST} does not list {name}; {ADVICE}")
    contents = {}
    for name, entry in entries.items():
        content = _read_one(folder / name, entry, _limit(name) if name in needed else None)
        if name in needed:
            contents[name] = content
    return contents


def _limit(name: str) -> int | None:
    return strict_json.LIMIT if name.endswith((".json", ".jsonl")) else None


def _read_one(path: Path, entry: Entry, limit: int | None) -> bytes:
    try:
        content = read_plain(path, limit)
    except FileNotFoundError:
        raise RunError(f"{path} is missing; {ADVICE}") from None
    except OSError as error:
        raise RunError(f"{path}: {error.strerror or error}; {ADVICE}") from None
    if len(content) != entry.size:
        raise RunError(f"{path} has {len(content):,} bytes, {entry.size:,} were saved; {ADVICE}")
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise RunError(f"{path} is not the file that was saved (its SHA-256 differs); {ADVICE}")
    return content
