"""Files and folders that are written whole or not at all, and read only if they are plain files.

Whatever is written gets a temporary name beside its place, is flushed to the disk and then renamed into place, so a
crash at any moment leaves the old one or the new one (rename is atomic:
https://pubs.opengroup.org/onlinepubs/9799919799/functions/rename.html). A folder in use is exchanged with its
successor by Linux's `renameat2`; elsewhere it is moved aside for the moment between two renames, and `find_folder`
knows where. Names beside a place `name`:

    .name.tmp-<pid>-<random>    being written, or on its way out
    .name.old-<pid>-<random>    the one before, between two renames
    .name.lock                  held by the writer

Errors are the system's own (`OSError`); callers put them into words.
"""

import ctypes
import errno
import os
import re
import secrets
import shutil
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

_BINARY = getattr(os, "O_BINARY", 0)
_CAREFUL = _BINARY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def write_new(path: Path, content: bytes) -> None:
    """A file that did not exist, flushed to the disk."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(handle, rest) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def replace_file(path: Path, content: bytes) -> None:
    """A file with this content in place of whatever was there; the old one stays if anything fails."""
    temporary = temporary_beside(path)
    try:
        write_new(temporary, content)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    with suppress(OSError):
        sync_folder(path.parent)


def read_plain(path: Path, limit: int | None = None) -> bytes:
    """The content of a regular file; never follows a link, never waits for a pipe, never opens a device.

    Args:
        path: The file.
        limit: Largest size in bytes.

    Raises:
        OSError: it is absent, not allowed, larger than `limit`, or not a regular file.
    """
    _require_regular(os.lstat(path), path)
    handle = os.open(path, os.O_RDONLY | _CAREFUL)
    try:
        status = os.fstat(handle)
        _require_regular(status, path)
        if limit is not None and status.st_size > limit:
            raise OSError(errno.EFBIG, f"has {status.st_size:,} bytes, at most {limit:,} are read", str(path))
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(status.st_size + 1)  # one more, so that a file that grows shows
    finally:
        os.close(handle)


def _require_regular(status: os.stat_result, path: Path) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise OSError(errno.ELOOP, "is a symbolic link, not a file", str(path))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "is not a regular file", str(path))


def sync_folder(path: Path) -> None:
    """Flushes the names in a folder to the disk."""
    if os.name == "nt":  # has no such thing
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def temporary_beside(path: Path, kind: Literal["tmp", "old"] = "tmp") -> Path:
    """A free name in the same folder."""
    return path.with_name(f".{path.name}.{kind}-{os.getpid()}-{secrets.token_hex(4)}")


def put_folder(new: Path, path: Path) -> None:
    """Puts a finished folder in its place in one step; one that was there is removed afterwards."""
    sync_folder(new)
    if is_there(path):
        _swap(new, path)
    else:
        os.replace(new, path)
    with suppress(OSError):  # the new one is in place; what is left over goes at the next `tidy`
        sync_folder(path.parent)
        if new.exists():
            shutil.rmtree(new)


def _swap(new: Path, path: Path) -> None:
    """Two folders exchange their names."""
    if _exchange(new, path):
        return
    aside = temporary_beside(path, "old")
    os.replace(path, aside)
    try:
        os.replace(new, path)
    except BaseException:
        os.replace(aside, path)
        raise
    with suppress(OSError):
        os.replace(aside, new)


def _exchange(a: Path, b: Path) -> bool:
    """Whether the system exchanged two names in one step."""
    at_cwd, rename_exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE of Linux
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):
        return False
    return rename(at_cwd, os.fsencode(a), at_cwd, os.fsencode(b), rename_exchange) == 0


def find_folder(path: Path) -> Path:
    """Where a folder is now: at `path`, or aside if its writer was killed between two renames."""
    return path if is_there(path) else _latest(_leftovers(path, "old")) or path


def is_there(path: Path) -> bool:
    """Whether a name exists; unlike `Path.exists`, a disk that cannot tell is an error."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def is_free(path: Path) -> bool:
    """Whether a folder can take this place: nothing is there, or an empty folder."""
    return not is_there(path) or (path.is_dir() and not any(path.iterdir()))


def carry_over(old: Path, new: Path, but: Collection[str] = ()) -> None:
    """Everything in a folder also into another one, by hard links where the file system has them.

    Args:
        old: The folder.
        new: An existing folder beside it.
        but: Names at the top of `old` that stay behind.
    """

    def ignore(folder: str, names: list[str]) -> set[str]:
        return set(but) & set(names) if Path(folder) == old else set()

    shutil.copytree(old, new, symlinks=True, ignore=ignore, copy_function=_link, dirs_exist_ok=True)


def _link(old: str, new: str) -> None:
    try:
        os.link(old, new)
    except OSError:
        shutil.copy2(old, new)
        handle = os.open(new, os.O_RDWR | _BINARY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def tidy(path: Path) -> None:
    """Puts right what killed writers left beside a place; only for the holder of its lock."""
    if (found := find_folder(path)) != path:
        os.replace(found, path)
    for leftover in _leftovers(path):
        if not _is_alive(int(leftover.name.rsplit("-", 2)[1])):
            shutil.rmtree(leftover, ignore_errors=True)


def tidy_file(path: Path) -> None:
    """Removes what killed writers of a file left beside it."""
    for leftover in _leftovers(path, "tmp"):
        if not _is_alive(int(leftover.name.rsplit("-", 2)[1])):
            with suppress(OSError):
                leftover.unlink()


def _leftovers(path: Path, kind: str = "tmp|old") -> list[Path]:
    pattern = re.compile(rf"{re.escape(f'.{path.name}.')}(?:{kind})-\d+-[0-9a-f]{{8}}")
    try:
        return [path.with_name(name) for name in os.listdir(path.parent) if pattern.fullmatch(name)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _latest(paths: list[Path]) -> Path | None:
    return max(paths, key=lambda p: p.lstat().st_ctime_ns, default=None)


def _is_alive(pid: int) -> bool:
    """Whether another process has this number; on Windows the lock alone decides."""
    if pid == os.getpid() or os.name == "nt":
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the lock of a place; the system gives it back when its holder dies.

    Raises:
        BlockingIOError: another process (or thread) holds it.
    """
    lock = path.with_name(f".{path.name}.lock")
    handle = _take(lock)
    try:
        yield
    finally:
        with suppress(OSError):  # Windows keeps the file
            lock.unlink()
        with suppress(OSError):
            os.close(handle)


def _take(lock: Path) -> int:
    """The locked file, which is still the one of that name: a holder removes it before letting go."""
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | _CAREFUL, 0o666)
        try:
            _lock(handle)
            if os.path.samestat(os.fstat(handle), os.lstat(lock)):
                return handle
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _lock(handle: int) -> None:
    try:
        import fcntl
    except ImportError:
        _lock_windows(handle)
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):  # a file system without locks
            raise


def _lock_windows(handle: int) -> None:
    import msvcrt

    try:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError as error:
        raise BlockingIOError(errno.EAGAIN, error.strerror) from None
