"""How a run's folder is found and replaced: every change builds a whole new folder beside it and exchanges the two.

Files in the folder that are not part of the run come along, by hard links.
"""

import difflib
import errno
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from genwright.core.errors import RunError
from genwright.core.files import (
    carry_over,
    find_folder,
    is_free,
    is_there,
    locked,
    put_folder,
    temporary_beside,
    tidy,
    write_new,
)
from genwright.runs.manifest import MANIFEST, Manifest, read_manifest

T = TypeVar("T")
TICK = 0.02  # seconds in which any file system tells two moments apart

RUN, WEIGHTS, LOG, CARD, REPORT = "run.json", "weights.safetensors", "log.jsonl", "README.md", "report.html"
FEATURES = "features.safetensors"  # of pictures, learnt by the first judge that asks
NEEDED = (RUN, WEIGHTS, LOG)
OWN = (*NEEDED, FEATURES, CARD, MANIFEST)
_STEPS = {
    errno.ENOSPC: "free some space, or choose another folder",
    errno.EDQUOT: "your quota is used up: free some space, or choose another folder",
    errno.EACCES: "check the folder's permissions, or choose another one",
    errno.EPERM: "check the folder's permissions, or choose another one",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.ENAMETOOLONG: "choose a shorter name",
}


def check_target(path: str | Path, *, overwrite: bool = False) -> Path:
    """The folder that a run may be written to; ask before a long fit.

    Raises:
        RunError: something is there that must not be replaced, or no folder can be there.
    """
    target = resolve(path)
    try:
        above = next(folder for folder in target.parents if is_there(folder))
        is_there(temporary_beside(target))  # raises where the name is too long for one
        has_room = is_free(target)
        is_run = target.is_dir() and sum((target / name).exists() for name in (RUN, WEIGHTS, MANIFEST)) >= 2
    except OSError as error:
        raise _told(f"cannot look into {target}", error) from None
    if not above.is_dir():
        raise RunError(f"{target} cannot be a run: {above} is a file; choose another path")
    if not os.access(above, os.W_OK | os.X_OK):
        raise RunError(f"cannot write {target}: no permission to write in {above}; {_STEPS[errno.EACCES]}")
    if not is_run and target == _here():
        raise RunError(f"{target} is the folder you are in, whose place a run would take; name a folder in it")
    if not has_room and not is_run:
        raise RunError(f"{target} exists and is not a run; choose another path")
    if not has_room and not overwrite:
        raise RunError(f"{target} holds a run already; choose another path, or pass overwrite=True to replace it")
    return target


def _here() -> Path | None:
    """The folder that relative paths start from; None where it is gone."""
    try:
        return Path.cwd()
    except OSError:
        return None


def listed(target: Path) -> set[str]:
    """The files that belong to the run that is there, if any."""
    try:
        return {*OWN, REPORT, *read_manifest(target).files}
    except RunError:
        return {*OWN, REPORT}


def put(target: Path, manifest: Manifest, files: Mapping[str, bytes], gone: Collection[str] = ()) -> None:
    """A folder of the new files and all that was there, save what is `gone`, takes the target's place.

    A process that stands in the target stands in the new folder afterwards.
    """
    temporary, here = temporary_beside(target), _here()
    try:
        temporary.mkdir()
        if is_there(target):
            carry_over(target, temporary, but={*files, *gone, MANIFEST})
        for name, content in {**files, MANIFEST: manifest.dumps()}.items():
            write_new(temporary / name, content)
        put_folder(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    if here is not None and here.is_relative_to(target):
        with suppress(OSError):
            os.chdir(here)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Holds the run's lock, with what a killed writer left put right."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with locked(target):
            tidy(target)
            yield
    except BlockingIOError:
        raise RunError(f"another process is writing to {target}; wait for it, or choose another path") from None
    except OSError as error:
        raise _told(f"cannot write {target}", error, "; nothing was changed") from None


def _told(what: str, error: OSError, state: str = "") -> RunError:
    step = _STEPS.get(error.errno or 0, "see that the folder can be used, or choose another one")
    return RunError(f"{what}: {error.strerror or error}{state}; {step}")


def resolve(path: str | Path) -> Path:
    """The absolute path of a run's folder, links followed.

    Raises:
        RunError: it cannot be one.
    """
    try:
        target = Path(path).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise RunError(f"{path!r} is not a path: {error}") from None
    if not target.name:
        raise RunError(f"{target} cannot be a run; name a folder in it")
    return target


def existing(target: Path) -> Path:
    """The folder of a run that is there.

    Raises:
        RunError: there is none; names what is near.
    """
    if target.is_dir():
        return target
    if target.exists():
        raise RunError(f"{target} is a file; a run is a folder")
    try:
        runs = sorted(p.parent.name for p in target.parent.glob(f"*/{MANIFEST}") if not p.parent.name.startswith("."))
    except OSError:
        runs = []
    near = difflib.get_close_matches(target.name, runs, n=3) or runs[:5]
    raise RunError(
        f"no run at {target}; " + (f"runs there: {', '.join(near)}" if near else "no runs are in that folder")
    )


def retried(target: Path, read: Callable[[Path], T]) -> T:
    """Reads, and reads again when the folder was replaced in the middle of it.

    A folder that looks unchanged is read twice: file systems tell times no finer than some milliseconds.
    """
    was_same = False
    for is_last in (*(False,) * 9, True):
        before = _identity(target)
        try:
            return read(existing(find_folder(target)))
        except RunError:
            is_same = before == _identity(target)
            if is_last or (is_same and was_same):
                raise
            was_same = is_same
            if is_same:
                time.sleep(TICK)
        except OSError as error:
            raise _told(f"cannot read {target}", error) from None
    raise AssertionError


def _identity(target: Path) -> tuple[int, int] | None:
    try:
        status = find_folder(target).stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
