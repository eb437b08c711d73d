"""Recurrent layers against the equations written out, and against torch's own stacks."""

import pytest
import torch
from torch import Tensor, nn

from genwright.core.rng import torch_generator
from genwright.nn.mlp import initialise, untrained
from genwright.nn.recurrent import Ragged, Recurrent

CELLS = ["gru", "lstm"]
LENGTHS = torch.tensor([3, 5, 1, 5])


def _net(cell: str, n_layers: int = 2, dropout: float = 0.0) -> Recurrent:
    net = untrained(lambda: Recurrent(cell, 3, 4, n_layers, dropout))
    initialise(net, torch_generator(0))
    for p in net.parameters():  # biases too, so that none is forgotten
        p.data += 0.3 * torch.randn(p.shape, generator=torch_generator(1))
    return net


def _inputs(ragged: Ragged) -> tuple[Tensor, Tensor]:
    x = torch.randn(4, 5, 3, generator=torch_generator(2))
    return x, x[ragged.at]


def _gru(layer: nn.Module, x: Tensor, h: Tensor) -> Tensor:
    """Cho et al. (2014), with r before the sum in n as cuDNN has it."""
    W, U, b, c = (getattr(layer, name) for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"))
    r = torch.sigmoid(W[:4] @ x + b[:4] + U[:4] @ h + c[:4])
    z = torch.sigmoid(W[4:8] @ x + b[4:8] + U[4:8] @ h + c[4:8])
    n = torch.tanh(W[8:] @ x + b[8:] + r * (U[8:] @ h + c[8:]))
    return (1 - z) * n + z * h


def _lstm(layer: nn.Module, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Hochreiter and Schmidhuber (1997) with the forget gate of Gers et al. (2000)."""
    a = layer.weight_ih_l0 @ x + layer.bias_ih_l0 + layer.weight_hh_l0 @ h + layer.bias_hh_l0
    i, f, g, o = a[:4].sigmoid(), a[4:8].sigmoid(), a[8:12].tanh(), a[12:].sigmoid()
    c = f * c + i * g
    return o * c.tanh(), c


@pytest.mark.parametrize("cell", CELLS)
def test_layers_follow_the_equations(cell: str) -> None:
    net, ragged = _net(cell), Ragged(LENGTHS)
    x, flat = _inputs(ragged)
    found, state = net(flat, ragged)
    rows, places = ragged.at
    for b, length in enumerate(LENGTHS.tolist()):
        h = [torch.zeros(4), torch.zeros(4)]
        c = [torch.zeros(4), torch.zeros(4)]
        for t in range(length):
            below = x[b, t]
            for k, layer in enumerate(net.layers):
                if cell == "gru":
                    h[k] = _gru(layer, below, h[k])
                else:
                    h[k], c[k] = _lstm(layer, below, h[k], c[k])
                below = h[k]
            torch.testing.assert_close(found[(rows == b) & (places == t)][0], below)
        for s, expected in zip(state, h if cell == "gru" else h + c, strict=True):
            torch.testing.assert_close(s[b], expected)


@pytest.mark.parametrize(("cell", "torchs"), [("gru", nn.GRU), ("lstm", nn.LSTM)])
def test_layers_are_torchs_stack(cell: str, torchs: type[nn.RNNBase]) -> None:
    net, ragged = _net(cell, 3), Ragged(torch.full((4,), 5))
    x, flat = _inputs(ragged)
    stack = torchs(3, 4, 3, batch_first=True)
    stack.load_state_dict(
        {f"{name[:-1]}{k}": p for k, layer in enumerate(net.layers) for name, p in layer.state_dict().items()}
    )
    expected, _ = stack(x)
    torch.testing.assert_close(net(flat, ragged)[0], expected[ragged.at])


@pytest.mark.parametrize("cell", CELLS)
def test_a_stream_is_the_whole_sequence(cell: str) -> None:
    net, ragged = _net(cell), Ragged(LENGTHS)
    x, flat = _inputs(ragged)
    whole, last = net(flat, ragged)
    rows, places = ragged.at
    state = net.zeros(4)
    for t in range(5):
        h, state = net.step(x[:, t], state)
        on = places == t
        torch.testing.assert_close(h[rows[on]], whole[on])
        ended = t + 1 == LENGTHS
        for s, expected in zip(state, last, strict=True):
            torch.testing.assert_close(s[ended], expected[ended])


@pytest.mark.parametrize("cell", CELLS)
def test_a_sequence_goes_on_from_its_state(cell: str) -> None:
    net, ragged = _net(cell), Ragged(torch.full((4,), 5))
    x, flat = _inputs(ragged)
    whole, last = net(flat, ragged)
    first, rest = Ragged(torch.tensor([2, 4, 1, 3])), Ragged(torch.tensor([3, 1, 4, 2]))
    _, state = net(x[first.at], first)
    rows, places = rest.at
    h, state = net(x[rows, places + first.lengths[rows]], rest, state)
    expected = torch.zeros(4, 5, 4).index_put(ragged.at, whole)
    torch.testing.assert_close(h, expected[rows, places + first.lengths[rows]])
    for s, e in zip(state, last, strict=True):
        torch.testing.assert_close(s, e)


def test_sums_are_of_each_sequence() -> None:
    ragged = Ragged(LENGTHS)
    x = torch.randn(4, 5, generator=torch_generator(0))
    expected = torch.stack([x[b, :n].sum() for b, n in enumerate(LENGTHS.tolist())])
    torch.testing.assert_close(ragged.summed(x[ragged.at]), expected)


def test_dropout_heeds_its_generator_alone() -> None:
    net, ragged = _net("gru", 2, dropout=0.5), Ragged(torch.full((4,), 5))
    _, flat = _inputs(ragged)
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    draws = [net(flat, ragged, None, torch_generator(i))[0] for i in (1, 1, 2)]
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(net(flat, ragged)[0], net(flat, ragged)[0])


def test_first_weights_are_orthogonal_and_forget_little() -> None:
    net = untrained(lambda: Recurrent("lstm", 3, 4, 2))
    initialise(net, torch_generator(0))
    for layer in net.layers:
        for gate in layer.weight_hh_l0.chunk(4):
            torch.testing.assert_close(gate @ gate.T, torch.eye(4))
        assert (layer.bias_ih_l0 + layer.bias_hh_l0).tolist() == [0] * 4 + [1] * 4 + [0] * 8
