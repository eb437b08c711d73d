"""Which labels a column holds, which rows have one, and which are held out."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from genwright.core.errors import ConfigError, FitError, UnknownNameError, UnsupportedError
from genwright.core.records import Records
from genwright.data.infer import infer
from genwright.data.read import read
from genwright.data.target import Labels, held_out_mask, labelled, labels_of


def labels(y: object, is_set: bool = False, **columns: object) -> tuple[Records, Labels]:
    frame = pd.DataFrame({"y": y, **columns})
    records = read(frame)
    return records, labels_of(records, infer(records)[0], "y", is_set)


@pytest.mark.parametrize(
    ("y", "kind", "n"),
    [
        (["a", "b"] * 10, "category", 2),
        ([True, False] * 10, "boolean", 2),
        ([0, 1] * 10, "category", 2),
        ([1, 2, 3] * 10, "category", 3),
        ([1.0, 2.5] * 10, "category", 2),
        (pd.Categorical(["ä", "日本"] * 10, ["ä", "日本", "never"]), "category", 2),
        (["a long label with many words in it, more than forty characters"] * 10 + ["b"] * 10, "category", 2),
    ],
)
def test_what_can_be_classes(y: object, kind: str, n: int) -> None:
    _, found = labels(y)
    assert (found.column.kind, found.n_classes) == (kind, n)
    assert sorted(set(found.codes.tolist())) == list(range(n))


def test_a_lonely_class_has_the_word_of_the_data() -> None:
    assert labels(["yes"] + ["no"] * 9)[1].notes == (
        "class 'yes' has a single row, too few to learn it from and to test it on",
    )
    assert "class True has a single row" in labels([True] + [False] * 9)[1].notes[0]


def test_decimal_labels_are_names_and_that_is_said() -> None:
    _, found = labels([1.0, 2.5] * 10)
    assert "decimal numbers" in found.notes[0]


@pytest.mark.parametrize(
    ("y", "error", "words"),
    [
        (np.linspace(0, 1, 100), UnsupportedError, "regression is not offered"),
        (np.arange(200), UnsupportedError, "regression is not offered"),
        (["a"] * 10, FitError, "the same 'y'; a classifier needs two classes"),
        ([None] * 10, FitError, "every row lacks its 'y'"),
        ([f"name {i}" for i in range(30)], FitError, "30 different values in 30 rows"),
        (pd.date_range("2024-01-01", periods=40), UnsupportedError, "is of kind datetime"),
        ([[1, 2], [3]] * 10, UnsupportedError, "is of kind sequence"),
    ],
)
def test_what_cannot(y: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        labels(list(y), x=range(len(list(y))))  # type: ignore[call-overload]


def test_many_numbers_can_be_called_names() -> None:
    assert labels(list(range(60)) * 3, is_set=True)[1].n_classes == 60
    with pytest.raises(UnknownNameError, match="no Y in the columns"):
        labels_of(read(pd.DataFrame({"y": [1, 2]})), infer(pd.DataFrame({"y": [1, 2]}))[0], "Y")


def test_rows_without_a_label_are_left_out() -> None:
    records, found = labels(["a", None, "b", None] * 25, x=range(100))
    kept, codes = labelled(records, found)
    rows = pa.Table.from_batches(list(kept.open()))
    assert rows.column("x").to_pylist() == list(range(0, 100, 2))
    assert kept.n_rows == len(codes) == 50
    assert "50 of 100 rows have no 'y'" in found.notes[0]


def test_words_for_missing_can_be_classes_as_the_note_says() -> None:
    records = read(pd.DataFrame({"y": ["NA", "high", "NA", "low", ""] * 20, "x": range(100)}))
    schema = infer(records)[0]
    note = labels_of(records, schema, "y").notes[0]
    assert note.startswith("60 of 100 rows have no 'y' and are left out (missing: 'NA', '')")
    said = json.loads("{" + note[note.index('"kind"') : note.rindex(" in a schema")] + "}")
    kept = labels_of(records, schema.with_columns([replace(schema["y"], **said)]), "y")
    assert (kept.n_classes, kept.notes) == (4, ())


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_of_each_class_the_share_is_held_out(share: float) -> None:
    codes = np.random.default_rng(0).choice(4, 500, p=[0.6, 0.3, 0.08, 0.02])
    mask = held_out_mask(codes, share, 0)
    assert abs(mask.sum() - share * 500) <= 1
    for k in range(4):
        n = (codes == k).sum()
        assert abs(mask[codes == k].sum() - share * n) <= 1
    assert (held_out_mask(codes, share, 0) == mask).all()
    assert (held_out_mask(codes, share, 1) != mask).any()


def test_a_class_of_one_row_is_learnt_from() -> None:
    for seed in range(20):
        codes = np.array([0, 1, 2, 3, *[4] * 6])
        mask = held_out_mask(codes, 0.5, seed)
        assert not mask[:4].any()
        assert mask.sum() >= 3
    assert not held_out_mask(np.zeros(5, int), 0.0, 0).any()
    assert held_out_mask(np.array([0, 0]), 0.1, 0).sum() == 1
    assert not held_out_mask(np.array([0, 1]), 0.5, 0).any()


def test_the_share_is_checked() -> None:
    import genwright as gw

    with pytest.raises(ConfigError, match=r"held_out = 1\.5"):
        gw.classify("wine", "cultivar", "logistic", held_out=1.5)
