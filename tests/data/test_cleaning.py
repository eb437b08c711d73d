"""Cleaning: each step does what its name says, once, and what it did is told."""

import logging
import unicodedata
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genwright.core.errors import ConfigError, DataError, UnknownNameError
from genwright.data.cleaning import STEPS, clean, cleaned
from tests.data.helpers import rows, strings, values

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
QUICK = settings(max_examples=60, deadline=None)


def _one(text: str, *steps: str) -> str:
    return cleaned(pa.array([text]), steps)[0].as_py()


@QUICK
@given(text=ANY_TEXT)
def test_normal_forms_are_pythons(text):
    assigned = "".join(
        c for c in text if unicodedata.category(c) != "Cn"
    )  # the two may know different Unicode versions
    assert _one(assigned, "nfc") == unicodedata.normalize("NFC", assigned)
    assert _one(assigned, "nfkc") == unicodedata.normalize("NFKC", assigned)


@QUICK
@given(text=ANY_TEXT, steps=st.sets(st.sampled_from(sorted(STEPS))))
def test_cleaning_twice_is_cleaning_once(text, steps):
    once = _one(text, *steps)
    assert _one(once, *steps) == once or "nfkc" in steps  # folding can bring blanks, which the next time go


@QUICK
@given(text=ANY_TEXT)
def test_control_characters_go(text):
    expected = "".join(c for c in text if (unicodedata.category(c) != "Cc" or c in "\t\n\r") and c != "\ufeff")
    assert _one(text, "control") == expected


def test_steps_by_example():
    assert _one("a\r\nb\rc\n", "lines") == "a\nb\nc\n"
    assert _one("  a \t b \n\n\n\n c\u00a0d ", "space") == "a b\n\nc d"
    assert _one("ﬁ①Ａ", "nfkc") == "fi1A"
    assert _one("👩‍👩‍👧", *STEPS) == "👩‍👩‍👧"
    assert cleaned(pa.array(["a", None]), ["space"]).to_pylist() == ["a", None]


def test_the_order_of_asking_does_not_matter():
    text = "e\u0301 \x00 \r\n x"
    assert _one(text, "space", "control", "lines", "nfc") == _one(text, "nfc", "lines", "control", "space") == "é\nx"


def test_changed_texts_are_counted():
    changed = Counter()
    cleaned(pa.array(["a", " b", None, "c "]), ["space", "nfc"], changed)
    assert changed == {"space": 2, "nfc": 0}


def test_rows_go_and_that_is_told(caplog):
    caplog.set_level(logging.INFO, "genwright")
    records = strings(text=["one", " one", "tw", None, "three", "one", "a long one"], n=list("1234567"))
    found = clean(records, "text", ["space"], shortest=3, longest=8, unique=True)
    assert rows(found) == {"text": ["one", None, "three"], "n": ["1", "4", "5"]}
    assert "space changed 1 of 7 texts" in caplog.text
    assert "4 of 7 rows removed: 1 too short, 1 too long, 2 there before" in caplog.text
    caplog.clear()
    assert rows(found)["n"] == ["1", "4", "5"]
    assert not caplog.records
    assert found.n_rows is None
    assert clean(records, "text", ["space"]).n_rows == 7


def test_what_cannot_be_cleaned_is_told():
    records = strings(text=["a", "b"])
    with pytest.raises(UnknownNameError, match="did you mean space"):
        clean(records, "text", ["spaces"])
    with pytest.raises(UnknownNameError, match="did you mean text"):
        clean(records, "txt")
    with pytest.raises(ConfigError, match="longest = 2 and shortest = 5"):
        clean(records, shortest=5, longest=2)
    with pytest.raises(DataError, match="holds int64 values; only text"):
        clean(values(text=[1, 2]))
    with pytest.raises(DataError, match=r"no row is left after cleaning \(2 too short\)"):
        rows(clean(records, shortest=9))
