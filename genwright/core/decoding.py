"""How sequences are drawn token by token: settings that a caller may turn. `samplers/` has what each of them does."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any, TypedDict

from genwright.core.errors import ConfigError, UnknownNameError

Allowed = Callable[[str], str | None]
OF_CHANCE = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")  # how tokens are drawn


class Settings(TypedDict, total=False):
    """The settings of a draw as keywords; see `Decoding`."""

    temperature: float
    top_k: int
    top_p: float
    min_p: float
    repetition_penalty: float
    stop: str | Iterable[str]
    pattern: str
    allowed: Allowed | None
    max_tokens: int
    n_beams: int


@dataclass(frozen=True)
class Decoding:
    """Settings of a draw."""

    temperature: float = 1.0  # below 1 likelier tokens, above 1 less likely ones
    top_k: int = 0  # only the k likeliest tokens; 0: all
    top_p: float = 1.0  # only the likeliest tokens that have this probability together; 1: all
    min_p: float = 0.0  # only tokens with at least this share of the likeliest one's probability; 0: all
    repetition_penalty: float = 1.0  # tokens that were there before have p^θ in place of p; 1: none
    stop: tuple[str, ...] = ()  # a text ends before the first of these
    pattern: str = ""  # a regular expression that the whole text must match; empty: any
    allowed: Allowed | None = None  # text so far → characters that may follow; see samplers/constraint.py
    max_tokens: int = 0  # longest text, the given beginning left out; 0: as long as those of the data
    n_beams: int = 0  # the likeliest texts, as far as so many can be followed at a time; 0: they are drawn

    def __post_init__(self) -> None:
        _require(_is_above_0(self.temperature), "temperature", self.temperature, "a number above 0")
        _require(_is_count(self.top_k), "top_k", self.top_k, "a whole number, 0 or more")
        _require(_is_number(self.top_p) and 0 < self.top_p <= 1, "top_p", self.top_p, "a share above 0, at most 1")
        _require(_is_number(self.min_p) and 0 <= self.min_p <= 1, "min_p", self.min_p, "a share from 0 to 1")
        penalty = self.repetition_penalty
        _require(_is_above_0(penalty), "repetition_penalty", penalty, "a number above 0")
        is_texts = isinstance(self.stop, tuple) and all(isinstance(s, str) and s for s in self.stop)
        _require(is_texts, "stop", self.stop, "a text or several, none of them empty")
        _require(isinstance(self.pattern, str), "pattern", self.pattern, "a regular expression")
        _require(
            self.allowed is None or callable(self.allowed), "allowed", self.allowed, "a function of the text so far"
        )
        _require(_is_count(self.max_tokens), "max_tokens", self.max_tokens, "a whole number, 0 or more")
        _require(_is_count(self.n_beams), "n_beams", self.n_beams, "a whole number, 0 or more")
        at_odds = [f.name for f in fields(self) if f.name in OF_CHANCE and getattr(self, f.name) != f.default]
        if self.n_beams and at_odds:
            raise ConfigError(
                f"n_beams = {self.n_beams} looks for the likeliest, without {', '.join(at_odds)}; leave one out"
            )

    @classmethod
    def of(cls, settings: Settings) -> "Decoding":
        """From keywords; a single `stop` stands for itself.

        Raises:
            UnknownNameError: there is no such setting; the nearest is named.
            ConfigError: one has a wrong type or value.
        """
        known = [f.name for f in fields(cls)]
        for name in settings:
            if name not in known:
                raise UnknownNameError(name, known, "the settings of a draw")
        stop = settings.get("stop", ())
        stops = (stop,) if isinstance(stop, str) else tuple(stop) if isinstance(stop, Iterable) else stop
        plain = {name: _plain(value) for name, value in settings.items()}
        return cls(**{**plain, "stop": stops})  # type: ignore[arg-type]

    @property
    def is_plain(self) -> bool:
        """Whether nothing but the temperature is set."""
        return not self.turned

    @property
    def turned(self) -> list[str]:
        """The settings beside the temperature that are not at their defaults."""
        names = [f.name for f in fields(self) if getattr(self, f.name) != f.default]
        return [name for name in names if name != "temperature"]


def _plain(value: Any) -> Any:
    """NumPy's numbers as Python's, anything else as it is."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_above_0(value: Any) -> bool:
    return _is_number(value) and 0 < value < math.inf


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _require(is_right: bool, name: str, value: object, expected: str) -> None:
    if not is_right:
        raise ConfigError(f"{name} = {value!r}; expected {expected}")
