"""UNets: sizes come out as they went in, every pixel hears of every other, and the vector is heard."""

import pytest
import torch

from genwright.nn.mlp import initialise, untrained
from genwright.nn.unet import GridAttention, UNet


def net(shape: tuple[int, int, int], **settings) -> UNet:
    found = untrained(lambda: UNet(shape, 6, width=8, **settings))
    initialise(found, torch.Generator().manual_seed(0))
    return found


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 33, 17), (1, 8, 8), (2, 1, 5)])
def test_sizes_come_out_as_they_went_in(shape: tuple[int, int, int]):
    for n_beside in (0, 2):
        x = noise(3, shape[0] + n_beside, *shape[1:])
        assert net(shape, n_beside=n_beside)(x, noise(3, 6)).shape == (3, *shape)


def test_patches_are_taken_of_large_pictures():
    assert net((1, 28, 28)).patch == 2
    assert net((3, 64, 20)).patch == 4
    assert net((1, 16, 16)).patch == 1
    assert net((1, 16, 16), patch=4).patch == 4


def test_rows_do_not_hear_of_each_other():
    unet, x, told = net((1, 12, 12)), noise(4, 1, 12, 12), noise(4, 6)
    whole = unet(x, told)
    torch.testing.assert_close(unet(x[2:3], told[2:3]), whole[2:3], atol=1e-5, rtol=1e-4)


def test_the_vector_is_heard():
    unet, x = net((1, 12, 12)), noise(1, 1, 12, 12)
    with torch.no_grad():
        assert float((unet(x, noise(1, 6)) - unet(x, -noise(1, 6))).abs().max()) > 1e-3


@pytest.mark.parametrize("has_attention", [True, False])
def test_gradients_reach_every_weight(has_attention: bool):
    unet = net((1, 12, 12), has_attention=has_attention)
    unet(noise(2, 1, 12, 12), noise(2, 6)).square().sum().backward()
    assert all(float(p.grad.abs().sum()) > 0 for p in unet.parameters() if p.grad is not None)
    assert all(p.grad is not None for p in unet.parameters())


def test_attention_does_not_know_where_places_are():
    """Places that change places change them in the answer, and nothing else changes."""
    block = untrained(lambda: GridAttention(8, n_heads=2))
    initialise(block, torch.Generator().manual_seed(0))
    x = noise(2, 8, 3, 4)
    torch.testing.assert_close(block(x.flip(2, 3)), block(x).flip(2, 3), atol=1e-5, rtol=1e-4)
    assert float((block(x) - x).detach().abs().max()) > 1e-4
