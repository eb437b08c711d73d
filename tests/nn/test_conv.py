"""Convolutional trunks: shapes come out as they went in, and first weights keep the scale of what passes through."""

import pytest
import torch

from genwright.nn.conv import ConvDecoder, ConvEncoder, ConvGrid, GridConv, n_levels
from genwright.nn.mlp import initialise, untrained


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 64, 64), (1, 8, 8), (4, 33, 17), (1, 1, 1)])
def test_pictures_of_any_size_go_through_and_come_back(shape):
    encoder = untrained(lambda: ConvEncoder(shape, 10, width=8))
    decoder = untrained(lambda: ConvDecoder(10, shape[0], shape[1:], width=8))
    for net in (encoder, decoder):
        initialise(net, torch.Generator().manual_seed(0))
    h = encoder(torch.randn(5, *shape, generator=torch.Generator().manual_seed(1)))
    assert h.shape == (5, 10)
    assert decoder(h).shape == (5, *shape)


def test_the_decoder_begins_on_the_grid_that_the_encoder_ends_on():
    down = untrained(lambda: ConvGrid((3, 45, 30), width=8))
    up = untrained(lambda: GridConv(3, (45, 30), width=8))
    assert down.shape == up.shape == (32, 6, 4)
    assert n_levels(45, 30) == 3


def test_first_weights_keep_the_scale_of_what_passes_through():
    g = torch.Generator().manual_seed(0)
    down = untrained(lambda: ConvGrid((8, 32, 32), width=32))
    up = untrained(lambda: GridConv(8, (32, 32), width=32))
    for net in (down, up):
        initialise(net, g)
    x = torch.randn(64, 8, 32, 32, generator=g)
    assert 0.3 < float(down(x).std()) < 1.5
    assert 0.2 < float(up(torch.randn(64, *up.shape, generator=g)).std()) < 1.5
