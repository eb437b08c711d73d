"""Short ways through the reading path."""

from typing import Any

import pyarrow as pa

from genwright.core.records import Records
from genwright.core.schema import Schema
from genwright.data.infer import infer
from genwright.data.read import read
from genwright.data.table import from_table
from genwright.data.typed import typed


def rows(records: Records) -> dict[str, list[Any]]:
    """All values, by column."""
    return whole(records).to_pydict()


def whole(records: Records) -> pa.Table:
    return pa.Table.from_batches(list(records.open()), records.arrow_schema)


def strings(**columns: list[Any]) -> Records:
    """Records of string columns, as a CSV gives them."""
    return from_table(pa.table({n: pa.array(v, pa.string()) for n, v in columns.items()}), "test")


def values(**columns: list[Any]) -> Records:
    """Records of columns typed by Arrow."""
    return from_table(pa.table(columns), "test")


def kind_of(texts: list[Any], name: str = "x") -> str:
    return infer(strings(**{name: texts}))[0][name].kind


def typed_table(records: Records, schema: Schema | None = None) -> pa.Table:
    schema = schema or infer(records)[0]
    return pa.Table.from_batches(list(typed(records, schema)))


__all__ = ["infer", "kind_of", "read", "rows", "strings", "typed_table", "values", "whole"]
