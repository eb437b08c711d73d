"""Words of the command line as checked values."""

import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from genwright.core.errors import ConfigError

MOST_ROWS = 10**12
_COUNT = re.compile(r"(\d[\d_,]*(?:\.\d+)?(?:e\+?\d{1,2})?)([kmb]?)")
_TIMES = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}
_ENDINGS = (
    *(".gz", ".csv", ".tsv", ".tab", ".dat", ".data", ".jsonl", ".ndjson", ".json", ".parquet", ".pq", ".npy"),
    *(".conllu", ".txt", ".text", ".md", ".markdown", ".rst", ".tex", ".log", ".srt"),
)


def count(text: str, option: str = "-n") -> int:
    """A number of rows.

    >>> count("1e6"), count("10k"), count("1_000"), count("2.5M")
    (1000000, 10000, 1000, 2500000)
    """
    match = _COUNT.fullmatch(text.strip().lower())
    number = Decimal(re.sub("[_,]", "", match[1])) * _TIMES[match[2]] if match else Decimal("NaN")
    if not match or number != int(number):
        raise ConfigError(f"{option} {text}: expected a whole number, for example 1000, 1_000, 10k or 1e6")
    if number > MOST_ROWS:
        raise ConfigError(f"{option} {text}: at most {MOST_ROWS:,} rows at once; draw more with another --seed")
    return int(number)


def many(n: int, what: str = "row") -> str:
    """A number with its noun.

    >>> many(1), many(1200), many(2, "column")
    ('1 row', '1,200 rows', '2 columns')
    """
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def kinds(pairs: Sequence[str]) -> dict[str, str]:
    """`["zip=category"]` → `{"zip": "category"}`; a column's name may itself hold `=`."""
    found = {}
    for pair in pairs:
        name, equals, kind = pair.rpartition("=")
        if not equals or not name:
            raise ConfigError(f"--kind {pair}: expected column=kind, for example --kind zip=category")
        found[name] = kind.strip()
    return found


def column_options(pairs: Sequence[str]) -> dict[str, dict[str, str]]:
    """`["text.tokenizer=bpe"]` → `{"text": {"tokenizer": "bpe"}}`; a column's name may itself hold points."""
    found: dict[str, dict[str, str]] = {}
    for pair in pairs:
        match = re.fullmatch(r"(.+)\.(\w+)=(.*)", pair, re.DOTALL)
        require(match is not None, f"--column {pair}: expected column.name=value, for example text.tokenizer=bpe")
        assert match is not None
        found.setdefault(match[1], {})[match[2]] = match[3].strip()
    return found


def require(is_right: bool, message: str) -> None:
    """Raises ConfigError with the message unless it is right."""
    if not is_right:
        raise ConfigError(message)


def free_file(path: str | Path, overwrite: bool) -> Path:
    """A place for a new file.

    Raises:
        ConfigError: there is one already, or it cannot be one.
    """
    place = Path(path).expanduser()
    require(not place.is_dir(), f"{place} is a folder; name a file in it")
    require(overwrite or not place.exists(), f"{place} exists; add --overwrite to replace it, or name another file")
    require(place.parent.is_dir(), f"{place.parent} is not a folder; make it first, or name another place")
    return place


def stem(name: str) -> str:
    """What a run of these data is called: the file's name without its endings.

    >>> stem("data/customers.csv.gz"), stem("tagged.conllu"), stem("digits")
    ('customers', 'tagged', 'digits')
    """
    base = Path(name).expanduser().resolve().name if set(name) <= set("./~\\") else Path(name).name
    for ending in _ENDINGS:
        base = base[: -len(ending)] if base.lower().endswith(ending) else base
    return re.sub(r"[^\w.-]+", "_", base).strip("._") or "run"


def free_folder(folder: Path, name: str) -> Path:
    """`folder/name`, or with -2, -3 … behind where that is taken."""
    place, number = folder / name, 1
    while place.exists():
        number += 1
        place = folder / f"{name}-{number}"
    return place
