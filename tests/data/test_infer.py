"""The kind of a column follows from its values, whatever the chunks they come in."""

import datetime
import logging
import uuid

import numpy as np
import pyarrow as pa
import pytest

from genwright.core.errors import DataError, SchemaError, UnknownNameError
from genwright.core.records import Records
from genwright.data.ids import is_id_name
from genwright.data.typed import untyped
from tests.data.helpers import infer, kind_of, read, strings, typed_table, values, whole


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("number", ["1", "2", "-3"]),
        ("number", ["1.5", ".5", "5.", "1e-3", "+2"]),
        ("number", ["1", "?", " ", "NA", "2"]),
        ("number", ["1", "None", "-", ".", "2"]),
        ("category", ["1", "None", "a"]),
        ("category", ["a", "b", "a"]),
        ("category", ["0", "1", "1"]),
        ("category", ["00501", "10001", "10001"]),
        ("category", ["1,234", "5,678", "1,234"]),
        ("category", ["12345678901234567890", "12345678901234567891", "12345678901234567891"]),
        ("number", ["0", "1", "2"]),
        ("boolean", ["yes", "no", "no"]),
        ("boolean", ["True", "False"]),
        ("boolean", ["t", "f", "NA"]),
        ("category", ["yes", "no", "maybe"]),
        ("constant", ["yes", "yes"]),
        ("constant", ["yes", "NA"]),
        ("constant", ["NA", "", "?"]),
        ("constant", ["1"]),
        ("datetime", ["2024-01-31", "0001-01-01", "9999-12-31"]),
        ("datetime", ["31/12/2024", "01/01/2024"]),
        ("datetime", ["2024-01-31T23:59:00Z", "2024-01-31T23:59:00+02:00"]),
        ("datetime", ["3 Mar 2021", "14 May 2021", "NA"]),
        ("datetime", ["1/2/2024 3:05 PM", "12/31/2024 12:00 AM"]),
        ("datetime", ["1949-01", "1949-02"]),
        ("category", ["2024-01-31", "2024-02-31"]),
        ("category", ["2024-01-31", "31/01/2024"]),
        ("text", [f"a long sentence about nothing in particular, number {i} of many" for i in range(20)]),
        ("text", [f"{'abcdefghij'[i % 10]}{'klmnopqrst'[i // 10]} Smith" for i in range(100)]),
        ("id", [f"cust_{i}" for i in range(20)]),
        ("id", [str(uuid.UUID(int=i * 2**100 + 77)) for i in range(20)]),
        ("id", [f"{i * 7919 + 0xA0000000:x}" for i in range(20)]),
        ("id", [f"{i:04d}-{'ABCDE'[i % 5] * (i % 3 + 1)}" for i in range(30)]),
        ("category", ["A1", "B2", "C3"]),
    ],
)
def test_kind_of_strings(kind, texts):
    assert kind_of(texts) == kind
    assert kind_of(texts[::-1]) == kind


@pytest.mark.parametrize(
    ("why", "texts"),
    [
        ("whole numbers", ["1", "2", "-3"]),
        ("whole numbers", ["1", "NA", "-3", "4"]),
        ("whole numbers", ["1.0", "", "-3.0", "4.0"]),  # as pandas writes them where some are missing
        ("whole numbers", ["1.00", "-3", "1e3"]),
        ("numbers with up to 1 decimal", ["1.0", "", "-3.5", "4"]),
        ("numbers with up to 2 decimals", ["1.25", "-3", "4.0"]),
        ("numbers with up to 1 decimal", ["9007199254740993.5", "4.0", "1.0"]),  # whole only for a float
        ("numbers", ["1.5", "1e-3", "2"]),
    ],
)
def test_numbers_are_told_as_what_they_are(why, texts):
    column = infer(strings(x=texts))[0]["x"]
    assert (column.kind, column.why) == ("number", why)
    assert infer(strings(x=texts[::-1]))[0]["x"] == column


@pytest.mark.parametrize(
    ("why", "numbers"),
    [
        ("whole numbers", [1, 2, None]),
        ("whole numbers", [1.0, 2.0, None]),
        ("whole numbers", [1.0, 2.0, float("nan")]),
        ("decimal numbers", [1.0, 2.5, None]),
        ("decimal numbers", [1.0, 2.0**60, 2.0]),
    ],
)
def test_typed_numbers_are_told_as_what_they_are(why, numbers):
    column = infer(values(x=numbers))[0]["x"]
    assert (column.kind, column.why) == ("number", why)


def test_whole_numbers_with_gaps_are_written_as_they_were():
    texts = ["1.0", "", "-3.0", "4.0"]
    records = strings(x=texts)
    schema = infer(records)[0]
    assert untyped(typed_table(records, schema), schema)["x"].to_pylist() == texts


def test_ids_by_name():
    assert kind_of(["10", "12", "11"], "customerID") == "id"
    assert kind_of(["10", "12", "12"], "customerID") == "number"
    assert kind_of(["10", "12", "11"], "age") == "number"
    assert kind_of(["A1", "B2", "C3"], "id") == "id"
    assert kind_of(["0", "1", "2"], "column_1") == "id"
    named = ["id", "ID", "user_id", "customerID", "Unnamed: 0", "_id", "Key", "row index"]
    others = ["paid", "humid", "monkey", "Covid", "valid", "tailnum", "idea"]
    assert [is_id_name(name) for name in named + others] == [True] * len(named) + [False] * len(others)


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("number", pa.array([1, 2, 3], pa.uint8())),
        ("number", pa.array([1.5, None, float("nan"), 2])),
        ("category", pa.array([0, 1, 1])),
        ("constant", pa.array([5, 5])),
        ("constant", pa.nulls(3, pa.int64())),
        ("constant", pa.nulls(3)),
        ("boolean", pa.array([True, False])),
        ("datetime", pa.array([datetime.date(1, 1, 1), datetime.date(9999, 12, 31)])),
        ("datetime", pa.array([0, 1], pa.timestamp("ns", "UTC"))),
        ("category", pa.array([3, 4]).dictionary_encode()),
    ],
)
def test_kind_of_arrow_types(kind, column):
    assert infer(values(x=column))[0]["x"].kind == kind


def test_integer_ids_of_a_frame():
    assert infer(values(id=[3, 1, 2]))[0]["id"].kind == "id"
    assert infer(values(id=[3, 1, 1]))[0]["id"].kind == "number"
    assert infer(values(id=[3, None, 1]))[0]["id"].kind == "id"
    assert infer(values(id=[3.5, None, 1]))[0]["id"].kind == "number"


def test_ids_may_be_missing() -> None:
    cards = [f"C-{i:04d}" if i % 3 else None for i in range(0, 97 * 31, 31)]
    column = infer(values(card=cards))[0]["card"]
    assert column.kind == "id"
    assert column.why == "another value in every row that has one, such as C-0031"
    assert infer(values(card=cards[:10]))[0]["card"].kind == "category"


def test_few_odd_words_among_numbers_are_missing_and_told(caplog):
    texts = [str(i) for i in range(1000)]
    texts[700], texts[900] = "90+", "n.k."
    with caplog.at_level(logging.WARNING, "genwright"):
        schema, stats = infer(strings(age=texts))
    assert schema["age"].kind == "number"
    assert "2 values are no numbers and count as missing, the first is '90+' in row 701" in caplog.text
    assert stats["age"].missing == 2
    assert typed_table(strings(age=texts), schema)["age"].null_count == 2
    assert kind_of([*(["1", "2", "3"] * 200), "x"]) == "category"
    assert kind_of([str(i) for i in range(100)] + ["x"] * 2) == "category"


@pytest.mark.parametrize("others", [["1", "3"], ["1.5", "3"]])
def test_not_a_number_in_any_case_is_missing_among_numbers(others):
    records = strings(a=[others[0], "Nan", others[1], *others * 500])
    schema, stats = infer(records)
    assert (schema["a"].kind, stats["a"].missing) == ("number", 1)
    table = typed_table(records, schema)
    assert table["a"].to_pylist()[:3] == [float(others[0]), None, 3.0]
    assert untyped(table, schema).equals(whole(records))
    assert infer(strings(a=["Nan", "Ann", "Nan", "Bob"]))[1]["a"].missing == 0


def test_other_words_that_arrow_reads_as_no_number_are_no_numbers():
    records = strings(a=["nAn", *map(str, range(1000))])
    assert infer(records)[0]["a"].options["parse"]["missing"] == ["nAn"]
    assert typed_table(records)["a"].to_pylist()[:2] == [None, 0]


def test_many_names_are_text_although_some_recur():
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = ["".join(letters[i // 26**k % 26] for k in range(3)) for i in range(6_000)]
    assert kind_of(names + names[:1_500]) == "text"
    assert kind_of(names + names[:5_999] + names[:2]) == "category"


def test_commas_and_leading_zeros_are_told(caplog):
    with caplog.at_level(logging.WARNING, "genwright"):
        infer(strings(price=["1,234", "5,678"] * 3, zip=["00501", "10001"] * 3))
    assert "numbers with commas are not read as numbers" in caplog.text
    assert "leading zeros" in caplog.text


MEASURES = {
    "cost": lambda i: f"${1000 + i * 7.43:.2f}",
    "balance": lambda i: f"-€{i},{i % 10}00.5",
    "share": lambda i: f"{i}%",
    "weight": lambda i: f"{i / 2:.1f}{'kg' if i % 3 else 'g'}",
    "begin": lambda i: f"{i // 60:02d}:{i % 60:02d}",
}


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("n", [60, 200])
def test_numbers_with_a_sign_unit_or_colon_are_no_ids(name, n, caplog):
    texts = [MEASURES[name](i) for i in range(n)]
    with caplog.at_level(logging.WARNING, "genwright"):
        assert kind_of(texts, name) == ("category" if n < 100 else "text")
    assert "has a sign, unit or colon" in caplog.text
    assert kind_of(texts, f"{name}_id") == "id"


def test_codes_that_look_like_measures_are_ids():
    assert kind_of([f"{i}{'ABCDEFGH'[i % 8]}" for i in range(60)]) == "id"
    assert kind_of([f"A{i}" for i in range(60)]) == "id"
    assert kind_of([f"10.0.0.{i}" for i in range(60)]) == "id"
    assert kind_of([f"{i:05d}" for i in range(60)]) == "id"


def test_a_number_of_thousands_of_digits_is_no_number():
    assert kind_of(["1", "2", "9" * 5_000] * 2) != "number"
    assert kind_of([f"{'0' * 5_000}{i}" for i in range(3)]) != "number"


def test_day_and_month_either_way_round_is_told(caplog):
    with caplog.at_level(logging.WARNING, "genwright"):
        schema, _ = infer(strings(us=["01/02/2024", "03/04/2024"], de=["01.02.2024", "03.04.2024"]))
    assert schema["us"].options["parse"]["format"] == "%m/%d/%Y"
    assert schema["de"].options["parse"]["format"] == "%d.%m.%Y"
    assert "read month first" in caplog.text
    assert "read day first" in caplog.text


def test_a_later_row_settles_day_and_month(caplog):
    with caplog.at_level(logging.WARNING, "genwright"):
        schema, _ = infer(strings(x=["01/02/2024", "13/04/2024"]))
    assert schema["x"].options["parse"]["format"] == "%d/%m/%Y"
    assert not caplog.text


def test_a_later_batch_loosens_the_format():
    batches = [["01/02/2024 10:00:00"], ["13/02/2023 10:00:00.5"], ["14/02/2024 10:00:00"]]
    records = Records(
        "test",
        pa.schema([("x", pa.string())]),
        lambda: (pa.RecordBatch.from_pydict({"x": b}) for b in batches),
        is_text=True,
    )
    schema, stats = infer(records)
    assert schema["x"].options["parse"]["format"] == "%d/%m/%Y %H:%M:%S.%f"
    assert stats["x"].low == "13/02/2023 10:00:00.5"
    assert stats["x"].high == "14/02/2024 10:00:00"
    batches[1] = ["3/2/2023 10:00:00"]
    assert infer(records)[0]["x"].options["parse"]["format"] == "%-d/%-m/%Y %H:%M:%S"


def test_stats():
    _, stats = infer(strings(n=["1", "2", "2", "NA"], c=["b", "a", "b", "b"], d=["2024-01-02", "2023-05-06", "", ""]))
    assert stats.n_rows == 4
    n, c, d = stats
    assert (n.n, n.missing, n.distinct, n.low, n.high, n.mean) == (4, 1, 2, 1.0, 2.0, 5 / 3)
    assert c.top == (("b", 3), ("a", 1))
    assert (d.missing, d.low, d.high) == (2, "2023-05-06", "2024-01-02")
    assert stats.to_json()["columns"][1]["name"] == "c"
    with pytest.raises(UnknownNameError):
        stats["z"]


def test_the_mean_of_numbers_whose_sum_no_float_holds():
    for records in (values(x=[1e308, 1.5e308, -0.5e308]), strings(x=["1e308", "1.5e308", "-0.5e308"])):
        found = infer(records)[1]["x"]
        assert (found.low, found.high) == (-0.5e308, 1.5e308)
        assert found.mean == pytest.approx(2e307 / 3 * 10, rel=1e-12)
    many = np.array([1.7e308, -1.7e308] * 500)
    assert abs(infer(values(x=many))[1]["x"].mean) < 1e295


def test_stats_of_typed_columns():
    _, stats = infer(values(x=[1.0, 3.0, None, float("nan")], t=pa.array([0, 5, 7, None], pa.timestamp("s"))))
    assert (stats["x"].missing, stats["x"].mean) == (2, 2.0)
    assert (stats["t"].missing, stats["t"].low) == (1, "1970-01-01 00:00:00")


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64()])
def test_whole_numbers_that_no_float_holds(kind):
    schema, stats = infer(values(n=pa.array([2**62 + 1, 2**62 + 3, 5], kind)))
    assert schema["n"].kind == "number"
    assert next(iter(stats)).high == pytest.approx(2.0**62)


def test_kinds_set_by_the_user():
    records = strings(zip=["501", "502", "502"], flag=["ja", "nein", "ja"], x=["1", "b", "b"])
    schema, _ = infer(records, {"zip": "category", "flag": "boolean"})
    assert (schema["zip"].kind, schema["zip"].why) == ("category", "set by the user")
    assert typed_table(records, schema)["zip"].to_pylist() == ["501", "502", "502"]
    assert typed_table(records, schema)["flag"].to_pylist() == [False, True, False]
    with pytest.raises(DataError, match="column 'x' cannot be a number: row 2 holds 'b'"):
        infer(records, {"x": "number"})
    with pytest.raises(DataError, match="no one format fits"):
        infer(records, {"x": "datetime"})
    with pytest.raises(UnknownNameError, match="did you mean zip"):
        infer(records, {"zipp": "category"})
    with pytest.raises(UnknownNameError, match="did you mean category"):
        infer(records, {"zip": "categoy"})
    with pytest.raises(SchemaError, match="cannot be a datetime"):
        infer(values(x=[1, 2]), {"x": "datetime"})


def test_ten_thousand_categories():
    rng = np.random.default_rng(0)
    texts = [f"value {i}" for i in rng.integers(0, 10_000, 60_000)]
    schema, stats = infer(strings(x=texts))
    assert schema["x"].kind == "category"
    assert stats["x"].distinct == len(set(texts))


def _chunked(n_chunks: int, size: int) -> Records:
    def opened():
        for c in range(n_chunks):
            unique = [f"{c * size + i:09d}x" for i in range(size)]
            repeat = [str((c * size + i) % 150_000) for i in range(size)]
            yield pa.RecordBatch.from_pydict({"u": unique, "r": repeat})

    return Records("test", pa.schema([("u", pa.string()), ("r", pa.string())]), opened, is_text=True)


def test_beyond_the_limit_distinct_is_a_lower_bound():
    schema, stats = infer(_chunked(4, 60_000))
    assert schema["u"].kind == "id"
    assert not stats["u"].is_exact
    assert 100_000 <= stats["u"].distinct <= 240_000
    assert not stats["r"].is_exact
    assert stats["r"].distinct <= 150_000
    assert schema["r"].kind == "number"


def test_a_repetition_across_batches_is_no_id():
    batches = [[f"a{i}" for i in range(50)], [f"a{i}" for i in range(49, 99)]]
    records = Records(
        "test",
        pa.schema([("x", pa.string())]),
        lambda: (pa.RecordBatch.from_pydict({"x": b}) for b in batches),
        is_text=True,
    )
    assert infer(records)[0]["x"].kind != "id"


def test_chunks_do_not_matter():
    table = pa.table({"a": [str(i % 7 / 2) for i in range(500)], "b": [f"0{i}" for i in range(500)]})

    def records(size: int) -> Records:
        return Records("test", table.schema, lambda: iter(table.to_batches(max_chunksize=size)), is_text=True)

    assert infer(records(500)) == infer(records(3))


def test_5000_columns_in_bounded_time(make):
    names = ",".join(f"c{i}" for i in range(5000))
    schema, _ = infer(
        read(make(f"{names}\n" + "\n".join(",".join(f"{i}.{j % 10}" for j in range(5000)) for i in "123")))
    )
    assert {c.kind for c in schema} == {"number"}


def test_no_rows():
    empty = Records("test", pa.schema([("x", pa.string())]), lambda: iter(()))
    with pytest.raises(DataError, match="test has no rows"):
        infer(empty)
