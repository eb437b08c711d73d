"""Streams of characters as rows: nothing is lost, whatever the chunks."""

import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genwright.data.passages import lines_of, paragraphs_of, passages

TEXT = st.text(st.sampled_from("ab \n"), max_size=200)
CUTS = st.integers(1, 50)
QUICK = settings(max_examples=100, deadline=None)


def _chunks(text: str, n: int) -> list[str]:
    return [text[i : i + n] for i in range(0, len(text), n)]


@QUICK
@given(text=TEXT, n=CUTS, size=st.integers(2, 40))
def test_passages_joined_are_the_text(text, n, size):
    found = list(passages(_chunks(text, n), size))
    assert "".join(found) == text
    assert all(0 < len(passage) <= size for passage in found)
    assert found == list(passages([text], size))


@QUICK
@given(text=TEXT, n=CUTS)
def test_lines_are_those_of_a_file(text, n):
    assert list(lines_of(_chunks(text, n))) == [line.rstrip("\n") for line in io.StringIO(text)]
    assert "".join(lines_of(_chunks(text, n), longest=3)) == text.replace("\n", "")


@QUICK
@given(text=TEXT, n=CUTS)
def test_paragraphs_lie_between_blank_lines(text, n):
    expected = [p for p in re.split(r"\n(?:[^\S\n]*\n)+", "\n\n" + text + "\n\n") if p.strip()]
    assert [p.strip() for p in paragraphs_of(_chunks(text, n))] == [p.strip() for p in expected]


def test_a_passage_ends_with_a_line_where_one_ends_late_enough():
    assert list(passages(["aaaa\nbbbb\ncccc\n"], 10)) == ["aaaa\nbbbb\n", "cccc\n"]
    assert list(passages(["a\nbbbb bbbbb"], 10)) == ["a\nbbbb ", "bbbbb"]
    assert list(passages(["a\nbbbbbbbbbbbb"], 10)) == ["a\nbbbbbbbb", "bbbb"]


@pytest.mark.parametrize("whole", ["e\u0301", "👩\u200d👧", "👍🏽", "❤\ufe0f"])
def test_what_reads_as_one_character_stays_whole(whole):
    for n in range(6, 11):
        found = list(passages(["x" * n + whole + "x" * 20], 10))
        assert any(whole in passage for passage in found), (n, found)
