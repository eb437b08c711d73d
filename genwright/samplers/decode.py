"""Sequences drawn token by token from anything that says what comes next.

    x_t ~ P(· | x_<t), settings of the draw applied        for the places t that are open

Rows stand at the left, so that position t is the t-th token in all of them, whatever lies before. Each row's
randomness is a function of its own seed and of the place (`uniforms`), so a row is the same whichever rows are drawn
beside it and whenever they end, as far as the stepper's arithmetic is.

The settings are applied in this order: repetition penalty, rules (`rules`: what may not be drawn), temperature, top-k,
top-p, min-p.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from genwright.core.decoding import Decoding
from genwright.core.model import Vocabulary
from genwright.core.space import OPEN, Tokens
from genwright.samplers import logits
from genwright.samplers.beam import likeliest
from genwright.samplers.rules import Rules
from genwright.samplers.stepper import Stepper
from genwright.samplers.uniforms import Uniforms

Told = Callable[[int, Tensor], bool]  # (place, codes (B,)) → whether to stop
FINISHED = 0.25  # share of the rows that must have ended before they are dropped


@torch.no_grad()
def decode(
    stepper: Stepper,
    given: Tensor,
    support: Tokens,
    start: int | Tensor,
    decoding: Decoding,
    generator: torch.Generator,
    vocabulary: Vocabulary | None = None,
    told: Told | None = None,
) -> Tensor:
    """Codes (B, T): what was given, and draws where it was open.

    A row ends at `end`, which is not drawn before given codes, or behind a missing text; `pad` stands behind the end
    and is never drawn. A row that is cut by `max_tokens` or a stop string is closed with `end` where it has room. In
    rows of a running text (`runs_on`), `end` is drawn only where a rule leaves nothing else. With `n_beams` nothing is
    drawn: see `beam.likeliest`.

    Args:
        stepper: What comes next.
        given: Codes (B, T), `OPEN` where they are to be drawn, also between others; T may be more than
            `support.length`.
        support: Which codes are special.
        start: The code before the first place, or several of them (B, S).
        decoding: Settings of the draw.
        generator: Each row's seed comes from it, whatever is drawn.
        vocabulary: What the codes spell; needed by `stop`, `pattern` and `allowed`.
        told: Called after every token with its place and its codes (B,); drawing ends where it answers True.

    Raises:
        ConfigError: a setting needs a vocabulary, or its pattern cannot be read or met.
    """
    if decoding.n_beams and len(given):
        return likeliest(stepper, given, support, start, decoding, vocabulary)
    drawing = _Drawing(stepper, given, support, decoding, generator, vocabulary)
    if drawing.n_rows and drawing.first < given.shape[1]:
        drawing.run(start, told)
    return drawing.codes


class _Drawing:
    """A batch while it is drawn; `rows` are the indices of those that the stepper goes on with."""

    def __init__(
        self,
        stepper: Stepper,
        given: Tensor,
        support: Tokens,
        decoding: Decoding,
        generator: torch.Generator,
        vocabulary: Vocabulary | None,
    ):
        self.stepper, self.support, self.decoding = stepper, support, decoding
        self.given, self.n_rows = given, len(given)
        self.codes = given.masked_fill(given == OPEN, support.pad)  # (B, T)
        self.uniforms = Uniforms(self.n_rows, generator)
        is_open = given == OPEN
        n_before = torch.where(is_open.any(1), is_open.long().argmax(1), given.shape[1])  # (B,) places before the first
        self.first = int(n_before.min()) if self.n_rows else 0
        self.last = int(is_open.any(0).nonzero().amax()) if is_open.any() else -1  # open place
        self.goes_on = _goes_on(given, support)  # (B, T)
        self.has_given = (~is_open).any(0).tolist()  # whether any row has this place
        self.rules = Rules(given, n_before, support, decoding, vocabulary)
        self.rows = torch.arange(self.n_rows)
        self.is_over = self._ended(self.codes[:, : self.first]) if self.first else torch.zeros(self.n_rows).bool()
        self.n_over = int(self.is_over.sum())  # of those that the stepper goes on with
        self.seen: Tensor | None = None  # (B, V) tokens that were there

    def run(self, start: int | Tensor, told: Told | None) -> None:
        """Draws place after place until all rows are over, or nothing is open any more."""
        scores = self._prefilled(start)
        for t in range(self.first, self.last + 1):
            self._place(t, scores)
            if told is not None and told(t, self.codes[:, t]):
                return self._close(t + 1)
            if self.n_over == len(self.rows):
                return None
            if self.n_over >= FINISHED * len(self.rows):
                self._drop()
            if t < self.last:
                scores = self.stepper.step(self.codes[self.rows, t])
        return None

    def _drop(self) -> None:
        """Goes on without the rows that are over."""
        stay = (~self.is_over[self.rows]).nonzero()[:, 0]
        self.stepper.keep(stay)
        self.rows, self.n_over = self.rows[stay], 0

    def _prefilled(self, start: int | Tensor) -> Tensor:
        """Logits after what all rows have; worked out once where it is the same in all of them."""
        before = torch.full((self.n_rows, 1), start) if isinstance(start, int) else start
        codes = torch.cat([before, self.codes[:, : self.first]], 1)
        is_same = len(codes) > 1 and codes.shape[1] > 1 and bool((codes == codes[0]).all())
        if not is_same:
            return self.stepper.start(codes)
        scores = self.stepper.start(codes[:1])
        self.stepper.keep(torch.zeros(self.n_rows, dtype=torch.int64))
        return scores.expand(self.n_rows, -1)

    def _place(self, t: int, scores: Tensor) -> None:
        """Draws or takes the codes of place t."""
        drawn = logits.pick(self._scores(t, scores), self.uniforms.at(t, self.rows))
        if self.has_given[t]:
            given = self.given[self.rows, t]
            drawn = torch.where(given == OPEN, drawn, given)
        if self.n_over:
            drawn = torch.where(self.is_over[self.rows], self.codes[self.rows, t], drawn)
        self.codes[self.rows, t] = drawn
        has_ended = (drawn == self.support.end) | (drawn == self.support.pad)
        if is_changed := bool(has_ended.any()):
            self._end(t, self.rows[has_ended])
        if self.seen is not None:
            self.seen[self.rows, drawn] = True
        if self.rules.after(t, self.rows, self.codes, self.is_over) or is_changed:
            self.n_over = int(self.is_over[self.rows].sum())

    def _end(self, t: int, rows: Tensor) -> None:
        """These rows have their end at place t, or had it before."""
        new = rows[~self.is_over[rows]]
        self.is_over[new] = True
        self.codes[new, t + 1 :] = self.support.pad

    def _scores(self, t: int, scores: Tensor) -> Tensor:
        """The scores of what may be drawn at place t."""
        d = self.decoding
        if d.repetition_penalty != 1:
            scores = scores.log_softmax(-1)
            scores = logits.repetition_penalty(scores, self._seen(t, scores.shape[1])[self.rows], d.repetition_penalty)
        scores = self.rules.masked(t, self.rows, scores, self.is_over)
        if self.goes_on is not None:
            scores[self.goes_on[self.rows, t], self.support.end] = -torch.inf
        scores = logits.temperature(scores, d.temperature)
        return logits.min_p(logits.top_p(logits.top_k(scores, d.top_k), d.top_p), d.min_p)

    def _seen(self, t: int, n: int) -> Tensor:
        """Which tokens stand before place t (B, V); the start, the end and what lies behind it are no repetitions."""
        if self.seen is None:
            self.seen = torch.zeros(self.n_rows, n, dtype=torch.bool).scatter_(1, self.codes[:, :t], True)
        self.seen[:, [self.support.pad, self.support.end]] = False
        return self.seen

    def _ended(self, codes: Tensor) -> Tensor:
        """Which rows (B,) are over."""
        return ((codes == self.support.end) | (codes == self.support.pad)).any(1)

    def _close(self, t: int) -> None:
        """Ends the rows that are not over, before place t."""
        if t < self.given.shape[1]:
            self.codes[:, t] = torch.where(self.is_over, self.support.pad, self.support.end)
            self.codes[:, t + 1 :] = self.support.pad


def _goes_on(given: Tensor, support: Tokens) -> Tensor | None:
    """Whether codes of the text are given behind each place (B, T); None where all open places are behind them."""
    is_open, is_text = given == OPEN, (given != OPEN) & (given != support.end) & (given != support.pad)
    behind = is_text.flip(1).cumsum(1).flip(1) > is_text.long()
    return behind if (is_open & behind).any() else None
