"""Instants: granularity, periods, far years, zones."""

import datetime as dt
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genwright.codecs.datetime import Datetime
from genwright.core.errors import DataError

QUICK = settings(max_examples=40, deadline=None)


def _fitted(values: pa.Array) -> Datetime:
    codec = Datetime()
    codec.update(values)
    codec.finish()
    again = Datetime()
    again.load_state(json.loads(json.dumps(codec.state())))
    return again


def _support(codec: Datetime) -> Any:
    return codec.field.support


def _round_trip(values: pa.Array) -> bool:
    codec = _fitted(values)
    return bool(codec.decode(codec.encode(values)).equals(values))


@pytest.mark.parametrize(
    ("texts", "granularity", "periods"),
    [
        (["2024-01-31", "1999-12-01"], "D", (7.0,)),
        (["2024-01-31 05:00", "1999-12-01"], "h", (24.0, 168.0)),
        (["2024-01-31 05:30", "1999-12-01"], "min", (1440.0, 10080.0)),
        (["2024-01-31 05:30:01", "1999-12-01"], "s", (86400.0, 604800.0)),
        (["2024-01-31 05:30:00.5", "1999-12-01"], "ms", (86400e3, 604800e3)),
        (["2024-01-31 05:30:00.000001", "1999-12-01"], "us", (86400e6, 604800e6)),
    ],
)
def test_granularity_is_the_coarsest_that_divides(texts: list[str], granularity: str, periods: tuple) -> None:
    values = pa.array(texts).cast(pa.timestamp("us"))
    codec = _fitted(values)
    assert codec.granularity == granularity
    assert _support(codec).periods == periods
    assert _support(codec).step == 1.0
    assert _round_trip(values)


def test_units_are_counted_from_1970() -> None:
    codec = _fitted(pa.array([dt.date(1970, 1, 1), dt.date(1970, 1, 11)]))
    assert codec.encode(pa.array([dt.date(1970, 1, 3)])).tolist() == [2.0]


@QUICK
@given(st.lists(st.none() | st.datetimes(), min_size=1))
def test_any_second_of_any_year_comes_back(rows: list[dt.datetime | None]) -> None:
    for unit in ("s", "ms", "us"):
        values = pa.array([r and r.replace(microsecond=0) for r in rows], pa.timestamp(unit, "Asia/Tokyo"))
        assert _round_trip(values)


@QUICK
@given(st.lists(st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(1980, 1, 1)), min_size=1))
def test_microseconds_within_285_years_come_back(rows: list[dt.datetime]) -> None:
    assert _round_trip(pa.array(rows, pa.timestamp("us")))


@QUICK
@given(st.lists(st.integers(-(2**63) + 1, 2**63 - 1), min_size=1))
def test_the_first_and_last_instant_come_back_at_any_precision(rows: list[int]) -> None:
    codec = _fitted(pa.array(rows, pa.timestamp("ns")))
    ends = pa.array([min(rows), max(rows)], pa.timestamp("ns"))
    assert codec.decode(codec.encode(ends)).equals(ends)


def test_a_far_sentinel_does_not_blur_the_others() -> None:
    values = pa.array([dt.datetime(2024, 1, 1, microsecond=7), dt.datetime(9999, 12, 31, 23, 59, 59, 999999)])
    assert _round_trip(values)


@QUICK
@given(st.lists(st.dates(), min_size=1))
def test_dates_come_back(rows: list[dt.date]) -> None:
    assert _round_trip(pa.array(rows, pa.date32()))
    assert _round_trip(pa.array(rows, pa.date64()))


def test_draws_are_rounded_to_the_granularity_and_clipped() -> None:
    import torch

    codec = _fitted(pa.array([dt.datetime(1970, 1, 2), dt.datetime(1970, 1, 9)], pa.timestamp("us", "UTC")))
    drawn = codec.decode(torch.tensor([-5.0, 2.4, 99.0]))
    assert [d.day for d in drawn.to_pylist()] == [2, 3, 9]
    assert drawn.type == pa.timestamp("us", "UTC")


def test_repeated_days_are_atoms() -> None:
    days = np.concatenate([np.arange(3000), np.full(400, 2500)]).astype(np.int32)
    assert _support(_fitted(pa.array(days).cast(pa.date32()))).atoms == (2500.0,)


@pytest.mark.parametrize("kind", [pa.float64(), pa.bool_(), pa.int64(), pa.null()])
def test_missing_values_of_any_type_are_missing(kind: pa.DataType) -> None:
    codec = _fitted(pa.array([dt.datetime(1970, 1, 1), None, dt.datetime(1970, 2, 1)], pa.timestamp("us")))
    assert codec.encode(pa.nulls(2, kind)).isnan().all()  # NaN alone in a frame has no type of dates


def test_other_types_can_be_encoded_later() -> None:
    codec = _fitted(pa.array([dt.datetime(1970, 1, 1), dt.datetime(1970, 2, 1)], pa.timestamp("us")))
    assert codec.encode(pa.array([dt.date(1970, 1, 5)])).tolist() == [4.0]
    assert codec.encode(pa.array(["1970-01-05 13:00:00"])).tolist() == [5.0]  # the nearest day
    with pytest.raises(DataError, match="expected timestamp"):
        codec.encode(pa.array(["soon"]))
    with pytest.raises(DataError, match="whole numbers, not dates"):
        Datetime().update(pa.array([1]))


@pytest.mark.parametrize(
    "values",
    [
        pa.array([dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31), None], pa.timestamp("us")),
        pa.array([dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31), None], pa.timestamp("s", "UTC")),
        pa.array([dt.date(1, 1, 1), dt.date(9999, 12, 31), None]),
    ],
)
def test_instants_that_nanoseconds_cannot_hold_become_the_nearer_end(values: pa.Array) -> None:
    learnt = pa.array([dt.datetime(2020, 1, 1, 3), None, dt.datetime(2021, 1, 1, 3)], pa.timestamp("ns"))
    codec = Datetime()
    codec.update(learnt)
    codec.finish()
    assert codec.decode(codec.encode(values)).equals(learnt.take(pa.array([0, 2, 1])))
