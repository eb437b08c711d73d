"""The average against its recursion, written out in NumPy."""

import numpy as np
import pytest
import torch
from torch import nn

from genwright.nn.ema import EMA, frozen


def _decay(step: int, most: float) -> float:
    return min(most, (1 + step) / (10 + step))


def _moved(net: nn.Module, seed: int) -> np.ndarray:
    """Other weights, and the first layer's as an array."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn(p.shape, generator=generator))
    return net[0].weight.detach().numpy().copy()  # type: ignore[index]


def _fail(found: torch.Tensor, expected: torch.Tensor) -> None:
    assert torch.equal(found, expected)
    raise ValueError("planted")


def _net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999])
def test_the_average_is_the_recursion(decay: float) -> None:
    net = _net()
    ema = EMA(net, decay)
    mean = net[0].weight.detach().numpy().astype(np.float64)
    for step in range(1, 30):
        d = _decay(step, decay)
        mean = d * mean + (1 - d) * _moved(net, step)
        ema.update(step)
    np.testing.assert_allclose(ema.mean["0.weight"].numpy(), mean, rtol=1e-4, atol=1e-5)
    assert (decay == 0) == torch.equal(ema.mean["0.weight"], net[0].weight)


def test_k_steps_at_once_are_k_steps_of_the_same_weights() -> None:
    net = _net()
    often, once = EMA(net, 0.9), EMA(net, 0.9)
    _moved(net, 0)
    for _ in range(5):
        often.update(1000)
    once.update(1000, 5)
    torch.testing.assert_close(often.mean["0.weight"], once.mean["0.weight"])
    assert not torch.allclose(once.mean["0.weight"], net[0].weight)


def test_buffers_are_averaged_and_counters_copied() -> None:
    net = _net()
    ema = EMA(net, 0.5)
    net.train()(torch.full((4, 3), 100.0))
    _, var = net[1].running_mean, net[1].running_var.clone()
    ema.update(1000)
    assert int(ema.mean["1.num_batches_tracked"]) == 1
    torch.testing.assert_close(ema.mean["1.running_var"], 0.5 * torch.ones(2) + 0.5 * var)


def test_the_network_has_the_average_inside_and_its_own_weights_after_even_a_failure() -> None:
    net = _net()
    ema = EMA(net, 0.9)
    begun, own = net[0].weight.detach().clone(), torch.from_numpy(_moved(net, 1))
    with pytest.raises(ValueError, match="planted"), ema.applied():
        _fail(net[0].weight, begun)
    assert torch.equal(net[0].weight, own)
    assert torch.equal(ema.mean["0.weight"], begun)


def test_a_frozen_copy_stays() -> None:
    net = _net()
    copy = frozen(net.state_dict())
    before = copy["0.weight"].clone()
    _moved(net, 2)
    assert torch.equal(copy["0.weight"], before)
    assert not copy["0.weight"].requires_grad
