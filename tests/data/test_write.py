"""Files come out as they went in, whole or not at all."""

import csv
import errno
import gzip
import io
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from genwright.core.errors import DataError
from genwright.core.schema import Column, Schema
from genwright.data.write import check_ending, write
from tests.data.helpers import infer, read, rows, strings, typed_table, values, whole

TEXT = 'a,b,c,d\n1.50,yes,31/12/2024,x\n2.00,no,01/02/2023,?\nNA,yes,NA,"y, z"\n'


def _copy(make, tmp_path, name, text=TEXT):
    records = read(make(text))
    schema, _ = infer(records)
    table = typed_table(records, schema)
    write(iter([table.slice(0, 1), table.slice(1)]), tmp_path / name, schema)
    return tmp_path / name, table, schema


def test_csv_is_byte_for_byte_the_same(make, tmp_path):
    assert _copy(make, tmp_path, "y.csv")[0].read_text() == TEXT
    assert gzip.decompress(_copy(make, tmp_path, "y.csv.gz")[0].read_bytes()).decode() == TEXT


@pytest.mark.parametrize("name", ["y.tsv", "y.tsv.gz", "y.csv.gz"])
def test_delimited_files_read_back(make, tmp_path, name):
    path, *_ = _copy(make, tmp_path, name)
    assert rows(read(path)) == rows(read(tmp_path / "x.csv"))


def test_json_lines(make, tmp_path):
    path, *_ = _copy(make, tmp_path, "y.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0] == {"a": 1.5, "b": "yes", "c": "31/12/2024", "d": "x"}
    assert lines[2] == {"a": None, "b": "yes", "c": None, "d": "y, z"}


def test_truth_values_in_json_lines_are_as_they_came(tmp_path):
    came = [{"a": "yes", "b": True, "c": "True"}, {"a": "no", "b": False, "c": "False"}, {"a": None, "b": None}] * 20
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in came))
    records = read(tmp_path / "x.jsonl")
    schema, _ = infer(records)
    assert [column.kind for column in schema] == ["boolean"] * 3
    write([typed_table(records, schema)], tmp_path / "y.jsonl", schema)
    lines = [json.loads(line) for line in (tmp_path / "y.jsonl").read_text().splitlines()]
    assert lines[:3] == [{"a": "yes", "b": True, "c": True}, {"a": "no", "b": False, "c": False}, dict.fromkeys("abc")]


def test_parquet_keeps_types(make, tmp_path):
    path, table, _ = _copy(make, tmp_path, "y.parquet")
    assert pq.read_table(path).to_pydict() == table.to_pydict()


def test_typed_columns_in_csv(tmp_path):
    records = values(n=[1, 2], f=[0.1, None], t=pa.array([0, 1], pa.timestamp("s")), s=["x", None])
    schema, _ = infer(records)
    write([whole(records)], tmp_path / "y.csv", schema)
    assert (tmp_path / "y.csv").read_text() == "n,f,t,s\n1,0.1,1970-01-01 00:00:00,x\n2,,1970-01-01 00:00:01,\n"


def test_no_rows(tmp_path):
    schema = Schema((Column("a", "number"), Column("b", "category")))
    for name in ("y.csv", "y.jsonl", "y.parquet"):
        assert write([], tmp_path / name, schema) == 0
    assert (tmp_path / "y.csv").read_text() == "a,b\n"
    assert pq.read_table(tmp_path / "y.parquet").column_names == ["a", "b"]


def test_formulas_are_text_for_a_spreadsheet(tmp_path):
    cells = ["=1+1", "+1", "-x", "@a", "\tb", "\rc", "plain"]
    records = strings(**{"=name": cells, "n": ["-1", "-2", "-3", "-4", "-5", "-6", "-7"]})
    schema, _ = infer(records)
    write([typed_table(records, schema)], tmp_path / "y.csv", schema, excel_safe=True)
    found = rows(read(tmp_path / "y.csv"))
    assert found["'=name"] == [f"'{c}" for c in cells[:-1]] + ["plain"]
    assert found["n"][0] == "-1"


def test_unknown_ending_lists_the_known(tmp_path):
    with pytest.raises(DataError, match=r"cannot write this ending; expected one of .csv, .csv.gz"):
        write([], tmp_path / "y.xlsx", Schema((Column("a", "number"),)))
    with pytest.raises(DataError, match=r"a\.png: pictures are written as a folder of files; name a folder, such as"):
        check_ending("a.png")
    with pytest.raises(DataError, match="cannot write this ending"):
        check_ending("y.parquet.gz")


def test_no_folder(tmp_path):
    with pytest.raises(DataError, match="there is no folder"):
        write([], tmp_path / "no" / "y.csv", Schema((Column("a", "number"),)))


def _broken():
    yield pa.table({"a": [1]})
    raise RuntimeError("the model died")


@pytest.mark.parametrize("name", ["y.csv", "y.jsonl.gz", "y.parquet"])
def test_a_failure_leaves_the_old_file(tmp_path, name):
    schema = Schema((Column("a", "number"),))
    (tmp_path / name).write_text("old")
    with pytest.raises(RuntimeError, match="the model died"):
        write(_broken(), tmp_path / name, schema)
    assert os.listdir(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "old"


@pytest.mark.parametrize("name", ["y.csv", "y.csv.gz", "y.jsonl", "y.parquet"])
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, monkeypatch, name):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="the disk is full; nothing was written"):
        write([pa.table({"a": [1]})], tmp_path / name, Schema((Column("a", "number"),)))
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
@pytest.mark.parametrize("name", ["y.csv", "y.csv.gz", "y.jsonl", "y.parquet"])
def test_a_device_that_is_full(tmp_path, monkeypatch, name):
    from genwright.data import write as module

    schema, table = Schema((Column("a", "number"),)), pa.table({"a": list(range(100_000))})
    original = module.Path.open
    monkeypatch.setattr(module.Path, "open", lambda self, mode: original(module.Path("/dev/full"), "wb"))
    with pytest.raises(DataError, match="the disk is full"):
        write([table], tmp_path / name, schema)


CELL = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=8)


@settings(deadline=None, max_examples=70, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(table=[["\r"]], ending=".tsv")
@given(
    table=st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(CELL, min_size=n, max_size=n), min_size=1, max_size=6)),
    ending=st.sampled_from([".csv", ".tsv", ".csv.gz"]),
)
def test_any_strings_survive(tmp_path, table, ending):
    columns = {f"name {i}": list(column) for i, column in enumerate(zip(*table))}
    schema = Schema(tuple(Column(name, "text", {"parse": {"missing": []}}) for name in columns))
    path = tmp_path / f"y{ending}"
    write([pa.table({n: pa.array(v, pa.string()) for n, v in columns.items()})], path, schema)
    assert rows(read(path)) == columns


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    whole_numbers=st.lists(st.none() | st.integers(-(10**15), 10**15), min_size=2, max_size=8),
    reals=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=8, max_size=8),
    days=st.lists(st.dates(), min_size=8, max_size=8),
    words=st.lists(st.sampled_from(["red", "a, b", 'say "x"', "two\nlines", "grün"]), min_size=8, max_size=8),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
)
def test_written_read_inferred_and_typed_are_the_same_values(tmp_path, whole_numbers, reals, days, words, delimiter):
    n = len(whole_numbers)
    columns = {"w": whole_numbers, "r": reals[:n], "d": [d.isoformat() for d in days[:n]], "c": words[:n]}
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerows([list(columns), *zip(*columns.values())])
    path = tmp_path / "z.csv"
    path.write_bytes(text.getvalue().encode())
    schema, _ = infer(read(path))
    table = typed_table(read(path), schema)
    for name in ("w", "r"):
        if schema[name].kind == "number":
            assert table[name].to_pylist() == columns[name]
    if schema["d"].kind == "datetime":
        assert [v.date() for v in table["d"].to_pylist()] == days[:n]
    assert table["c"].to_pylist() == columns["c"]
    write([table], tmp_path / "z2.csv", schema)
    assert typed_table(read(tmp_path / "z2.csv"), schema).equals(table)


def test_plain_texts_stand_one_a_line_or_between_rules(tmp_path):
    schema = Schema((Column("t", "text"),))
    tables = [pa.table({"t": ["one", None]}), pa.table({"t": ['three, "four"']})]
    assert write(tables, tmp_path / "a.txt", schema) == 3
    assert (tmp_path / "a.txt").read_text() == 'one\n\nthree, "four"\n'
    write([*tables, pa.table({"t": ["five\nsix"]})], tmp_path / "b.txt.gz", schema)
    parts = gzip.decompress((tmp_path / "b.txt.gz").read_bytes()).decode().split("\n" + 40 * "-" + "\n")
    assert parts == ["one", "", 'three, "four"', "five\nsix\n"]
    write([], tmp_path / "c.txt", schema)
    assert (tmp_path / "c.txt").read_text() == ""
    with pytest.raises(DataError, match=r"there are 2 \(t, u\); write .csv or .jsonl"):
        write([], tmp_path / "d.txt", Schema((Column("t", "text"), Column("u", "text"))))
    assert not (tmp_path / "d.txt").exists()


SENTENCES = Schema((Column("words", "sequence"), Column("tags", "sequence")))


def _sentences(words, tags):
    kind = pa.list_(pa.string())
    return pa.table({"words": pa.array(words, kind), "tags": pa.array(tags, kind)})


@pytest.mark.parametrize("name", ["y.conllu", "y.conllu.gz"])
def test_tagged_sentences_read_back(tmp_path, name):
    words = [["Show", "me", "_", "東京"], ["New York", "!"], ["a"]]
    tags = [["VERB", "PRON", None, "PROPN"], ["PROPN", "PUNCT"], [None]]
    table = _sentences(words, tags)
    assert write(iter([table.slice(0, 1), table.slice(1)]), tmp_path / name, SENTENCES) == 3
    assert rows(read(tmp_path / name)) == {"words": words, "tags": tags}


@pytest.mark.parametrize(
    ("words", "tags", "says"),
    [
        ([["a"], []], [["X"], []], "row 2 has no words"),
        ([["a", "b"]], [["X"]], "2 words and 1 tags"),
        ([["a", None]], [["X", "Y"]], "row 1 holds a missing word"),
        ([["a\tb"]], [["X"]], "which no field of CoNLL-U can"),
        ([[" "]], [["X"]], "which no field of CoNLL-U can"),
    ],
)
def test_what_a_file_of_sentences_cannot_hold_is_refused(tmp_path, words, tags, says):
    with pytest.raises(DataError, match=says):
        write([_sentences(words, tags)], tmp_path / "y.conllu", SENTENCES)
    assert not list(tmp_path.iterdir())


def test_a_table_is_no_file_of_sentences(make, tmp_path):
    with pytest.raises(DataError, match="holds the columns words and tags, and these are a, b, c, d"):
        _copy(make, tmp_path, "y.conllu")


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
def test_single_precision_is_written_in_its_own_digits(tmp_path, name):
    single = [0.1, 16777216.0, -1e-20, 3.4e38, None, float("nan")]
    schema = Schema((Column("a", "number"),))
    write([pa.table({"a": pa.array(single, pa.float32())})], tmp_path / name, schema)
    assert "0.10" not in (tmp_path / name).read_text()
    found = rows(read(tmp_path / name))["a"]
    numbers = [None if v in ("", None) or v != v else float(v) for v in found]
    assert numbers[4:] == [None, None]
    assert pa.array(numbers[:4], pa.float32()).equals(pa.array(single[:4], pa.float32()))


def test_json_lines_hold_no_nan(tmp_path):
    nan = float("nan")
    table = pa.table({"a": [nan, 1.0], "b": [[nan, 0.5], None], "c": [[[nan, 2.0]], [[1.0, 3.0]]]})
    write([table], tmp_path / "x.jsonl", Schema((Column("a", "number"), *(Column(n, "sequence") for n in "bc"))))
    strict = json.JSONDecoder(parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    found = [strict.decode(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert found == [{"a": None, "b": [None, 0.5], "c": [[None, 2.0]]}, {"a": 1.0, "b": None, "c": [[1.0, 3.0]]}]


@pytest.mark.parametrize("name", ["y.csv", "y.tsv.gz"])
def test_a_text_that_no_delimited_file_can_hold_is_told_by_its_column(tmp_path, name):
    table, schema = pa.table({"a": ["x"], "b": ["x\0y"]}), Schema((Column("a", "text"), Column("b", "text")))
    with pytest.raises(DataError, match="column 'b' holds a NUL character"):
        write([table], tmp_path / name, schema)
    assert list(tmp_path.iterdir()) == []
    write([table], tmp_path / "y.jsonl", schema)
    assert rows(read(tmp_path / "y.jsonl")) == {"a": ["x"], "b": ["x\0y"]}
