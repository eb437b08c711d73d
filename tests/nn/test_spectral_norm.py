"""Spectral normalisation against singular values, and torch's own."""

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from genwright.core.rng import torch_generator
from genwright.nn.mlp import initialise, untrained
from genwright.nn.spectral_norm import SpectralNorm


def _net() -> nn.Sequential:
    net = untrained(lambda: nn.Sequential(nn.Conv2d(2, 6, 3, padding=1), nn.SiLU(), nn.Flatten(), nn.Linear(6 * 16, 5)))
    initialise(net, torch_generator(0, "net"))
    return net


def _settled(net: nn.Module) -> SpectralNorm:
    norm = SpectralNorm(net)
    norm.begin(net, torch_generator(1, "u"))
    for _ in range(200):
        norm.iterate(net)
    return norm


def test_the_largest_singular_value_becomes_one() -> None:
    net = _net()
    for weight in _settled(net).weights(net).values():
        assert abs(float(torch.linalg.svdvals(weight.detach().flatten(1))[0]) - 1) < 1e-4


def test_averaged_directions_need_not_be_of_length_one() -> None:
    net = _net()
    norm = _settled(net)
    before = {k: x.clone() for k, x in norm.weights(net).items()}
    for u in norm.buffers():
        u.mul_(0.3)
    for name, x in norm.weights(net).items():
        torch.testing.assert_close(x, before[name])


def test_gradients_are_those_of_torch() -> None:
    net, again = _net(), _net()
    norm, x = _settled(net), torch.randn(4, 2, 4, 4, generator=torch_generator(2, "x"))
    with torch.random.fork_rng():
        for i in (0, 3):
            spectral_norm(again[i], n_power_iterations=200)
    again.eval()
    for module in (again[0], again[3]):
        own = module.parametrizations.weight[0]
        own._power_method(module.parametrizations.weight.original.detach().flatten(1), 200)
    out, expected = norm.call(net, x), again(x)
    torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-5)
    out.square().sum().backward()
    expected.square().sum().backward()
    for i in (0, 3):
        found, like = net[i].weight.grad, again[i].parametrizations.weight.original.grad
        torch.testing.assert_close(found, like, rtol=1e-3, atol=1e-4)


def test_directions_move_only_when_told() -> None:
    net = _net()
    norm = SpectralNorm(net)
    norm.begin(net, torch_generator(1, "u"))
    before = [u.clone() for u in norm.buffers()]
    norm.call(net, torch.zeros(1, 2, 4, 4)).sum().backward()
    assert all(torch.equal(a, b) for a, b in zip(before, norm.buffers(), strict=True))
    with torch.no_grad():
        net[3].weight.copy_(torch.randn(5, 96, generator=torch_generator(3, "w")))
    norm.iterate(net)
    assert not torch.equal(before[1], norm.get_buffer("u1"))
