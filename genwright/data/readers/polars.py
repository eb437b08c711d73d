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
        return replace(from_table(frame.to_arrow(), "a polars frame"), flavour="polars")
