import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genwright.core.errors import ConfigError
from genwright.samplers.automaton import Automaton, _class_spans

PATTERNS = [
    "",
    "a",
    "ab|ba|c",
    "(a|b)*c",
    "a{2}",
    "a{1,3}b?",
    "a{0,2}?c",
    "(?:ab)+",
    "[^a]*",
    "[a-b]c",
    ".",
    "a.c",
    "(?i:A)b",
    "(?i)[A-B]+",
    "^ab$",
    r"\Aab*\Z",
    r"\w+",
    r"\W\d",
    "(a*)*b",
    "(|a)(b|)",
    "(?s:.)a",
    "((a|b){2}c){1,2}",
    "x",
]
ALPHABET = "abcB\n1"


def _run(automaton: Automaton, text: str) -> int | None:
    state: int | None = 0
    for c in text:
        state = None if state is None else automaton.step(state, ord(c))
    return state


@pytest.mark.parametrize("pattern", PATTERNS)
def test_texts_match_as_python_says(pattern):
    automaton = Automaton(pattern)
    for n in range(5):
        for text in map("".join, itertools.product(ALPHABET, repeat=n)):
            state = _run(automaton, text)
            is_match = state is not None and automaton.distance(state) == 0
            assert is_match == bool(re.fullmatch(pattern, text)), text


@pytest.mark.parametrize("pattern", [p for p in PATTERNS if p != "x"])
def test_the_distance_is_that_of_the_nearest_match(pattern):
    automaton = Automaton(pattern)
    texts = [t for n in range(6) for t in map("".join, itertools.product("abc1!", repeat=n))]
    matches = [t for t in texts if re.fullmatch(pattern, t)]
    for beginning in texts[:31]:
        rest = [len(m) - len(beginning) for m in matches if m.startswith(beginning)]
        state = _run(automaton, beginning)
        if rest:
            assert state is not None
            assert automaton.distance(state) == min(rest)
        elif state is not None:
            assert automaton.distance(state) + len(beginning) > 5 or not set(pattern) <= set("abc1!()|*+?")


@settings(max_examples=200, deadline=None)
@given(st.from_regex(r"[a-zé\d ]{1,4}(\.|-)?(中|文)*", fullmatch=True))
def test_what_python_s_pattern_makes_is_let_through(text):
    automaton = Automaton(r"[a-zé\d ]{1,4}(\.|-)?(中|文)*")
    state = _run(automaton, text)
    assert state is not None
    assert automaton.distance(state) == 0


def test_a_weight_that_is_infinite_bars_the_character():
    automaton = Automaton("(a|b)c", lambda spans: float("inf") if spans == ((97, 97),) else 2.0)
    assert automaton.step(0, ord("a")) is not None  # it may be written, if someone can
    assert automaton.distance(0) == 4
    assert Automaton("ac", lambda spans: float("inf")).distance(0) == float("inf")


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ("(a", "no regular expression"),
        (r"(a)\1", "a reference to a group"),
        ("a(?=b)b", "a look-around"),
        ("(?<!a)b", "a negative look-around"),
        (r"a\bb", "an anchor or boundary"),
        ("a++b", "a possessive repetition"),
        ("(?>a)b", "an atomic group"),
        ("(a)?(?(1)b|c)", "a choice by a group"),
        ("(a{500}){500}", "more than 20,000 states"),
    ],
)
def test_what_is_not_supported_is_said(pattern, what):
    with pytest.raises(ConfigError, match=what):
        Automaton(pattern)


def test_classes_hold_what_python_s_do():
    spans = _class_spans(r"\w", 0)
    for c in "aZ_09é中 \n-€":
        assert any(a <= ord(c) <= b for a, b in spans) == bool(re.fullmatch(r"\w", c))
