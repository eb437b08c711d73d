"""Beam search: the likeliest sequences, as far as W of them can be followed at a time (Lowerre, 1976).

    score(y) = log P(y) / ((5 + |y|) / 6)^α

with α = 0 for the plain log probability, and above for longer sequences (Wu et al., 2016, equation 14, without their
coverage term: https://arxiv.org/abs/1609.08144). Where W reaches the number of all sequences, the answer is exact.
"""

import torch
from torch import Tensor

from genwright.core.space import OPEN, Tokens
from genwright.samplers.decode import Stepper
from genwright.samplers.logits import NEVER


@torch.no_grad()
def beam_search(
    stepper: Stepper, given: Tensor, support: Tokens, start: int | Tensor, width: int, alpha: float = 0.0
) -> tuple[Tensor, Tensor]:
    """The best sequences found (W, T), best first, and their log probabilities (W,) in nats given what was given.

    Args:
        stepper: What comes next.
        given: One row's codes (T,), a beginning and then `OPEN`.
        support: Which codes are special.
        start: The code before the first place, or several of them (S,).
        width: Sequences that are followed at a time, W; fewer come back where there are fewer.
        alpha: α, how much longer sequences are favoured.
    """
    n_given = int((given != OPEN).sum())
    before = torch.tensor([start]) if isinstance(start, int) else start
    codes = given.masked_fill(given == OPEN, support.pad).unsqueeze(0)  # (1, T)
    log_p = torch.zeros(1, dtype=torch.float64)
    for t in range(n_given, len(given)):
        read = torch.cat([before, codes[0, :t]]).unsqueeze(0)
        scores = stepper.start(read) if t == n_given else stepper.step(codes[:, t - 1])
        is_over = _is_over(codes[:, n_given:t], support)  # (W,)
        if is_over.all():
            break
        total = log_p[:, None] + _log_probs(scores, is_over, support)  # (W, V)
        rows, new = _best(total, _lengths(codes, support, t), width, alpha)
        stepper.keep(rows)
        codes, log_p = codes[rows], total[rows, new]
        codes[:, t] = new
    return codes, log_p


def _is_over(codes: Tensor, support: Tokens) -> Tensor:
    return (codes == support.end).any(1)


def _lengths(codes: Tensor, support: Tokens, t: int) -> Tensor:
    """Tokens of each sequence with the next one (W,); those that are over get none."""
    return torch.where(_is_over(codes[:, :t], support), (codes[:, :t] != support.pad).sum(1), t + 1)


def _log_probs(scores: Tensor, is_over: Tensor, support: Tokens) -> Tensor:
    """log P of each next code (W, V); behind the end there is only `pad`."""
    scores = scores.double().clone()
    scores[:, support.pad] = NEVER
    if support.runs_on:
        scores[:, support.end] = NEVER
    log_p = scores.log_softmax(-1)
    log_p[is_over] = NEVER
    log_p[is_over, support.pad] = 0.0
    return log_p


def _best(total: Tensor, lengths: Tensor, width: int, alpha: float) -> tuple[Tensor, Tensor]:
    """Rows and codes of the best continuations, best first."""
    key = (total / ((5 + lengths.double()) / 6)[:, None] ** alpha).flatten()
    best, index = key.topk(min(width, len(key)))
    index = index[best > NEVER]
    return index // total.shape[1], index % total.shape[1]
