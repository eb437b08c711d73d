"""Equal content, equal fingerprint; any change, another."""

import datetime
import decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genwright.core.records import Records
from genwright.data.fingerprint import fingerprint
from tests.data.helpers import values

TABLE = pa.table(
    {
        "i": [1, None, 3, 4],
        "f": [0.5, None, -0.0, 1e300],
        "s": ["a", "", None, "größe"],
        "b": [True, False, None, True],
        "t": pa.array([0, 1, None, 3], pa.timestamp("us", "UTC")),
        "d": pa.array([None, None, datetime.date(1, 1, 1), datetime.date(9999, 1, 1)]),
        "m": pa.array([decimal.Decimal("1.50"), None, None, None]),
        "c": pa.array(["x", "y", None, "x"]).dictionary_encode(),
        "files": pa.array([b"\xff\0", b"", None, b"\xff"]),
        "paths": pa.array([{"bytes": x, "path": "x"} for x in (b"\xff", b"\0", b"", b"\xff")]),
        "pixels": pa.ExtensionArray.from_storage(
            pa.fixed_shape_tensor(pa.uint8(), (2, 1)), pa.array([[1, 2], [3, 4], None, [0, 0]], pa.list_(pa.uint8(), 2))
        ),
    }
)


def _chunked(table: pa.Table, size: int) -> Records:
    return Records("test", table.schema, lambda: iter(table.combine_chunks().to_batches(max_chunksize=size)))


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_chunks_do_not_matter(size):
    assert fingerprint(_chunked(TABLE, size)) == fingerprint(_chunked(TABLE, 4))


def test_layouts_do_not_matter():
    plain, large = values(s=pa.array(["a", None])), values(s=pa.array(["a", None], pa.large_string()))
    assert fingerprint(plain) == fingerprint(large)
    files = [pa.array([b"\xff", None], kind) for kind in (pa.binary(), pa.large_binary())]
    with_path = [pa.array([{"bytes": b"\xff", "path": p}, {"bytes": None, "path": p}]) for p in "ab"]
    assert len({fingerprint(_chunked(pa.table({"x": x}), 2)) for x in files + with_path}) == 1
    lists = [pa.array([["a"], None], pa.list_(pa.field(name, pa.string()))) for name in ("item", "element")]
    assert len({fingerprint(_chunked(pa.table({"x": x}), 2)) for x in lists}) == 1  # as Arrow and Parquet call them
    x = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    permuted = pa.FixedShapeTensorArray.from_numpy_ndarray(x)
    kind = pa.fixed_shape_tensor(pa.uint8(), (2, 2))
    stored = pa.ExtensionArray.from_storage(kind, pa.array(x.reshape(2, 4).tolist(), kind.storage_type))
    assert len({fingerprint(_chunked(pa.table({"x": x}), 2)) for x in (permuted, stored)}) == 1


def test_slices_and_what_lies_behind_nulls_do_not_matter():
    hidden = pa.Array.from_buffers(pa.int64(), 2, pa.array([1, None]).buffers()[:1] + pa.array([1, 99]).buffers()[1:])
    assert fingerprint(values(x=hidden)) == fingerprint(values(x=[1, None]))
    assert fingerprint(_chunked(TABLE.slice(1, 2), 2)) == fingerprint(_chunked(TABLE.take([1, 2]), 1))


@pytest.mark.parametrize("name", TABLE.column_names)
def test_every_value_counts(name):
    seen = {fingerprint(_chunked(TABLE, 4))}
    changed = TABLE.set_column(TABLE.column_names.index(name), name, TABLE[name].take([1, 0, 2, 3]))
    if not changed.equals(TABLE):
        assert fingerprint(_chunked(changed, 4)) not in seen
    assert fingerprint(_chunked(TABLE.drop_columns([name]), 4)) not in seen
    assert (
        fingerprint(_chunked(TABLE.rename_columns([n + "x" if n == name else n for n in TABLE.column_names]), 4))
        not in seen
    )


@settings(deadline=None)
@given(a=st.lists(st.none() | st.text(max_size=3), max_size=5), b=st.lists(st.none() | st.text(max_size=3), max_size=5))
def test_strings_do_not_run_together(a, b):
    prints = [fingerprint(_chunked(pa.table({"s": pa.array(x, pa.string())}), 9)) for x in (a, b)]
    assert (prints[0] == prints[1]) == (a == b)
