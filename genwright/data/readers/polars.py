"""A polars frame in memory; a lazy one is collected."""

import sys
from dataclasses import dataclass, replace
from typing import Any

from genwright.core.records import Reader, Records
from genwright.data.table import from_table


@dataclass(frozen=True)
class PolarsReader(Reader):
    """Reads polars frames."""

    @classmethod
    def accepts(cls, source: Any) -> bool:
        """A DataFrame, a LazyFrame or a Series."""
        polars = sys.modules.get("polars")
        return polars is not None and isinstance(source, (polars.DataFrame, polars.LazyFrame, polars.Series))

    def read(self, source: Any) -> Records:
        """Shares the frame's memory where it can."""
        import polars

        frame = source.collect() if isinstance(source, polars.LazyFrame) else source
        frame = frame.to_frame() if isinstance(frame, polars.Series) else frame
        wide = {getattr(polars, name, None) for name in ("Int128", "UInt128")}  # which Arrow has not
        narrow = [_narrowed(column) for column in frame if column.dtype in wide]
        return replace(from_table(frame.with_columns(narrow).to_arrow(), "a polars frame"), flavour="polars")


def _narrowed(column: Any) -> Any:
    """Whole numbers of 128 bits in 64, or as text where they do not fit."""
    import polars

    found = column.cast(polars.Int64, strict=False)
    return found if found.null_count() == column.null_count() else column.cast(polars.String)
