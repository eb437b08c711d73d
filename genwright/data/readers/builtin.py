"""Built-in sets by name: scikit-learn's own files, texts that come with Python, and published pictures on the machine.

digits: 8 × 8 pixels p00 … p77 (row, column; 0 white … 16 black) and `digit`; digits-pictures: the same as pictures of
17 levels, 0 … 16, and `label`. wine: 13 measurements and `cultivar`. breast_cancer: 30 measurements and `diagnosis`.
diabetes: 10 measurements and `progression` after a year. pydoc: what `help()` says about Python's language, `topic` and
`text`. stdlib: sources of Python's standard library, `module` and `text`, without its tests. The last two change with
the version of Python. mnist, fashion-mnist: 28 × 28 grey pictures and `label`, 60,000 to train and 10,000 to test
(`part`), looked for as data/known_sets.py says.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genwright.core.errors import ConfigError
from genwright.core.records import Reader, Records
from genwright.data.idx import idx_records, images_in
from genwright.data.known_sets import KNOWN, find
from genwright.data.npz import npz_records
from genwright.data.picture_arrays import array_records, labels_of
from genwright.data.table import from_table

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("genwright")
PICTURES = "digits-pictures"
NAMES = ("breast_cancer", "diabetes", "digits", PICTURES, *KNOWN, "pydoc", "stdlib", "wine")


@dataclass(frozen=True)
class BuiltinReader(Reader):
    """Reads a set by its name."""

    part: str | None = None  # of mnist and fashion-mnist: train or test; None: train

    @classmethod
    def accepts(cls, source: Any) -> bool:
        """One of the names."""
        return isinstance(source, str) and source in NAMES

    def read(self, source: Any) -> Records:
        """The whole set in memory, but for published pictures, which are read from their files."""
        if source in KNOWN:
            return _published(source, self.part)
        if self.part is not None:
            raise ConfigError(f"{source} has no parts; part is for {' and '.join(KNOWN)}")
        if source == PICTURES:
            return _digits_pictures()
        tables = {"digits": _digits, "diabetes": _diabetes, "wine": _wine, "breast_cancer": _breast_cancer}
        tables |= {"pydoc": _pydoc, "stdlib": _stdlib}
        return replace(from_table(tables[source](), source), flavour="pandas")


def _digits() -> "pa.Table":
    import pyarrow as pa
    from sklearn.datasets import load_digits

    data = load_digits()
    pixels = data.data.astype("int64")  # (1797, 64)
    columns = {f"p{row}{column}": pixels[:, 8 * row + column] for row in range(8) for column in range(8)}
    return pa.table({**columns, "digit": pa.array(data.target.astype("int64")).dictionary_encode()})


def _digits_pictures() -> Records:
    import pyarrow as pa
    from sklearn.datasets import load_digits

    data = load_digits()
    x = data.images.astype("uint8")  # (1797, 8, 8)
    beside = pa.table({"label": labels_of(data.target)})
    records = array_records(PICTURES, lambda n: (x[i : i + n] for i in range(0, len(x), n)), len(x), (8, 8), beside)
    return replace(records, flavour="pandas")


def _published(name: str, part: str | None) -> Records:
    known = KNOWN[name]
    place = find(known)
    log.info("%s: found in %s", name, place)
    if place.suffix == ".npz":
        records = npz_records(place, part, known.classes)
    else:
        records = idx_records(images_in(place, part) or place, known.classes)
    return replace(records, name=name, path=None)


def _diabetes() -> "pa.Table":
    import pyarrow as pa
    from sklearn.datasets import load_diabetes

    data = load_diabetes(scaled=False)
    columns = {name: data.data[:, i] for i, name in enumerate(data.feature_names)}
    return pa.table({**columns, "progression": data.target})


def _wine() -> "pa.Table":
    from sklearn.datasets import load_wine

    return _classes(load_wine, "cultivar")


def _breast_cancer() -> "pa.Table":
    from sklearn.datasets import load_breast_cancer

    return _classes(load_breast_cancer, "diagnosis")


def _classes(load: Callable[[], Any], target: str) -> "pa.Table":
    """Measurements, and the class by its name."""
    import pyarrow as pa

    data = load()
    columns = {str(name).replace(" ", "_"): data.data[:, i] for i, name in enumerate(data.feature_names)}
    return pa.table({**columns, target: pa.array([str(data.target_names[i]) for i in data.target])})


def _pydoc() -> "pa.Table":
    from pydoc_data.topics import topics

    import pyarrow as pa

    return pa.table({"topic": list(topics), "text": list(topics.values())})


def _stdlib() -> "pa.Table":
    import sysconfig

    import pyarrow as pa

    folder = Path(sysconfig.get_path("stdlib"))
    paths = sorted(path for path in folder.rglob("*.py") if _is_source(path.relative_to(folder)))
    texts = {_module(path.relative_to(folder)): _source(path) for path in paths}
    known = {name: text for name, text in texts.items() if text.strip()}
    return pa.table({"module": list(known), "text": list(known.values())})


def _is_source(path: Path) -> bool:
    """Whether a file is of the library itself: no test, nothing that was installed or made."""
    return not set(path.parts) & {"site-packages", "dist-packages", "__pycache__", "test", "tests", "idle_test"}


def _module(path: Path) -> str:
    """`email/header.py` → `email.header`."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _source(path: Path) -> str:
    import tokenize

    try:
        with tokenize.open(path) as file:
            return file.read()
    except (SyntaxError, UnicodeDecodeError):
        return ""
