import doctest

from hypothesis import given
from hypothesis import strategies as st

from genwright.report import svg, words
from genwright.report.words import shorten_apart


def test_examples():
    for module in (words, svg):
        assert doctest.testmod(module).failed == 0


@given(st.floats(allow_nan=True))
def test_numbers_are_short(value):
    assert len(words.number(value)) <= 12
    assert not words.number(value).startswith("-")


@given(st.floats(0, 1))
def test_shares_are_short(share):
    assert len(words.percent(share)) <= 7
    assert words.percent(share).endswith("%")


@given(st.text(), st.integers(2, 40))
def test_shortened_text_is_one_short_line(text, length):
    found = words.shorten(text, length)
    assert len(found) <= max(length, 7)
    assert "\n" not in found


def test_elements_escape_what_they_are_given():
    assert svg.element("text", "<&>", title='"><x>') == '<text title="&#34;&gt;&lt;x&gt;">&lt;&amp;&gt;</text>'


def test_labels_that_begin_alike_stay_apart():
    labels = [f"carrier with the code {code} in words" for code in ("B6", "UA", "EV")]
    assert shorten_apart(labels, 16) == ["…B6 in words", "…UA in words", "…EV in words"]
    assert shorten_apart(["x", "y" * 20, "y" * 18 + "z" * 2], 8) == ["x", "…yy", "…zz"]
