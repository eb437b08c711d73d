"""Pictures: a folder of them, with labels from its sub-folders; a ZIP archive of one; or a single file.

Columns: `image`, the file as it is, with its path below the folder; `label`, the sub-folder, where there are any
(`animals/cat` of nested ones, without folders that all pictures share); and what a captions file tells (captions.py),
whose own `label` comes first. Where all sub-folders are named for parts (train, test, val), one part is read, and
labels begin below it.

Headers are looked at once, by `read`. With `skip_bad` every picture is decoded, too, and what cannot be read is left
out, counted and named; else the first one raises. What is done with which picture stands in data/pictures.py.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genwright.core.errors import DataError
from genwright.core.records import Reader, Records
from genwright.data.captions import Captions, absent, captions_of, plan
from genwright.data.encoding import TEXT_ENDINGS
from genwright.data.names import column_names
from genwright.data.parts import chosen_part, part_of
from genwright.data.picture_sources import (
    CAPTIONS,
    Entry,
    Source,
    empty_folders,
    is_picture_name,
    readable,
    source_of,
    visible_files,
)
from genwright.data.pictures import ENDINGS, about, decoded

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("genwright")
CHUNK_BYTES, CHUNK_ROWS = 1 << 22, 1_024  # of files in a batch, which one more may exceed; rows
N_NAMED = 5  # bad files that a warning names


@dataclass(frozen=True)
class PictureReader(Reader):
    """Reads folders, archives and files of pictures."""

    part: str | None = None  # train, test or validation, where a folder has them; None: train
    skip_bad: bool = False  # leave out what cannot be read

    @classmethod
    def accepts(cls, source: Any) -> bool:
        """A picture, a ZIP archive, or a folder with pictures and no more texts than pictures."""
        if not isinstance(source, (str, Path)):
            return False
        path = Path(source)
        if not path.is_dir():
            return path.name.lower().endswith((*ENDINGS, ".zip"))
        names = [p.name.lower() for p in visible_files(path)]
        n_texts = sum(name.endswith(TEXT_ENDINGS) for name in names)
        return sum(map(is_picture_name, names)) >= max(n_texts, 1)

    def read(self, source: Any) -> Records:
        """Looks at every picture once; `open` reads them again, a few at a time."""
        path = Path(source)
        whole = source_of(path)
        if not whole.entries:
            raise DataError(f"{path} holds no pictures; expected files that end in {' '.join(ENDINGS)}")
        found = _parted(whole, self.part)
        _tell_others(found)
        captions, problems = _captions(found, [entry.name for entry in whole.entries])
        good, bad = _good(found.entries, self.skip_bad)
        _judge([*bad, *problems], found, good, self.skip_bad)
        return _records(replace(found, entries=good), captions)


def _parted(source: Source, asked: str | None) -> Source:
    """The entries of one part, where all of them are in parts."""
    n = _n_shared({entry.folders for entry in source.entries})
    source = replace(source, n_outer=n)
    found = [part_of(entry.folders[n]) if len(entry.folders) > n else None for entry in source.entries]
    parts = set() if None in found else {part for part in found if part is not None}
    if not parts and asked is None:
        return source
    part = chosen_part(asked, parts, str(source.path))
    if len(parts) > 1:
        log.info("%s: reading the part %s of %s", source.path, part, ", ".join(sorted(parts)))
    chosen = [entry for entry, its in zip(source.entries, found) if its == part]
    deep = {file: place.split("/")[n:] for file, place in source.captions if place != "."}
    near = tuple(c for c in source.captions if not deep.get(c[0]) or part_of(deep[c[0]][0]) == part)
    return replace(source, entries=chosen, captions=near, n_outer=n + 1)


def _n_shared(folders: set[tuple[str, ...]]) -> int:
    """How many leading folders all pictures share, as archives have one around all; parts are none of them."""
    if len(folders) < 2:
        return 0  # the only folder tells what is in it
    shared = takewhile(lambda names: len(set(names)) == 1 and part_of(names[0]) is None, zip(*folders))
    return sum(1 for _ in shared)


def _captions(source: Source, names: list[str]) -> tuple[Captions | None, list[str]]:
    """The captions file, if there is one, and what is wrong with its rows.

    Args:
        source: The pictures that are read.
        names: Of all pictures there are, of other parts, too.
    """
    if not source.captions:
        return None, []
    if len(source.captions) > 1:
        first, second = (file for file, _ in source.captions[:2])
        raise DataError(f"{first} and {second} are both captions; keep one of them")
    file, place = source.captions[0]
    captions = captions_of(file, place, names, packed=source.packed.get(file))
    return captions, absent(captions, names)


def _tell_others(source: Source) -> None:
    """Counts the files of a folder that are no pictures, and names folders without any file."""
    if not source.path.is_dir():
        return
    files = (p for p in visible_files(source.path) if not p.is_dir())
    others = [p for p in files if not is_picture_name(p.name) and p.name.lower() not in CAPTIONS]
    if others:
        counts = Counter(sorted(p.suffix.lower() or p.name for p in others)).most_common(N_NAMED)
        listed = ", ".join(f"{n:,} {ending}" for ending, n in counts)
        log.warning("%s: files that are no pictures are left out: %s", source.path, listed)
    bare = [readable(str(folder)) for folder in empty_folders(source.path)]
    if bare:
        log.warning("%s: folders with nothing in them: %s", source.path, _listed(bare))


def _good(entries: list[Entry], skip_bad: bool) -> tuple[list[Entry], list[str]]:
    """Entries that can be read, and what is wrong with the others; without skip_bad, the first of them ends it."""
    good: list[Entry] = []
    bad: list[str] = []
    animated: list[str] = []
    for entry in entries:
        try:
            if _is_animated(entry, is_decoded=skip_bad):
                animated.append(entry.place)
            good.append(entry)
        except DataError as error:
            bad.append(str(error))
            if not skip_bad:
                break
    if animated:
        what = "an animated one" if len(animated) == 1 else f"{len(animated):,} animated ones"
        log.warning("the first picture is taken of %s: %s", what, _listed(animated))
    return good, bad


def _is_animated(entry: Entry, is_decoded: bool) -> bool:
    """Whether a picture has several; its header is looked at, or all of it.

    Raises:
        DataError: it cannot be read.
    """
    if entry.problem:
        raise DataError(f"{entry.place} {entry.problem}")
    data = entry.read()
    if is_decoded:
        decoded(data, entry.place, at_least=(1, 1))
    return about(data, entry.place).is_animated


def _judge(bad: list[str], source: Source, good: list[Entry], skip_bad: bool) -> None:
    """Raises for the first bad file, or counts and names what is skipped."""
    if bad and not skip_bad:
        raise DataError(f"{bad[0]}; or leave out what cannot be read with skip_bad=True (--skip-bad)")
    if not good:
        raise DataError(f"{source.path}: none of its {len(source.entries):,} pictures can be read; {bad[0]}")
    if bad:
        log.warning("%s: %s skipped: %s", source.path, f"{len(bad):,}", _listed(bad))


def _listed(texts: list[str]) -> str:
    more = f"; and {len(texts) - N_NAMED:,} more" if len(texts) > N_NAMED else ""
    return "; ".join(texts[:N_NAMED]) + more


def _records(source: Source, captions: Captions | None) -> Records:
    import pyarrow as pa

    entries = source.entries
    pictures, rows = plan(captions, [e.name for e in entries]) if captions else (list(range(len(entries))), [])
    others = captions.table.take(pa.array(rows, pa.int64())) if captions else pa.table({})
    labels = _labels(source, has_captions=captions is not None)
    if labels and "label" not in others.column_names:
        column = pa.array([labels[i] for i in pictures], pa.string()).dictionary_encode()  # a declared category
        others = others.append_column("label", column) if others.num_columns else pa.table({"label": column})
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    fields = [pa.field("image", kind), *others.schema]
    names = column_names([f.name for f in fields], str(source.path))
    schema = pa.schema([f.with_name(name) for f, name in zip(fields, names)])

    def opened() -> "Iterator[pa.RecordBatch]":
        for start, files in _batches(entries, pictures):
            beside = others.slice(start, len(files)).combine_chunks().columns
            columns = [pa.array(files, kind), *(column.chunk(0) for column in beside)]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    is_text = captions is not None and captions.is_text
    return Records(str(source.path), schema, opened, n_rows=len(pictures), is_text=is_text, path=str(source.path))


def _labels(source: Source, has_captions: bool) -> list[str | None]:
    """Each entry's label; none where there are no sub-folders, or one that only stands beside a captions file."""
    folders = [entry.folders[source.n_outer :] for entry in source.entries]
    if set(folders) == {()} or (has_captions and len(set(folders)) == 1):
        return []
    labels = ["/".join(parts) or None for parts in folders]
    counts = Counter(label for label in labels if label is not None)
    alone = [label for label, n in sorted(counts.items()) if n == 1]
    if alone:
        log.warning("%s: labels with one picture, which is little to learn from: %s", source.path, _listed(alone))
    if None in labels:
        n = labels.count(None)
        found = "1 picture is in no sub-folder; its" if n == 1 else f"{n:,} pictures are in no sub-folder; their"
        log.warning("%s: %s label is missing", source.path, found)
    return labels


def _batches(entries: list[Entry], pictures: list[int]) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Files with their paths, a few at a time, and the number of the first row among them."""
    files: list[dict[str, Any]] = []
    n_bytes = start = 0
    for row, i in enumerate(pictures):
        data = files[-1]["bytes"] if files and pictures[row - 1] == i else entries[i].read()
        files.append({"bytes": data, "path": entries[i].name})
        n_bytes += len(data)
        if n_bytes >= CHUNK_BYTES or len(files) >= CHUNK_ROWS:
            yield start, files
            files, n_bytes, start = [], 0, row + 1
    if files:
        yield start, files
