import itertools
import re

import pytest
import torch

from genwright.core.decoding import Decoding
from genwright.core.errors import ConfigError, GivenError
from genwright.core.space import OPEN, Tokens
from genwright.samplers import logits
from genwright.samplers.decode import decode
from tests.samplers.worlds import END, MISSING, PAD, Chain, Letters, Stateless

LETTERS = Letters(["a", "b", "c", "ab", "\n"])
V = len(LETTERS.pieces())


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _open(n: int, length: int, *prompts: list[int]) -> torch.Tensor:
    given = torch.full((n, length), OPEN)
    for i in range(n if prompts else 0):
        prompt = prompts[i % len(prompts)]
        given[i, : len(prompt)] = torch.tensor(prompt, dtype=torch.int64)
    return given


def _draw(given, chain=None, seed=0, vocabulary=None, told=None, runs_on=False, **settings):
    support = Tokens(given.shape[1], V, runs_on=runs_on)
    chain = chain or Chain(V)
    return decode(chain, given, support, END, Decoding(**settings), _generator(seed), vocabulary, told)


def _text(row: torch.Tensor) -> str:
    codes = row.tolist()
    return LETTERS.to_text(codes[: codes.index(END)] if END in codes else codes)


def _exact(chain: Chain, length: int) -> dict[tuple[int, ...], float]:
    """P of every row, by enumeration."""
    rows = {}
    for codes in itertools.product(range(1, chain.n), repeat=length):
        row, p, over = [], 1.0, False
        for t, c in enumerate(codes):
            if over:
                row.append(PAD)
                continue
            scores = chain.logits(torch.tensor([[END, *codes[:t]]]))[0].clone()
            scores[PAD] = -float("inf")
            p *= float(scores.softmax(0)[c])
            row.append(c)
            over = c == END
        rows[tuple(row)] = p
    return rows


def test_places_between_known_ones_have_the_exact_frequencies():
    """No end stands before known codes; behind the last open place nothing is read."""
    chain, n = Chain(4, spread=0.7), 4_000
    given = torch.tensor([[2, OPEN, 3, OPEN, 2, 3]]).expand(n, -1).clone()
    steps, step = [], chain.step
    chain.step = lambda codes: steps.append(len(codes)) or step(codes)
    found = decode(chain, given, Tokens(6, 4), END, Decoding(), _generator())
    assert len(steps) == 2  # behind places 1 and 2
    assert (found[:, [0, 2, 4, 5]] == given[:, [0, 2, 4, 5]]).all()
    for at, before in ((1, [END, 2]), (3, [END, 2, -1, 3])):
        for middle in found[:, 1].unique().tolist() if at == 3 else [0]:
            codes = torch.tensor([[middle if c == -1 else c for c in before]])
            scores = chain.logits(codes)[0].clone()
            scores[[PAD, END]] = -float("inf")
            p = scores.softmax(0)
            rows = found[found[:, 1] == middle] if at == 3 else found
            share = torch.bincount(rows[:, at], minlength=4) / len(rows)
            assert ((share - p).abs() < 5 * (p * (1 - p) / len(rows)).sqrt() + 1e-6).all()


def test_draws_have_the_exact_frequencies():
    chain = Chain(4, spread=0.7)
    support = Tokens(3, 4)
    n = 40_000
    rows = decode(chain, _open(n, 3), support, END, Decoding(), _generator(), None)
    exact = _exact(chain, 3)
    assert abs(sum(exact.values()) - 1) < 1e-12
    found, counts = rows.unique(dim=0, return_counts=True)
    drawn = dict(zip(map(tuple, found.tolist()), counts.tolist(), strict=True))
    assert set(drawn) <= set(exact)
    chi_square = sum((drawn.get(row, 0) - n * p) ** 2 / (n * p) for row, p in exact.items())
    degrees = len(exact) - 1
    assert chi_square < degrees + 5 * (2 * degrees) ** 0.5


@pytest.mark.parametrize(
    "settings",
    [
        dict(zip(("temperature", "top_k", "top_p", "min_p", "repetition_penalty"), values, strict=True))
        for values in itertools.product((1.0, 0.7), (0, 3), (1.0, 0.8), (0.0, 0.1), (1.0, 1.3))
    ],
    ids=lambda s: ",".join(f"{v:g}" for v in s.values()),
)
def test_cached_and_uncached_agree_for_all_settings(settings):
    given = _open(6, 12, [3], [3, 4, 5], [])
    for extra in ({}, {"stop": ("ba",), "max_tokens": 5}, {"pattern": "[ab]*c?"}):
        rules = {**settings, **extra}
        if "pattern" in extra:
            given = _open(6, 12, [3], [3, 4], [])
        cached = _draw(given, Chain(V), vocabulary=LETTERS, **rules)
        assert torch.equal(cached, _draw(given, Stateless(Chain(V)), vocabulary=LETTERS, **rules))


def test_a_row_is_the_same_beside_any_others():
    alone = _draw(_open(1, 20, [3, 4]))
    many = _draw(_open(9, 20, [3, 4]))
    other = _draw(_open(9, 20, [3, 4], [], [5]))
    assert torch.equal(alone[0], many[0])
    assert torch.equal(many[::3], other[::3])
    assert torch.equal(_draw(_open(9, 30, [3, 4]))[:, :20].masked_fill(many == PAD, PAD), many)
    assert not torch.equal(many, _draw(_open(9, 20, [3, 4]), seed=1))


def test_what_was_given_stays():
    given = _open(30, 8, [3, 4], [5], [], [3, 4, 5, 6, 7, 3, 4, 5], [3, END, PAD, PAD, PAD, PAD, PAD, PAD])
    rows = _draw(given)
    assert (rows[given != OPEN] == given[given != OPEN]).all()
    assert (rows != OPEN).all()


def test_nothing_but_padding_stands_behind_the_end():
    rows = _draw(_open(200, 12))
    is_end = rows == END
    assert (is_end.sum(1) <= 1).all()
    assert ((rows == PAD) == (is_end.cumsum(1) - is_end.long() > 0)).all()
    assert is_end.any(1).float().mean() > 0.3


def test_rows_that_have_ended_are_dropped_and_equal_beginnings_read_once():
    chain = Chain(V)
    _draw(_open(64, 30, [3, 4, 5]), chain)
    sizes = [n for name, n in chain.calls if name == "step"]
    assert chain.calls[0] == ("start", 1)
    assert sizes[0] <= 64
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 32


def test_a_stepper_s_tensor_is_not_changed():
    chain = Chain(V)
    before = chain.table.clone()
    _draw(_open(5, 10), chain, temperature=0.5, top_k=2)
    assert torch.equal(chain.table, before)


def test_max_tokens_counts_what_is_drawn():
    chain = Chain(V, never=(END, MISSING))
    rows = _draw(_open(6, 10, [3, 4], []), chain, max_tokens=3)
    assert (rows[::2, 5] == END).all()
    assert (rows[1::2, 3] == END).all()
    assert (rows[::2, 6:] == PAD).all()
    full = _draw(_open(6, 3, []), chain, max_tokens=3)
    assert (full > MISSING).all()


@pytest.mark.parametrize("stop", [("ba",), ("c",), ("\n", "aa"), ("bab", "abc")])
def test_texts_end_before_a_stop_string(stop):
    chain = Chain(V, never=(MISSING, END))
    plain = [_text(r) for r in _draw(_open(200, 16), chain, vocabulary=LETTERS)]
    stopped = [_text(r) for r in _draw(_open(200, 16), chain, vocabulary=LETTERS, stop=stop)]
    for whole, cut in zip(plain, stopped, strict=True):
        at = min((whole.find(s) for s in stop if s in whole), default=len(whole))
        assert cut == whole[:at]
    assert sum(a != b for a, b in zip(plain, stopped, strict=True)) > 50


def test_stop_strings_in_the_beginning_do_not_count():
    chain = Chain(V, never=(MISSING, END))
    rows = _draw(_open(20, 16, LETTERS.codes("cab")[:2]), chain, vocabulary=LETTERS, stop=("ca",))
    assert all(_text(r).startswith("ca") and len(_text(r)) > 2 and "ca" not in _text(r)[2:] for r in rows)


@pytest.mark.parametrize("pattern", ["(ab)+", "[ab]{3,5}\nc", "a.*b", "(a|bc)*", "cc?b{2}"])
def test_texts_match_a_pattern_even_when_they_are_cut(pattern):
    for length in (7, 20):
        rows = _draw(_open(150, length), Chain(V), vocabulary=LETTERS, pattern=pattern)
        assert all(re.fullmatch(pattern, _text(r)) for r in rows), [_text(r) for r in rows]
    assert len({_text(r) for r in rows}) > 1


def test_draws_under_a_pattern_have_the_frequencies_of_what_it_leaves():
    chain = Chain(V)
    n = 6_000
    rows = _draw(_open(n, 2), chain, vocabulary=LETTERS, pattern="[ac]b?")
    first = torch.bincount(rows[:, 0], minlength=V).double() / n
    p = chain.logits(torch.tensor([[END]]))[0].softmax(0)
    allowed = torch.tensor([*LETTERS.codes("ac"), LETTERS.pieces().index("ab")])
    expected = torch.zeros(V).double()
    expected[allowed] = p[allowed] / p[allowed].sum()
    error = (expected * (1 - expected) / n).sqrt()
    assert ((first - expected).abs() <= 5 * error).all()


def test_the_beginning_is_part_of_what_matches():
    rows = _draw(_open(20, 12, LETTERS.codes("ab")), vocabulary=LETTERS, pattern="abc+")
    assert all(re.fullmatch("abc+", _text(r)) for r in rows)
    with pytest.raises(GivenError, match="cannot go on to match"):
        _draw(_open(2, 12, LETTERS.codes("b")), vocabulary=LETTERS, pattern="abc+")
    with pytest.raises(GivenError, match="takes 9 more tokens, and there is room for 5"):
        _draw(_open(2, 5), vocabulary=LETTERS, pattern="a{9}")


def test_a_function_says_what_may_follow():
    def allowed(text: str) -> str | None:
        return {0: "ab", 1: "ab", 2: "c", 3: ""}[len(text)]

    rows = _draw(_open(100, 12), vocabulary=LETTERS, allowed=allowed)
    assert all(re.fullmatch("[ab]{2}c", _text(r)) for r in rows)
    assert {r[0].item() for r in rows} == {3, 4, LETTERS.pieces().index("ab")}
    ended = _draw(_open(100, 12), vocabulary=LETTERS, allowed=lambda text: "a\x03" if text else "a")
    assert all(re.fullmatch("a+", _text(r)) for r in ended)
    assert len({_text(r) for r in ended}) > 1


def test_running_texts_have_no_end_unless_a_rule_wants_it():
    assert (_draw(_open(50, 20), vocabulary=LETTERS, runs_on=True) > MISSING).all()
    rows = _draw(_open(50, 20), vocabulary=LETTERS, runs_on=True, pattern="(a|b){3}")
    assert all(re.fullmatch("(a|b){3}", _text(r)) for r in rows)


def test_a_running_text_ends_where_it_would_go_on_with_something_else():
    chain, n = Chain(V), 6_000
    rows = _draw(_open(n, 3, LETTERS.codes("a")), chain, vocabulary=LETTERS, runs_on=True, pattern="ac?")
    scores = chain.logits(torch.tensor([[END, 3]]))[0]
    p = float(scores[3:].softmax(0)[LETTERS.codes("c")[0] - 3])
    assert abs(float((rows[:, 1] == LETTERS.codes("c")[0]).double().mean()) - p) < 5 * (p * (1 - p) / n) ** 0.5
    assert ((rows[:, 1] == LETTERS.codes("c")[0]) | (rows[:, 1] == END)).all()


def test_codes_that_never_occurred_are_not_drawn_unless_a_rule_asks_for_them():
    known, chain = Letters(LETTERS.own, absent=(*LETTERS.codes("b"), MISSING)), Chain(V)
    b = LETTERS.codes("b")[0]
    assert (_draw(_open(400, 8), chain, vocabulary=LETTERS) == b).any()
    assert not torch.isin(_draw(_open(400, 8), chain, vocabulary=known), torch.tensor([b, MISSING])).any()
    rows = _draw(_open(100, 8), chain, vocabulary=known, pattern="[ab]c?bb")
    assert all(re.fullmatch("[ab]c?bb", _text(r)) for r in rows)
    assert {_text(r)[0] for r in rows} == {"a"}


def test_a_missing_text_stands_alone():
    rows = _draw(_open(400, 8), vocabulary=LETTERS)
    is_missing = rows == MISSING
    assert not is_missing[:, 1:].any()
    assert is_missing[:, 0].any()
    assert (rows[is_missing[:, 0]][:, 1] == END).all()
    assert not (_draw(_open(400, 8, [3]), vocabulary=LETTERS) == MISSING).any()
    assert not (_draw(_open(400, 8), vocabulary=LETTERS, pattern=".*") == MISSING).any()


def test_every_token_is_told_and_may_be_the_last():
    seen = []

    def told(place, codes):
        seen.append((place, codes.clone()))
        return place == 4

    chain = Chain(V, never=(END,))
    rows = _draw(_open(3, 10, [3, 4]), chain, told=told)
    assert [p for p, _ in seen] == [2, 3, 4]
    assert all(torch.equal(rows[:, p], codes) for p, codes in seen)
    assert (rows[:, 5] == END).all()
    assert (rows[:, 6:] == PAD).all()


def test_settings_of_texts_need_a_vocabulary():
    with pytest.raises(ConfigError, match="stop is for columns of text"):
        _draw(_open(1, 4), stop=("a",))


def test_nothing_open_is_nothing_to_draw():
    full = _open(3, 4, [3, 4, 5, END])
    assert torch.equal(_draw(full), full)
    assert _draw(_open(0, 4)).shape == (0, 4)


def test_repetitions_are_told_from_the_beginning_and_not_from_the_end():
    chain = Chain(V, spread=0.3, never=(END, MISSING))
    given = _open(500, 3, [3, 3])
    rows = _draw(given, chain, repetition_penalty=50.0, seed=4)
    assert not (rows[:, 2] == 3).any()
    assert (_draw(given, chain, seed=4)[:, 2] == 3).any()
    assert logits.repetition_penalty(torch.tensor([[-1.0, 1.0]]), torch.tensor([[True, True]]), 2.0).tolist() == [
        [-2.0, 0.5]
    ]


def test_a_beginning_with_a_special_token_is_kept_beside_rows_without_one():
    """Prompts of chat models begin so; only where such a token is drawn does it stand for a missing text."""
    letters, given = Letters(["a", "b"], special=4), _open(4, 6)
    given[:2, :2] = torch.tensor([3, 4])
    found = decode(Chain(6), given, Tokens(6, 6), END, Decoding(), _generator(), letters)
    assert found[:2, :2].tolist() == [[3, 4]] * 2
    alone = decode(Chain(6), given[:2], Tokens(6, 6), END, Decoding(), _generator(), letters)
    assert torch.equal(found[:2], alone)
