"""How sequences are drawn token by token: settings that a caller may turn. `samplers/` has what each of them does."""

from collections.abc import Callable
from dataclasses import dataclass

from genwright.core.errors import ConfigError


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
    allowed: Callable[[str], str | None] | None = None  # text so far → characters that may follow; see `Allowed`
    max_tokens: int = 0  # longest text, the given beginning left out; 0: as long as those of the data

    def __post_init__(self) -> None:
        _require(0 < self.temperature < float("inf"), "temperature", self.temperature, "a number above 0")
        _require(self.top_k >= 0, "top_k", self.top_k, "a whole number, 0 or more")
        _require(0 < self.top_p <= 1, "top_p", self.top_p, "a share above 0, at most 1")
        _require(0 <= self.min_p <= 1, "min_p", self.min_p, "a share from 0 to 1")
        _require(0 < self.repetition_penalty < float("inf"), "repetition_penalty", self.repetition_penalty, "above 0")
        _require(self.max_tokens >= 0, "max_tokens", self.max_tokens, "a whole number, 0 or more")

    @property
    def is_plain(self) -> bool:
        """Whether nothing but the temperature is set."""
        return self == Decoding(temperature=self.temperature)


def _require(is_right: bool, name: str, value: object, expected: str) -> None:
    if not is_right:
        raise ConfigError(f"{name} = {value!r}; expected {expected}")
