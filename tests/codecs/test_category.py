"""Categories: order of the vocabulary, rare and unseen values, a million of them."""

import json
import logging
import resource
import time
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genwright.codecs.category import Category, CategoryConfig
from genwright.core.errors import ConfigError, DataError

QUICK = settings(max_examples=40, deadline=None)


def _fitted(values: pa.Array, min_count: int = 1) -> Category:
    codec = Category(CategoryConfig(min_count))
    codec.update(values)
    codec.finish()
    again = Category(codec.config)
    again.load_state(json.loads(json.dumps(codec.state())))
    return again


@QUICK
@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=3), min_size=1))
def test_vocabulary_is_sorted_by_frequency_then_value(rows: list[str | None]) -> None:
    codec = _fitted(pa.array(rows, pa.string()))
    counts = Counter(r for r in rows if r is not None)
    assert codec.vocabulary.to_pylist() == sorted(counts, key=lambda v: (-counts[v], v.encode()))
    assert codec.field.support.n == len(set(rows))  # type: ignore[union-attr]
    assert codec.decode(codec.encode(pa.array(rows, pa.string()))).to_pylist() == rows


@QUICK
@given(st.lists(st.none() | st.floats(allow_nan=False, width=64), min_size=1))
def test_numbers_as_categories_come_back(rows: list[float | None]) -> None:
    values = pa.array(rows, pa.float64())
    codec = _fitted(values)
    assert codec.decode(codec.encode(values)).equals(values)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([2**63 - 1, -(2**63)]),
        pa.array([2**64 - 1, 2**53 + 1], pa.uint64()),
        pa.array([b"\x00", b"\xff\xfe"]),
        pa.array([1_700_000_000_000_000_001], pa.timestamp("ns", "Europe/Berlin")),
        pa.array(["12345678901234567890.12"]).cast(pa.decimal128(38, 2)),
        pa.array([0, 1], pa.duration("us")),
        pa.array([3_600_000_000_001], pa.time64("ns")),
        pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0123456789abcdef"], pa.binary(16))),
    ],
    ids=lambda v: str(v.type),
)
def test_values_of_any_type_survive_json(values: pa.Array) -> None:
    codec = _fitted(values)
    back = codec.decode(codec.encode(values))
    assert back.type == values.type
    assert back.equals(values)


def test_rare_values_share_a_code_that_decodes_to_the_most_frequent_of_them() -> None:
    with pytest.raises(ConfigError, match="min_count = -1; expected 0 or more"):
        CategoryConfig(min_count=-1)
    rows = ["a"] * 5 + ["b"] * 4 + ["z"] * 2 + ["y"] * 2 + ["x"] + [None]
    codec = _fitted(pa.array(rows), min_count=3)
    codes = codec.encode(pa.array(["a", "b", "x", "y", "z", "never", None])).tolist()
    assert codes == [0, 1, 2, 2, 2, 2, 3]
    assert codec.field.support.n == 4  # type: ignore[union-attr]
    assert codec.decode(codec.encode(pa.array(["x", None]))).to_pylist() == ["y", None]


def test_unseen_values_become_missing_or_the_least_frequent_and_it_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "genwright")
    with_missing, without = _fitted(pa.array(["a", "a", None])), _fitted(pa.array(["a", "a", "b"]))
    for _ in range(2):
        assert with_missing.decode(with_missing.encode(pa.array(["c"]))).to_pylist() == [None]
        assert without.decode(without.encode(pa.array(["c", None]))).to_pylist() == ["b", "b"]
    assert [r.getMessage().split("read as ")[1] for r in caplog.records] == ["missing", "the least frequent, b"]


def test_other_types_can_be_encoded_later() -> None:
    codec = _fitted(pa.array([1, 1, 2]))
    assert codec.encode(pa.array([2.0, 1.0])).tolist() == [1, 0]
    assert codec.encode(pa.array(["2"]).dictionary_encode()).tolist() == [1]
    with pytest.raises(DataError, match="expected int64 values, found string"):
        codec.encode(pa.array(["x"]))
    with pytest.raises(DataError, match="one value a row"):
        Category().update(pa.array([[1]]))


def test_a_million_values() -> None:
    n = 1_000_000
    values = pa.array(np.random.default_rng(0).permutation(n).astype(str))
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    codec = Category()
    for start in range(0, n, 100_000):
        codec.update(values[start : start + 100_000])
    codec.finish()
    codes = codec.encode(values[:100_000])
    assert codec.decode(codes).equals(values[:100_000])
    assert codec.field.support.n == n  # type: ignore[union-attr]
    assert time.process_time() - started < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000  # kB


def test_numbers_of_a_frame_are_the_words_of_a_file() -> None:
    codec = _fitted(pa.array(["1.0", "1.0", "2.50", "00501", "x", None]))
    numbers = codec.encode(pa.array([1.0, 2.5, 501.0, None, 7.0]))
    assert numbers.tolist() == codec.encode(pa.array(["1.0", "2.50", "00501", None, "7"])).tolist()
    assert codec.encode(pa.array([1, 501])).tolist() == codec.encode(pa.array(["1.0", "00501"])).tolist()
