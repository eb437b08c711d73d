"""Conditions on rows: what `given` says, read from text or from a mapping, and tested on records.

    "income = '>50K' and age > 60"                 text: comparisons joined by `and`
    {"income": ">50K", "age": "> 60"}              a mapping; equality, unless a sign and a space begin the value:
    {"tenure": "= < 1 year"}                       all that stands behind them is one value, here the text "< 1 year"
    {"region": ["north", "south"]}                 a list, an array or a series: any of these
    {"age": (18, 30)}                              a pair: from, to, both included; None: open
    "text starts 'Once'", {"text": "starts 'Once'"}     a text that begins so

Operators: = != < <= > >= in, `starts`, `is missing`, `is not missing`. Column names with spaces stand in double quotes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, Any

from genwright.core.errors import GivenError
from genwright.core.schema import in_words

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "in", "starts", "is missing", "is not missing")


@dataclass(frozen=True)
class Condition:
    """One comparison of a column.

    Args:
        column: The column's name.
        operator: One of `OPERATORS`.
        values: What it is compared with; none for `is missing`, several for `in`.
        texts: The same as they were written, where they come from text: `01234` is 1234 for a column of numbers, and
            another value for one of strings.
    """

    column: str
    operator: str
    values: tuple[Any, ...] = ()
    texts: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @property
    def words(self) -> tuple[Any, ...]:
        """The values as a column of strings takes them."""
        return self.texts or self.values

    def __str__(self) -> str:
        pairs = zip(self.values, self.words, strict=True)
        shown = ", ".join(_shown(v) if isinstance(v, str) or not self.texts else word for v, word in pairs)
        return f"{self.column} {self.operator} {f'({shown})' if self.operator == 'in' else shown}".rstrip()


def _shown(value: Any) -> str:
    """The value as `parse` reads it: text in quotes, dates bare, without a midnight."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return text.removesuffix("T00:00:00")


_SIGNED = re.compile(r"(<=|>=|!=|=|<|>) +(.*\S)\s*", re.S)
_STARTS = re.compile(r"starts +('.*'|\".*\")\s*", re.S)
_STRING = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^']|'')*') | (?P<name>"(?:[^"]|"")*") | (?P<op><=|>=|!=|<>|==|=|<|>) | (?P<punct>[(),])
      | (?P<word>[^\s'"<>=!(),]+)
    )""",
    re.X,
)


def parse(given: "str | Mapping[str, Any] | None") -> tuple[Condition, ...]:
    """Conditions from text or a mapping.

    Raises:
        GivenError: it is neither, or the text cannot be read; says where.
    """
    if given is None:
        return ()
    if isinstance(given, str):
        return _Parser(given).conditions()
    if not isinstance(given, Mapping):
        raise GivenError(f"given = {given!r}; expected text such as 'age > 40', or a mapping such as {{'age': '> 40'}}")
    return tuple(c for name, value in given.items() for c in _from_value(str(name), value))


def _from_value(name: str, value: Any) -> list[Condition]:
    if is_missing(value):
        return [Condition(name, "is missing")]
    value = _as_list(value)
    if isinstance(value, tuple) and len(value) == 2:
        ends = zip((">=", "<="), value, strict=True)
        return [Condition(name, op, (end,)) for op, end in ends if not is_missing(end)]
    if isinstance(value, (list, set, frozenset)):
        return [Condition(name, "in", tuple(value))]
    if isinstance(value, str) and (match := _SIGNED.fullmatch(value)):
        operator, text = match.groups()
        return [_compared(name, operator, [_read(text, is_quoted=_STRING.fullmatch(text) is not None)])]
    if isinstance(value, str) and (match := _STARTS.fullmatch(value)):
        return [Condition(name, "starts", (_unquoted(match.group(1)),))]
    return [Condition(name, "=", (value,))]


def is_missing(value: Any) -> bool:
    """Whether it is what stands for a missing value in Python, NumPy or pandas."""
    is_of_moments = type(value).__name__ in ("datetime64", "timedelta64")
    is_nan = (is_of_moments or isinstance(value, Real)) and bool(value != value)
    return value is None or is_nan or type(value).__name__ in ("NAType", "NaTType")


def _as_list(value: Any) -> Any:
    """Arrays, series and ranges as lists; anything else as it is."""
    if isinstance(value, range) or hasattr(value, "to_list"):
        return list(value) if isinstance(value, range) else value.to_list()
    if getattr(value, "ndim", 0) < 1 or not hasattr(value, "tolist"):
        return value
    is_of_moments = getattr(value.dtype, "kind", None) in ("m", "M")
    return list(value) if is_of_moments else value.tolist()  # of nanoseconds it would make numbers


def _compared(column: str, operator: str, read: list[tuple[Any, str]]) -> Condition:
    """The condition with values and the texts that they were read from."""
    values, texts = zip(*read, strict=True)
    return Condition(column, operator, values, texts)


class _Parser:
    """comparison { "and" comparison }."""

    def __init__(self, text: str):
        self.text, self.at = text, 0
        self.tokens: list[tuple[str, str, int]] = []
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                raise GivenError(f"given: cannot read {text[position:].strip()!r}; quote text as 'text'")
            self.tokens.append((str(match.lastgroup), match.group(str(match.lastgroup)), match.start()))
            position = match.end()

    def conditions(self) -> tuple[Condition, ...]:
        found = [self._comparison()]
        while self.at < len(self.tokens):
            self._expect("and")
            found.append(self._comparison())
        return tuple(found)

    def _next(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise GivenError(f"given ends too early: {self.text!r}; expected column = value [and …]")
        kind, text, _ = self.tokens[self.at]
        self.at += 1
        return kind, text

    def _expect(self, word: str) -> None:
        _, text = self._next()
        if text.lower() != word:
            hint = "; ask for each alternative on its own, or use in (…)" if text.lower() == "or" else ""
            raise GivenError(f"given: expected {word!r}, found {text!r} in {self.text!r}{hint}")

    def _comparison(self) -> Condition:
        kind, text = self._next()
        column = _unquoted(text) if kind == "name" else text
        kind, op = self._next()
        if kind == "op":
            return _compared(column, {"==": "=", "<>": "!="}.get(op, op), [self._value()])
        if op.lower() == "in":
            return _compared(column, "in", self._values())
        if op.lower() == "starts":
            return Condition(column, "starts", (self._value()[1],))
        if op.lower() == "is":
            return Condition(column, self._missing())
        raise GivenError(f"given: expected one of {', '.join(OPERATORS)} after {column!r}, found {op!r}")

    def _missing(self) -> str:
        _, word = self._next()
        if word.lower() == "not":
            self._expect("missing")
            return "is not missing"
        if word.lower() != "missing":
            raise GivenError(f"given: expected 'missing' or 'not missing', found {word!r}")
        return "is missing"

    def _values(self) -> list[tuple[Any, str]]:
        self._expect("(")
        values = [self._value()]
        while (token := self._next()[1]) == ",":
            values.append(self._value())
        if token != ")":
            raise GivenError(f"given: expected ')', found {token!r}")
        return values

    def _value(self) -> tuple[Any, str]:
        kind, text = self._next()
        if kind not in ("string", "name", "word"):
            raise GivenError(f"given: expected a value, found {text!r}")
        return _read(text, is_quoted=kind != "word")


def _unquoted(text: str) -> str:
    return text[1:-1].replace(text[0] * 2, text[0])


def _read(text: str, is_quoted: bool) -> tuple[Any, str]:
    """A value, and how it was written."""
    return (_unquoted(text),) * 2 if is_quoted else (_literal(text), text)


def _literal(text: str) -> Any:
    """A number or a truth value, where the text is one."""
    for kind_of in (int, float):
        try:
            return kind_of(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)


_FUNCTIONS = {"=": "equal", "!=": "not_equal", "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal"}


def meets(conditions: tuple[Condition, ...], table: "pa.Table") -> "np.ndarray":
    """Which rows of a table meet all conditions, as booleans (B,)."""
    import numpy as np

    met = np.ones(table.num_rows, dtype=bool)
    for condition in conditions:
        met &= _test_one(condition, table.column(condition.column))
    return met


def _test_one(condition: Condition, column: "pa.ChunkedArray") -> "np.ndarray":
    import pyarrow as pa
    import pyarrow.compute as pc

    if condition.operator in ("is missing", "is not missing"):
        missing = column.is_null(nan_is_null=True)
        return (missing if condition.operator == "is missing" else pc.invert(missing)).to_numpy(zero_copy_only=False)
    if pa.types.is_integer(column.type) and any(isinstance(v, float) for v in condition.values):
        column = column.cast(pa.float64(), safe=False)
    try:
        said = condition.words if is_of_strings(column.type) else condition.values
        values = pa.array([_scalar(v, column.type) for v in said], column.type)
    except (pa.ArrowException, ValueError, OverflowError):
        raise GivenError(f"{condition}: column {condition.column} holds {in_words(column.type)}") from None
    if condition.operator == "in":
        met = pc.is_in(column, value_set=values)
    elif condition.operator == "starts":
        met = pc.starts_with(column.cast(pa.string()), pattern=str(condition.values[0]))
    else:
        met = pc.call_function(_FUNCTIONS[condition.operator], [column, values[0]])
    return pc.fill_null(met, False).to_numpy(zero_copy_only=False)


def _scalar(value: Any, kind: "pa.DataType") -> Any:
    """The value as the column's own type would hold it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if is_of_strings(kind):
        return str(value)
    return pc.cast(pa.scalar(value), kind).as_py() if isinstance(value, str) else value


def is_of_strings(kind: "pa.DataType") -> bool:
    """Whether values of an Arrow type are strings."""
    import pyarrow as pa

    return pa.types.is_string(kind) or pa.types.is_large_string(kind)
