"""Networks that could not learn in memory are refused while they are built."""

import pytest
from torch import nn

from genwright.core.errors import ConfigError
from genwright.nn.memory import BYTES_A_WEIGHT, limited_weights
from genwright.nn.mlp import MLP, untrained


def test_a_network_may_have_as_many_weights_as_memory_lets_learn() -> None:
    n = sum(p.numel() for p in MLP(4, (8,), 2).parameters())
    with limited_weights(n * BYTES_A_WEIGHT):
        MLP(4, (8,), 2)
    told = f"a network of {n} weights .* enough for {n - 1}; lower its width"
    with pytest.raises(ConfigError, match=told), limited_weights(n * BYTES_A_WEIGHT - 1):
        MLP(4, (8,), 2)
    nn.Linear(100, 100)  # nothing is counted outside


@pytest.mark.parametrize("width", [10**6, 10**9])
def test_a_width_beyond_all_memory_is_refused_before_it_is_touched(width: int) -> None:
    with pytest.raises(ConfigError, match="cannot learn in this machine's memory"):
        untrained(lambda: MLP(8, (width, width), 8))


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="another"), limited_weights():
        raise RuntimeError("another")
