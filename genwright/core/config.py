"""Configuration: frozen dataclasses, read from JSON, keyword arguments or ``--set name=value``.

One default that works and one comment a field; the command line and the web form show those comments.
"""

import inspect
import io
import tokenize
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from numbers import Real
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from genwright.core.errors import ConfigError, GenwrightError, UnknownNameError, quoted

C = TypeVar("C")


@dataclass(frozen=True)
class Setting:
    """One field of a configuration, as a form or ``--help`` shows it."""

    name: str
    type: str
    default: Any
    comment: str


def configure(cls: type[C], settings: Mapping[str, Any], whose: str = "") -> C:
    """Builds a configuration; text such as ``"20"`` or ``"age,city"`` becomes what the field's type says.

    Args:
        cls: A configuration's dataclass.
        settings: Name → value.
        whose: What a message calls that which is configured; the dataclass where it is not said.

    Raises:
        UnknownNameError: no such setting; the nearest is named.
        ConfigError: the value has the wrong type or is out of range.
    """
    known = [f.name for f in fields(cls)]  # type: ignore[arg-type]
    for name in settings:
        if name not in known:
            raise UnknownNameError(name, known, f"the settings of {whose or cls.__name__}")
    from pydantic import TypeAdapter, ValidationError

    try:
        config = TypeAdapter(cls).validate_python({**settings, **_listed(cls, settings)})
    except ValidationError as error:
        first = error.errors()[0]
        if isinstance(own := first.get("ctx", {}).get("error"), GenwrightError):  # said by the dataclass itself
            raise own from None
        raise _wrong(cls, str(first["loc"][0]), settings) from None
    for name in settings:
        _check_size(name, getattr(config, name))
    return config


def _check_size(name: str, value: Any) -> None:
    """Refuses whole numbers that no tensor could hold or count."""
    for number in value if isinstance(value, tuple) else (value,):
        if isinstance(number, int) and abs(number) >= 1 << 63:
            raise ConfigError(f"{name} = {str(number)[:20]} …; expected a whole number below 2⁶³")


def _wrong(cls: type, name: str, settings: Mapping[str, Any]) -> ConfigError:
    """What to say of a value that is not of its setting's type; the default shows what one looks like."""
    setting = next(s for s in describe(cls) if s.name == name)
    found, hint = settings[name], get_type_hints(cls)[name]
    shown = quoted(found) if isinstance(found, str) else f"{found!r:.80}"
    left_out = ", or leave it out" if NoneType in get_args(hint) else ""
    meaning = f" ({setting.comment})" if setting.comment else ""
    return ConfigError(f"{name} = {shown}; expected {_in_words(hint)}{_example(setting.default)}{left_out}{meaning}")


def _in_words(hint: Any) -> str:
    """What a message calls the values of a type: "a whole number", "crop or pad" …"""
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", dict: "names and values"}
    kind, parts = get_origin(hint) or hint, [part for part in get_args(hint) if part is not NoneType]
    if kind is Literal:
        return _either([str(part) for part in parts])
    if kind is Union or kind is UnionType:
        return _either([_in_words(part) for part in parts])
    if kind is tuple:
        one = _in_words(parts[0])
        return f"a list of {one[2:]}s" if one.startswith("a ") else f"a list of {one}"
    return words.get(kind, _type_name(hint))


def _either(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _example(default: Any) -> str:
    """A number that would do, or several; other defaults tell nothing that the type does not."""
    numbers = default if isinstance(default, tuple) else (default,)
    is_told = numbers and all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in numbers)
    return f", such as {','.join(map(str, numbers))}" if is_told else ""


def _listed(cls: type, settings: Mapping[str, Any]) -> dict[str, list[str]]:
    """The settings that are text where a tuple is expected, split at commas."""
    tuples = {f.name for f in fields(cls) if _type_name(f.type).startswith("tuple[")}
    texts = {name: value for name, value in settings.items() if name in tuples and isinstance(value, str)}
    return {name: [part.strip() for part in text.split(",") if part.strip()] for name, text in texts.items()}


def check_least(config: Any, least: float, *names: str) -> None:
    """Raises ConfigError for a field below `least`, or not finite; for use in `__post_init__`."""
    for name in names:
        if not getattr(config, name) >= least:
            raise ConfigError(f"{name} = {getattr(config, name)}; expected {least} or more")
        if getattr(config, name) == float("inf"):
            raise ConfigError(f"{name} = inf; expected a finite number, {least} or more")


def check_positive(config: Any, *names: str) -> None:
    """Raises ConfigError for a field that is not above 0, or not finite."""
    for name in names:
        if not 0 < getattr(config, name) < float("inf"):
            raise ConfigError(f"{name} = {getattr(config, name)}; expected a number above 0")


def is_number(value: Any) -> bool:
    """Whether it is a number of Python or NumPy, and no truth value."""
    return isinstance(value, Real) and not isinstance(value, bool)


def check_share(value: Any, name: str = "held_out", *, above_0: bool = False) -> None:
    """Raises ConfigError for what is no share of the rows, from 0 (or above it) up to but not including 1."""
    if not (is_number(value) and 0 <= value < 1) or (above_0 and value == 0):
        of = "above 0 and below 1" if above_0 else "0 up to but not including 1"
        raise ConfigError(f"{name} = {value!r:.40} of the rows; expected {of}")


def check_mapping(value: Any, name: str, example: str) -> None:
    """Raises ConfigError for what does not map names to values."""
    if not isinstance(value, Mapping):
        raise ConfigError(f"{name} = {value!r:.40}; expected a mapping, such as {example}")


def to_json(config: Any) -> dict[str, Any]:
    """The configuration as plain JSON values; ``configure`` reads it back."""
    return {name: _plain(value) for name, value in asdict(config).items()}


def _plain(value: Any) -> Any:
    """The value with lists for tuples, as it comes back from JSON."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (tuple, list)) else value


def parse_settings(pairs: list[str]) -> dict[str, str]:
    """``["min_leaf=20"]`` → ``{"min_leaf": "20"}``.

    Raises:
        ConfigError: text that is no setting, or the same one twice.
    """
    settings: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not name:
            raise ConfigError(f"--set {pair}: expected name=value, for example --set min_leaf=20")
        if name in settings:
            both = f"--set {name}={settings[name]} and --set {name}={value}"
            raise ConfigError(f"{both}: say it once; of a list, all of it with commas between")
        settings[name] = value
    return settings


def describe(cls: type) -> list[Setting]:
    """Every field with its type, default and the comment behind it in the source."""
    comments = _comments(cls)
    return [
        Setting(f.name, _type_name(f.type), None if f.default is MISSING else f.default, comments.get(f.name, ""))
        for f in fields(cls)
    ]


def _type_name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")


def _comments(cls: type) -> dict[str, str]:
    """Field name → the comment at the end of its line; nothing where there is no source."""
    found: dict[str, str] = {}
    try:
        lines = io.StringIO(inspect.getsource(cls)).readline
    except (OSError, TypeError):  # a class that was typed in
        return found
    first_name: dict[int, str] = {}
    for token in tokenize.generate_tokens(lines):
        row = token.start[0]
        if token.type == tokenize.NAME:
            first_name.setdefault(row, token.string)
        elif token.type == tokenize.COMMENT and row in first_name:
            found[first_name[row]] = token.string.lstrip("# ").strip()
    return found
