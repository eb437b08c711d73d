"""What a user hands over → records: the one door for every source."""

from collections import Counter
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from genwright.core.config import to_json
from genwright.core.errors import ConfigError, DataError
from genwright.core.records import Records
from genwright.core.registry import READERS
from genwright.data.picture_sources import is_picture_name, visible_files

ENDINGS = (
    ".csv .tsv .tab .txt .dat .data .jsonl .ndjson .json (each also with .gz), .parquet .pq .npy .npz .conllu, "
    "text such as .txt .md .py, or pictures such as .png .jpg .webp .zip"
)


def read(source: Any, **options: Any) -> Records:
    """The records of a path, a frame, a table, an array, or the name of a built-in set.

    Args:
        source: A path to CSV, TSV, JSON lines, Parquet, CoNLL-U, text, .npy, .npz, IDX, a picture, a ZIP archive of
            pictures or a folder of pictures or texts; a pandas or polars frame; an Arrow table; a NumPy array, or one
            with the lengths of its sequences; the name of a built-in set, such as `"digits"`; or records.
        options: For delimited text: `delimiter`, `encoding`, `header`; for JSON: `encoding`; for text: `rows`
            ("passages", "lines", "paragraphs", of a folder "files") and `encoding`; for CoNLL-U: `tags` ("upos",
            "xpos") and `encoding`; for pictures: `part` ("train", "test", "validation") where a set has them, of files
            also `skip_bad`.

    Raises:
        DataError: it cannot be read; the message names file, line or column and the next step.
        ConfigError: the reader has no such option.
    """
    if isinstance(source, Records):
        return source
    if _is_existing(source):
        _check_path(Path(source))
    elif isinstance(source, (str, Path)) and source not in _builtin_names():
        raise _no_such_file(source)
    found = [name for name in READERS.names() if READERS.get(name).accepts(source)]
    if not found:
        raise _unknown(source)
    name = next((name for name in found if set(options) <= set(to_json(READERS.get(name)()))), found[0])
    return replace(_guarded(_made(READERS.get(name), name, options), source), options=options)


def _is_existing(source: Any) -> bool:
    if not isinstance(source, (str, Path)) or not str(source):
        return False
    try:
        return Path(source).exists() and not (source in _builtin_names() and Path(source).is_dir())
    except PermissionError:
        raise DataError(f"{source}: no permission to look there; ask its owner or copy the file") from None
    except (OSError, ValueError):
        return False


def _made(cls: type[Any], name: str, options: dict[str, Any]) -> Any:
    try:
        return cls(**options)
    except TypeError:
        known = ", ".join(to_json(cls())) or "no options"
        raise ConfigError(f"the {name} reader has {known}; it was given {', '.join(options)}") from None


def _guarded(reader: Any, source: Any) -> Records:
    try:
        return reader.read(source)
    except PermissionError:
        raise DataError(f"{source}: no permission to read it; change it with chmod +r or copy the file") from None


def _builtin_names() -> tuple[str, ...]:
    from genwright.data.readers.builtin import NAMES

    return NAMES


def _check_path(path: Path) -> None:
    try:
        if path.is_dir() and not any(path.iterdir()):
            raise DataError(
                f"{path} is an empty folder; expected a file or a folder of pictures, texts or Parquet parts"
            )
    except PermissionError:
        raise DataError(f"{path}: no permission to look into this folder; ask its owner") from None
    if not path.is_file() and not path.is_dir():
        raise DataError(f"{path} is not a regular file but a pipe or a device; write its content to a file first")
    if path.is_file() and not path.stat().st_size:
        expected = "a picture" if is_picture_name(path.name) else "a line of column names and rows below it, or text"
        raise DataError(f"{path} is empty; expected {expected}")


def _no_such_file(source: str | Path) -> DataError:
    if str(source) == "-":
        return DataError("- is no file; standard input is not read, as data are read twice: write them to a file first")
    path = Path(source)
    folder = path.parent
    try:
        inside = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
    except OSError:
        inside = []
    near = get_close_matches(path.name, [*inside, *_builtin_names()], n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    where = "" if folder.is_dir() else f"there is no folder {folder} either; "
    return DataError(f"no file {source}; {where}{hint}built-in sets are {', '.join(_builtin_names())}")


def _listed(folder: Path) -> str:
    """What is in a folder: its files, or where they lie deeper, their endings."""
    found = sorted(p.name for p in folder.iterdir())
    listed = ", ".join(found[:8]) + (f" and {len(found) - 8} more" if len(found) > 8 else "")
    endings = Counter(p.suffix.lower() or "without ending" for p in visible_files(folder) if p.parent != folder)
    inside = ", ".join(f"{n:,} {ending}" for ending, n in endings.most_common(5))
    return f"{listed} (inside: {inside})" if inside else listed


def _unknown(source: Any) -> DataError:
    if not isinstance(source, (str, Path)):
        expected = "a path, a pandas or polars frame, an Arrow table, a NumPy array"
        return DataError(f"cannot read a {type(source).__module__}.{type(source).__qualname__}; expected {expected}")
    path = Path(source)
    if path.is_dir():
        expected = "expected Parquet parts or text files, or pictures (png, jpg, webp, gif, bmp, tif)"
        return DataError(f"{path} is a folder with {_listed(path)}; {expected}, or name one file in it")
    hint = "; save the sheet as CSV" if path.suffix.lower() in (".xls", ".xlsx", ".ods") else ""
    return DataError(f"{path}: unknown ending {path.suffix or '(none)'}{hint}; expected one of {ENDINGS}")
