"""`genwright choose`: the answer in words, as JSON, and what is wrong with a question."""

import json
import shlex

import pytest

from tests.cli.conftest import call, write_people


@pytest.fixture
def people(tmp_path):
    return write_people(tmp_path / "people.csv", n=60)


def test_the_answer_comes_first_with_its_evidence(people):
    ended = call("choose", people)
    assert ended.code == 0
    assert ended.out.startswith("trees: ")
    assert "60 rows, 48 to learn from" in ended.out
    assert "docs/models/choosing.md#tables" in ended.out
    assert f"genwright fit {people} --model trees" in ended.out
    assert "vqvae models pictures" in ended.out


def test_json_has_the_same(people):
    found = call("choose", people, "--json").document
    assert found["model"] == "trees"
    assert found["evidence"]["n_train"] == 48
    assert found["evidence"]["families"][0] == {"model": "trees", "models": "all", "why": "", "leaves_out": []}


def test_quiet_is_the_answer_and_its_tables(people):
    ended = call("choose", people, "--quiet")
    assert ended.out.startswith("trees: ")
    assert "next:" not in ended.out


def test_kinds_and_held_out_are_passed_on(people):
    found = call("choose", people, "--json", "--kind", "city=omitted", "--held-out", "0.5").document["evidence"]
    assert "city" in found["kinds"]["omitted"]
    assert found["n_train"] == 30


def test_a_schema_from_a_file(people, tmp_path):
    columns = call("show", people, "--json").document["schema"]
    (tmp_path / "columns.json").write_text(
        json.dumps([c | ({"kind": "omitted"} if c["name"] == "city" else {}) for c in columns])
    )
    found = call("choose", people, "--json", "--schema", tmp_path / "columns.json").document["evidence"]["kinds"]
    assert found["omitted"] == ["city"]
    assert "write one with" in call("choose", people, "--schema", tmp_path / "none.json").err


def test_the_next_commands_read_the_data_alike(tmp_path):
    data, columns = write_people(tmp_path / "my people.csv", n=60), tmp_path / "columns.json"
    columns.write_text(json.dumps(call("show", data, "--json").document))
    said = ["--kind", "age=category", "--kind", "joined=omitted", "--schema", str(columns), "--encoding", "utf-8"]
    lines = call("choose", data, *said).out.splitlines()
    assert shlex.split(lines[-2]) == ["next:", "genwright", "fit", str(data), "--model", "trees", *said]
    assert shlex.split(lines[-1]) == ["or:", "genwright", "compare", str(data), *said]
    assert call("choose", data, "--no-header").out.splitlines()[-1].endswith(" --no-header")


def test_pictures_by_name():
    assert call("choose", "digits-pictures", "--json").document["model"] == "flow_matching"


def test_texts_from_a_file(tmp_path):
    play = tmp_path / "play.txt"
    play.write_text("\n\n".join(f"ROMEO:\nWhat light is number {i} through the window?" for i in range(60)))
    ended = call("choose", play)
    assert ended.out.startswith("gpt: text")
    assert "also: fit counts ngram beside gpt" in ended.out


def test_what_is_wrong_is_told(people):
    assert "--held-out 1.5" in call("choose", people, "--held-out", "1.5").err
    assert call("choose", "absent.csv").code == 2
