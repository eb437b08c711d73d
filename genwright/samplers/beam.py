"""Beam search: the likeliest sequences, as far as W of them can be followed at a time (Lowerre, 1976).

    score(y) = log P(y) / ((5 + |y|) / 6)^α

with α = 0 for the plain log probability, and above for longer sequences (Wu et al., 2016, equation 14, without their
coverage term: https://arxiv.org/abs/1609.08144). Where W reaches the number of all sequences, the answer is exact.

The rules of a draw hold here, too: P is that of what they leave (`rules`).
"""

import torch
from torch import Tensor

from genwright.core.decoding import Decoding
from genwright.core.model import Vocabulary
from genwright.core.space import OPEN, Tokens
from genwright.samplers.logits import NEVER
from genwright.samplers.rules import Rules
from genwright.samplers.stepper import Stepper


@torch.no_grad()
def beam_search(
    stepper: Stepper,
    given: Tensor,
    support: Tokens,
    start: int | Tensor,
    width: int,
    alpha: float = 0.0,
    decoding: Decoding | None = None,
    vocabulary: Vocabulary | None = None,
) -> tuple[Tensor, Tensor]:
    """The best sequences found behind each beginning (B, W, T), best first, and their log probabilities (B, W) in nats
    given the beginning; −∞ where there are fewer.

    Args:
        stepper: What comes next.
        given: Codes (B, T), a beginning and then `OPEN`.
        support: Which codes are special.
        start: The code before the first place, or several of them (B, S).
        width: Sequences that are followed at a time for each beginning, W.
        alpha: α, how much longer sequences are favoured.
        decoding: Its rules hold: `stop`, `pattern`, `allowed` and `max_tokens`.
        vocabulary: What the codes spell; needed by `stop`, `pattern` and `allowed`.
    """
    beams = _Beams(
        given, support, width, alpha, Rules(given, _n_given(given), support, decoding or Decoding(), vocabulary)
    )
    first = int(beams.n_given.min()) if len(given) else given.shape[1]
    before = torch.full((len(given), 1), start) if isinstance(start, int) else start
    for t in range(first, given.shape[1]):
        if beams.is_over.all():
            break
        read = torch.cat([before, beams.codes[:, :t]], 1) if t == first else beams.codes[:, t - 1]
        scores = stepper.start(read) if t == first else stepper.step(read)
        if (rows := beams.go_on(t, scores)) is not None:
            stepper.keep(rows)
    return beams.found()


class _Beams:
    """What is followed: W sequences, or fewer, of each of B beginnings, one behind the other."""

    def __init__(self, given: Tensor, support: Tokens, width: int, alpha: float, rules: Rules):
        self.support, self.width, self.alpha, self.rules = support, width, alpha, rules
        self.n, self.n_given = len(given), _n_given(given)
        self.given = given
        self.codes = given.masked_fill(given == OPEN, support.pad)  # (B · w, T)
        self.log_p = torch.zeros(len(given), dtype=torch.float64)  # (B · w,)
        self.is_over = ((given == support.end) | (given == support.pad)).any(1)
        self.n_codes = self.n_given  # (B · w,) without what fills up

    def go_on(self, t: int, scores: Tensor) -> Tensor | None:
        """Takes in logits (B · w, V) of place t; the sequences that go on, where they are not simply all."""
        total = self.log_p[:, None] + self._log_probs(t, scores)
        n_codes = self.n_codes[:, None] + (torch.arange(total.shape[1]) != self.support.pad)  # (B · w, V)
        rows, new = self._best(total / ((5 + n_codes.double()) / 6) ** self.alpha)
        self.log_p, self.n_codes = total[rows, new], n_codes[rows, new]
        is_same = torch.equal(rows, torch.arange(len(self.codes)))
        if not is_same:
            self.codes, self.given, self.is_over = self.codes[rows], self.given[rows], self.is_over[rows]
            self.rules.keep(rows)
        self._put(t, new)
        return None if is_same else rows

    def _put(self, t: int, new: Tensor) -> None:
        """The sequences have these codes (B · W,) at place t; impossible ones are over."""
        self.codes[:, t] = new
        has_ended = (new == self.support.end) | (new == self.support.pad) | (self.log_p == NEVER)
        ended = has_ended & ~self.is_over
        self.codes[ended, t + 1 :] = self.support.pad
        self.is_over |= ended
        self.rules.after(t, torch.arange(len(new)), self.codes, self.is_over)

    def _log_probs(self, t: int, scores: Tensor) -> Tensor:
        """log P of each next code (B · w, V); 0 for what is given or stands behind the end."""
        log_p = self.rules.masked(t, torch.arange(len(scores)), scores.double(), self.is_over).log_softmax(-1)
        fixed = torch.where(self.is_over, self.codes[:, t], self.given[:, t])
        at = (fixed != OPEN).nonzero()[:, 0]
        log_p[at] = NEVER
        log_p[at, fixed[at]] = 0.0
        return log_p

    def _best(self, key: Tensor) -> tuple[Tensor, Tensor]:
        """Rows and codes of the best continuations of each beginning (B · W,), best first."""
        n_codes = key.shape[1]
        key = key.view(self.n, -1)  # (B, w · V)
        index = key.topk(min(self.width, key.shape[1])).indices
        rows = index // n_codes + torch.arange(self.n)[:, None] * (key.shape[1] // n_codes)
        return rows.flatten(), (index % n_codes).flatten()

    def found(self) -> tuple[Tensor, Tensor]:
        """Sequences (B, W, T) and their log probabilities (B, W)."""
        n = max(self.n, 1)
        return self.codes.view(self.n, len(self.codes) // n, -1), self.log_p.view(self.n, len(self.log_p) // n)


def likeliest(
    stepper: Stepper,
    given: Tensor,
    support: Tokens,
    start: int | Tensor,
    decoding: Decoding,
    vocabulary: Vocabulary | None = None,
) -> Tensor:
    """Codes (B, T) as of `decode`: of the rows with an equal beginning the first has the likeliest sequence of
    `n_beams` that are followed, the second the next, and so on, from the beginning again where there are no more.
    """
    before = torch.full((len(given), 1), start) if isinstance(start, int) else start
    groups, group = torch.cat([before, given], 1).unique(dim=0, return_inverse=True)
    before, begun = groups[:, : before.shape[1]], groups[:, before.shape[1] :]
    codes, log_p = beam_search(stepper, begun, support, before, decoding.n_beams, 0.0, decoding, vocabulary)
    n_found = (log_p > NEVER).sum(1).clamp(min=1)  # of each group
    rank = (group[:, None] == group[None, :]).tril(-1).sum(1)  # rows of the same group above
    return codes[group, rank % n_found[group]]


def _n_given(given: Tensor) -> Tensor:
    """Places before each row's first open one (B,)."""
    is_open = given == OPEN
    return torch.where(is_open.any(1), is_open.long().argmax(1), given.shape[1])
