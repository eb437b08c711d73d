"""Settings of a draw: what counts as a number."""

import json

import numpy as np
import pytest

from genwright.core.decoding import Decoding
from genwright.core.errors import ConfigError


def test_numbers_of_numpy_are_numbers() -> None:
    settings = {"temperature": np.float32(0.5), "top_k": np.int64(3), "max_tokens": np.array(4)}
    found = Decoding.of(settings)  # type: ignore[arg-type]
    assert found == Decoding(temperature=0.5, top_k=3, max_tokens=4)
    assert json.loads(json.dumps([found.temperature, found.top_k])) == [0.5, 3]


@pytest.mark.parametrize("wrong", [np.float32(0.0), np.float64("nan"), np.bool_(True), np.ones(2)])
def test_what_is_no_temperature_stays_refused(wrong: object) -> None:
    with pytest.raises(ConfigError, match="temperature"):
        Decoding.of({"temperature": wrong})  # type: ignore[typeddict-item]
