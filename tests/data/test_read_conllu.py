"""Tagged sentences and pairs of arrays as records."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from genwright.core.errors import ConfigError, DataError
from genwright.data.infer import infer
from genwright.data.read import read
from tests.data.helpers import rows

LINE = "{}\t{}\t_\t{}\t{}\t_\t0\troot\t_\t_"
SENTENCES = [
    "# text = It's here",
    "1-2\tIt's\t_\t_\t_\t_\t_\t_\t_\t_",
    LINE.format(1, "It", "PRON", "PRP"),
    LINE.format(2, "'s", "AUX", "_"),
    LINE.format("2.1", "what", "X", "X"),
    LINE.format(3, "NA", "_", "RB"),
    "",
    "",
    LINE.format(1, "Go", "VERB", "VB"),
]


def test_sentences_are_rows(tmp_path: Path) -> None:
    path = tmp_path / "x.conllu.gz"
    path.write_bytes(gzip.compress("\n".join(SENTENCES).encode()))
    records = read(path)
    assert records.n_rows == 2
    assert rows(records) == {"words": [["It", "'s", "NA"], ["Go"]], "tags": [["PRON", "AUX", None], ["VERB"]]}
    assert rows(read(path, tags="xpos"))["tags"] == [["PRP", None, "RB"], ["VB"]]
    assert [c.kind for c in infer(records)[0]] == ["sequence", "sequence"]
    with pytest.raises(ConfigError, match="expected one of upos, xpos"):
        read(path, tags="pos")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1\tIt\tPRON", "line 2 has 3 fields; expected 10"),
        (LINE.format("one", "It", "PRON", "_"), "line 2 begins with 'one'; expected the number of a word"),
    ],
)
def test_wrong_lines_are_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "x.conllu"
    path.write_text(f"# text\n{line}\n")
    with pytest.raises(DataError, match=message):
        read(path)


def test_a_file_without_sentences_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.conllu"
    path.write_text("# nothing\n\n")
    with pytest.raises(DataError, match="holds no sentence"):
        read(path)


def test_arrays_with_lengths() -> None:
    x = np.arange(10.0).reshape(5, 2)
    found = rows(read((x, [2, 0, 3])))["x"]
    assert found == [[[0, 1], [2, 3]], [], [[4, 5], [6, 7], [8, 9]]]
    items = read((np.array([[3], [1], [4]]), [1, 2]))
    assert rows(items)["x"] == [[3], [1, 4]]
    assert items.arrow_schema.types == [pa.list_(pa.int64())]


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ((np.zeros((3, 2)), [1, 1]), "lengths add up to 2, and X has 3 steps"),
        ((np.zeros((3, 2, 1)), [3]), r"X is an array of shape \(3, 2, 1\)"),
        ((np.zeros(3), [1.5, 1.5]), "expected whole numbers"),
        ((np.array(["a"]), [1]), "expected numbers"),
    ],
)
def test_wrong_pairs_are_told(pair: tuple[object, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(pair)
