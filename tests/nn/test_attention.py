"""Attention against its equation, and its cache against reading everything again."""

import math

import pytest
import torch

from genwright.nn.attention import Attention, Cache, Rows, band
from genwright.nn.mlp import initialise
from genwright.nn.rotary import angles, rotate

WIDTH, HEADS, T = 24, 4, 11


def _attention(n_kv_heads: int = HEADS, has_unit_length: bool = False) -> Attention:
    attention = Attention(WIDTH, HEADS, n_kv_heads, has_unit_length=has_unit_length)
    initialise(attention, torch.Generator().manual_seed(0))
    return attention


def _x(n: int = T) -> torch.Tensor:
    return torch.randn(2, n, WIDTH, generator=torch.Generator().manual_seed(1))


def _by_hand(attention: Attention, x: torch.Tensor, window: int) -> torch.Tensor:
    """One place and one head at a time."""
    d, groups = attention.d, attention.n_kv_heads
    q, k, v = attention.qkv(x).split([HEADS * d, groups * d, groups * d], -1)
    rows = []
    for b in range(len(x)):
        for t in range(x.shape[1]):
            heads = []
            for h in range(HEADS):
                g = h * groups // HEADS
                query = q[b, t, h * d : (h + 1) * d]
                first = max(0, t - window + 1)
                keys, values = (y[b, first : t + 1, g * d : (g + 1) * d] for y in (k, v))
                if attention.has_unit_length:
                    query = query / query.square().mean().sqrt()
                    keys = keys / keys.square().mean(1, keepdim=True).sqrt()
                heads.append((keys @ query / math.sqrt(d)).softmax(0) @ values)
            rows.append(attention.out(torch.cat(heads)))
    return torch.stack(rows).view_as(x)


@pytest.mark.parametrize("n_kv_heads", [1, 2, 4])
@pytest.mark.parametrize("has_unit_length", [False, True])
def test_each_place_sees_itself_and_those_before(n_kv_heads: int, has_unit_length: bool) -> None:
    attention, x = _attention(n_kv_heads, has_unit_length), _x()
    torch.testing.assert_close(attention(x), _by_hand(attention, x, T), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("window", [1, 3])
def test_a_band_reaches_so_far_back(window: int) -> None:
    attention, x = _attention(), _x()
    mask = band(torch.arange(T), torch.arange(T), window)
    torch.testing.assert_close(attention(x, mask=mask), _by_hand(attention, x, window), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pieces", [[11], [1] * 11, [4, 1, 1, 5], [2, 9], [1, 10]])
@pytest.mark.parametrize("window", [3, 5, 20])
def test_a_cache_changes_nothing(pieces: list[int], window: int) -> None:
    attention, x = _attention(2), _x()
    turn = angles(0, T, attention.d)
    places = torch.arange(T)
    whole = attention(x, turn, band(places, places, window))
    cache, found, at = Cache(window), [], 0
    for n in pieces:
        new = torch.arange(at, at + n)
        mask = None if n == 1 or (not at and n <= window) else band(new, torch.cat([cache.places(), new]), window)
        found.append(attention(x[:, at : at + n], (turn[0][at : at + n], turn[1][at : at + n]), mask, cache))
        at += n
    torch.testing.assert_close(torch.cat(found, 1), whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n_kv_heads", [1, 2, 4])
@pytest.mark.parametrize("window", [None, 3])
def test_leaving_out_hardly_any_weight_changes_nothing(n_kv_heads: int, window: int | None) -> None:
    attention, x, places = _attention(n_kv_heads), _x(), torch.arange(T)
    mask = None if window is None else band(places, places, window)
    attention.dropout = 1e-12
    dropped = attention(x, mask=mask, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(dropped, attention(x, mask=mask), rtol=1e-4, atol=1e-5)


def test_a_cache_keeps_the_rows_that_go_on() -> None:
    attention, x = _attention(), _x()
    cache = Cache(T)
    attention(x[:, :5], cache=cache)
    cache.keep(torch.tensor([1]))
    found = attention(x[1:, 5:6], cache=cache)
    torch.testing.assert_close(found, attention(x[1:, :6])[:, 5:], rtol=1e-4, atol=1e-5)


def test_rotated_vectors_meet_by_their_distance() -> None:
    q, k = torch.randn(2, 8, generator=torch.Generator().manual_seed(2))

    def meet(t: int, s: int) -> float:
        return float(rotate(q[None], *angles(t, 1, 8)) @ rotate(k[None], *angles(s, 1, 8)).T)

    assert meet(3, 1) == pytest.approx(meet(103, 101), rel=1e-4)
    assert meet(3, 1) != pytest.approx(meet(3, 2), rel=1e-3)
    assert float(rotate(q[None], *angles(9, 1, 8)).norm()) == pytest.approx(float(q.norm()), rel=1e-5)


@pytest.mark.parametrize("n_kv_heads", [1, 4])
@pytest.mark.parametrize("share", [0.0, 1e-12])
def test_rows_behind_each_other_are_read_as_each_alone(n_kv_heads: int, share: float) -> None:
    attention, x, turn = _attention(n_kv_heads), _x(13)[:1], angles(0, 6, WIDTH // HEADS)
    attention.dropout = share
    mask = band(torch.arange(6), torch.arange(6), 2)
    rows, places = [Rows(3, 1), Rows(2, 2), Rows(1, 6, mask)], torch.tensor([0, 0, 0, 0, 1, 0, 1, 0, 1, 2, 3, 4, 5])
    generator = torch.Generator().manual_seed(3)
    found = attention(x, (turn[0][places], turn[1][places]), rows, generator=generator)
    alone, first = [], 0
    for length, own in [(some.length, some.mask) for some in rows for _ in range(some.n)]:
        at = slice(first, first := first + length)
        alone.append(attention(x[:, at], (turn[0][:length], turn[1][:length]), own))
    torch.testing.assert_close(found, torch.cat(alone, 1), rtol=1e-4, atol=1e-5)
