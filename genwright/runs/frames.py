"""Drawn tables as the kinds of frames that users work with: pandas, polars, Arrow."""

from collections.abc import Collection
from functools import cache
from typing import Any, get_args

import numpy as np
import pyarrow as pa

from genwright.core.errors import UnknownNameError
from genwright.core.records import Flavour
from genwright.data.picture_objects import as_objects


def frame(table: pa.Table, flavour: Flavour = "pandas", with_gaps: Collection[str] = ()) -> Any:
    """An Arrow table as the user's kind of frame; of pandas, pictures are Pillow's images, or NumPy arrays.

    Args:
        table: The rows.
        flavour: The kind of frame.
        with_gaps: Columns that become pandas' nullable types where they hold whole numbers or truth values; others
            with gaps become floats and objects, as pandas reads them from text.
    """
    if known_flavour(flavour) == "arrow":
        return table
    if flavour == "polars":
        import polars

        return polars.from_arrow(table)
    objects = {name: as_objects(column) for name, column in zip(table.column_names, table.columns)}
    pictures = {name: values for name, values in objects.items() if values is not None}
    found = table.drop_columns(list(pictures)).to_pandas()
    for name, values in pictures.items():
        found.insert(table.column_names.index(name), name, _object_series(values))
    whole = [name for name in table.column_names if name in with_gaps]
    nullable = table.select(whole).to_pandas(types_mapper=_nullable_types().get)
    for name in whole:
        found[name] = nullable[name]
    return found


def gapped(table: pa.Table, like: Any = None) -> list[str]:
    """Columns of whole numbers or truth values with gaps: as floats, numbers beyond 2^53 would change.

    Args:
        table: The rows.
        like: What they were made from; truth values that are objects there, in a pandas frame, stay objects.
    """
    there: Any = getattr(like, "dtypes", None)  # of a pandas frame a series, by the name of the column
    objects = {str(name) for name, kind in there.items() if str(kind) == "object"} if hasattr(there, "items") else set()
    return [
        f.name
        for f, column in zip(table.schema, table.columns)
        if column.null_count
        and (pa.types.is_integer(f.type) or (pa.types.is_boolean(f.type) and f.name not in objects))
    ]


def _object_series(values: list[Any]) -> Any:
    """A pandas column of objects, arrays among them."""
    import pandas as pd

    column = np.empty(len(values), object)
    for i, value in enumerate(values):
        column[i] = value
    return pd.Series(column, dtype=object)


@cache
def _nullable_types() -> dict[pa.DataType, Any]:
    """Arrow's whole numbers and truth values → pandas' types of the same width that can be missing."""
    import pandas as pd

    widths = (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())
    names = {kind: str(kind).replace("uint", "UInt").replace("int", "Int") for kind in widths}
    return {pa.bool_(): pd.BooleanDtype(), **{kind: pd.api.types.pandas_dtype(name) for kind, name in names.items()}}


def known_flavour(flavour: Any) -> Any:
    """The flavour, if it is one.

    Raises:
        UnknownNameError: it is none; the nearest is named.
    """
    if flavour and flavour not in get_args(Flavour):
        raise UnknownNameError(flavour, get_args(Flavour), "the kinds of frames")
    return flavour
