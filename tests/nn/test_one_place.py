"""The blocks in NumPy against torch's, place by place, with the same caches."""

import pytest
import torch
from torch import nn

from genwright.nn.attention import Attention, Cache
from genwright.nn.one_place import OnePlace
from genwright.nn.rotary import angles
from genwright.nn.transformer import Block, FeedForward, Net, Norm, norm

B, T, WINDOW, WIDTH, HEADS = 3, 9, 5, 16, 4


def _blocks(
    net: Net, kind: Norm, n_kv_heads: int, has_bias: bool, has_unit_length: bool
) -> tuple[list[Block], nn.Module]:
    """Two blocks and a last norm, with gains, shifts and biases that are neither 0 nor 1."""
    blocks = [
        Block(
            Attention(WIDTH, HEADS, n_kv_heads, has_bias, has_unit_length),
            FeedForward(WIDTH, 24, net, has_bias),
            kind,
            WIDTH,
        )
        for _ in range(2)
    ]
    last = norm(kind, WIDTH)
    generator = torch.Generator().manual_seed(0)
    for p in [p for module in (*blocks, last) for p in module.parameters()]:
        p.data = torch.randn(p.shape, generator=generator) * (0.3 if p.dim() > 1 else 1.0)
    return blocks, last


@pytest.mark.parametrize("net", ["swiglu", "gelu", "relu2"])
@pytest.mark.parametrize(("kind", "has_bias"), [("rms", False), ("layer", True), ("layer", False)])
@pytest.mark.parametrize(("n_kv_heads", "has_unit_length"), [(4, False), (2, True)])
@torch.no_grad()
def test_a_place_is_read_as_torch_reads_it(
    net: Net, kind: Norm, has_bias: bool, n_kv_heads: int, has_unit_length: bool
) -> None:
    blocks, last = _blocks(net, kind, n_kv_heads, has_bias, has_unit_length)
    x = torch.randn(B, T, WIDTH, generator=torch.Generator().manual_seed(1))
    cos, sin = angles(0, T, WIDTH // HEADS)
    one, theirs, ours = OnePlace(blocks, last), [Cache(WINDOW), Cache(WINDOW)], [Cache(WINDOW), Cache(WINDOW)]
    for t in range(T):  # past the window, so that the cache forgets
        y = x[:, t : t + 1]
        for block, cache in zip(blocks, theirs, strict=True):
            y = block(y, (cos[t : t + 1], sin[t : t + 1]), None, cache)
        found = one(x[:, t].numpy(), (cos[t].numpy(), sin[t].numpy()), ours, None)
        torch.testing.assert_close(torch.from_numpy(found), last(y)[:, 0], rtol=2e-4, atol=2e-4)
    for a, b in zip(theirs, ours, strict=True):
        torch.testing.assert_close(b.k, a.k, rtol=2e-4, atol=2e-4)
        torch.testing.assert_close(b.v, a.v, rtol=2e-4, atol=2e-4)


@torch.no_grad()
def test_places_that_a_row_does_not_see_change_nothing_in_it() -> None:
    blocks, last = _blocks("swiglu", "rms", 4, False, False)
    one = OnePlace(blocks, last)
    x = torch.randn(2, 3, WIDTH, generator=torch.Generator().manual_seed(1))
    x[1, 0] = 100 * x[0, 0]  # what the rows differ in, and the mask hides
    x[1, 1:] = x[0, 1:]
    caches = [Cache(WINDOW), Cache(WINDOW)]
    for t in range(3):
        mask = torch.tensor([[t == 0, True, True]])[:, : t + 1].expand(2, -1).numpy()
        found = one(x[:, t].numpy(), None, caches, mask)
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-5)
