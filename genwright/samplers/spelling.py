"""What codes spell: pieces of text, of which some may be parts of a character.

A piece that is no valid UTF-8 by itself carries its odd bytes as Python's `surrogateescape` does, one lone surrogate a
byte: "\\udce4" for the byte E4. Pieces then join by their bytes.
"""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

import torch
from torch import Tensor

from genwright.core.space import Tokens
from genwright.samplers import utf8

Trie = dict[Any, Any]  # unit → the trie behind it; None → the codes that end here


class Spelling:
    """The pieces of a vocabulary.

    Args:
        pieces: The text of each code (V,).
        support: Which codes are special.
        never: Codes that are not to be drawn.
    """

    def __init__(self, pieces: Sequence[str], support: Tokens, never: Sequence[int] = ()):
        self.pieces, self.never = pieces, list(never)
        self.n, self.end = support.n, support.end
        special = (support.pad, support.end)
        self.silent = [c for c, piece in enumerate(self.pieces) if not piece and c not in special]

    @cached_property
    def in_bytes(self) -> list[bytes]:
        """The bytes of each piece."""
        return [to_bytes(piece) for piece in self.pieces]

    @cached_property
    def inside(self) -> Tensor | None:
        """Where each code leads a reader of UTF-8 (states, V), see `utf8.moves`; None: all spell whole characters."""
        found = utf8.moves(list(self.pieces), self.in_bytes, self.never)
        return None if found is None else torch.from_numpy(found)

    def text(self, codes: list[int]) -> str:
        """The text of some codes; incomplete characters at its ends keep their bytes as lone surrogates."""
        return b"".join(self.in_bytes[c] for c in codes).decode("utf-8", "surrogateescape")

    def spelled(self, text: str) -> list[int]:
        """Codes that spell a text, the longest pieces first; ends early at what no piece spells."""
        rest, codes = to_bytes(text), []
        while rest:
            n = next((n for n in range(min(len(rest), self._longest), 0, -1) if rest[:n] in self._code_of), 0)
            if not n:
                break
            codes.append(self._code_of[rest[:n]])
            rest = rest[n:]
        return codes

    @cached_property
    def _code_of(self) -> dict[bytes, int]:
        return {piece: c for c, piece in reversed(list(enumerate(self.in_bytes))) if piece}

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._code_of), default=0)

    @cached_property
    def trie(self) -> Trie:
        """The pieces, letter by letter: characters, and single bytes where they make up none."""
        root: Trie = {}
        for code, piece in enumerate(self.pieces):
            node = root
            for unit in piece:
                node = node.setdefault(unit, {})
            if piece:
                node.setdefault(None, []).append(code)
        return root


def to_bytes(text: str) -> bytes:
    """UTF-8, with lone surrogates for odd bytes."""
    return text.encode("utf-8", "surrogateescape")


@lru_cache(maxsize=8)
def spelling(pieces: tuple[str, ...], support: Tokens, never: tuple[int, ...] = ()) -> Spelling:
    """The same for every batch, so that what it has worked out is not lost."""
    return Spelling(pieces, support, never)
