"""Strings → typed columns → the same strings."""

import datetime
import math

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from genwright.core.errors import DataError, SchemaError
from genwright.core.schema import Column, Schema
from genwright.data.missing import ALWAYS, SOMETIMES
from genwright.data.numbers import format_floats
from genwright.data.read import read
from genwright.data.typed import readable, typed, typed_value, untyped
from genwright.data.typed import typed_table as typed_in_memory
from tests.data.helpers import infer, strings, typed_table, values


def test_types():
    table = typed_table(
        strings(
            whole=["1", "NA", "3"],
            real=["1.5", "2", ""],
            flag=["yes", "no", "?"],
            day=["2024-01-31", "0001-01-01", "9999-12-31"],
            moment=["2024-01-31T23:59:00.5Z", "2024-01-31T23:59:01.25Z", " "],
            word=["a", "NA", "b"],
            bit=["0", "1", ""],
        )
    )
    names = ["int64", "double", "bool", "timestamp[s]", "timestamp[ms, tz=UTC]", "string", "int64"]
    assert [str(t) for t in table.schema.types] == names
    assert table["whole"].to_pylist() == [1, None, 3]
    assert table["flag"].to_pylist() == [True, False, None]
    assert table["day"].to_pylist()[1:] == [datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31)]
    assert table["word"].to_pylist() == ["a", None, "b"]
    assert table["bit"].to_pylist() == [0, 1, None]


ROUND_TRIPS = [
    ["1", "2", "-3"],
    ["1.50", "2.00", "0.25"],
    ["1.5", "2", "0.25"],
    ["880.0", "8.3252", "1.0"],
    ["1", "?", "2"],
    ["NA", "1.5", "NA"],
    ["True", "False", "True"],
    ["Y", "N", ""],
    ["31/12/2024", "01/02/2024", "NA"],
    ["2024-01-31 23:59", "2024-02-01 00:00", ""],
    ["2024-01-31T23:59:00+02:00", "2024-01-31T23:59:01+02:00"],
    ["2024-01-31T23:59:00.123456", "0001-01-01T00:00:00.000001"],
    ["1/2/2024 3:05 PM", "12/31/2024 12:00 AM"],
    ["00501", "10001", "00501"],
    ["a", " b ", "a"],
    ["constant", "constant"],
    ["?", "?"],
    ["9223372036854775807", "-9223372036854775808", "0"],
]


@pytest.mark.parametrize("texts", ROUND_TRIPS, ids=str)
def test_untyped_gives_the_strings_back(texts):
    records = strings(x=texts)
    schema, _ = infer(records)
    assert untyped(typed_table(records, schema), schema)["x"].to_pylist() == texts


NUMBER = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.decimals(places=2, allow_nan=False, allow_infinity=False).map(lambda d: f"{d:f}"),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)
WORD = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=6)


@settings(deadline=None, max_examples=100)
@given(texts=st.lists(NUMBER, min_size=1, max_size=8))
def test_numbers_are_exact(texts):
    records = strings(x=texts)
    schema, _ = infer(records)
    table = typed_table(records, schema)
    if schema["x"].kind == "number":
        assert [float(v) for v in table["x"].to_pylist()] == [float(t) for t in texts]
        again = untyped(table, schema)["x"].to_pylist()
        assert [float(t) for t in again] == [float(t) for t in texts]


def _is_infinite(text: str) -> bool:
    try:
        return math.isinf(float(text))
    except ValueError:
        return False


@settings(deadline=None, max_examples=100)
@given(
    texts=st.lists(
        st.one_of(WORD, st.sampled_from(["NA", "?", "1", "2024-01-31", "yes", "no", "None"])), min_size=1, max_size=8
    )
)
def test_words_come_back_but_for_tokens(texts):
    assume(not any(_is_infinite(text) for text in texts))  # refused, see below
    records = strings(x=texts)
    schema, _ = infer(records)
    again = untyped(typed_table(records, schema), schema)["x"].to_pylist()
    tokens = {*ALWAYS, *SOMETIMES}
    for before, after in zip(texts, again):
        if before.strip() not in tokens and schema["x"].kind in ("category", "text", "id", "constant"):
            assert after == before
        if before.strip() in ALWAYS:
            assert after is None or after.strip() in tokens


@pytest.mark.parametrize("word", ["inf", "-inf", "Infinity"])
def test_infinite_values_name_row_and_column(word):
    records = strings(y=["a", "b", "a"], x=["1.5", "2", word])
    with pytest.raises(DataError, match=r"test: row 3, column 'x' holds -?inf; expected a finite number; remove"):
        typed_table(records)


def test_infinite_floats_of_a_frame_and_nan():
    with pytest.raises(DataError, match="row 2, column 'x' holds inf"):
        typed_table(values(x=[1.0, float("inf")]))
    assert typed_table(values(x=[1.0, float("nan"), 2.0]))["x"].to_pylist() == [1.0, None, 2.0]


@pytest.mark.parametrize("odd", [2, -1, 0.5])
def test_numbers_that_are_no_truth_values_name_the_row(odd):
    records = values(x=[0, 1, None, odd])
    schema, _ = infer(records, {"x": "boolean"})
    with pytest.raises(DataError, match=f"row 4, column 'x' holds {odd}; expected 0 or 1"):
        typed_table(records, schema)
    fine = values(x=[0, 1, None, 1])
    assert typed_table(fine, schema)["x"].to_pylist() == [False, True, None, True]
    nothing = values(x=pa.nulls(2, pa.timestamp("ns")))
    assert typed_table(nothing, schema)["x"].to_pylist() == [None, None]


def test_types_of_a_frame_are_kept():
    columns = {
        "a": pa.array([1, 2], pa.int8()),
        "b": pa.array([1.5, 2], pa.float32()),
        "c": pa.array([1, 2], pa.date32()),
    }
    table = typed_table(values(**columns, d=pa.array(["x", "y"]).dictionary_encode()))
    assert [str(t) for t in table.schema.types] == ["int8", "float", "date32[day]", "string"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (["1", "2"], ["1", "x"], "row 2, column 'x' holds 'x'; expected a whole number"),
        (["1", "2"], ["1", "1.5"], "holds '1.5'; expected a whole number"),
        (["1.5", "2"], ["1", "x"], "holds 'x'; expected a number"),
        (["yes", "no"], ["yes", "maybe"], "holds 'maybe'; expected no or yes"),
        (["2024-01-31", "2024-02-01"], ["2024-01-31", "2024-02-31"], "holds '2024-02-31'; expected a date such as %Y"),
    ],
)
def test_a_new_file_that_does_not_fit_names_the_place(old, new, message):
    schema, _ = infer(strings(x=old))
    with pytest.raises(DataError, match=message):
        typed_table(strings(x=new), schema)


def test_whole_numbers_may_be_written_as_floats():
    schema, _ = infer(strings(x=["1", "2"], bit=["0", "1"]))
    big = str(2**63 - 1)
    texts = ["24.0", "24.", "1e3", "1.5E1", "-0.0", "0.00E+00", "", f"{big}.0", "+7"]
    table = typed_table(strings(x=texts, bit=["1.0", "0.0", *"1111111"]), schema)
    assert table["x"].to_pylist() == [24, 24, 1000, 15, 0, 0, None, 2**63 - 1, 7]
    assert table["bit"].to_pylist()[:2] == [1, 0]


@pytest.mark.parametrize("text", ["24.5", "1.5e0", "1e-400", "1e400", "9.3e18", f"{2**63}.0", ".0"])
def test_other_floats_are_no_whole_numbers(text):
    schema, _ = infer(strings(x=["1", "2"]))
    with pytest.raises(DataError, match=r"row 2, column 'x' holds .*; expected a whole number"):
        typed_table(strings(x=["1.0", text]), schema)


def test_missing_tokens_never_seen_before_are_missing():
    schema, _ = infer(strings(n=["1", "2"], c=["a", "b"]))
    assert typed_table(strings(n=["-", "2"], c=["NA", "None"]), schema).to_pydict() == {
        "n": [None, 2],
        "c": [None, "None"],
    }


def test_absent_and_extra_columns():
    schema, _ = infer(strings(a=["1", "2"]))
    with pytest.raises(SchemaError, match="no column 'a'; expected 1 columns, found b"):
        list(typed(strings(b=["1"]), schema))
    assert typed_table(strings(b=["1"], a=["5"]), schema).column_names == ["a"]


def test_a_schema_written_by_hand():
    schema = Schema((Column("n", "number"), Column("d", "datetime", {"parse": {"format": "%d.%m.%Y", "unit": "s"}})))
    table = typed_table(strings(n=["1", "2.5"], d=["01.02.2024", "NA"]), schema)
    assert table.to_pydict() == {"n": [1.0, 2.5], "d": [datetime.datetime(2024, 2, 1), None]}
    with pytest.raises(
        DataError, match=r"row 3, column 'd' holds '01\.02\.2024'; .*needs a format, such as %d\.%m\.%Y"
    ):
        typed_table(
            strings(d=["2024-02-01", "NA", "01.02.2024", "2024-02-01", "x"]), Schema((Column("d", "datetime"),))
        )


def test_dates_that_came_typed_may_come_as_iso_text():
    day, schema = datetime.datetime(2024, 2, 1), Schema((Column("d", "datetime"),))
    for text in ("2024-02-01", "2024-02-01 00:00:00", "2024-02-01T00:00:00"):
        assert typed_table(strings(d=[text, "NA"]), schema).to_pydict() == {"d": [day, None]}
    found = typed_table(strings(d=["2024-02-01T01:00:00+01:00"]), schema).to_pydict()
    assert found == {"d": [day.replace(tzinfo=datetime.UTC)]}
    assert typed_table(strings(d=["", "NA"]), schema).to_pydict() == {"d": [None, None]}


def test_truth_values_that_came_typed_may_come_as_text():
    schema = Schema((Column("b", "boolean"),))
    assert typed_table(strings(b=["True", "false", "FALSE", ""]), schema).to_pydict() == {
        "b": [True, False, False, None]
    }
    with pytest.raises(DataError, match="row 1, column 'b' holds 'ja'; expected false or true"):
        typed_table(strings(b=["ja"]), schema)


def test_one_value():
    schema, _ = infer(strings(flag=["yes", "no"], day=["31/12/2024", "30/12/2024"], n=["1", "5"]))
    assert typed_value(schema["flag"], "yes") is True
    assert typed_value(schema["day"], "31/12/2024") == datetime.datetime(2024, 12, 31)
    assert typed_value(schema["n"], "5") == 5
    assert typed_value(schema["n"], "old") == "old"
    assert typed_value(schema["n"], 7) == 7


def test_a_table_in_memory():
    schema, _ = infer(strings(n=["1", "5"]))
    assert typed_in_memory(pa.table({"n": ["7", "NA"]}), schema).to_pydict() == {"n": [7, None]}
    assert str(typed_in_memory(pa.table({"n": pa.array([], pa.string())}), schema).schema.types[0]) == "int64"


def test_drawn_numbers_are_rounded_as_the_column_is():
    import numpy as np

    drawn = np.array([1.23456, 2.0, 1e-7])
    assert format_floats(drawn, 2, 2) == ["1.23", "2.00", "0.00"]
    assert format_floats(drawn, 2, 0) == ["1.23", "2", "0"]
    assert format_floats(drawn, None, 1) == ["1.23456", "2.0", "1e-07"]


def test_lists_without_a_known_step_are_lists_again():
    column = Schema((Column("x", "sequence"),))
    (batch,) = typed(read(pa.table({"x": [[], None, [None, None]]})), column)
    assert batch.column(0).to_pylist() == [[], None, [None, None]]
    (batch,) = typed(read(pa.table({"x": ["[]", "a"]})), column)
    assert batch.column(0).to_pylist() == ["[]", "a"]


def test_a_missing_truth_value_is_missing_for_its_user():
    records = strings(a=["yes", "no", "?"] * 20)
    schema, _ = infer(records)
    assert schema["a"].options["parse"]["missing"] == ["?"]
    shown = readable(typed_table(records, schema), schema, is_text=True)
    assert shown["a"].to_pylist()[:3] == ["yes", "no", None]
