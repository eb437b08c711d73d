"""A regular expression as an automaton over characters, so that a text can be checked while it grows.

Thompson's construction (1968) turns the pattern into a non-deterministic automaton; sets of its states are the states
of the deterministic one (Rabin and Scott, 1959), made when they are first reached. A set's *distance* is what it takes
at least until the text so far matches: infinite where nothing that follows can help.

Python's own parser reads the pattern, and Python's own engine says which characters a class holds, so both mean what
they mean in `re`. What no finite automaton can tell (backreferences) or what looks around (`(?=`, `\\b`) is refused.

https://doi.org/10.1145/363347.363387
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

from genwright.core.errors import ConfigError

Spans = tuple[tuple[int, int], ...]  # code points from … to, both included, increasing
LAST = 0x10FFFF
MAX_STATES = 20_000  # of the non-deterministic automaton
_CATEGORIES = {
    ops.CATEGORY_DIGIT: r"\d",
    ops.CATEGORY_NOT_DIGIT: r"\D",
    ops.CATEGORY_SPACE: r"\s",
    ops.CATEGORY_NOT_SPACE: r"\S",
    ops.CATEGORY_WORD: r"\w",
    ops.CATEGORY_NOT_WORD: r"\W",
}
_STARTS = (ops.AT_BEGINNING, ops.AT_BEGINNING_STRING)
_ENDS = (ops.AT_END, ops.AT_END_STRING)


class Automaton:
    """What may follow in a text that is to match a pattern as a whole; states are numbers, 0 the start.

    Args:
        pattern: A regular expression in Python's syntax.
        weight: What one of these characters costs at least (infinite: it cannot be had); 1 for all where it is None.

    Raises:
        ConfigError: the pattern cannot be read, holds something that is not supported, or is too large.
    """

    def __init__(self, pattern: str, weight: Callable[[Spans], float] | None = None):
        self.nfa = _Thompson(pattern)
        self.to_match = self._distances(weight or (lambda spans: 1.0))
        self.sets: list[frozenset[int]] = []
        self._index: dict[frozenset[int], int] = {}
        self._steps: dict[tuple[int, int], int | None] = {}
        self._number(self._closed({0}))

    def step(self, state: int, point: int) -> int | None:
        """The state behind a character; None where no match can follow."""
        if (state, point) not in self._steps:
            ends = {end for spans, end in self._edges(state) if _holds(spans, point)}
            self._steps[state, point] = self._number(self._closed(ends))
        return self._steps[state, point]

    def distance(self, state: int) -> float:
        """What it takes at least to match from here: 0 where the text matches as it is."""
        return self._least(self.sets[state])

    def distance_within(self, state: int, low: int, high: int) -> float:
        """The same behind any one character from `low` to `high`, that character left out."""
        ends = {end for spans, end in self._edges(state) if any(a <= high and b >= low for a, b in spans)}
        return self._least(self._closed(ends))

    def _edges(self, state: int) -> Iterator[tuple[Spans, int]]:
        return (edge for at in self.sets[state] for edge in self.nfa.edges[at])

    def _least(self, states: frozenset[int]) -> float:
        return min((self.to_match[at] for at in states), default=float("inf"))

    def _number(self, states: frozenset[int]) -> int | None:
        if self._least(states) == float("inf") and self.sets:
            return None
        if states not in self._index:
            self._index[states] = len(self.sets)
            self.sets.append(states)
        return self._index[states]

    def _closed(self, states: set[int]) -> frozenset[int]:
        """With all that is reached without a character."""
        found, waiting = set(states), list(states)
        while waiting:
            for at in self.nfa.free[waiting.pop()]:
                if at not in found:
                    found.add(at)
                    waiting.append(at)
        return frozenset(found)

    def _distances(self, weight: Callable[[Spans], float]) -> list[float]:
        """Each state's least cost to the end (Bellman and Ford)."""
        back: list[list[tuple[int, float]]] = [[] for _ in self.nfa.edges]
        for at, edges in enumerate(self.nfa.edges):
            for spans, end in edges:
                back[end].append((at, weight(spans)))
            for end in self.nfa.free[at]:
                back[end].append((at, 0.0))
        found = [float("inf")] * len(back)
        found[self.nfa.end] = 0.0
        waiting = [self.nfa.end]
        while waiting:
            end = waiting.pop()
            for at, cost in back[end]:
                if found[end] + cost < found[at]:
                    found[at] = found[end] + cost
                    waiting.append(at)
        return found


class _Thompson:
    """The non-deterministic automaton: edges with characters, free ones without, one start (0) and one end."""

    def __init__(self, pattern: str):
        self.pattern = pattern
        self.edges: list[list[tuple[Spans, int]]] = []
        self.free: list[list[int]] = []
        parsed = _parsed(pattern)
        items = list(parsed)
        while items and items[0][0] is ops.AT and items[0][1] in _STARTS:
            items = items[1:]
        while items and items[-1][0] is ops.AT and items[-1][1] in _ENDS:
            items = items[:-1]
        self.end = self._sequence(items, self._new(), parsed.state.flags)

    def _new(self, *free_from: int) -> int:
        if len(self.edges) >= MAX_STATES:
            raise ConfigError(f"pattern {self.pattern!r} has more than {MAX_STATES:,} states; use smaller repetitions")
        self.edges.append([])
        self.free.append([])
        for at in free_from:
            self.free[at].append(len(self.edges) - 1)
        return len(self.edges) - 1

    def _sequence(self, items: Any, at: int, flags: int) -> int:
        """Appends items behind a state; the state behind them."""
        for op, value in items:
            at = self._item(op, value, at, flags)
        return at

    def _item(self, op: Any, value: Any, at: int, flags: int) -> int:
        if op in (ops.LITERAL, ops.NOT_LITERAL, ops.ANY, ops.IN):
            end = self._new()
            self.edges[at].append((_spans(op, value, flags), end))
            return end
        if op is ops.SUBPATTERN:
            _, added, removed, items = value
            return self._sequence(items, at, (flags | added) & ~removed)
        if op is ops.BRANCH:
            return self._new(*[self._sequence(items, self._new(at), flags) for items in value[1]])
        if op in (ops.MAX_REPEAT, ops.MIN_REPEAT):
            least, most, items = value
            return self._repeat(least, most, items, at, flags)
        raise ConfigError(
            f"pattern {self.pattern!r} holds {_in_words(op)}, which cannot be kept to while drawing; "
            "expected characters, classes, groups, alternatives and repetitions"
        )

    def _repeat(self, least: int, most: int, items: Any, at: int, flags: int) -> int:
        for _ in range(least):
            at = self._sequence(items, self._new(at), flags)
        if most is ops.MAXREPEAT:
            loop = self._new(at)
            self.free[self._sequence(items, loop, flags)].append(loop)
            return self._new(loop)
        ways_out = [at]
        for _ in range(most - least):
            at = self._sequence(items, self._new(at), flags)
            ways_out.append(at)
        return self._new(*ways_out)


def _parsed(pattern: str) -> Any:
    try:
        re.compile(pattern)
        return _parser.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ConfigError(f"pattern {pattern!r} is no regular expression: {error}") from None


def _in_words(op: Any) -> str:
    known = {
        ops.AT: "an anchor or boundary inside it",
        ops.ASSERT: "a look-around",
        ops.ASSERT_NOT: "a negative look-around",
        ops.GROUPREF: "a reference to a group",
        ops.GROUPREF_EXISTS: "a choice by a group",
        ops.POSSESSIVE_REPEAT: "a possessive repetition",
        ops.ATOMIC_GROUP: "an atomic group",
    }
    return known.get(op, str(op).lower())


def _spans(op: Any, value: Any, flags: int) -> Spans:
    """The characters that an item of a pattern stands for."""
    if op is ops.ANY:
        return ((0, LAST),) if flags & re.DOTALL else ((0, 9), (11, LAST))
    flags &= re.IGNORECASE | re.ASCII
    if op is ops.LITERAL and not flags & re.IGNORECASE:
        return ((value, value),)
    items = value if op is ops.IN else [(ops.NEGATE, None)] * (op is ops.NOT_LITERAL) + [(ops.LITERAL, value)]
    return _class_spans("".join(map(_written, items)), flags)


def _written(item: tuple[Any, Any]) -> str:
    """An item of a class as it stands between brackets."""
    op, value = item
    if op is ops.NEGATE:
        return "^"
    if op is ops.CATEGORY:
        return _CATEGORIES[value]
    low, high = value if op is ops.RANGE else (value, value)
    return f"\\U{low:08x}-\\U{high:08x}"


@lru_cache(maxsize=256)
def _class_spans(inside: str, flags: int) -> Spans:
    """The characters of a class, as Python's engine has them."""
    found = re.finditer(f"[{inside}]+", _every_character(), flags)
    return tuple((match.start(), match.end() - 1) for match in found)


@lru_cache(maxsize=1)
def _every_character() -> str:
    return "".join(map(chr, range(LAST + 1)))


def _holds(spans: Spans, point: int) -> bool:
    low, high = 0, len(spans)
    while low < high:
        middle = (low + high) // 2
        if spans[middle][1] < point:
            low = middle + 1
        else:
            high = middle
    return low < len(spans) and spans[low][0] <= point
