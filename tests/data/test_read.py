"""Every other source, and what is no source."""

import datetime
import decimal
import gzip
import json
import os
import uuid

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from genwright.core.errors import DataError
from genwright.core.registry import READERS
from genwright.data.infer import infer
from genwright.data.typed import typed, untyped
from tests.data.helpers import read, rows, whole


def test_every_reader_is_registered():
    assert READERS.names() == [
        *(
            "arrow",
            "builtin",
            "conllu",
            "csv",
            "idx",
            "jsonl",
            "lengths",
            "npz",
            "numpy",
            "pandas",
            "parquet",
            "pictures",
            "polars",
            "text",
        )
    ]
    assert all(READERS.summary(name) for name in READERS.names())


def test_absent_file_names_the_nearest(make):
    path = make("a\n1\n", "customers.csv")
    with pytest.raises(DataError, match=r"standard input is not read, .*: write them to a file first"):
        read("-")
    with pytest.raises(DataError, match=r"no file .*customer.csv; did you mean customers.csv"):
        read(path.with_name("customer.csv"))
    with pytest.raises(DataError, match="did you mean wine"):
        read("wines")
    with pytest.raises(DataError, match="there is no folder"):
        read("/no/such/folder/x.csv")


def test_folder_lists_what_is_there(make, tmp_path):
    make("hello", "a.bin")
    with pytest.raises(DataError, match=r"is a folder with a.bin; expected Parquet parts or text files"):
        read(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="is an empty folder"):
        read(tmp_path / "empty")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match="is an empty folder"):
        read(tmp_path / "folder.csv")


def test_unknown_ending_lists_the_known(make):
    with pytest.raises(DataError, match=r"save the sheet as CSV; expected one of .csv"):
        read(make("x", "a.xlsx"))


def test_unknown_object_lists_what_can_be_read():
    with pytest.raises(DataError, match=r"cannot read a builtins.int; expected a path, a pandas"):
        read(5)


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_no_permission(make):
    path = make("a\n1\n")
    path.chmod(0)
    with pytest.raises(DataError, match="no permission to read"):
        read(path)


def test_no_permission_faked(make, monkeypatch):
    path = make("a\n1\n")

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("genwright.data.readers.csv.text_file", refuse)
    with pytest.raises(DataError, match="no permission to read it"):
        read(path)


def test_texts_of_json_lines_are_missing_only_where_they_are_null(make):
    texts = [f"line {i} of words that differ" for i in range(40)]
    lines = [json.dumps({"text": t, "word": w}) for t, w in zip([*texts, "", "NA", None], ["a", ""] * 22, strict=False)]
    records = read(make("\n".join(lines), "x.jsonl"))
    schema, stats = infer(records, {"text": "text"})
    table = pa.Table.from_batches(typed(records, schema))
    assert table["text"].to_pylist() == [*texts, "", "NA", None]
    assert table["word"].to_pylist() == (["a", None] * 22)[:43]  # categories are as in any file
    assert stats["text"].missing == 1
    assert untyped(table, schema)["text"].to_pylist() == [*texts, "", "NA", None]


def test_json_lines(make):
    lines = ['{"a": 1, "b": "x", "c": {"d": true}}', '{"b": null, "a": 2.5}', '{"e": [1, 2], "a": 3}']
    records = read(make("\n".join(lines), "x.jsonl"))
    assert [str(t) for t in records.arrow_schema.types] == ["double", "string", "bool", "list<item: int64>"]
    assert rows(records) == {
        "a": [1.0, 2.5, 3.0],
        "b": ["x", None, None],
        "c.d": [True, None, None],
        "e": [None, None, [1, 2]],
    }
    assert records.n_rows == 3


def test_json_array_and_gzip_and_mixtures(make):
    records = read(make(gzip.compress(json.dumps([{"a": 1}, {"a": "x"}, {"a": 2**70}]).encode()), "x.json.gz"))
    assert rows(records) == {"a": ["1", "x", str(2**70)]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1}\n{"a": \n', "line 2, character"),
        ('{"a": 1}\n[1]\n', "line 2 is .1., expected an object"),
        ("[1]", "element 1 is 1"),
        ("{}", "no objects with keys"),
        ("", "is empty"),
        ('{"a": 1}\n{"a": ' + "9" * 5_000 + "}", "line 2 holds a number of more than"),
        ('[{"a": 1},\n{"a": ' + "9" * 5_000 + "}]", "line 2 holds a number of more than"),
        ('{"a": 1}\n{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "line 2: .* levels deep"),
        ('{"a": 1}\n' + '{"a": ' * 200 + "1" + "}" * 200, "line 2: .* levels deep"),
        ('{"a": 1, "\\ud800": 2}', "column name .* half a character"),
    ],
)
def test_bad_json_names_the_line(make, content, message):
    with pytest.raises(DataError, match=message):
        read(make(content, "x.jsonl"))


def test_json_nested_to_a_sane_depth(make):
    records = read(make('{"a": ' * 99 + "[1]" + "}" * 99, "x.jsonl"))
    assert rows(records) == {".".join("a" * 99): [[1]]}


def test_long_texts_of_json_come_in_batches_of_bounded_size(make, monkeypatch):
    monkeypatch.setattr("genwright.data.readers.jsonl.CHUNK_SIZE", 1000)
    texts = ["x" * 400, "y" * 700, "z", "w" * 2000, "v"]
    batches = list(read(make("".join(json.dumps({"a": t}) + "\n" for t in texts), "x.jsonl")).open())
    assert [batch.num_rows for batch in batches] == [2, 2, 1]
    assert [t for batch in batches for t in batch.column(0).to_pylist()] == texts


@pytest.mark.parametrize("value", ['"\\ud800"', '["\\udfff"]'])
def test_half_a_character_in_json_names_row_and_key(make, value):
    records = read(make('{"a": 1, "b": "\\ud83d\\ude00"}\n{"a": 2, "b": ' + value + "}", "x.jsonl"))
    with pytest.raises(DataError, match="row 2, key 'b' holds half a character"):
        rows(records)


def test_half_a_character_in_a_frame_names_row_and_column():
    halves = pd.Series(["x", "\ud800"], dtype=object)
    category = pd.Categorical.from_codes([0, 1], pd.Index(halves))
    for column in (halves, category, pd.Series([1, "\ud800"], dtype=object)):
        with pytest.raises(DataError, match="row 2, column 'a' holds half a character"):
            read(pd.DataFrame({"a": column}))
    with pytest.raises(DataError, match="half a character"):
        read(pd.DataFrame([[1]], columns=pd.Index(["\ud800"], dtype=object)))
    for array in (np.array([["\ud800"]]), np.array([["\ud800"]], dtype=object)):
        with pytest.raises(DataError, match="column x0"):
            rows(read(array))


def test_whole_numbers_beyond_64_bits_in_a_frame():
    frame = pd.DataFrame({"a": [2**70, 1]}, dtype=object)
    assert rows(read(frame)) == {"a": [str(2**70), "1"]}
    with pytest.raises(DataError, match="column 'a'"):
        read(pd.DataFrame({"a": [10**5_000, 1]}, dtype=object))


def test_parquet_file_and_folder(tmp_path):
    table = pa.table({"a": [1, 2, 3], "b": ["x", None, "z"]})
    pq.write_table(table, tmp_path / "x.parquet")
    assert whole(read(tmp_path / "x.parquet")).equals(table)
    for part in range(3):
        (tmp_path / "parts" / f"year={2020 + part}").mkdir(parents=True)
        pq.write_table(table.slice(part, 1), tmp_path / "parts" / f"year={2020 + part}" / "0.parquet")
    records = read(tmp_path / "parts")
    assert rows(records) == {"a": [1, 2, 3], "b": ["x", None, "z"], "year": [2020, 2021, 2022]}
    assert records.n_rows == 3


def test_bad_parquet(make, tmp_path):
    with pytest.raises(DataError, match="is not a whole Parquet file"):
        read(make(b"PAR1 nonsense", "x.parquet"))
    pq.write_table(pa.table({"a": pa.array([], pa.int64())}), tmp_path / "y.parquet")
    with pytest.raises(DataError, match="has columns and no rows"):
        read(tmp_path / "y.parquet")


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (pa.array([3, 4]), pa.array([1.5, 2.5]), [3.0, 4.0, 1.5, 2.5]),
        (pa.array([3, 4], pa.int32()), pa.array([2**40, 5]), [3, 4, 2**40, 5]),
        (pa.nulls(2), pa.array(["x", "y"]), [None, None, "x", "y"]),
        (pa.nulls(2), pa.array([1, 2]), [None, None, 1, 2]),
        (pa.array([3, 4]), pa.array(["x", "y"]), ["3", "4", "x", "y"]),
        (pa.array(["x", "y"]).dictionary_encode(), pa.array(["u", "x"]), ["x", "y", "u", "x"]),
        (
            pa.array([1, 2], pa.timestamp("ms")),
            pa.array([3], pa.timestamp("us")),
            [datetime.datetime(1970, 1, 1, microsecond=n) for n in (1000, 2000, 3)],
        ),
        (
            pa.array([1, 2], pa.date32()),
            pa.array([3], pa.timestamp("us")),
            [
                datetime.datetime(1970, 1, 2),
                datetime.datetime(1970, 1, 3),
                datetime.datetime(1970, 1, 1, microsecond=3),
            ],
        ),
    ],
)
def test_parquet_parts_of_two_types(tmp_path, one, other, expected, order):
    for part, column in enumerate((one, other)[::order]):
        pq.write_table(pa.table({"a": column, "b": [1] * len(column)}), tmp_path / f"{part}.parquet")
    found = rows(read(tmp_path))["a"]
    n = len(one)
    assert (found if order == 1 else found[-n:] + found[:-n]) == expected


def test_parquet_part_without_a_column(tmp_path, caplog):
    pq.write_table(pa.table({"a": [1]}), tmp_path / "0.parquet")
    pq.write_table(pa.table({"b": ["x"], "a": [2]}), tmp_path / "1.parquet")
    assert rows(read(tmp_path)) == {"a": [1, 2], "b": [None, "x"]}
    assert "column 'b' is in 1 of 2 parts" in caplog.text


def test_parquet_parts_that_do_not_fit_name_part_and_column(tmp_path):
    pq.write_table(pa.table({"a": [1]}), tmp_path / "0.parquet")
    pq.write_table(pa.table({"a": [[1]]}), tmp_path / "1.parquet")
    with pytest.raises(DataError, match=r"column 'a' holds int64 .* in 1\.parquet; write the parts with one type"):
        read(tmp_path)


def test_pandas_frame():
    frame = pd.DataFrame(
        {
            "n": [1.5, None],
            "s": ["x", None],
            "c": pd.Categorical(["u", "v"]),
            "t": pd.to_datetime(["2024-01-31", None]),
            "m": [1, "one"],
        },
        index=pd.Index([7, 8], name="key"),
    )
    records = read(frame)
    assert records.flavour == "pandas"
    assert records.arrow_schema.names == ["key", "n", "s", "c", "t", "m"]
    found = rows(records)
    assert found["n"] == [1.5, None]
    assert found["m"] == ["1", "one"]
    assert pa.types.is_dictionary(records.arrow_schema.field("c").type)


def test_classes_that_pandas_cuts_are_texts() -> None:
    months = pd.Categorical(pd.PeriodIndex(["2024-01", None, "2024-02"], freq="M"))
    table = whole(read(pd.DataFrame({"a": pd.cut([1.0, np.nan, 4.0], [0, 2, 5]), "m": months})))
    assert table.to_pydict() == {"a": ["(0, 2]", None, "(2, 5]"], "m": ["2024-01", None, "2024-02"]}


def test_pandas_names_that_repeat():
    assert read(pd.DataFrame([[1, 2, 3]], columns=["a", "a", 0])).arrow_schema.names == ["a", "a_2", "0"]


def test_polars_frame():
    frame = pl.DataFrame({"n": [1, None], "s": ["x", "y"], "c": pl.Series(["u", "v"], dtype=pl.Categorical)})
    for source in (frame, frame.lazy()):
        records = read(source)
        assert records.flavour == "polars"
        assert rows(records) == {"n": [1, None], "s": ["x", "y"], "c": ["u", "v"]}
        assert str(records.arrow_schema.field("s").type) == "string"


def test_arrow_sources():
    table = pa.table({"a": [1, 2], "b": ["x", "y"]})
    sources = (table, table.to_batches()[0], table.to_reader(), pyarrow.dataset.dataset(table))
    for records in map(read, sources):
        assert whole(records).equals(table)
        assert whole(records).equals(table)  # a reader that streams once can still be read again
        assert records.flavour == "arrow"


def test_arrow_types_become_plain():
    table = pa.table(
        {
            "large": pa.array(["x"], pa.large_string()),
            "view": pa.array(["x"], pa.string_view()),
            "half": np.array([0.5], np.float16),
            "clock": pa.array([datetime.time(12, 30)]),
            "nothing": pa.nulls(1),
            "inner": pa.array([{"a": 1, "b": {"c": "x"}}]),
            "list": pa.array([[1, 2]]),
            "money": pa.array([decimal.Decimal("1.50")]),
        }
    )
    records = read(table)
    assert rows(records) == {
        **{"large": ["x"], "view": ["x"], "half": [0.5], "clock": ["12:30:00.000000"], "nothing": [None]},
        **{"inner.a": [1], "inner.b.c": ["x"], "list": [[1, 2]], "money": [decimal.Decimal("1.50")]},
    }
    with pytest.raises(DataError, match="column 'b' holds binary values that are no pictures"):
        read(pa.table({"b": [b"x"]}))
    with pytest.raises(DataError, match="column 'b' holds calendar intervals"):
        read(pa.table({"b": pa.array([(1, 2, 3)], pa.month_day_nano_interval())}))


def test_rare_layouts_become_plain():
    money = [decimal.Decimal("1.50"), None, decimal.Decimal("2.25")]
    table = pa.table(
        {
            "runs": pa.compute.run_end_encode(pa.array(["a", "a", None])),
            "counts": pa.compute.run_end_encode(pa.array([1, 1, 2])),
            "narrow": pa.array(money, pa.decimal32(5, 2)),
            "middle": pa.array(money, pa.decimal64(12, 2)),
            "view": pa.array([[1], [2, 3], None], pa.list_view(pa.int32())),
        }
    )
    expected = {"runs": ["a", "a", None], "counts": [1, 1, 2], "narrow": money, "middle": money}
    assert rows(read(table)) == {**expected, "view": [[1], [2, 3], None]}
    assert [c.kind for c in infer(table)[0]] == ["constant", "number", "number", "number", "sequence"]


def test_uuids_are_texts(tmp_path):
    ids = [uuid.UUID(int=n) for n in (2**100, 7)]
    table = pa.table({"x": pa.array([ids[0].bytes, None, ids[1].bytes], pa.uuid())})
    pq.write_table(table, tmp_path / "x.parquet")
    for source in (table, tmp_path / "x.parquet", pd.DataFrame({"x": [ids[0], None, ids[1]]})):
        assert rows(read(source)) == {"x": [str(ids[0]), None, str(ids[1])]}


def test_whole_numbers_of_128_bits_in_polars():
    small = pl.Series("small", [2**62, None, -5], dtype=pl.Int128)
    large = pl.Series("large", [2**70, None, -5], dtype=pl.Int128)
    found = rows(read(pl.DataFrame([small, large])))
    assert found == {"small": [2**62, None, -5], "large": [str(2**70), None, "-5"]}


def test_no_columns_and_no_rows():
    with pytest.raises(DataError, match="no rows"):
        read(pd.DataFrame({"a": []}))
    with pytest.raises(DataError, match="without columns"):
        read(pd.DataFrame())


def test_numpy_arrays(tmp_path):
    array = np.arange(6.0).reshape(3, 2)
    array[1, 1] = np.nan
    assert rows(read(array)) == {"x0": [0, 2, 4], "x1": [1, None, 5]}
    np.save(tmp_path / "x.npy", array)
    assert rows(read(tmp_path / "x.npy")) == rows(read(array))
    structured = np.array([(1, "x"), (2, "yy")], dtype=[("n", "i4"), ("s", "U2")])
    assert rows(read(structured)) == {"n": [1, 2], "s": ["x", "yy"]}
    assert rows(read(np.array([True, False]))) == {"x0": [True, False]}
    with pytest.raises(DataError, match=r"shape \(2, 2, 2\), expected two dimensions"):
        read(np.zeros((2, 2, 2)))
    with pytest.raises(DataError, match="no rows"):
        read(np.zeros((0, 3)))


def test_numpy_arrays_in_another_order_of_bytes(tmp_path):
    swapped = np.array([[1, 2], [3, -4]], np.dtype("<i4").newbyteorder())
    np.save(tmp_path / "x.npy", swapped)
    for source in (swapped, tmp_path / "x.npy"):
        assert rows(read(source)) == {"x0": [1, 3], "x1": [2, -4]}


@pytest.mark.parametrize("unit", ["Y", "M", "W", "D", "h", "m", "s", "ms"])
def test_numpy_moments_of_any_unit(unit):
    moments = np.array(["1500-05-17T13:45:10.123", "2024-02-29T23:59:59.999", "NaT"], f"M8[{unit}]")
    found = rows(read(moments))["x0"]
    assert found[2] is None
    assert [np.datetime64(value, "us") for value in found[:2]] == moments[:2].astype("M8[us]").tolist()


def test_numpy_durations_of_coarse_units():
    assert rows(read(np.array([2, -1], "m8[D]"))) == {"x0": [172_800, -86_400]}


def test_a_key_that_an_object_and_a_name_share_is_refused(make):
    path = make('{"a.b": 1, "a": {"c": 2}}\n{"a.b": 1, "a": {"b": 2}}\n', "x.jsonl")
    with pytest.raises(DataError, match=r"line 2 has two values for 'a\.b'"):
        read(path)


def test_pickled_npy_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="cannot be read as a plain NumPy array"):
        read(tmp_path / "x.npy")


@pytest.mark.parametrize(
    ("name", "n_rows", "n_columns", "target"),
    [
        ("digits", 1797, 65, "digit"),
        ("wine", 178, 14, "cultivar"),
        ("breast_cancer", 569, 31, "diagnosis"),
        ("diabetes", 442, 11, "progression"),
    ],
)
def test_builtin_sets(name, n_rows, n_columns, target):
    records = read(name)
    assert (records.n_rows, len(records.arrow_schema), records.arrow_schema.names[-1]) == (n_rows, n_columns, target)


def test_parquet_columns_of_one_name_are_told(tmp_path):
    pq.write_table(pa.table([[1], [2]], names=["a", "a"]), tmp_path / "x.parquet")
    with pytest.raises(DataError, match=r"x\.parquet: 2 columns are called 'a'; rename them"):
        read(tmp_path / "x.parquet")
