import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genwright.core.errors import ConfigError
from genwright.core.space import Tokens
from genwright.samplers.spelling import Spelling
from genwright.samplers.stop import Stops, n_held
from tests.samplers.worlds import Letters

PIECES = Letters(["a", "b", "ab", "ba", "bba", "é", "\udcc3", "\udca9"])
SPELLING = Spelling(PIECES.pieces(), Tokens(9, len(PIECES.pieces())))
STRINGS = st.lists(st.text("abé", min_size=1, max_size=3), min_size=1, max_size=3)


def test_half_a_character_is_no_stop_string():
    with pytest.raises(ConfigError, match="half a character"):
        Stops(("a", "\ud83d"), SPELLING)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.integers(3, SPELLING.n - 1), max_size=12), STRINGS)
def test_what_is_kept_is_the_text_before_the_first_stop_string(codes, strings):
    stops = Stops(tuple(strings), SPELLING)
    whole = b"".join(SPELLING.in_bytes[c] for c in codes)
    found = [whole.find(s.encode()) for s in strings if s.encode() in whole]
    kept = next((k for n in range(1, len(codes) + 1) if (k := stops.kept(codes[:n])) is not None), None)
    if not found:
        assert kept is None
    else:
        assert kept is not None
        text = b"".join(SPELLING.in_bytes[c] for c in kept)
        ends = [whole.find(s.encode()) + len(s.encode()) for s in strings if s.encode() in whole]
        assert whole.startswith(text)
        assert not any(s.encode() in text for s in strings)
        assert len(text) in {e - len(s.encode()) for e in ends for s in strings} or len(text) == min(found)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(3, SPELLING.n - 1), max_size=12), STRINGS)
def test_a_few_bytes_tell_where_a_stop_string_has_ended(codes, strings):
    stops, tail = Stops(tuple(strings), SPELLING), b""
    for n in range(1, len(codes) + 1):
        tail, is_there = stops.after(tail, codes[n - 1])
        assert len(tail) < stops.longest
        assert is_there == (stops.kept(codes[:n]) is not None)
        if is_there:
            return


@settings(max_examples=300, deadline=None)
@given(st.text("ab", max_size=8), STRINGS, st.text("ab", max_size=4))
def test_text_that_is_not_held_back_is_never_taken_back(text, strings, more):
    out = text[: len(text) - n_held(text, tuple(strings))]
    if not any(s in text for s in strings):
        at = [(text + more).find(s) for s in strings if s in text + more]
        assert min(at, default=len(text + more)) >= len(out)


def test_no_more_is_held_back_than_may_begin_a_stop_string():
    assert n_held("the en", ("end", "\n\n")) == 2
    assert n_held("the end of", ("end",)) == 0
    assert n_held("line\n", ("\n\n",)) == 1
    assert n_held("abc", ()) == 0
