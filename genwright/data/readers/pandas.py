"""A pandas frame in memory. An index that carries values (named, or of dates) becomes a column.

Columns of Pillow's images and of NumPy arrays of uint8 become pictures (picture_objects.py).
"""

import logging
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from genwright.core.errors import DataError
from genwright.core.records import Reader, Records
from genwright.data.names import is_broken, refuse_broken
from genwright.data.picture_objects import pictures_of
from genwright.data.table import from_table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

log = logging.getLogger("genwright")
NAME = "a pandas frame"


@dataclass(frozen=True)
class PandasReader(Reader):
    """Reads pandas frames."""

    @classmethod
    def accepts(cls, source: Any) -> bool:
        """A DataFrame or a Series."""
        pandas = sys.modules.get("pandas")
        return pandas is not None and isinstance(source, (pandas.DataFrame, pandas.Series))

    def read(self, source: Any) -> Records:
        """Numbers are not copied; objects become Arrow strings."""
        import pandas as pd
        import pyarrow as pa

        frame = source.to_frame() if isinstance(source, pd.Series) else source
        frame = _with_index(frame)
        if not len(frame.columns):
            raise DataError(f"{NAME} without columns; expected at least one")
        arrays = [_array(frame.iloc[:, i]) for i in range(len(frame.columns))]
        names = [".".join(map(str, c)) if isinstance(c, tuple) else c for c in frame.columns]
        names = ["" if name is None else str(name) for name in names]
        refuse_broken(names, NAME)
        return replace(from_table(pa.Table.from_arrays(arrays, names=names), NAME), flavour="pandas")


def _with_index(frame: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    index = frame.index
    if isinstance(index, pd.RangeIndex) or (index.name is None and index.nlevels == 1 and not _is_dates(index)):
        if not isinstance(index, pd.RangeIndex) and not pd.api.types.is_integer_dtype(index.dtype):
            log.warning("%s: its unnamed index is left out; reset_index() makes it a column", NAME)
        return frame
    log.info("%s: its index becomes a column", NAME)
    return frame.reset_index(allow_duplicates=True)


def _is_dates(index: Any) -> bool:
    import pandas as pd

    return isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex))


def _array(series: "pd.Series") -> "pa.Array | pa.ChunkedArray":
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    classes = getattr(series.dtype, "categories", None)
    if isinstance(classes, (pd.IntervalIndex, pd.PeriodIndex)):  # pd.cut makes such ones
        series = series.cat.rename_categories(classes.astype(str))
    if isinstance(series.dtype, pd.PeriodDtype):
        series = series.dt.to_timestamp()
    elif isinstance(series.dtype, pd.IntervalDtype) or pd.api.types.is_complex_dtype(series.dtype):
        series = series.astype(str)
    elif isinstance(series.dtype, pd.SparseDtype):
        series = series.sparse.to_dense()
    elif series.dtype == np.longdouble:
        series = series.astype(np.float64)
    if series.dtype == object and (pictures := pictures_of(series.tolist(), series.name, NAME)) is not None:
        return pictures
    try:
        return pa.array(series, from_pandas=True)
    except UnicodeEncodeError:
        raise _broken(series) from None
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        log.warning("%s: column %r mixes types; read as text", NAME, series.name)
    try:
        return pa.array([None if _is_missing(v) else str(v) for v in series], pa.string())
    except UnicodeEncodeError:
        raise _broken(series) from None
    except ValueError as error:  # of a whole number with thousands of digits
        raise DataError(f"{NAME}: column {series.name!r}: {error}; write such numbers as text") from None


def _broken(series: "pd.Series") -> DataError:
    row = next((i for i, value in enumerate(series, 1) if is_broken(value)), 1)
    return DataError(
        f"{NAME}: row {row}, column {series.name!r} holds half a character (a lone surrogate such as \\ud800); mend it"
    )


def _is_missing(value: Any) -> bool:
    import pandas as pd

    missing = pd.isna(value)
    return missing if isinstance(missing, bool) else False
