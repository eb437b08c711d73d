import itertools
import re

import pytest
import torch

from genwright.core.decoding import Decoding
from genwright.core.errors import ConfigError
from genwright.core.space import OPEN, Tokens
from genwright.samplers.beam import beam_search
from genwright.samplers.decode import decode
from tests.samplers.worlds import END, PAD, Chain, Letters, Stateless

V, T = 5, 4


def _every(chain: Chain, prompt: list[int]) -> dict[tuple[int, ...], float]:
    """log P of every sequence behind a prompt."""
    found = {}
    for codes in itertools.product(range(1, V), repeat=T - len(prompt)):
        row = [*prompt, *codes]
        stop = row.index(END) + 1 if END in row else T
        row = [*row[:stop], *[PAD] * (T - stop)]
        log_p = 0.0
        for t in range(len(prompt), stop):
            scores = chain.logits(torch.tensor([[END, *row[:t]]]))[0].clone()
            scores[PAD] = -float("inf")
            log_p += float(scores.log_softmax(0)[row[t]])
        found[tuple(row)] = log_p
    return found


def _given(*prompts: list[int], length: int = T) -> torch.Tensor:
    return torch.tensor([[*prompt, *[OPEN] * (length - len(prompt))] for prompt in prompts])


def _search(chain, prompt, width, alpha=0.0):
    codes, log_p = beam_search(Stateless(chain), _given(prompt), Tokens(T, V), END, width, alpha)
    is_there = log_p[0] > -float("inf")
    return codes[0][is_there], log_p[0][is_there]


@pytest.mark.parametrize("prompt", [[], [3], [2, 4]])
@pytest.mark.parametrize("alpha", [0.0, 1.5])
def test_a_wide_beam_finds_all_sequences_in_order(prompt, alpha):
    chain = Chain(V)
    codes, log_p = _search(chain, prompt, V**T, alpha)
    expected = _every(chain, prompt)
    assert {tuple(row) for row in codes.tolist()} == set(expected)
    assert log_p.tolist() == pytest.approx([expected[tuple(row)] for row in codes.tolist()])
    lengths = torch.tensor([sum(c != PAD for c in row) for row in codes.tolist()]).double()
    keys = log_p / ((5 + lengths) / 6) ** alpha
    assert (keys[:-1] >= keys[1:] - 1e-12).all()


def test_a_narrow_beam_is_greedy_and_wider_ones_are_no_worse():
    for seed in range(20):
        chain = Chain(V, seed=seed)
        best = [float(_search(chain, [3], width)[1][0]) for width in (1, 2, 3, V**T)]
        assert best[-1] == pytest.approx(max(_every(chain, [3]).values()))
        assert max(best) <= best[-1] + 1e-12
        greedy, row = 0.0, [3]
        while len(row) < T and END not in row:
            scores = chain.logits(torch.tensor([[END, *row]]))[0].clone()
            scores[PAD] = -float("inf")
            greedy += float(scores.log_softmax(0).max())
            row.append(int(scores.argmax()))
        assert best[0] == pytest.approx(greedy)


def test_a_chain_that_keeps_its_state_agrees_with_one_that_reads_everything_anew():
    chain = Chain(V, seed=3)
    given = _given([])
    cached = beam_search(chain, given, Tokens(T, V), END, 3)
    anew = beam_search(Stateless(chain), given, Tokens(T, V), END, 3)
    assert torch.equal(cached[0], anew[0])
    assert torch.equal(cached[1], anew[1])


def test_beginnings_of_different_lengths_are_searched_side_by_side():
    chain = Chain(V, seed=4)
    prompts = [[3], [], [2, 4], [2, END], [3, 3, 3, 3]]
    codes, log_p = beam_search(Stateless(chain), _given(*prompts), Tokens(T, V), END, 6)
    for i, prompt in enumerate(prompts[:3]):
        alone = beam_search(Stateless(chain), _given(prompt), Tokens(T, V), END, 6)
        assert torch.equal(codes[i], alone[0][0])
        torch.testing.assert_close(log_p[i], alone[1][0])
    for i in (3, 4):  # nothing is open
        assert codes[i, 0].tolist() == (prompts[i] + [PAD] * T)[:T]
        assert log_p[i, 0] == 0
        assert (log_p[i, 1:] == -float("inf")).all()


LETTERS = Letters(["a", "b", "c", "ab"])
N = len(LETTERS.pieces())


def _text(row: list[int]) -> str:
    return LETTERS.to_text(row[: row.index(END)] if END in row else row)


def test_under_a_pattern_it_finds_the_best_of_those_that_match():
    chain, length, pattern = Chain(N, seed=1, spread=2.0), 5, "(a|b)*c?"
    codes, log_p = beam_search(
        chain,
        _given([], length=length),
        Tokens(length, N),
        END,
        N**length // 4,
        0.0,
        Decoding(pattern=pattern),
        LETTERS,
    )
    texts = [_text(row) for row, p in zip(codes[0].tolist(), log_p[0].tolist(), strict=True) if p > -float("inf")]
    assert all(re.fullmatch(pattern, text) for text in texts)
    spelt = {
        row
        for n in range(length + 1)
        for row in itertools.product(range(3, N), repeat=n)
        if re.fullmatch(pattern, _text(list(row)))
    }
    assert len(texts) == len(spelt)
    assert (log_p[0].diff()[: len(texts) - 1] <= 1e-12).all()


def _decoded(given, chain=None, vocabulary=None, **settings):
    support, generator = Tokens(given.shape[1], N), torch.Generator().manual_seed(0)
    return decode(chain or Chain(N, seed=2), given, support, END, Decoding(**settings), generator, vocabulary)


def test_rows_with_the_same_beginning_have_the_best_the_second_best_and_so_on():
    given = _given([3], [4], [3], [3], [3], length=6)
    rows = _decoded(given, n_beams=3)
    for prompt, at in (([3], [0, 2, 3]), ([4], [1])):
        codes, _ = beam_search(Chain(N, seed=2), _given(prompt, length=6), Tokens(6, N), END, 3)
        assert torch.equal(rows[at], codes[0, : len(at)])
    assert torch.equal(rows[4], rows[0])  # there are no more than three


def test_max_tokens_and_stop_hold():
    rows = _decoded(_given([3], length=9), n_beams=4, max_tokens=3)
    assert (rows[0] != PAD).sum() <= 5
    assert END in rows[0].tolist()
    assert (rows[0, 5:] == PAD).all()
    rows = _decoded(_given(*[[]] * 40, length=6), n_beams=40, stop=("b",), vocabulary=LETTERS)
    assert not any("b" in _text(row) for row in rows.tolist())


def test_settings_of_chance_are_at_odds_with_it():
    with pytest.raises(ConfigError, match="n_beams = 2 looks for the likeliest, without top_k"):
        Decoding(n_beams=2, top_k=3)
    with pytest.raises(ConfigError, match="n_beams = -1"):
        Decoding(n_beams=-1)
