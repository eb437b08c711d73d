"""Built-in sets, from scikit-learn's own files: `digits`, `wine`, `breast_cancer`, `diabetes`.

digits: 8 × 8 pixels p00 … p77 (row, column; 0 white … 16 black) and `digit`. wine: 13 measurements and `cultivar`.
breast_cancer: 30 measurements and `diagnosis`. diabetes: 10 measurements and `progression` after a year.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from genwright.core.records import Reader, Records
from genwright.data.table import from_table

if TYPE_CHECKING:
    import pyarrow as pa

NAMES = ("breast_cancer", "diabetes", "digits", "wine")


@dataclass(frozen=True)
class BuiltinReader(Reader):
    """Reads a set that comes with scikit-learn."""

    @classmethod
    def accepts(cls, source: Any) -> bool:
        """One of the names."""
        return isinstance(source, str) and source in NAMES

    def read(self, source: Any) -> Records:
        """The whole set in memory."""
        tables = {"digits": _digits, "diabetes": _diabetes, "wine": _wine, "breast_cancer": _breast_cancer}
        return replace(from_table(tables[source](), source), flavour="pandas")


def _digits() -> "pa.Table":
    import pyarrow as pa
    from sklearn.datasets import load_digits

    data = load_digits()
    pixels = data.data.astype("int64")  # (1797, 64)
    columns = {f"p{row}{column}": pixels[:, 8 * row + column] for row in range(8) for column in range(8)}
    return pa.table({**columns, "digit": pa.array(data.target.astype("int64")).dictionary_encode()})


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
