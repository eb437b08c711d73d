"""Constants, booleans, omitted columns, and JSON of Arrow values."""

import json

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genwright.codecs._arrow_json import array_from_json, array_to_json, type_from_text, type_to_text
from genwright.codecs.boolean import Boolean
from genwright.codecs.constant import Constant
from genwright.codecs.omitted import Omitted
from genwright.core.codec import Codec, TableCodec
from genwright.core.errors import DataError, UnsupportedError
from genwright.core.schema import Column, Schema

QUICK = settings(max_examples=40, deadline=None)


def _fitted(codec: Codec, values: pa.Array) -> Codec:
    codec.update(values)
    codec.finish()
    return codec


def test_boolean_codes() -> None:
    codec = _fitted(Boolean(), pa.array([True, False, None]))
    assert codec.encode(pa.array([False, True, None])).tolist() == [0, 1, 2]
    assert codec.encode(pa.array(["true", "0"])).tolist() == [1, 0]
    without = _fitted(Boolean(), pa.array([True, True, False]))
    assert without.encode(pa.array([None], pa.bool_())).tolist() == [1]
    assert without.decode(torch.tensor([0, 1])).to_pylist() == [False, True]


@pytest.mark.parametrize("values", [pa.array([0, 2]), pa.array([0.5]), pa.array(["maybe"])])
def test_boolean_refuses_other_values(values: pa.Array) -> None:
    with pytest.raises(DataError, match=r"not only 0 and 1|expected true or false"):
        Boolean().update(values)


def test_constant_with_holes_keeps_their_share() -> None:
    codec = _fitted(Constant(), pa.array([7] * 30 + [None] * 70))
    n = 4000
    share = codec.regenerate(n, 0, 3).null_count / n
    assert abs(share - 0.7) < 5 * (0.7 * 0.3 / n) ** 0.5


def test_constant_refuses_a_second_value() -> None:
    codec = Constant()
    codec.update(pa.array(["a", "a"]))
    with pytest.raises(DataError, match="holds a and b; set its kind to category"):
        codec.update(pa.array(["b"]))


def test_unmodelled_columns_have_no_tensor() -> None:
    for refused in (lambda c: c.field, lambda c: c.encode(pa.array(["x"])), lambda c: c.decode(torch.zeros(1))):
        with pytest.raises(UnsupportedError, match="constant columns are not modelled"):
            refused(_fitted(Constant(), pa.array(["x"])))


def test_an_omitted_column_comes_back_empty() -> None:
    codec = _fitted(Omitted(), pa.array(["Some words."], pa.large_string()))
    assert codec.regenerate(2, 0, 0).equals(pa.nulls(2, pa.large_string()))
    with pytest.raises(UnsupportedError, match="omitted columns are not modelled"):
        codec.encode(pa.array(["x"]))


TYPES = [
    *(pa.null(), pa.bool_(), pa.int8(), pa.uint64(), pa.float16(), pa.float64(), pa.string(), pa.large_binary()),
    *(pa.binary(16), pa.decimal128(10, -2), pa.decimal256(50, 3), pa.date64(), pa.time64("ns"), pa.duration("ms")),
    *(pa.timestamp("ns"), pa.timestamp("us", "America/New_York"), pa.timestamp("s", "+05:30"), pa.uuid()),
    *(pa.list_(pa.int64()), pa.struct([("a", pa.string())]), pa.dictionary(pa.int8(), pa.string())),
]


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_types_survive_text(kind: pa.DataType) -> None:
    assert type_from_text(json.loads(json.dumps(type_to_text(kind)))) == kind


def test_a_damaged_type_is_named() -> None:
    with pytest.raises(DataError, match="'int65' is not an Arrow type"):
        type_from_text("int65")


@QUICK
@given(st.lists(st.none() | st.floats(width=64)))
def test_floats_survive_json_to_the_last_bit(numbers: list[float | None]) -> None:
    back = array_from_json(json.loads(json.dumps(array_to_json(pa.array(numbers, pa.float64())), allow_nan=False)))
    assert repr(back.to_pylist()) == repr(numbers)


@QUICK
@given(st.lists(st.none() | st.floats(width=32, allow_nan=False)))
def test_float32_survives_json(numbers: list[float | None]) -> None:
    values = pa.array(numbers, pa.float32())
    assert array_from_json(json.loads(json.dumps(array_to_json(values)))).equals(values)


def test_nested_values_survive_json() -> None:
    for values in (pa.array([[1, None], None]), pa.array([{"a": np.float64(0.1)}])):
        assert array_from_json(json.loads(json.dumps(array_to_json(values)))).equals(values)


def test_columns_with_holes_are_missing_in_rows_of_their_own() -> None:
    schema = Schema((Column("a", "constant"), Column("b", "constant"), Column("x", "number")))
    holey = pa.array([7] * 50 + [None] * 50)
    codec = TableCodec(schema).fit([pa.record_batch({"a": holey, "b": holey, "x": pa.array(range(100))})])
    n = 4000
    table = codec.decode({"x": torch.zeros(n, dtype=torch.float64)})
    both = np.mean([table[name].is_null().to_numpy() for name in "ab"], axis=0) == 1
    assert abs(both.mean() - 0.25) < 5 * (0.25 * 0.75 / n) ** 0.5
