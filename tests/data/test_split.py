"""Held-out rows: how many, which, and always the same."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genwright.core.errors import ConfigError, DataError, SchemaError
from genwright.core.schema import Column, Schema
from genwright.data.split import by_row, split
from genwright.data.typed import typed
from tests.data.helpers import read, strings, values

PLAIN = Schema((Column("x", "number"),))


def _mask(held_out, n, chunk):
    batch = pa.RecordBatch.from_pydict({"x": np.zeros(n)})
    return np.concatenate([held_out(batch.slice(i, chunk), i) for i in range(0, n, chunk)])


@settings(deadline=None, max_examples=60)
@given(n=st.integers(2, 3000), share=st.floats(0.001, 0.999), seed=st.integers(0, 2**40))
def test_small_shares_are_exact(n, share, seed):
    held_out = by_row(n, share, seed)
    assert _mask(held_out, n, 777).sum() == min(max(round(share * n), 1), n - 1)
    assert (_mask(held_out, n, n) == _mask(held_out, n, 61)).all()


def test_large_shares_are_as_asked_within_their_error():
    n, share = 1_000_000, 0.2
    first = _mask(by_row(n, share, 0), n, 65_536)
    other = _mask(by_row(n, share, 1), n, 65_536)
    error = (share * (1 - share) / n) ** 0.5
    assert abs(first.mean() - share) < 5 * error
    assert abs((first & other).mean() - share**2) < 5 * (share**2 * (1 - share**2) / n) ** 0.5
    assert abs((first[1:] & first[:-1]).mean() - share**2) < 6 * error
    assert not first[0]
    assert first[-1]
    assert (first == _mask(by_row(n, share, 0), n, 999_983)).all()


def test_one_row_and_no_share():
    records = values(x=[1.0])
    assert not _mask(split(records, PLAIN, 1), 1, 1).any()
    assert not _mask(split(records, PLAIN, 100, share=0), 100, 100).any()
    for share in (-0.1, 1.0, 2):
        with pytest.raises(ConfigError, match="expected 0 up to"):
            split(records, PLAIN, 100, share=share)


def test_by_time_holds_out_the_latest():
    days = [f"2024-01-{d:02d}" for d in (5, 1, 9, 9, 3, 7, 2, 8, 4, 6)]
    schema = Schema((Column("t", "datetime", {"parse": {"format": "%Y-%m-%d", "unit": "s"}}, split="time"),))
    records = strings(t=days)
    held_out = split(records, schema, 10, share=0.3)
    mask = np.concatenate([held_out(b, 0) for b in typed(records, schema)])
    assert [d for d, h in zip(days, mask) if h] == ["2024-01-09", "2024-01-09", "2024-01-08"]


@pytest.mark.parametrize("how", ["time", "group"])
def test_a_left_out_column_splits_as_it_would(how):
    records = strings(t=["02.01.2024", "01.02.2024", None, "05.01.2024", "05.01.2024"])
    dated = Column("t", "datetime", {"parse": {"format": "%d.%m.%Y", "unit": "s"}}, split=how)
    gone = replace(dated, kind="omitted")
    (batch,), (bare,) = (list(typed(records, Schema((column,)))) for column in (dated, gone))
    expected = split(records, Schema((dated,)), 5, 0.2)(batch, 0)
    assert 0 < expected.sum() < 5
    assert (split(records, Schema((dated,)), 5, 0.2)(bare, 0) == expected).all()  # a family left it out
    if how == "time":
        assert (split(records, Schema((gone,)), 5, 0.2)(bare, 0) == expected).all()
        assert expected.tolist() == [False, True, False, False, False]


def test_by_time_without_a_time_is_learnt_from():
    schema = Schema((Column("t", "number", split="time"),))
    records = values(t=[3.0, None, 1.0, 2.0])
    mask = split(records, schema, 4, share=0.25)(next(typed(records, schema)), 0)
    assert mask.tolist() == [True, False, False, False]
    with pytest.raises(DataError, match="1 different times"):
        split(values(t=[1.0, 1.0]), schema, 2)
    with pytest.raises(SchemaError, match=r"is of kind category; a split by time .* set its kind"):
        split(strings(t=["a", "b"]), Schema((Column("t", "category", split="time"),)), 2)


def test_by_group_keeps_groups_whole():
    schema = Schema((Column("g", "category", split="group"), Column("x", "number")))
    groups = [f"user {i % 50}" for i in range(1000)]
    records = values(g=groups, x=list(range(1000)))
    batch = next(typed(records, schema))
    mask = split(records, schema, 1000, share=0.2, seed=3)(batch, 0)
    out = {g for g, h in zip(groups, mask) if h}
    assert len(out) == 10
    assert not out & {g for g, h in zip(groups, mask) if not h}
    assert (split(records, schema, 1000, share=0.2, seed=4)(batch, 0) != mask).any()
    assert (split(records, schema, 1000, share=0.2, seed=3)(batch.slice(500), 500) == mask[500:]).all()
    with pytest.raises(DataError, match="has 1 group"):
        split(values(g=["a", "a"], x=[1, 2]), schema, 2)


def test_two_splits_are_refused():
    schema = Schema((Column("g", "category", split="group"), Column("t", "number", split="time")))
    with pytest.raises(SchemaError, match="both have a split"):
        split(values(g=["a", "b"], t=[1, 2]), schema, 2)


@pytest.mark.parametrize(("n", "share", "n_held_out"), [(10, 0.2, 2), (3, 0.01, 1), (2, 0.9, 1)])
def test_in_order_holds_out_the_last(n, share, n_held_out):
    schema = Schema((Column("x", "number", split="order"),))
    mask = _mask(split(values(x=list(range(n))), schema, n, share), n, 2)
    assert mask.tolist() == [False] * (n - n_held_out) + [True] * n_held_out


def test_by_group_takes_moments_that_python_has_no_object_for():
    schema = Schema((Column("g", "datetime", split="group"), Column("x", "number")))
    moments = pa.array([0, 0, 4 * 10**11, 4 * 10**11, 5 * 10**11], pa.timestamp("s"))
    records = read(pa.table({"g": moments, "x": [1.0, 2, 3, 4, 5]}))
    mask = split(records, schema, 5, share=0.4, seed=0)(next(typed(records, schema)), 0)
    assert mask[0] == mask[1]
    assert mask[2] == mask[3]
    assert 0 < mask.sum() < 5
