"""What a text may go on with: by a regular expression, or by a function of the text so far.

A constraint keeps a state for each text, and says for each token what the text costs at least behind it: how many more
tokens it takes until it may end; infinite where it never may. Tokens that cost more than there is room for are barred,
so a text that is cut by its greatest length still matches (masks by state: Willard and Louf, 2023,
https://arxiv.org/abs/2307.09702). A token may spell several characters, or a part of one.
"""

from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache
from typing import Any, Protocol

import torch
from torch import Tensor

from genwright.core.errors import ConfigError, GivenError
from genwright.samplers.automaton import LAST, Automaton, Spans
from genwright.samplers.spelling import Spelling, to_bytes

INF = float("inf")
KEPT, MIN_KEPT = 1 << 23, 64  # numbers that are kept of states, and at least so many states
ENDS = "\x03"  # among the characters that an `allowed` function answers: the text may end here, too


class Constraint(Protocol):
    """What may follow in a text."""

    def begin(self, text: str, left: int) -> Any:
        """The state behind a given beginning, with room for `left` tokens.

        Raises:
            GivenError: nothing that follows can make up for the beginning, or there is not enough room.
        """
        ...

    def bars(self, state: Any, left: int) -> Tensor:
        """0 for each token (V,) that may be drawn where `left` more have room behind it, −∞ for the others."""
        ...

    def advance(self, state: Any, code: int) -> Any:
        """The state behind a token."""
        ...


class Pattern:
    """The whole text matches a regular expression; a state is one of its automaton's, with bytes of half a character.

    Args:
        pattern: A regular expression in Python's syntax.
        spelling: What tokens spell.

    Raises:
        ConfigError: the pattern cannot be read, is not supported, or cannot be spelt.
    """

    def __init__(self, pattern: str, spelling: Spelling):
        self.pattern, self.spelling = pattern, spelling
        self.automaton = Automaton(pattern, self._weight)
        kept = max(MIN_KEPT, KEPT // max(spelling.n, 1))  # states
        self.costs = lru_cache(kept)(self._costs)
        self._wide = lru_cache(kept)(self._bars)

    def _weight(self, spans: Spans) -> float:
        """How many tokens spell the cheapest of these characters."""
        if any(low <= point <= high for point in self._single for low, high in spans):
            return 1.0
        if not self._has_bytes:
            return INF
        return float(
            min(len(chr(min(max(low, 0xE000) if 0xD800 <= low <= 0xDFFF else low, LAST)).encode()) for low, _ in spans)
        )

    @cached_property
    def _single(self) -> list[int]:
        """The characters that are tokens of their own."""
        return [ord(p) for p in self.spelling.pieces if len(p) == 1 and not _is_odd(p)]

    @cached_property
    def _has_bytes(self) -> bool:
        """Whether any character can be spelt in bytes."""
        return sum(map(_is_odd, self.spelling.pieces)) >= 64

    def begin(self, text: str, left: int) -> tuple[int, bytes]:
        """See `Constraint.begin`."""
        state = self._after((0, b""), text)
        cost = INF if state is None else self._cost(state)
        if cost == INF:
            what = f"the beginning {text!r} cannot go on to match" if text else "the run's tokens cannot spell"
            raise GivenError(f"{what} the pattern {self.pattern!r}; change one of them")
        if cost > left:
            raise GivenError(f"the pattern {self.pattern!r} takes {cost:.0f} more tokens, and there is room for {left}")
        assert state is not None
        return state

    def advance(self, state: tuple[int, bytes], code: int) -> tuple[int, bytes] | None:
        """See `Constraint.advance`."""
        return None if state is None else self._after(state, self.spelling.pieces[code])

    def bars(self, state: tuple[int, bytes] | None, left: int) -> Tensor:
        """See `Constraint.bars`."""
        if state is None:
            return torch.zeros(self.spelling.n)
        most, bars = self._wide(state)
        return bars if left >= most else _barred(self.costs(state) <= left)

    def _bars(self, state: tuple[int, bytes]) -> tuple[float, Tensor]:
        """Room from which on nothing is barred for want of it, and what is barred there (V,)."""
        costs = self.costs(state)
        most = costs[costs < INF].max() if (costs < INF).any() else 0.0
        return float(most), _barred(costs < INF)

    def _costs(self, state: tuple[int, bytes]) -> Tensor:
        """For each token (V,) how many more tokens the text takes behind it at least."""
        costs = torch.full((self.spelling.n,), INF)
        waiting = [(self.spelling.trie, state)]
        while waiting:
            node, here = waiting.pop()
            for unit, child in node.items():
                if unit is None:
                    costs[child] = self._cost(here)
                elif (then := self._unit(here, unit)) is not None:
                    waiting.append((child, then))
        if self._cost(state) == 0:
            costs[self.spelling.end] = 0.0
        return costs

    def _after(self, state: tuple[int, bytes] | None, text: str) -> tuple[int, bytes] | None:
        for unit in text:
            state = None if state is None else self._unit(state, unit)
        return state

    def _unit(self, state: tuple[int, bytes], unit: str) -> tuple[int, bytes] | None:
        """The state behind a character or a byte; None where no match can follow."""
        at, half = state
        if not _is_odd(unit):
            then = None if half else self.automaton.step(at, ord(unit))
            return None if then is None else (then, b"")
        half += to_bytes(unit)
        try:
            then = self.automaton.step(at, ord(half.decode()))
            return None if then is None else (then, b"")
        except UnicodeDecodeError:
            return (at, half) if self._cost((at, half)) < INF else None

    def _cost(self, state: tuple[int, bytes]) -> float:
        """How many tokens it takes from here at least."""
        at, half = state
        if not half:
            return self.automaton.distance(at)
        low, high, missing = _characters_from(half)
        return missing + self.automaton.distance_within(at, low, high) if low <= high else INF


class Allowed:
    """A function says which characters may follow a text; a state is the text so far.

    Args:
        function: Text so far → characters that may follow; None: any, or the end. An empty answer ends the text. It
            may also end where `ENDS`, the character U+0003, is among them.
        spelling: What tokens spell.
    """

    def __init__(self, function: Callable[[str], str | None], spelling: Spelling):
        self.function, self.spelling = function, spelling
        self._last: tuple[str, Tensor] | None = (
            None  # a text and its bars: rows of a batch often stand at the same text
        )

    def begin(self, text: str, left: int) -> str:
        """See `Constraint.begin`; what was given is not questioned."""
        return text

    def advance(self, state: str, code: int) -> str:
        """See `Constraint.advance`."""
        return self._whole(state + self.spelling.pieces[code])

    def bars(self, state: str, left: int) -> Tensor:
        """See `Constraint.bars`; there is always room enough."""
        if self._last is None or self._last[0] != state:
            self._last = state, self._worked_out(state)
        return self._last[1]

    def _worked_out(self, state: str) -> Tensor:
        bars = torch.full((self.spelling.n,), -INF)
        if not (state and _is_odd(state[-1])):
            may = self._answer(state)
            bars[self.spelling.end] = 0.0 if may is None or not may or ENDS in may else -INF
        for codes in self._reached(state):
            bars[codes] = 0.0
        return bars

    def _reached(self, state: str) -> Iterator[list[int]]:
        """The codes of the tokens that spell nothing but what is allowed."""
        waiting = [(self.spelling.trie, state)]
        while waiting:
            node, text = waiting.pop()
            if None in node:
                yield node[None]
            units = [unit for unit in node if unit is not None]
            if units:
                is_allowed = self._test(text)
                waiting += [(node[unit], self._whole(text + unit)) for unit in units if is_allowed(unit)]

    def _test(self, text: str) -> Callable[[str], bool]:
        """Whether a character or a byte may follow a text, of which half a character may be there."""
        whole = text.rstrip("".join(map(chr, range(0xDC80, 0xDD00))))
        half, may = to_bytes(text[len(whole) :]), self._answer(whole)
        if may is None:
            return lambda unit: True
        starts = [c.encode("utf-8", "surrogatepass") for c in may]
        return lambda unit: any(s.startswith(half + to_bytes(unit)) for s in starts)

    def _answer(self, text: str) -> str | None:
        may = self.function(text)
        if may is not None and not isinstance(may, str):
            raise ConfigError(
                f"allowed answered {may!r}; expected a string of characters that may follow, or None for any"
            )
        return may

    @staticmethod
    def _whole(text: str) -> str:
        """Bytes that have become characters, as characters."""
        return to_bytes(text).decode("utf-8", "surrogateescape") if text and _is_odd(text[-1]) else text


def _barred(is_allowed: Tensor) -> Tensor:
    return torch.zeros(len(is_allowed)).masked_fill(~is_allowed, -INF)


def _is_odd(unit: str) -> bool:
    """Whether it is one byte that is no character."""
    return len(unit) == 1 and 0xDC80 <= ord(unit) <= 0xDCFF


def _characters_from(half: bytes) -> tuple[int, int, int]:
    """The first and last character that begins with these bytes of UTF-8, and how many bytes are missing.

    Bytes that begin no character give a first one above the last.
    """
    head = half[0]
    n = 2 if 0xC2 <= head < 0xE0 else 3 if 0xE0 <= head < 0xF0 else 4 if 0xF0 <= head < 0xF5 else 0
    if len(half) >= max(n, 1) or any(not 0x80 <= b < 0xC0 for b in half[1:]):
        return 1, 0, 0
    point = head & (0x7F >> n)
    for b in half[1:]:
        point = point << 6 | (b & 0x3F)
    missing = n - len(half)
    low, high = point << 6 * missing, ((point + 1) << 6 * missing) - 1
    least = {2: 0x80, 3: 0x800, 4: 0x10000}[n]
    return max(low, least), min(high, LAST), missing
