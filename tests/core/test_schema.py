"""A schema keeps order, names and options; wrong ones are named."""

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genwright.core.codec import TableCodec
from genwright.core.errors import ConfigError, SchemaError, UnknownNameError
from genwright.core.registry import CODECS
from genwright.core.schema import NOT_YET, Column, Schema, in_words

OPTIONS = st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.floats(allow_nan=False)), max_size=3)
COLUMNS = st.builds(
    Column, st.text(), st.sampled_from(CODECS.names()), OPTIONS, st.sampled_from([None, "time", "group"]), st.text()
)
SCHEMAS = st.lists(COLUMNS, max_size=6, unique_by=lambda c: c.name).map(lambda columns: Schema(tuple(columns)))


@given(SCHEMAS)
def test_json_round_trip(schema):
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema


def test_from_a_file(tmp_path):
    schema = Schema((Column("größe", "number", {"decimals": 2}, why="digits"),))
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(schema.to_json(), ensure_ascii=False), encoding="utf-8")
    assert Schema.read(path) == schema
    for text in ("", "{", '{"a": 1}', "3", '[{"name": "a"}]', '[{"name": "a", "kind": "number", "typo": 1}]', "[3]"):
        path.write_text(text)
        with pytest.raises(SchemaError):
            Schema.read(path)
    with pytest.raises(SchemaError, match="absent"):
        Schema.read(tmp_path / "absent.json")


def test_from_a_file_that_is_no_text(tmp_path):
    (tmp_path / "schema.json").write_bytes(b"\xff\xfe[")
    with pytest.raises(SchemaError):
        Schema.read(tmp_path / "schema.json")


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"a": 1}, "{'a': 1}; expected a list of objects with name and kind"),
        ([1], "entry 1 is 1; expected an object with name and kind"),
        (
            [{"name": "a", "kind": "id"}, {"name": "b"}],
            "entry 2 is {'name': 'b'}; expected an object with name and kind",
        ),
        ([{"name": "a", "kind": "id", "typo": 1}], "entry 1 has 'typo'; expected only name, kind, options, split, why"),
        ([{"name": 3, "kind": "id"}], "entry 1 has name = 3; expected a text"),
        ([{"name": "a", "kind": "number", "options": 3}], "entry 1 has options = 3; expected an object"),
    ],
)
def test_what_is_no_schema_is_told_by_its_entry(entries, told):
    with pytest.raises(SchemaError) as caught:
        Schema.from_json(entries)
    assert str(caught.value) == f"not a schema: {told}"


def test_columns_are_found_by_name():
    schema = Schema((Column("age", "number"), Column("sex", "category")))
    assert len(schema) == 2
    assert schema.names == [c.name for c in schema] == ["age", "sex"]
    assert schema["sex"].kind == "category"
    with pytest.raises(UnknownNameError, match="did you mean age"):
        schema["agee"]


def test_names_are_unique_and_kinds_known():
    with pytest.raises(SchemaError, match="age"):
        Schema((Column("age", "number"), Column("age", "category")))
    with pytest.raises(UnknownNameError, match=r"column 'age'.*did you mean number"):
        Schema((Column("age", "numbr"),))


def test_kinds_are_those_of_the_registered_codecs(monkeypatch):
    with pytest.raises(UnknownNameError, match="boolean, category, constant, datetime"):
        Schema((Column("turn", "compass"),))
    monkeypatch.setitem(CODECS.__dict__, "_entry_points", {"compass": None})
    assert Schema((Column("turn", "compass"),))["turn"].kind == "compass"


@pytest.mark.parametrize("kind", NOT_YET)
def test_kinds_of_later_are_said_to_be(kind):
    with pytest.raises(SchemaError, match=f"column 'x': {kind} is not modelled yet; kinds are boolean, category"):
        Schema((Column("x", kind),))


@pytest.mark.parametrize("split", ["tiem", "TIME", "", 3, ["time"]])
def test_a_split_that_does_not_exist(split):
    with pytest.raises(UnknownNameError, match=r"splits of columns \(column 'day'\).*time"):
        Schema.from_json([{"name": "day", "kind": "datetime", "split": split}])


def test_columns_replaced():
    schema = Schema((Column("zip", "number"), Column("sex", "category")))
    assert schema.with_columns([Column("zip", "category")]).to_json()[0]["kind"] == "category"
    assert schema.with_columns([Column("zip", "category")])["sex"] == schema["sex"]
    assert schema.with_columns([]) == schema
    with pytest.raises(UnknownNameError, match="did you mean zip"):
        schema.with_columns([Column("zipp", "category")])


def test_columns_of_another_kind_hold_rows_out_as_before():
    parse = {"parse": {"format": "%Y"}}
    schema = Schema((Column("day", "datetime", {**parse, "zone": "UTC"}, split="time"), Column("x", "number")))
    other = schema.with_inferred([Column("day", "category", {"a": 1})])
    assert other["day"] == Column("day", "category", {"a": 1}, split="time")
    left_out = schema.with_inferred([Column("day", "omitted", {"parse": {}})])
    assert left_out["day"] == Column("day", "omitted", parse, split="time")
    assert left_out["x"] == schema["x"]


def test_kinds_set_by_the_user():
    schema = Schema((Column("zip", "number", {"decimals": 0}, split="group"), Column("sex", "category", why="text")))
    found = schema.with_kinds({"zip": "category"})
    assert found["zip"] == Column("zip", "category", {}, split="group", why="set by the user")
    assert found["sex"] == schema["sex"]
    with pytest.raises(UnknownNameError):
        schema.with_kinds({"zipp": "category"})
    with pytest.raises(UnknownNameError):
        schema.with_kinds({"zip": "categry"})


def test_types_in_words():
    kinds = [pa.int8(), pa.uint64(), pa.float32(), pa.decimal128(9, 2), pa.bool_(), pa.timestamp("s"), pa.string()]
    found = [in_words(kind) for kind in kinds]
    assert found == [*["whole numbers"] * 2, *["numbers"] * 2, "true and false", "dates", "text"]
    assert in_words(pa.list_(pa.int64())) == "list<item: int64> values"


def test_options_are_set_one_by_one_and_checked():
    schema = Schema((Column("text", "text", {"runs_on": True, "parse": {"verbatim": True}}), Column("n", "number")))
    found = schema.with_options({"text": {"vocab_size": "300", "clean": "nfc,space"}})
    assert found["text"].options == {
        "runs_on": True,
        "parse": {"verbatim": True},
        "vocab_size": 300,
        "clean": ["nfc", "space"],
    }
    assert found["n"] == schema["n"]
    assert Schema.from_json(json.loads(json.dumps(found.to_json()))) == found
    with pytest.raises(UnknownNameError, match="did you mean tokenizer"):
        schema.with_options({"text": {"tokeniser": "bpe"}})
    with pytest.raises(UnknownNameError, match="no txt"):
        schema.with_options({"txt": {"tokenizer": "bpe"}})
    with pytest.raises(ConfigError, match=r"^column 'text': vocab_size = 10"):
        schema.with_options({"text": {"vocab_size": 10}})
    with pytest.raises(ConfigError, match=r"^column 'n': decimals = 'x'; expected a whole number"):
        TableCodec(Schema((Column("n", "number", {"decimals": "x"}),)))
