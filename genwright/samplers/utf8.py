"""Which codes may follow where some spell parts of a character, so that no character is left half spelt.

A reader of UTF-8 (RFC 3629, section 4, https://www.rfc-editor.org/rfc/rfc3629) is between characters, or knows which
bytes may come next. Codes move it on by the bytes that they spell.
"""

from collections.abc import Iterable, Sequence

import numpy as np

BETWEEN = 0  # the state between characters
BROKEN = -1  # no state: these bytes do not follow
_ANY = range(0x80, 0xC0)
_MOVES: tuple[tuple[tuple[Iterable[int], int], ...], ...] = (  # of each state: bytes, and where they lead
    (
        (range(0x80), 0),
        (range(0xC2, 0xE0), 1),
        (range(0xE1, 0xF0), 2),
        (range(0xF1, 0xF4), 3),
        ((0xE0,), 4),
        ((0xED,), 5),
        ((0xF0,), 6),
        ((0xF4,), 7),
    ),
    ((_ANY, 0),),  # the last byte is missing
    ((_ANY, 1),),  # two are
    ((_ANY, 2),),  # three are
    ((range(0xA0, 0xC0), 1),),  # two, and what is spelt in fewer bytes is no character
    ((range(0x80, 0xA0), 1),),  # two, and half a pair of UTF-16 is none
    ((range(0x90, 0xC0), 2),),
    ((range(0x80, 0x90), 2),),
)
N_STATES = len(_MOVES)


def _by_byte() -> list[list[int]]:
    table = [[BROKEN] * 256 for _ in _MOVES]
    for row, moves in zip(table, _MOVES, strict=True):
        for some, state in moves:
            for byte in some:
                row[byte] = state
    return table


_TABLE = _by_byte()


def moves(pieces: list[str], in_bytes: list[bytes], barred: Sequence[int]) -> np.ndarray | None:
    """Where each code leads from each state.

    Args:
        pieces: The text of each code (V,), odd bytes as lone surrogates.
        in_bytes: The same in bytes.
        barred: Codes that are never drawn, beside those that spell nothing.

    Returns:
        States (N_STATES, V), `BROKEN` where a code does not follow or begins what the others cannot end; None where
        every code that is drawn spells whole characters.
    """
    odd = [c for c, piece in enumerate(pieces) if not piece.isascii() and _is_odd(piece)]
    if set(odd) <= set(barred):
        return None
    table = np.full((N_STATES, len(pieces)), BROKEN)
    table[BETWEEN] = BETWEEN
    for code in odd:
        table[:, code] = [_after(state, in_bytes[code]) for state in range(N_STATES)]
    is_drawn = np.array([bool(piece) for piece in pieces])
    is_drawn[list(barred)] = False
    ends = (
        np.arange(N_STATES) == BETWEEN
    )  # (N_STATES,) whether codes that are drawn lead from here to a whole character
    for _ in range(N_STATES):
        ends |= ((table != BROKEN) & ends[table] & is_drawn).any(1)
    table[~ends[table]] = BROKEN
    return table


def _is_odd(piece: str) -> bool:
    return any("\udc80" <= char <= "\udcff" for char in piece)


def _after(state: int, piece: bytes) -> int:
    for byte in piece:
        if state != BROKEN:
            state = _TABLE[state][byte]
    return state
