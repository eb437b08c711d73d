"""Columns of lists: which are sequences, from which sources, their facts, hashes and files."""

import json

import pyarrow as pa
import pytest

from genwright.core.errors import SchemaError
from genwright.core.schema import Schema
from genwright.data.fingerprint import fingerprint
from genwright.data.infer import infer
from genwright.data.lists import merged_type, sequence_type
from genwright.data.read import read
from genwright.data.write import write

TABLE = pa.table(
    {
        "words": pa.array([["show", "me"], None, [], ["me"]], pa.large_list(pa.large_string())),
        "steps": pa.array([[[1.0, 2.0]], [], None, [[0.5, None], None]]),
    }
)


def test_lists_are_sequences() -> None:
    schema, stats = infer(TABLE)
    assert [c.kind for c in schema] == ["sequence", "sequence"]
    assert stats["words"].missing == 1
    assert "vectors" in schema["steps"].why
    with pytest.raises(SchemaError, match="so it cannot be a number"):
        infer(TABLE, {"words": "number"})


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (pa.list_(pa.int8()), pa.list_(pa.int8())),
        (pa.list_(pa.dictionary(pa.int32(), pa.string())), pa.list_(pa.string())),
        (pa.list_(pa.float64(), 3), pa.list_(pa.float64())),
        (pa.list_(pa.list_(pa.float32(), 3)), pa.list_(pa.list_(pa.float32(), 3))),
        (pa.list_(pa.list_(pa.string())), None),
        (pa.list_(pa.struct([("a", pa.int8())])), None),
        (pa.string(), None),
    ],
)
def test_types_of_sequences(kind: pa.DataType, expected: pa.DataType | None) -> None:
    assert sequence_type(kind) == expected


def test_types_of_python_lists_are_merged() -> None:
    assert merged_type(merged_type(None, []), [1]) == pa.list_(pa.int64())
    assert merged_type(pa.list_(pa.int64()), [0.5]) == pa.list_(pa.float64())
    odd = merged_type(merged_type(merged_type(None, ["a"]), [1]), ["b"])
    assert sequence_type(odd) is None


def test_json_lines_hold_lists(tmp_path) -> None:
    path = tmp_path / "x.jsonl"
    rows = [{"a": ["x", "y"], "b": [1, 2], "c": [1, "x"]}, {"a": [], "b": [0.5], "c": []}, {"a": None}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    records = read(path)
    assert records.arrow_schema.types == [pa.list_(pa.string()), pa.list_(pa.float64()), pa.string()]
    table = pa.Table.from_batches(list(records.open()))
    assert table.to_pylist()[0] == {"a": ["x", "y"], "b": [1.0, 2.0], "c": '[1, "x"]'}


def test_fingerprints_tell_lists_apart_whatever_the_chunks() -> None:
    whole = fingerprint(read(TABLE))
    assert fingerprint(read(pa.concat_tables([TABLE[:1], TABLE[1:3], TABLE[3:]]))) == whole
    moved = pa.table({"words": pa.array([["show"], ["me"]])}), pa.table({"words": pa.array([["show", "me"], []])})
    assert fingerprint(read(moved[0])) != fingerprint(read(moved[1]))


def test_lists_are_written(tmp_path) -> None:
    table = pa.Table.from_batches(list(read(TABLE).open()))
    schema, _ = infer(TABLE)
    write([table], tmp_path / "x.jsonl", schema)
    assert [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()] == table.to_pylist()
    write([table.select(["words"])], tmp_path / "x.csv", Schema((schema["words"],)))
    assert (tmp_path / "x.csv").read_text().splitlines()[1] == '"[""show"", ""me""]"'
