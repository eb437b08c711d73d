import itertools

import numpy as np
import pytest
import torch

from genwright.core.decoding import Decoding
from genwright.core.space import OPEN, Tokens
from genwright.samplers import utf8
from genwright.samplers.decode import decode
from tests.samplers.worlds import END, Chain, Letters

BYTES = [bytes([b]).decode("utf-8", "surrogateescape") for b in range(256)]
PART = dict(zip(("e5", "b1", "b0", "c3"), (BYTES[b] for b in (0xE5, 0xB1, 0xB0, 0xC3)), strict=True))


TAILS = (b"", *(bytes([first]) + b"\x80" * n for first in (0x80, 0x90, 0xA0) for n in range(3)))


def _missing(data: bytes) -> int | None:
    """Bytes by which Python reads this as whole characters, at least; None where it never does."""
    for tail in sorted(TAILS, key=len):
        try:
            (data + tail).decode()
        except UnicodeDecodeError:
            continue
        return len(tail)
    return None


def test_the_reader_agrees_with_python_on_all_pairs_and_on_random_bytes():
    rng = np.random.default_rng(0)
    ends = np.array([0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5])
    longer = [bytes(rng.choice(ends, n).tolist()) for n in (3, 4, 5) for _ in range(2_000)]
    for data in [bytes(pair) for pair in itertools.product(range(256), repeat=2)] + longer:
        state, missing = utf8._after(utf8.BETWEEN, data), _missing(data)
        assert (state == utf8.BROKEN) == (missing is None), data
        assert missing is None or (state == utf8.BETWEEN) == (missing == 0), data


def test_whole_pieces_need_no_rules():
    pieces = ["", "a", "山", "𝄞"]
    assert utf8.moves(pieces, [p.encode() for p in pieces], ()) is None


def test_what_the_others_cannot_end_is_not_begun():
    pieces = ["", "a", *PART.values()]
    in_bytes = [p.encode("utf-8", "surrogateescape") for p in pieces]
    begun = pieces.index(PART["e5"])
    assert utf8.moves(pieces, in_bytes, ())[0, begun] == 2
    without = [pieces.index(PART[x]) for x in ("b1", "b0")]  # bytes that are never drawn: nothing else follows E5
    assert utf8.moves(pieces, in_bytes, without)[0, begun] == utf8.BROKEN


def _drawn(letters: Letters, n: int, length: int, chain: Chain, **settings) -> torch.Tensor:
    support = Tokens(length, chain.n)
    given = torch.full((n, length), OPEN)
    return decode(chain, given, support, END, Decoding(**settings), torch.Generator().manual_seed(0), letters)


@pytest.mark.parametrize("settings", [{}, {"temperature": 2.0}, {"top_p": 0.9}, {"n_beams": 4}, {"max_tokens": 9}])
def test_draws_spell_whole_characters(settings):
    """Of bytes with likelihoods at random; only the end of the room may cut a character."""
    letters = Letters(BYTES, absent=tuple(3 + b for b in range(64)))
    rows = _drawn(letters, 60, 12, Chain(3 + 256, spread=2.0), **settings)
    for row in rows.tolist():
        codes = row[: row.index(END)] if END in row else row
        data = "".join(letters.pieces()[c] for c in codes).encode("utf-8", "surrogateescape")
        is_cut = len(codes) >= settings.get("max_tokens", 12)
        missing = _missing(data)
        assert missing == 0 or (is_cut and missing is not None)


def test_what_may_follow_keeps_its_odds():
    """Behind E5 only B1 and B0 may stand, in their own proportions; the end stands behind whole characters."""
    letters = Letters(["a", *PART.values()])
    codes = {name: letters.pieces().index(piece) for name, piece in PART.items()}
    chain = Chain(len(letters.pieces()), spread=0.5)
    rows = _drawn(letters, 3_000, 2, chain)
    begun = rows[rows[:, 0] == codes["e5"]]
    assert set(begun[:, 1].tolist()) == {codes["b1"], codes["b0"]}
    scores = chain.table[END, codes["e5"]][[codes["b1"], codes["b0"]]]
    p = float(scores.softmax(0)[0])
    share = float((begun[:, 1] == codes["b1"]).double().mean())
    assert abs(share - p) < 5 * (p * (1 - p) / len(begun)) ** 0.5
    assert len(begun) > 100


def test_a_prompt_that_stops_within_a_character_goes_on_with_it():
    letters = Letters(["a", *PART.values()])
    codes = [letters.pieces().index(PART[x]) for x in ("e5", "b1")]
    given = torch.full((40, 4), OPEN)
    given[:, :2] = torch.tensor(codes)
    chain = Chain(len(letters.pieces()))
    support = Tokens(4, chain.n)
    rows = decode(chain, given, support, END, Decoding(), torch.Generator().manual_seed(0), letters)
    assert set(rows[:, 2].tolist()) <= {letters.pieces().index(PART[x]) for x in ("b1", "b0")}
