"""Where pictures lie: folders, ZIP archives and single files, as entries that are read one at a time.

Hidden files (`.name`, `__MACOSX`) are passed over, and so are contact sheets of drawn pictures. An entry has a problem,
and is not read, when it

- is a link that points out of the folder, to nothing, or to a folder; is a pipe or a device,
- is empty or larger than 200 MB,
- in an archive: is encrypted, or has a name that leads out of it.

Archives are read where they are: nothing is written to the disk but a captions file while it is read, and no more of
an entry is unpacked than it announces. One is refused whose pictures announce more than 1,000 times its size, or 10
million entries.
"""

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from unicodedata import normalize

from genwright.core.errors import DataError
from genwright.data.contact_sheet import NAME as CONTACT_SHEET
from genwright.data.pictures import ENDINGS, MAX_BYTES

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

CAPTIONS = tuple(f"{stem}.{end}" for stem in ("metadata", "captions") for end in ("csv", "tsv", "jsonl", "ndjson"))
MAX_ENTRIES, MAX_RATIO = 10_000_000, 1_000
ENCRYPTED = 0x1  # of a ZIP entry's flags
EMPTY = "is empty (0 bytes); copy it again or remove it"


@dataclass(frozen=True)
class Entry:
    """One picture.

    Args:
        name: Path below the folder or archive, with `/`; bytes that are no Unicode are written as `\\xe9`.
        place: What a message calls it.
        read: Its content.
        problem: Why it cannot be read; empty: nothing is known against it.
    """

    name: str
    place: str
    read: Callable[[], bytes]
    problem: str = ""

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders that it is in, below the source, from the outermost."""
        return tuple(self.name.split("/")[:-1])


@dataclass(frozen=True)
class Source:
    """Pictures of one place, sorted by name.

    Args:
        path: The folder, archive or file.
        entries: Its pictures.
        captions: Files that tell more about them, each with the folder below the source that its names start from.
        packed: Of captions in an archive, where their content is.
        n_outer: Leading folders of every name that are no label: those that all pictures share, a part (train, test).
    """

    path: Path
    entries: list[Entry]
    captions: tuple[tuple[Path, str], ...] = ()
    packed: Mapping[Path, Entry] = field(default_factory=dict)
    n_outer: int = 0


def is_picture_name(name: str) -> bool:
    """Whether a file's name ends as a picture's does, in any case."""
    return name.lower().endswith(ENDINGS)


def is_hidden(name: str) -> bool:
    """Whether a file or folder is not meant to be seen, or is a sheet of the others."""
    return name.startswith((".", "__MACOSX")) or name == CONTACT_SHEET


def source_of(path: Path) -> Source:
    """The pictures of a folder, a ZIP archive or a single file.

    Raises:
        DataError: the archive is damaged or refused.
    """
    if path.is_dir():
        return _of_folder(path)
    if path.name.lower().endswith(".zip"):
        return _of_archive(path)
    return Source(path, [Entry(readable(path.name), readable(str(path)), partial(_content, path), _problem(path))])


def visible_files(folder: Path) -> Iterator[Path]:
    """Every file below a folder that is not hidden, in any order; links to folders are given, not followed."""
    for place, folders, files in os.walk(folder):
        linked = [name for name in folders if os.path.islink(os.path.join(place, name))]
        folders[:] = [name for name in folders if not is_hidden(name) and name not in linked]
        yield from (Path(place, name) for name in [*files, *linked] if not is_hidden(name))


def empty_folders(folder: Path) -> list[Path]:
    """Folders below a folder that are not hidden and have nothing in them, by name."""
    return sorted(
        Path(place)
        for place, folders, files in os.walk(folder)
        if not (folders or files) and not any(is_hidden(part) for part in Path(place).relative_to(folder).parts)
    )


def readable(name: str) -> str:
    r"""A file's name as text that every encoding can write; composed, so that equal names are equal.

    >>> readable("caf\udce9.png")
    'caf\\xe9.png'
    """
    return normalize("NFC", os.fsencode(name).decode("utf-8", "backslashreplace"))


def _of_folder(folder: Path) -> Source:
    root = folder.resolve()
    paths = list(visible_files(folder))
    found = [p for p in paths if is_picture_name(p.name) or (p.is_symlink() and p.is_dir())]
    entries = [_of_file(p, folder, root) for p in found]
    captions = sorted(p for p in paths if p.name.lower() in CAPTIONS and p.is_file() and not p.is_symlink())
    placed = tuple((p, readable(p.parent.relative_to(folder).as_posix())) for p in captions)
    return Source(folder, sorted(entries, key=lambda e: e.name), placed)


def _of_file(path: Path, folder: Path, root: Path) -> Entry:
    place = readable(str(path))
    name = "/".join(path.parts[len(folder.parts) :])
    return Entry(readable(name), place, partial(_content, path), _problem(path, root))


def _problem(path: Path, root: Path | None = None) -> str:
    """Why a file is not read, or nothing; root: the folder that links may not leave, None for a file named itself."""
    try:
        if root is not None and path.is_symlink():
            target = path.resolve(strict=True)
            if not target.is_relative_to(root):
                return "is a link that points out of the folder; copy the file itself"
            if target.is_dir():
                return "is a link to a folder; copy the folder itself"
        found = path.stat()
    except (OSError, RuntimeError):
        return "is a link to nothing; remove it" if path.is_symlink() else "cannot be looked at; check who may read it"
    if not stat.S_ISREG(found.st_mode):
        return "is no regular file but a pipe or a device; remove it"
    return _size_problem(found.st_size)


def _size_problem(n_bytes: int) -> str:
    if not n_bytes:
        return EMPTY
    return f"has {n_bytes:,} bytes, more than {MAX_BYTES:,}; make it smaller" if n_bytes > MAX_BYTES else ""


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DataError(f"{readable(str(path))} cannot be read: {error.strerror or error}") from None


def _of_archive(path: Path) -> Source:
    archive = _zip(path)  # stays open as long as its entries are kept
    files = [m for m in archive.infolist() if not m.is_dir()]
    files = [m for m in files if not any(is_hidden(part) for part in m.filename.split("/") if part != "..")]
    members = [m for m in files if is_picture_name(m.filename)]
    captions = [_of_member(archive, path, m) for m in files if m.filename.split("/")[-1].lower() in CAPTIONS]
    announced = sum(m.file_size for m in members)
    if len(members) > MAX_ENTRIES or announced > MAX_RATIO * path.stat().st_size:
        found = f"{len(members):,} pictures of {announced:,} bytes in {path.stat().st_size:,}"
        raise DataError(f"{path} may be made to explode: {found}; unpack it and look")
    entries = [_of_member(archive, path, m) for m in members]
    packed = {path / e.name: e for e in sorted(captions, key=lambda e: e.name)}
    placed = tuple((file, str(PurePosixPath(e.name).parent)) for file, e in packed.items())
    return Source(path, sorted(entries, key=lambda e: e.name), placed, packed)


def _of_member(archive: "ZipFile", path: Path, member: "ZipInfo") -> Entry:
    name = readable(member.filename)
    place = f"{readable(str(path))}: {name}"
    return Entry(name, place, partial(_unpacked, archive, place, member), _member_problem(member))


def _zip(path: Path) -> "ZipFile":
    from zipfile import BadZipFile, ZipFile

    try:
        return ZipFile(path)
    except (BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DataError(f"{path} is no whole ZIP archive: {error}; copy it again or unpack it") from None


def _member_problem(member: "ZipInfo") -> str:
    if member.flag_bits & ENCRYPTED:
        return "is encrypted; unpack the archive first"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a link; put the file itself into the archive"
    parts = member.filename.split("/")
    if ".." in parts or not parts[0] or ":" in parts[0] or "\\" in member.filename:
        return "has a name that leads out of the archive; unpack it and look"
    return _size_problem(member.file_size)


def _unpacked(archive: "ZipFile", place: str, member: "ZipInfo") -> bytes:
    import zlib
    from zipfile import BadZipFile

    try:
        with archive.open(member) as file:
            return file.read(MAX_BYTES + 1)
    except (BadZipFile, OSError, EOFError, zlib.error, NotImplementedError, RuntimeError, ValueError) as error:
        raise DataError(f"{place} cannot be unpacked: {error}; make the archive again") from None
