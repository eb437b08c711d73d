"""Plain facts about each column, for people: how many, how many missing, how many different, from where to where."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from genwright.core.errors import UnknownNameError


@dataclass(frozen=True)
class ColumnStats:
    """Facts about one column.

    Args:
        name: The column.
        n: Rows.
        missing: Rows without a value.
        distinct: Different values; a lower bound unless `is_exact`.
        is_exact: `distinct` is exact.
        low: Smallest number, or earliest date as text; None for other kinds.
        high: Largest number, or latest date as text.
        mean: Of numbers.
        top: The most frequent values and their counts, at most ten.
        n_characters: Of all texts together; None for other kinds.
    """

    name: str
    n: int
    missing: int
    distinct: int
    is_exact: bool = True
    low: float | str | None = None
    high: float | str | None = None
    mean: float | None = None
    top: tuple[tuple[str, int], ...] = ()
    n_characters: int | None = None


@dataclass(frozen=True)
class Stats:
    """Facts about a table."""

    n_rows: int
    columns: tuple[ColumnStats, ...]

    def __iter__(self) -> Iterator[ColumnStats]:
        return iter(self.columns)

    def __getitem__(self, name: str) -> ColumnStats:
        for column in self.columns:
            if column.name == name:
                return column
        raise UnknownNameError(name, [c.name for c in self.columns], "the columns")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"n_rows": self.n_rows, "columns": [asdict(c) for c in self.columns]}
