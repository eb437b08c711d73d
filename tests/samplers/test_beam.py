import itertools

import pytest
import torch

from genwright.core.space import OPEN, Tokens
from genwright.samplers.beam import beam_search
from tests.samplers.worlds import END, PAD, Chain, Stateless

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


def _search(chain, prompt, width, alpha=0.0):
    given = torch.tensor([*prompt, *[OPEN] * (T - len(prompt))])
    return beam_search(Stateless(chain), given, Tokens(T, V), END, width, alpha)


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
    given = torch.full((T,), OPEN)
    cached = beam_search(chain, given, Tokens(T, V), END, 3)
    anew = beam_search(Stateless(chain), given, Tokens(T, V), END, 3)
    assert torch.equal(cached[0], anew[0])
    assert torch.equal(cached[1], anew[1])
