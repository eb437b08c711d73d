"""The Bayesian Interchange Format (BIF 0.15), as text.

https://www.cs.washington.edu/dm/vfml/appendixes/bif.htm

    network n { }
    variable rain { type discrete [ 2 ] { no, yes }; }
    variable wet { type discrete [ 2 ] { no, yes }; }
    probability ( rain ) { table 0.8, 0.2; }
    probability ( wet | rain ) { (no) 0.9, 0.1; (yes) 0.2, 0.8; }

Words with other characters than letters, digits and _ - + . < > = stand in double quotes. Numbers are written with all
their digits, so that what is written reads back to the same bits.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import NoReturn

import numpy as np

from genwright.core.errors import DataError
from genwright.nn.networks.graph import topological_order
from genwright.nn.networks.network import Network

LARGEST = 1 << 24  # entries of a table that is read
ROUNDED = 1e-2  # how far the probabilities of a file may be from summing to one; they are made to
EXACT = 1e-9  # how far they may be without being touched

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/) | "(?P<quoted>(?:[^"\\]|\\.)*)" | (?P<punct>[{}()\[\],;|])
        | (?P<word>[^\s{}()\[\],;|"/]+)""",
    re.X | re.S,
)
_BARE = re.compile(r"[A-Za-z0-9_+.<>=-]+")


@dataclass
class Document:
    """A network with its names.

    Args:
        columns: Names of the columns.
        states: Of each column, the names of its codes.
        network: The distribution.
    """

    columns: list[str]
    states: list[list[str]]
    network: Network


def read_bif(text: str) -> Document:
    """The network that a text describes.

    Raises:
        DataError: the text is no BIF, or describes no network; names the line.
    """
    return _Reader(text).document()


def write_bif(document: Document, name: str = "genwright") -> str:
    """The text that describes a network."""
    names = [_written(c) for c in document.columns]
    states = [[_written(s) for s in some] for some in document.states]
    parts = [f"network {_written(name)} {{\n}}"]
    for column, some in zip(names, states, strict=True):
        parts.append(f"variable {column} {{\n  type discrete [ {len(some)} ] {{ {', '.join(some)} }};\n}}")
    for v, table in enumerate(document.network.tables):
        above = document.network.parents[v]
        head = f"{names[v]} | {', '.join(names[p] for p in above)}" if above else names[v]
        parts.append(f"probability ( {head} ) {{\n{_rows(table, [states[p] for p in above])}\n}}")
    return "\n".join(parts) + "\n"


def _rows(table: np.ndarray, states: list[list[str]]) -> str:
    if not states:
        return f"  table {_numbers(table)};"
    flat = table.reshape(-1, table.shape[-1])
    return "\n".join(f"  ({', '.join(key)}) {_numbers(p)};" for key, p in zip(product(*states), flat, strict=True))


def _numbers(p: np.ndarray) -> str:
    return ", ".join(map(repr, p.tolist()))


def _written(word: str) -> str:
    if _BARE.fullmatch(word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass
class _Table:
    """A probability block as it was read."""

    line: int
    above: list[str]
    entries: list[tuple[int, list[str] | None, list[float]]] = field(default_factory=list)  # line, key, numbers
    is_flat: bool = False  # `table`: all numbers, the column's own codes varying slowest
    default: list[float] | None = None


class _Reader:
    """Recursive descent over the words of a text."""

    def __init__(self, text: str):
        self.words = list(_words(text))
        self.at = 0
        self.states: dict[str, list[str]] = {}
        self.tables: dict[str, _Table] = {}

    def document(self) -> Document:
        """Everything, checked."""
        while self.at < len(self.words):
            block = self._next("network, variable or probability")
            if block == "network":
                self._network()
            elif block == "variable":
                self._variable()
            elif block == "probability":
                self._probability()
            else:
                self._fail(f"expected network, variable or probability, found {block!r}", 1)
        return self._assembled()

    @property
    def _line(self) -> int:
        return self.words[min(self.at, len(self.words) - 1)][0] if self.words else 1

    def _fail(self, what: str, back: int = 0) -> NoReturn:
        self.at -= back
        raise DataError(f"BIF, line {self._line}: {what}")

    def _next(self, expected: str) -> str:
        if self.at >= len(self.words):
            self._fail(f"the text ends where {expected} was expected")
        self.at += 1
        return self.words[self.at - 1][1]

    def _peek(self) -> str:
        return self.words[self.at][1] if self.at < len(self.words) else ""

    def _expect(self, *wanted: str) -> None:
        for word in wanted:
            found = self._next(repr(word))
            if found != word:
                self._fail(f"expected {word!r}, found {found!r}", 1)

    def _name(self, what: str) -> str:
        found = self._next(what)
        if self.words[self.at - 1][2]:
            self._fail(f"expected {what}, found {found!r}", 1)
        return found

    def _skip_property(self) -> None:
        while self._next("';'") != ";":
            pass

    def _network(self) -> None:
        self._name("the network's name")
        self._expect("{")
        while (word := self._next("'}'")) != "}":
            if word != "property":
                self._fail(f"expected property or '}}', found {word!r}", 1)
            self._skip_property()

    def _variable(self) -> None:
        name = self._name("a variable's name")
        if name in self.states:
            self._fail(f"variable {name} is there twice", 1)
        self._expect("{")
        while (word := self._next("'}'")) != "}":
            if word == "type":
                self.states[name] = self._type(name)
            elif word == "property":
                self._skip_property()
            else:
                self._fail(f"expected type, property or '}}', found {word!r}", 1)
        if name not in self.states:
            self._fail(f"variable {name} has no type", 1)

    def _type(self, name: str) -> list[str]:
        self._expect("discrete", "[")
        n = self._next("the number of states")
        self._expect("]", "{")
        states = self._list("}", "a state")
        self._expect(";")
        if str(len(states)) != n:
            self._fail(f"variable {name} names {len(states)} states and declares {n}", 1)
        if len(set(states)) < len(states):
            self._fail(f"variable {name} has a state twice", 1)
        return states

    def _list(self, end: str, what: str) -> list[str]:
        found = [self._name(what)]
        while (word := self._next(f"',' or {end!r}")) == ",":
            found.append(self._name(what))
        if word != end:
            self._fail(f"expected ',' or {end!r}, found {word!r}", 1)
        return found

    def _probability(self) -> None:
        line = self._line
        self._expect("(")
        name = self._name("a variable's name")
        above = []
        if self._peek() == "|":
            self._expect("|")
            above = self._list(")", "a parent's name")
        else:
            self._expect(")")
        if name in self.tables:
            self._fail(f"variable {name} has two probability blocks", 1)
        self.tables[name] = table = _Table(line, above)
        self._expect("{")
        while (word := self._next("'}'")) != "}":
            self._entry(table, word)

    def _entry(self, table: _Table, word: str) -> None:
        line = self.words[self.at - 1][0]
        if word == "property":
            self._skip_property()
        elif word == "table":
            table.is_flat = True
            table.entries.append((line, None, self._probabilities()))
        elif word == "default":
            table.default = self._probabilities()
        elif word == "(":
            key = self._list(")", "a parent's state")
            table.entries.append((line, key, self._probabilities()))
        else:
            self._fail(f"expected table, default, '(' or '}}', found {word!r}", 1)

    def _probabilities(self) -> list[float]:
        found = []
        while (word := self._next("a probability")) != ";":
            if word == ",":
                continue
            try:
                p = float(word)
            except ValueError:
                self._fail(f"expected a probability, found {word!r}", 1)
            if not 0 <= p <= 1 + EXACT:
                self._fail(f"{word} is no probability", 1)
            found.append(p)
        return found

    def _assembled(self) -> Document:
        columns = list(self.states)
        if not columns:
            raise DataError("BIF: the text describes no variable")
        for name, table in self.tables.items():
            for known in (name, *table.above):
                if known not in self.states:
                    raise DataError(f"BIF, line {table.line}: there is no variable {known}")
            if len({name, *table.above}) < 1 + len(table.above):
                raise DataError(f"BIF, line {table.line}: variable {name} has a parent twice, or is its own")
        without = [name for name in columns if name not in self.tables]
        if without:
            raise DataError(f"BIF: variable {without[0]} has no probability block")
        place = {name: v for v, name in enumerate(columns)}
        parents = tuple(tuple(place[p] for p in self.tables[name].above) for name in columns)
        in_circle = set(range(len(columns))) - set(topological_order(parents))
        if in_circle:
            raise DataError(f"BIF: the edges run in a circle; variable {columns[min(in_circle)]} is on it or below it")
        tables = tuple(self._filled(name) for name in columns)
        return Document(columns, list(self.states.values()), Network(parents, tables))

    def _filled(self, name: str) -> np.ndarray:
        """The numbers of a block as an array (parents …, states)."""
        table, r = self.tables[name], len(self.states[name])
        shape = [len(self.states[p]) for p in table.above]
        if math.prod(shape) * r > LARGEST:
            size = math.prod(shape) * r
            raise DataError(
                f"BIF, line {table.line}: the table of {name} has {size:,} entries, the most is {LARGEST:,}"
            )
        if table.is_flat:
            return self._flat(name, table, [r, *shape])
        found = np.full([*shape, r], np.nan)
        if table.default is not None:
            found[:] = self._row(name, table.line, table.default, r)
        for line, key, numbers in table.entries:
            found[self._places(name, line, table.above, key or [])] = self._row(name, line, numbers, r)
        if np.isnan(found).any():
            raise DataError(f"BIF, line {table.line}: the table of {name} lacks a combination of its parents' states")
        return found

    def _flat(self, name: str, table: _Table, shape: list[int]) -> np.ndarray:
        line, _, numbers = table.entries[0]
        if len(table.entries) > 1 or len(numbers) != math.prod(shape):
            raise DataError(
                f"BIF, line {line}: the table of {name} needs {math.prod(shape):,} numbers and nothing else"
            )
        moved = np.moveaxis(np.array(numbers).reshape(shape), 0, -1)
        rows = [self._row(name, line, p.tolist(), shape[0]) for p in moved.reshape(-1, shape[0])]
        return np.array(rows).reshape(moved.shape)

    def _places(self, name: str, line: int, above: list[str], key: list[str]) -> tuple[int, ...]:
        if len(key) != len(above):
            raise DataError(f"BIF, line {line}: {name} has {len(above)} parents, found {len(key)} states")
        for parent, state in zip(above, key, strict=True):
            if state not in self.states[parent]:
                raise DataError(f"BIF, line {line}: {parent} has no state {state}")
        return tuple(self.states[p].index(s) for p, s in zip(above, key, strict=True))

    def _row(self, name: str, line: int, numbers: Sequence[float], r: int) -> np.ndarray:
        total = math.fsum(numbers)
        if len(numbers) != r or abs(total - 1) > ROUNDED:
            raise DataError(
                f"BIF, line {line}: {name} needs {r} probabilities that sum to 1, found {len(numbers)}, sum {total:g}"
            )
        return np.array(numbers) / (1.0 if abs(total - 1) <= EXACT else total)


def _words(text: str) -> Iterator[tuple[int, str, bool]]:
    """The words of a text with their lines, and whether they are punctuation."""
    at, line = 0, 1
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            raise DataError(f"BIF, line {line}: cannot read {text[at : at + 20]!r}")
        if match["space"] is None:
            quoted = match["quoted"]
            word = re.sub(r"\\(.)", r"\1", quoted, flags=re.S) if quoted is not None else match[0]
            yield line, word, match["punct"] is not None
        line += match[0].count("\n")
        at = match.end()
