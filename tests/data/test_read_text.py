"""Text files and folders: which rows they give, and what happens to those that are odd."""

import gzip
import logging
import os
from pathlib import Path

import pyarrow as pa
import pytest

from genwright.core.errors import ConfigError, DataError
from genwright.data.readers.text import N_PASSAGES, PASSAGE
from genwright.data.split import split
from genwright.data.typed import typed
from tests.data.helpers import infer, read, rows, typed_table, whole

DATA = Path(os.environ.get("GENWRIGHT_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
PROSE = "".join(
    f"It was the {n}th day, and nothing\nhappened that we would have told, had\nanybody asked.\n\n" for n in range(40)
)
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="needs the folder of well-known data sets beside the repository"
)


def _texts(path, **options) -> list[str]:
    return rows(read(path, **options))["text"]


def test_a_running_text_comes_in_passages_that_joined_are_the_text(make):
    path = make(PROSE, "story.txt")
    found = _texts(path)
    assert "".join(found) == PROSE
    assert N_PASSAGES <= len(found) <= 3 * N_PASSAGES
    column = infer(read(path))[0]["text"]
    assert (column.kind, column.split, column.options["runs_on"]) == ("text", "order", True)
    assert column.why == f"passages of a running text, up to {-(-len(PROSE) // N_PASSAGES)} characters"


def test_long_texts_have_passages_of_some_thousand_characters(make):
    found = _texts(make(PROSE * 100, "long.md"))
    assert max(map(len, found)) <= PASSAGE
    assert all(text.endswith("\n") for text in found)
    assert "".join(found) == PROSE * 100


def test_a_list_has_a_row_a_line(make):
    names = [f"name{chr(97 + i % 26)}{i}" for i in range(100)]
    path = make("\n".join(names), "names.txt")
    assert _texts(path) == names
    column = infer(read(path))[0]["text"]
    assert (column.kind, column.split, column.why) == ("text", None, "one row a line")
    sentences = [f"this movie has {i} good jokes and a plot that makes sense in the end ." for i in range(40)]
    assert _texts(make("\n".join(sentences) + "\n", "reviews.txt")) == sentences


def test_rows_can_be_asked_for(make):
    path = make("a\nb\n\n \nc\n" * 30, "x.txt")
    assert _texts(path, rows="lines") == ["a", "b", "c"] * 30
    asked = read(path, rows="lines")
    assert (asked.path, asked.options, read(path).options) == (str(path), {"rows": "lines"}, {})
    assert _texts(path, rows="paragraphs")[:2] == ["a\nb", "c\na\nb"]
    assert "".join(_texts(path, rows="passages")) == "a\nb\n\n \nc\n" * 30
    with pytest.raises(ConfigError, match="rows = 'verses'; expected one of auto, passages"):
        read(path, rows="verses")
    with pytest.raises(ConfigError, match="is for a folder"):
        read(path, rows="files")
    with pytest.raises(ConfigError, match="the text reader has rows, encoding; it was given colour"):
        read(path, colour="red")


def test_a_table_of_that_ending_stays_a_table(make):
    table = make("a,b\n1,2\n3,4\n", "t.txt")
    assert whole(read(table)).column_names == ["a", "b"]
    assert whole(read(make("a\tb\n" + "1\t2\n" * 60, "tabs.txt"))).num_rows == 60
    assert whole(read(table, rows="lines")).column_names == ["text"]
    prose = make("Well, said he.\nNo comma here.\nOne, two, three.\n" * 20, "p.txt")
    assert whole(read(prose)).column_names == ["text"]


def test_numbers_a_line_are_numbers(make):
    path = make("\n".join(map(str, range(0, 900, 7))), "series.txt")
    schema, stats = infer(read(path))
    assert schema["text"].kind == "number"
    assert stats["text"].high == 896
    assert infer(read(path), {"text": "text"})[0]["text"].options == {"parse": {"verbatim": True}}


def test_values_are_taken_as_they_are(make):
    lines = ["NA", "null", "?", " two  blanks ", "-"] * 20
    path = make("\n".join(lines), "odd.txt")
    assert typed_table(read(path)).column("text").to_pylist() == lines
    found = infer(read(path))[1]["text"]
    assert (found.n_characters, found.missing, found.distinct) == (sum(map(len, lines)), 0, 5)


def test_a_folder_has_a_row_a_file_and_labels(make, tmp_path, caplog):
    for name, text in {"pos/a.txt": "good", "pos/b.txt": "better\r\n", "neg/deep/c.txt": "bad"}.items():
        (tmp_path / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "d" / name).write_text(text, newline="")
    (tmp_path / "d" / "pos" / "empty.txt").write_text("")
    (tmp_path / "d" / "pos" / "binary.txt").write_bytes(b"\x00\x01\x02")
    (tmp_path / "d" / "pos" / "picture.png").write_bytes(b"\x89PNG")
    (tmp_path / "d" / ".git").mkdir()
    (tmp_path / "d" / ".git" / "x.txt").write_text("hidden")
    records = read(tmp_path / "d")
    assert rows(records) == {"text": ["bad", "good", "better\n"], "label": ["neg/deep", "pos", "pos"]}
    assert records.n_rows == 3
    assert "2 files are left out, which hold no text" in caplog.text
    assert "1 files are left out, which are no text files" in caplog.text
    assert infer(records)[0]["text"].why == "one row a file"


def test_a_folder_without_sub_folders_has_no_labels_and_long_files_are_cut(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text(f"book {name} " + PROSE * 10)
    found = whole(read(tmp_path))
    assert found.column_names == ["text"]
    assert found.num_rows > 10
    assert "".join(found.column("text").to_pylist()).count("book") == 2
    assert whole(read(tmp_path, rows="files")).num_rows == 2


def test_a_folder_of_nothing_but_unreadable_texts(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\x00\x01")
    with pytest.raises(DataError, match=r"none of its 1 text files can be read; the first: .*NUL byte"):
        read(tmp_path)


@pytest.mark.parametrize("text", ["", " \n\t\n", "\ufeff", "\u3000 \n" * 10])
def test_nothing_but_white_space_is_refused(make, text):
    with pytest.raises(DataError, match=r"(is empty; expected .*|nothing but white space; expected) text"):
        read(make(text, "x.txt"))


def test_nul_bytes_are_refused(make):
    with pytest.raises(DataError, match="line 2 holds a NUL byte"):
        read(make(b"one\ntwo\x00\n", "x.md"))


def test_encodings(make, caplog):
    assert "".join(_texts(make("\ufeffsome words\r\nmore".encode("utf-8"), "bom.txt"))) == "some words\nmore"
    assert "".join(_texts(make("naïve".encode("utf-16"), "u16.txt"))) == "naïve"
    assert "".join(_texts(make(gzip.compress("naïve".encode()), "z.txt.gz"))) == "naïve"
    assert "".join(_texts(make("床前明月光，疑是地上霜。".encode("gb18030"), "gb.txt"))) == "床前明月光，疑是地上霜。"
    assert not caplog.records
    assert "".join(_texts(make("naïve café".encode("cp1252"), "latin.txt"))) == "naïve café"
    assert "not UTF-8, read as cp1252" in caplog.text


def test_damaged_utf8_is_told_by_line(make):
    path = make("naïve café déjà vu façade\n".encode() * 9 + b"bro\xffken\n", "x.txt")
    with pytest.raises(DataError, match=r"line 10 is not UTF-8, though the rest is; mend it, or say which encoding"):
        read(path)
    with pytest.raises(DataError, match="line 10 is not utf-8"):
        read(path, encoding="utf-8")
    with pytest.raises(DataError, match="line 10 is not UTF-8"):  # though all of it would be some Chinese
        read(make("käse und brötchen schmecken überall\n".encode() * 9 + b"b\xe4r\n", "y.txt"))
    assert "bro\xffken" in "".join(_texts(path, encoding="cp1252"))


def test_halves_of_characters_are_damage(make):
    path = make(b"fine\n" + b"half \xed\xa0\xbd of one\n" * 9, "x.txt")  # D83D in UTF-8, which has no such thing
    with pytest.raises(DataError, match="line 2 is not UTF-8"):
        read(path)


@pytest.mark.parametrize("text", ["שלום עולם\n" * 30, "👩‍👩‍👧‍👦 🏳️‍🌈\n" * 30, "word", "x" * 5000])
def test_odd_texts_come_back(make, text):
    assert "\n".join(_texts(make(text, "x.txt"))).replace("\n", "") == text.replace("\n", "")


def test_one_very_long_line_streams(make, monkeypatch):
    import tracemalloc

    monkeypatch.setattr("genwright.data.readers.text.CHUNK", 1 << 16)
    monkeypatch.setattr("genwright.data.readers.text.CHUNK_ROWS", 16)
    n = 2_000_000
    path = make(("words without end " * (n // 18 + 1))[:n], "line.txt")
    records = read(path)
    tracemalloc.start()
    total = sum(len(text) for batch in records.open() for text in batch.column(0).to_pylist())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == n
    assert peak < n / 2


def test_the_end_of_a_running_text_is_held_out(make):
    records = read(make(PROSE, "story.txt"))
    schema, stats = infer(records)
    held_out = split(records, schema, stats.n_rows, 0.1)
    mask = [bool(x) for batch in typed(records, schema) for x in held_out(batch, 0)]
    n = round(0.1 * stats.n_rows)
    assert mask == [False] * (stats.n_rows - n) + [True] * n


def test_a_schema_survives_json(make):
    from genwright.core.schema import Schema

    schema = infer(read(make(PROSE, "story.txt")))[0]
    assert Schema.from_json(schema.to_json()) == schema


@pytest.mark.parametrize(
    ("name", "columns"),
    [("pydoc", ["topic", "text"]), pytest.param("stdlib", ["module", "text"], marks=pytest.mark.slow)],
)
def test_python_brings_texts(name, columns):
    table = whole(read(name))
    assert table.column_names == columns
    assert table.num_rows > 50
    found = dict(zip(table.column(0).to_pylist(), table.column(1).to_pylist()))
    if name == "stdlib":
        import inspect
        import json

        assert found["json"] == inspect.getsource(json)
        assert "email.header" in found
        assert not any(module.startswith("test.") for module in found)
    else:
        assert "lambda" in found["lambda"]


@needs_data
def test_well_known_texts():
    shakespeare = _texts(DATA / "tinyshakespeare" / "input.txt")
    assert "".join(shakespeare) == (DATA / "tinyshakespeare" / "input.txt").read_text()
    assert len(_texts(DATA / "names" / "names.txt")) == 32_033
    assert len(_texts(DATA / "movie-polarity" / "rt-polarity.pos.txt.gz")) == 5_331
    assert whole(read(DATA / "tinyshakespeare")).schema.field("text").type == pa.string()


def test_quiet_where_all_is_well(make, caplog):
    caplog.set_level(logging.WARNING, "genwright")
    whole(read(make(PROSE, "story.txt")))
    assert not caplog.records


def test_a_passage_is_not_quoted_whole(make):
    with pytest.raises(DataError, match="cannot be a number: row 1 holds") as caught:
        infer(read(make(PROSE * 20, "x.txt")), {"text": "number"})
    assert len(str(caught.value)) < 300
