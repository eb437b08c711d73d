"""What is a text, what are its units, and where words end."""

from dataclasses import replace

import pyarrow as pa
import pytest
import torch

from genwright.core.space import Field, Space
from genwright.core.texts import common_length, is_spaced, row_texts, text_columns, units
from tests.judges.text_worlds import SUPPORT, encode, text_world


@pytest.mark.parametrize(
    ("texts", "spaced"),
    [
        (["the cat sat on the mat", "and so did the dog"], True),
        (["白日依山盡 黃河入海流 欲窮千里目 更上一層樓"], False),
        (["吾輩は猫である。名前はまだ無い。"], False),
        (["ภาษาไทยไม่มีช่องว่าง ระหว่างคำ ใน ประโยค"], False),
        (["Anna", "Bo"], False),  # names
        (["وقف رجل عند الباب ونظر إلى الطريق"], True),
        (["나는 오늘 아침에 학교에 갔다"], True),
        ([""], False),
        ([], False),
    ],
)
def test_scripts_without_spaces_are_known(texts: list[str], spaced: bool) -> None:
    assert is_spaced(texts) == spaced


def test_units() -> None:
    assert units("Don't go, Zoë!", True) == ["Don", "'", "t", "go", ",", "Zoë", "!"]
    assert units("山 高\n", False) == ["山", "高"]


def test_texts_of_a_row_stand_one_below_the_other() -> None:
    rows = encode(["mafi", "boge"])["text"]
    records = lambda batch: pa.table({n: [f"{n}{int(x[0])}" for x in rows] for n, rows in batch.items()})  # noqa: E731
    space = Space({"a": Field(SUPPORT), "b": Field(SUPPORT)})
    both = {"a": rows, "b": rows.flip(0)}
    evidence = replace(text_world(10, 10), space=space, train=both, records=records)
    first, second = (int(row[0]) for row in rows)
    assert text_columns(evidence) == ["a", "b"]
    assert row_texts(both, evidence) == [f"a{first}\nb{second}", f"a{second}\nb{first}"]


def test_a_missing_text_says_nothing() -> None:
    evidence = replace(text_world(10, 10), records=lambda rows: pa.table({"text": pa.array([None], pa.string())}))
    assert row_texts({"text": torch.zeros(1, 30, dtype=torch.int64)}, evidence) == [""]


def test_who_cannot_decode_has_no_texts() -> None:
    assert text_columns(replace(text_world(10, 10), records=None)) == []


def test_the_shorter_side_sets_the_length() -> None:
    assert common_length([10] * 8 + [19, 100], [20] * 10) == 19  # nine of ten are no longer
    assert common_length([0, 0], [5]) == 1
    assert common_length([], [7]) == 7
