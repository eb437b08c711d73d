import itertools
import re

import pytest
import torch

from genwright.core.errors import ConfigError, GivenError
from genwright.core.space import Tokens
from genwright.samplers import constraint as constraint_module
from genwright.samplers.constraint import Allowed, Pattern, _characters_from
from genwright.samplers.spelling import Spelling, to_bytes
from tests.samplers.worlds import END, Letters

WORDS = ["a", "b", "c", "ab", "bca", "é", "中"]
BYTES = [*"abc", *(bytes([b]).decode("utf-8", "surrogateescape") for b in range(128, 245) if b not in (192, 193))]


def _spelling(own: list[str]) -> Spelling:
    vocabulary = Letters(own)
    return Spelling(vocabulary.pieces(), Tokens(10, len(vocabulary.pieces())))


def _language(pattern: str, letters: str, most: int) -> list[str]:
    texts = ("".join(t) for n in range(most + 1) for t in itertools.product(letters, repeat=n))
    return [t for t in texts if re.fullmatch(pattern, t)]


@pytest.mark.parametrize("pattern", ["(ab|c)+", "a[bc]*é?", "[^a]b", "(a|bca)中"])
def test_tokens_are_allowed_that_some_match_goes_on_with(pattern):
    """By enumeration of all matching texts of at most 5 characters."""
    spelling = _spelling(WORDS)
    constraint = Pattern(pattern, spelling)
    language = _language(pattern, "abcé中", 5)
    for beginning in ["", "a", "b", "ab", "abc", "c"]:
        if not any(t.startswith(beginning) for t in language):
            continue
        costs = constraint.costs(constraint.begin(beginning, 9))
        for code, piece in enumerate(spelling.pieces):
            text = beginning + piece
            if code == END:
                assert (costs[code] == 0) == (text in language)
            elif not piece:
                assert costs[code] == float("inf")
            elif len(text) <= 3:
                rest = [len(t) - len(text) for t in language if t.startswith(text)]
                assert float(costs[code]) == min(rest, default=float("inf"))


def test_characters_may_be_spelt_in_bytes():
    spelling = _spelling(BYTES)
    constraint = Pattern("[中é]a|[à-ö]b", spelling)
    reached = set()
    waiting = [(constraint.begin("", 9), b"")]
    while waiting:
        state, data = waiting.pop()
        costs = constraint.costs(state)
        if costs[END] == 0:
            reached.add(data.decode())
        allowed = [c for c in range(spelling.n) if c != END and costs[c] < float("inf")]
        waiting += [(constraint.advance(state, c), data + spelling.in_bytes[c]) for c in allowed]
    assert reached == {"中a", "éa", *(chr(c) + "b" for c in range(ord("à"), ord("ö") + 1))}
    start = constraint.costs(constraint.begin("", 9))
    assert float(start[spelling.pieces.index("\udce4")]) == 3  # two more bytes, and a letter


def test_characters_that_begin_with_some_bytes():
    for point in [*range(0x80, 0x900, 7), 0x1000, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF]:
        data = chr(point).encode()
        for n in range(1, len(data)):
            low, high, missing = _characters_from(data[:n])
            assert low <= point <= high
            assert missing == len(data) - n
            assert chr(low).encode()[:n] == data[:n] if not 0xD800 <= low < 0xE000 else True
            assert chr(low - 1).encode("utf-8", "surrogatepass")[:n] != data[:n]
    for data in (b"\x80", b"\xc0", b"\xff", b"\xe4a", b"\xc3\xa9"):
        low, high, _ = _characters_from(data)
        assert low > high


def test_what_has_no_room_is_barred():
    spelling = _spelling(WORDS)
    constraint = Pattern("a+(bbb)?", spelling)
    state = constraint.begin("a", 9)
    for left in (0, 1, 2, 3, 9):
        bars, costs = constraint.bars(state, left), constraint.costs(state)
        assert ((bars == 0) == (costs <= left)).all()
        assert bars[END] == 0
        assert (bars[spelling.pieces.index("b")] == 0) == (left >= 2)


def test_what_cannot_be_met_is_said():
    with pytest.raises(GivenError, match="tokens cannot spell the pattern"):
        Pattern("x+", _spelling(WORDS)).begin("", 9)
    with pytest.raises(GivenError, match="the beginning 'b' cannot go on"):
        Pattern("a+", _spelling(WORDS)).begin("b", 9)
    with pytest.raises(GivenError, match="takes 3 more tokens, and there is room for 2"):
        Pattern("aaaa", _spelling(WORDS)).begin("a", 2)
    with pytest.raises(ConfigError, match="expected a string"):
        Allowed(lambda text: 3, _spelling(WORDS)).bars("", 9)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("own", [WORDS, BYTES], ids=["words", "bytes"])
def test_a_function_of_the_text_bars_what_it_does_not_name(own):
    spelling = _spelling(own)
    after = {"": "aé", "a": "b", "é": "中a", "ab": "", "é中": "", "éa": "\x03c", "éac": ""}
    constraint = Allowed(lambda text: after[text], spelling)

    def language(state: str) -> set[str]:
        bars = constraint.bars(state, 9)
        found = {state} if bars[END] == 0 else set()
        for code in torch.nonzero(bars == 0)[:, 0].tolist():
            found |= set() if code == END else language(constraint.advance(state, code))
        return found

    assert language("") == {"ab", "é中", "éa", "éac"}


def test_where_a_function_answers_none_anything_may_follow():
    bars = Allowed(lambda text: None, _spelling(BYTES)).bars("ab", 9)
    assert bars[END] == 0
    assert (bars[3:] == 0).all()
    assert torch.isinf(bars[[0, 2]]).all()


def test_bytes_join_into_characters():
    spelling = _spelling(BYTES)
    codes = [
        spelling.pieces.index(p) for p in (b.decode("utf-8", "surrogateescape") for b in (b"\xe4", b"\xb8", b"\xad"))
    ]
    assert spelling.text(codes) == "中"
    assert spelling.spelled("a中") == [spelling.pieces.index("a"), *codes]
    assert spelling.spelled("az") == [spelling.pieces.index("a")]
    assert to_bytes("\udce4é") == b"\xe4\xc3\xa9"


def test_few_states_are_kept_and_forgotten_ones_worked_out_again(monkeypatch):
    spelling = _spelling([*"abc", *(chr(c) for c in range(0x4E00, 0x4E40))])
    whole = Pattern("(ab?){0,30}c", spelling)
    monkeypatch.setattr(constraint_module, "KEPT", 0)
    monkeypatch.setattr(constraint_module, "MIN_KEPT", 8)
    small = Pattern("(ab?){0,30}c", spelling)
    states = [(small.begin("", 400), whole.begin("", 400))]
    for code in spelling.spelled("ab" * 20):
        states.append((small.advance(states[-1][0], code), whole.advance(states[-1][1], code)))
    for mine, theirs in [*states, *reversed(states)]:
        for left in (3, 400):
            assert torch.equal(small.bars(mine, left), whole.bars(theirs, left))
    assert len(states) > constraint_module.MIN_KEPT
    assert small.costs.cache_info().currsize == constraint_module.MIN_KEPT
    assert whole.costs.cache_info().currsize == len(states)
