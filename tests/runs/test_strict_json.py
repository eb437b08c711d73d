"""`loads` undoes `dumps`, for every plain value, and what is written is JSON to any parser."""

import json
import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genwright.core.errors import RunError
from genwright.runs.strict_json import dumps, loads

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def same(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return (a == b and math.copysign(1, a) == math.copysign(1, b)) or (a != a and b != b)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and a == b


@settings(max_examples=60, deadline=None)
@given(PLAIN)
def test_round_trip(value):
    text = dumps(value)
    assert same(loads(text), value)
    json.loads(text.decode("ascii"), parse_constant=pytest.fail)


def test_scalars_arrays_dates_and_paths():
    when = datetime(2024, 2, 29, tzinfo=UTC)
    value = [np.float32(0.5), np.int64(3), np.array([1.0, np.nan]), torch.tensor([[1, 2]]), when, Path("a/b"), (1,)]
    found = loads(dumps(value))
    assert same(found, [0.5, 3, [1.0, float("nan")], [[1, 2]], "2024-02-29T00:00:00+00:00", "a/b", [1]])


@pytest.mark.parametrize("value", [object(), {1, 2}, {(1, 2): 3}, b"bytes"])
def test_what_is_not_plain(value):
    with pytest.raises(RunError, match="plain JSON values"):
        dumps(value)


def test_a_value_within_itself():
    value = []
    value.append(value)
    with pytest.raises(RunError):
        dumps(value)


@pytest.mark.parametrize("text", [b"NaN", b"[Infinity]", b"-Infinity", b"", b"\xff", b"[" * 10**5, b"1" * 5000])
def test_what_is_not_json(text):
    with pytest.raises(ValueError):
        loads(text)
