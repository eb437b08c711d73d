"""Stop strings: a text ends before the first of them, however the tokens cut it."""

from genwright.core.errors import ConfigError
from genwright.samplers.spelling import Spelling, to_bytes


class Stops:
    """Strings that end a text.

    Args:
        strings: The strings, none of them empty.
        spelling: What codes spell.

    Raises:
        ConfigError: one of them holds half a character.
    """

    def __init__(self, strings: tuple[str, ...], spelling: Spelling):
        if odd := [s for s in strings if any("\ud800" <= c <= "\udfff" for c in s)]:
            raise ConfigError(f"stop = {odd[0]!r} holds half a character (a lone surrogate); remove it")
        self.strings = [to_bytes(s) for s in strings]
        self.spelling = spelling
        self.longest = max(map(len, self.strings))

    def after(self, tail: bytes, code: int) -> tuple[bytes, bool]:
        """The bytes that a stop string may begin with, behind a code (`tail` before it), and whether one has ended."""
        seen = tail + self.spelling.in_bytes[code]
        return seen[max(0, len(seen) - self.longest + 1) :], any(s in seen for s in self.strings)

    def kept(self, codes: list[int]) -> list[int] | None:
        """What is left of drawn codes of which the last is new: those before a stop string; None where there is none.

        A token that begins before the stop string and reaches into it is replaced by shorter ones.
        """
        pieces = self.spelling.in_bytes
        tail, first = b"", len(codes)  # as many bytes as a stop string that ends in the new code can reach back
        while first and len(tail) < self.longest + len(pieces[codes[-1]]):
            first -= 1
            tail = pieces[codes[first]] + tail
        found = [at for s in self.strings if (at := tail.find(s)) >= 0]
        return None if not found else self._before(codes, first, min(found))

    def _before(self, codes: list[int], first: int, n: int) -> list[int]:
        """The codes before byte n of what stands from `first` on."""
        pieces = self.spelling.in_bytes
        while len(pieces[codes[first]]) <= n and n:
            n -= len(pieces[codes[first]])
            first += 1
        rest = pieces[codes[first]][:n].decode("utf-8", "surrogateescape")
        return codes[:first] + self.spelling.spelled(rest)


def n_held(text: str, strings: tuple[str, ...]) -> int:
    """How many characters at the end of a text may turn out to begin a stop string."""
    longest = max(map(len, strings), default=0)
    return next(
        (n for n in range(min(longest - 1, len(text)), 0, -1) if any(s.startswith(text[-n:]) for s in strings)), 0
    )
