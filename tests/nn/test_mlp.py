"""Layers against matrix products in NumPy; first weights against the law they are drawn from."""

import numpy as np
import pytest
import torch
from torch import nn

from genwright.core.rng import torch_generator
from genwright.nn.mlp import MLP, initialise, untrained

FUNCTIONS = {
    "silu": lambda h: h / (1 + np.exp(-h)),
    "relu": lambda h: np.maximum(h, 0),
    "tanh": np.tanh,
}


def _trained(*args: object, **more: object) -> MLP:
    net = MLP(*args, **more)  # type: ignore[arg-type]
    generator = torch_generator(0, "weights")
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.randn(p.shape, generator=generator))
    return net.eval()


@pytest.mark.parametrize("activation", list(FUNCTIONS))
@pytest.mark.parametrize("hidden", [(), (7,), (7, 5)])
def test_it_is_matrix_products_with_a_function_between(activation: str, hidden: tuple[int, ...]) -> None:
    net = _trained(4, hidden, 2, activation)
    x = torch.randn(3, 4, generator=torch_generator(1))
    h, layers = x.numpy().astype(np.float64), [m for m in net if isinstance(m, nn.Linear)]
    for i, layer in enumerate(layers):
        h = h @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
        h = h if i == len(layers) - 1 else FUNCTIONS[activation](h)
    np.testing.assert_allclose(net(x).detach().numpy(), h, rtol=1e-4, atol=1e-4)
    assert [m.out_features for m in layers] == [*hidden, 2]


def test_layer_norm_stands_before_the_activation() -> None:
    net = _trained(4, (6,), 2, "relu", norm=True)
    x = torch.randn(3, 4, generator=torch_generator(1))
    first, norm, _, last = net
    h = first(x).detach().numpy().astype(np.float64)
    h = (h - h.mean(1, keepdims=True)) / np.sqrt(h.var(1, keepdims=True) + 1e-5)
    h = np.maximum(h * norm.weight.detach().numpy() + norm.bias.detach().numpy(), 0)
    expected = h @ last.weight.detach().numpy().T + last.bias.detach().numpy()
    np.testing.assert_allclose(net(x).detach().numpy(), expected, rtol=1e-4, atol=1e-4)


def test_untrained_moves_no_global_state_and_all_weights_are_zero() -> None:
    before = torch.random.get_rng_state()
    net = untrained(lambda: MLP(3, (4,), 2, norm=True))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all((p == 0).all() for p in net.parameters())


def _initialised(seed: int) -> nn.Sequential:
    net = untrained(lambda: nn.Sequential(nn.Linear(400, 300), nn.LayerNorm(300), nn.Embedding(50, 200)))
    initialise(net, torch_generator(seed))
    return net


def test_first_weights_have_their_law() -> None:
    linear, norm, embedding = _initialised(0)
    for weight, scale in ((linear.weight.detach(), 400**-0.5), (embedding.weight.detach(), 1.0)):
        n = weight.numel()
        assert abs(float(weight.mean())) < 5 * scale / n**0.5
        assert abs(float(weight.std()) - scale) < 5 * scale / (2 * n) ** 0.5
    assert (linear.bias == 0).all()
    assert (norm.weight == 1).all()
    assert (norm.bias == 0).all()


def test_first_weights_are_a_function_of_the_seed_alone() -> None:
    torch.manual_seed(1)
    a = _initialised(3)
    torch.manual_seed(2)
    b, c = _initialised(3), _initialised(4)
    assert torch.equal(a[0].weight, b[0].weight)
    assert not torch.equal(a[0].weight, c[0].weight)


def test_a_modules_own_reset_has_the_last_word() -> None:
    class Started(nn.Linear):
        def reset(self, generator: torch.Generator) -> None:
            with torch.no_grad():
                self.bias.fill_(7.0)

    net = untrained(lambda: nn.Sequential(Started(2, 2)))
    initialise(net, torch_generator(0))
    assert (net[0].bias == 7).all()
    assert (net[0].weight != 0).all()
