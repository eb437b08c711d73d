"""Dropout against its mean and share, and against the global random state, which it leaves alone."""

import torch

from genwright.core.rng import torch_generator
from genwright.nn.dropout import dropout


def test_a_share_is_left_out_and_the_mean_stays() -> None:
    n, p = 20_000, 0.3
    y = dropout(torch.ones(n), p, torch_generator(0))
    is_out = y == 0
    assert abs(float(is_out.double().mean()) - p) < 5 * (p * (1 - p) / n) ** 0.5
    torch.testing.assert_close(y[~is_out], torch.full((int((~is_out).sum()),), 1 / (1 - p)))


def test_without_a_generator_nothing_is_left_out() -> None:
    x = torch.randn(3, 4, generator=torch_generator(0))
    assert dropout(x, 0.5, None) is x
    generator = torch_generator(1)
    before = generator.get_state()
    assert dropout(x, 0.0, generator) is x
    assert torch.equal(generator.get_state(), before)  # a share of 0 costs no random numbers


def test_only_the_generator_is_read() -> None:
    before = torch.random.get_rng_state()
    draws = [dropout(torch.ones(50), 0.5, torch_generator(k)) for k in (1, 1, 2)]
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
