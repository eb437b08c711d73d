"""Published sets of pictures from the network, only when asked for: `genwright download mnist`.

Files come from the first of a set's places that has them, gzipped. What is interrupted goes on where it stopped (HTTP
ranges, https://www.rfc-editor.org/rfc/rfc9110#name-range-requests), a file gets its name only when its SHA-256 is
right, and one that is there and right is not loaded again.
"""

import gzip
import hashlib
import os
import zlib
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from genwright.core.errors import DataError, UnknownNameError
from genwright.core.model import Progress
from genwright.data.known_sets import KNOWN, cache_folder

CHUNK, SECONDS = 1 << 16, 30  # bytes read at once; wait for an answer
DONE = 416  # HTTP: there is nothing behind the bytes that are there


def fetch(name: str, folder: str | Path | None = None, progress: Progress = lambda done, what: None) -> Path:
    """Downloads a set.

    Args:
        name: `mnist` or `fashion-mnist`.
        folder: Where its files go; None: `~/.cache/genwright` and its name, where it is found by its name.
        progress: Called with (fraction done, what is being done).

    Returns:
        The folder.

    Raises:
        UnknownNameError: there is no such set.
        DataError: no place has a file, or what came is not what it should be.
    """
    if name not in KNOWN:
        raise UnknownNameError(name, KNOWN, "the sets that can be downloaded")
    known = KNOWN[name]
    target = cache_folder() / name if folder is None else Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        total, done = sum(n for n, _ in known.files.values()), 0
        for file, (n_bytes, digest) in known.files.items():
            progress(done / total, f"downloading {file}")
            _file(target / f"{file}.gz", [f"{url}{file}.gz" for url in known.urls], n_bytes, digest)
            done += n_bytes
    except OSError as error:
        raise DataError(f"{target} cannot be written: {error.strerror or error}; say another folder") from None
    return target


def _file(place: Path, urls: list[str], n_bytes: int, digest: str) -> None:
    """One file, from the first place that has it."""
    if place.is_file() and is_right(place, n_bytes, digest):
        return
    part = place.with_name(f"{place.name}.part")
    failed = []
    for url in urls:
        if (problem := _from(url, part, n_bytes, digest)) is None:
            os.replace(part, place)
            return
        failed.append(f"{url}: {problem}")
    advice = f"try again, which goes on where it stopped, or put the file into {place.parent} by hand"
    raise DataError(f"{place.name} cannot be downloaded: {'; '.join(failed)}; {advice}")


def _from(url: str, part: Path, n_bytes: int, digest: str) -> str | None:
    """Loads what is missing of a file; answers what is wrong, if anything is.

    A file that was begun elsewhere or long ago may not fit together: what was resumed and is wrong is loaded anew.
    """
    for _ in range(2):
        was_begun = part.exists()
        try:
            _load(url, part, n_bytes)
        except HTTPError as error:
            return f"the server answers {error.code}"
        except (HTTPException, OSError) as error:  # also the connection's
            return f"{getattr(error, 'reason', None) or error}" or type(error).__name__
        if is_right(part, n_bytes, digest):
            return None
        part.unlink(missing_ok=True)
        if not was_begun:
            break
    return "what came is not what it should be (SHA-256)"


def _load(url: str, part: Path, most: int) -> None:
    """Appends what is missing to a file, or writes it anew where the server cannot go on.

    Raises:
        OSError, HTTPException: the server, the network or the disk fails; what came is kept.
    """
    have = part.stat().st_size if part.exists() else 0
    request = Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urlopen(request, timeout=SECONDS)
    except HTTPError as error:
        if error.code == DONE and have:
            return
        raise
    with answer, part.open("ab" if answer.status == 206 else "wb") as file:
        expected = answer.length
        start = file.tell()
        while chunk := answer.read(CHUNK):
            file.write(chunk)
            if file.tell() > most:  # a compressed file is smaller than what is in it
                return  # what is wrong with it is told by its sum
        if expected is not None and file.tell() - start < expected:
            raise ConnectionError(f"the connection ended after {file.tell():,} of {start + expected:,} bytes")


def is_right(path: Path, n_bytes: int, digest: str) -> bool:
    """Whether a gzipped file holds so many bytes with this SHA-256."""
    running, n = hashlib.sha256(), 0
    try:
        with gzip.open(path) as file:
            while n <= n_bytes and (chunk := file.read(CHUNK)):
                running.update(chunk)
                n += len(chunk)
    except (OSError, EOFError, zlib.error):
        return False
    return n == n_bytes and running.hexdigest() == digest
