"""Networks that could not learn in memory, or be loaded into it, are refused while they are built."""

import pandas as pd
import pytest
from torch import nn

from genwright.core.errors import ConfigError, RunError
from genwright.nn import memory
from genwright.nn.memory import BYTES_TO_LEARN, BYTES_TO_LOAD, limited_weights, loading
from genwright.nn.mlp import MLP, untrained
from genwright.pipeline import fit, load


def test_a_network_may_have_as_many_weights_as_memory_lets_learn() -> None:
    n = sum(p.numel() for p in MLP(4, (8,), 2).parameters())
    with limited_weights(n * BYTES_TO_LEARN):
        MLP(4, (8,), 2)
    told = f"a network of {n} weights .* enough for {n - 1}; lower its width"
    with pytest.raises(ConfigError, match=told), limited_weights(n * BYTES_TO_LEARN - 1):
        MLP(4, (8,), 2)
    nn.Linear(100, 100)  # nothing is counted outside


def test_a_network_that_is_only_loaded_may_have_more() -> None:
    n = sum(p.numel() for p in MLP(4, (8,), 2).parameters())
    with loading(), limited_weights(n * BYTES_TO_LOAD):
        MLP(4, (8,), 2)
    told = f"a network of {n} weights .* cannot be loaded .* enough for {n - 1}; load it where there is more"
    with pytest.raises(RunError, match=told), loading(), limited_weights(n * BYTES_TO_LOAD - 1):
        MLP(4, (8,), 2)
    with pytest.raises(ConfigError), limited_weights(n * BYTES_TO_LOAD):  # loading ended with the error
        MLP(4, (8,), 2)


def test_a_run_is_loaded_where_it_could_not_have_learnt(tmp_path, monkeypatch) -> None:
    data, settings = pd.DataFrame({"x": [0.5, 1.5, 2.25] * 10}), {"n_hidden": 16, "batch_size": 8}
    run = fit(data, "gan", steps=1, settings=settings, judge=False, out=tmp_path / "run")
    n = run.model.describe()["parameters"]
    monkeypatch.setattr(memory, "_physical", lambda: n * BYTES_TO_LOAD)
    assert load(tmp_path / "run").sample(5, seed=1).equals(run.sample(5, seed=1))
    with pytest.raises(ConfigError, match=f"enough for {n * BYTES_TO_LOAD // BYTES_TO_LEARN:,}; lower its width"):
        fit(data, "gan", steps=1, settings=settings, judge=False)
    monkeypatch.setattr(memory, "_physical", lambda: n * BYTES_TO_LOAD - 1)
    with pytest.raises(RunError, match=r"run: a network of .* cannot be loaded into this machine's memory"):
        load(tmp_path / "run")


@pytest.mark.parametrize("width", [10**6, 10**9])
def test_a_width_beyond_all_memory_is_refused_before_it_is_touched(width: int) -> None:
    with pytest.raises(ConfigError, match="cannot learn in this machine's memory"):
        untrained(lambda: MLP(8, (width, width), 8))


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="another"), limited_weights():
        raise RuntimeError("another")
