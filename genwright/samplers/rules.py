"""What may not be drawn, and where a row ends: for each row its special codes, its limit, stop strings, constraints.

`pad` is never drawn, nor are codes that never occurred in the texts of the fit, as long as a constraint leaves others.
Codes that spell parts of a character follow each other so that it becomes whole, which `end` does not interrupt: what
would break it is not drawn, as if it had probability 0.
Where a vocabulary is known, a code that spells nothing and neither ends nor fills up a row stands for a missing text:
it is drawn at the first place only, and the row ends behind it.

A running text has no end of its own. Where a constraint lets it end, it ends with the probability of all that the
constraint bars: where the model would go on with something else.
"""

from functools import lru_cache

import torch
from torch import Tensor

from genwright.core.decoding import Decoding
from genwright.core.errors import ConfigError
from genwright.core.model import Vocabulary
from genwright.core.space import OPEN, Tokens
from genwright.samplers import utf8
from genwright.samplers.constraint import Allowed, Constraint, Pattern
from genwright.samplers.logits import NEVER
from genwright.samplers.spelling import Spelling, spelling
from genwright.samplers.stop import Stops

HARDLY = -1e30  # a score that is drawn only where all others are −∞


class Rules:
    """The rules of a batch.

    Args:
        given: Codes (B, T), open places among them.
        n_before: Places before each row's first open one (B,).
        support: Which codes are special.
        decoding: `stop`, `pattern`, `allowed` and `max_tokens` of it.
        vocabulary: What the codes spell.
    """

    def __init__(
        self, given: Tensor, n_before: Tensor, support: Tokens, decoding: Decoding, vocabulary: Vocabulary | None
    ):
        self.given, self.support, self.decoding = given, support, decoding
        self.n_before = n_before.tolist()
        self.spelling = _spelt(support, decoding, vocabulary)
        self.silent = self.spelling.silent if self.spelling else []
        n_places = given.shape[1]
        most = decoding.max_tokens or n_places
        self.limits = (n_before + most).clamp(max=n_places)  # (B,) the place before which a row is over
        self._cuts = set(self.limits.tolist()) - {n_places}
        self.constraints = _constraints(decoding, self.spelling)
        self.stops = Stops(decoding.stop, self.spelling) if decoding.stop and self.spelling else None
        self.tails = [b""] * len(given)  # of what was drawn, as far as a stop string may reach back
        self.states: list[list[object]] = [self._begun(i) for i in range(len(given))] if self.constraints else []
        self.moves = self.spelling.inside if self.spelling else None
        self.inside = self._read()  # (B,) where each row's characters stand, see `utf8`
        self._first, self._later = self._biases(True), self._biases(False)

    def _read(self) -> Tensor:
        """Where the characters of what each row was given stand (B,)."""
        state = torch.zeros(len(self.given), dtype=torch.int64)
        for t in range(max(self.n_before, default=0) if self.moves is not None else 0):
            is_before = torch.tensor([t < n for n in self.n_before])
            state = torch.where(is_before, self._moved(state, self.given[:, t]), state)
        return state

    def _moved(self, state: Tensor, codes: Tensor) -> Tensor:
        """Behind some codes; what was given and breaks a character is passed over."""
        assert self.moves is not None
        return self.moves[state, codes.clamp(min=0)].clamp(min=utf8.BETWEEN)

    def _biases(self, is_first: bool) -> Tensor:
        """What is added to the scores in each state of a character (states, V); one where there are no parts of any."""
        bias = self._bias(is_first).unsqueeze(0)
        if self.moves is None:
            return bias
        bias = bias.repeat(len(self.moves), 1)
        bias[self.moves == utf8.BROKEN] = NEVER
        bias[utf8.BETWEEN + 1 :, self.support.end] = NEVER
        return bias

    def _bias(self, is_first: bool) -> Tensor:
        """What is added to the scores (V,) at the first place, or at a later one."""
        bias = torch.zeros(self.support.n)
        bias[self.support.pad] = NEVER
        if self.spelling is not None:
            bias[self.spelling.never] = NEVER
        if self.support.runs_on:
            bias[self.support.end] = HARDLY
        if not is_first or self.constraints or self.support.runs_on:
            bias[self.silent] = NEVER
        return bias

    def _begun(self, i: int) -> list[object]:
        """The states of the constraints behind what row i was given."""
        n = self.n_before[i]
        if n == self.given.shape[1]:
            return [None] * len(self.constraints)
        assert self.spelling is not None
        text = self.spelling.text(self.given[i, :n].tolist())
        return [c.begin(text, int(self.limits[i]) - n) for c in self.constraints]

    def keep(self, rows: Tensor) -> None:
        """Goes on with these rows (their indices), in this order; a row may be there several times."""
        self.given, self.limits = self.given[rows], self.limits[rows]
        self.n_before, self.inside = [self.n_before[i] for i in rows.tolist()], self.inside[rows]
        self.tails = [self.tails[i] for i in rows.tolist()]
        self.states = [self.states[i] for i in rows.tolist()] if self.states else []

    def masked(self, t: int, rows: Tensor, scores: Tensor, is_over: Tensor) -> Tensor:
        """The scores (B, V) with −∞ for what may not be drawn; where a rule leaves only −∞, all it allows are alike."""
        biases, inside = self._later if t else self._first, self.inside[rows]
        scores = scores + (biases[inside] if inside.any() else biases[utf8.BETWEEN])
        return self._constrained(t, rows, scores, is_over) if self.constraints else scores

    def _constrained(self, t: int, rows: Tensor, scores: Tensor, is_over: Tensor) -> Tensor:
        free = torch.zeros(self.support.n)
        is_bound = ~is_over[rows] & (self.given[rows, t] == OPEN)
        numbers = zip(rows.tolist(), is_bound.tolist(), strict=True)
        bars = torch.stack([self._bars(t, i) if is_bound else free for i, is_bound in numbers])  # (B, V)
        end = self.support.end
        if self.support.runs_on:
            barred = scores.masked_fill(bars == 0, NEVER).logsumexp(1)
            scores[:, end] = torch.where(is_bound & (bars[:, end] == 0), barred, scores[:, end])
        found = scores + bars
        is_stuck = found.amax(1) == NEVER
        if is_stuck.any():
            found[is_stuck] = bars[is_stuck].to(found.dtype)
        return found

    def _bars(self, t: int, i: int) -> Tensor:
        """What row i may not go on with (V,); where nothing is left the text ends."""
        left = int(self.limits[i]) - t - 1
        bars = torch.stack([c.bars(s, left) for c, s in zip(self.constraints, self.states[i], strict=True)]).sum(0)
        if bars.max() == NEVER:
            bars[self.support.end] = 0.0
        return bars

    def after(self, t: int, rows: Tensor, codes: Tensor, is_over: Tensor) -> bool:
        """Takes in the codes (B, T) of place t; cuts rows short, and says whether it may have."""
        if self.moves is not None:
            self.inside[rows] = self._moved(self.inside[rows], codes[rows, t])
        if self.constraints or self.stops:
            for i in rows[~is_over[rows]].tolist():
                if t >= self.n_before[i]:
                    self._take_in(t, i, codes, is_over)
        is_alone = t == 0 and bool(self.silent)
        if t + 1 in self._cuts or is_alone:
            is_cut = self.limits[rows] == t + 1
            if is_alone:
                is_drawn = torch.tensor(self.n_before)[rows] == 0
                is_cut |= is_drawn & torch.isin(codes[rows, 0], torch.tensor(self.silent, dtype=torch.int64))
            cut = rows[is_cut & ~is_over[rows]]
            is_over[cut] = True
            codes[cut, t + 1 :] = self.support.pad
            codes[cut, t + 1 : t + 2] = self.support.end
        return self.stops is not None or t + 1 in self._cuts or is_alone

    def _take_in(self, t: int, i: int, codes: Tensor, is_over: Tensor) -> None:
        """Row i goes on with its code of place t, or stops before it."""
        code = int(codes[i, t])
        if self.constraints:
            self.states[i] = [c.advance(s, code) for c, s in zip(self.constraints, self.states[i], strict=True)]
        if self.stops is not None:
            self.tails[i], is_there = self.stops.after(self.tails[i], code)
            if is_there:
                self._stop(t, i, codes, is_over)

    def _stop(self, t: int, i: int, codes: Tensor, is_over: Tensor) -> None:
        """Row i ends before the stop string that ends in its code of place t."""
        assert self.stops is not None
        first = self.n_before[i]
        kept = self.stops.kept(codes[i, first : t + 1].tolist())
        is_over[i] = True
        row = torch.tensor([*(kept or []), self.support.end], dtype=torch.int64)[: codes.shape[1] - first]
        codes[i, first:] = self.support.pad
        codes[i, first : first + len(row)] = row


def _spelt(support: Tokens, decoding: Decoding, vocabulary: Vocabulary | None) -> Spelling | None:
    if vocabulary is not None:
        return spelling(tuple(vocabulary.pieces()), support, tuple(vocabulary.never()))
    for name in ("stop", "pattern", "allowed"):
        if getattr(decoding, name):
            raise ConfigError(f"{name} is for columns of text, and this one has no vocabulary; leave it out")
    return None


def _constraints(decoding: Decoding, spelt: Spelling | None) -> list[Constraint]:
    found: list[Constraint] = []
    if decoding.pattern and spelt is not None:
        found.append(_pattern(decoding.pattern, spelt))
    if decoding.allowed is not None and spelt is not None:
        found.append(Allowed(decoding.allowed, spelt))
    return found


@lru_cache(maxsize=8)
def _pattern(pattern: str, spelling: Spelling) -> Pattern:
    """The same for every batch, so that what it has worked out is not lost."""
    return Pattern(pattern, spelling)
