"""Multilayer perceptron: linear layers with a smooth non-linearity between them."""

import warnings
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from genwright.nn.memory import limited_weights

N = TypeVar("N", bound=nn.Module)

ACTIVATIONS: dict[str, type[nn.Module]] = {"silu": nn.SiLU, "relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}


class MLP(nn.Sequential):
    """n_in → hidden → … → n_out.

    Args:
        n_in: Width of the input.
        hidden: Widths of the hidden layers; none for a linear map.
        n_out: Width of the output.
        activation: Between the layers, one of `ACTIVATIONS`.
        norm: Layer norm before each activation.
    """

    def __init__(
        self,
        n_in: int,
        hidden: Sequence[int],
        n_out: int,
        activation: str = "silu",
        norm: bool = False,
    ):
        layers: list[nn.Module] = []
        for width in hidden:
            layers.append(nn.Linear(n_in, width))
            layers += [nn.LayerNorm(width)] if norm else []
            layers += [ACTIVATIONS[activation]()]
            n_in = width
        super().__init__(*layers, nn.Linear(n_in, n_out))


def untrained(build: Callable[[], N]) -> N:
    """A network with all weights zero, made without moving the global random state, which torch's layers draw from.

    Raises:
        ConfigError: it could not learn in this machine's memory.
    """
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings(), limited_weights():
        warnings.filterwarnings("ignore", "Initializing zero-element tensors")  # heads of rows that have no such column
        net = build()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
    return net.eval()


def initialise(net: nn.Module, generator: torch.Generator) -> None:
    """First weights from a generator: matrices and kernels N(0, 1/fan in), biases 0, embeddings N(0, 1), gains 1.

    The global random state is not read; a parameter that a module wants to begin elsewhere is set by the module's own
    `reset(generator)`, which is called after this.
    """
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.Linear):
                module.weight.copy_(_normal(module.weight, generator) * module.in_features**-0.5)
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                module.weight.copy_(_normal(module.weight, generator) * _fan_in(module) ** -0.5)
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, nn.Embedding):
                module.weight.copy_(_normal(module.weight, generator))
            elif isinstance(module, nn.LayerNorm | nn.GroupNorm):
                module.reset_parameters()
        for module in net.modules():
            reset = getattr(module, "reset", None)
            if reset is not None:
                reset(generator)


def _fan_in(module: nn.Conv2d | nn.ConvTranspose2d) -> float:
    """How many products make one number of the output; a transposed convolution's stride spreads them."""
    n = module.in_channels // module.groups * module.kernel_size[0] * module.kernel_size[1]
    return n / (module.stride[0] * module.stride[1]) if isinstance(module, nn.ConvTranspose2d) else n


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator)
