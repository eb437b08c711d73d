"""Dates: checked against Python's own calendar."""

import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genwright.data import dates

FORMATS = ["%Y-%m-%d", "%d/%m/%Y %H:%M", "%Y-%m-%dT%H:%M:%S.%f", "%d %b %Y %I:%M %p", "%B %d, %Y", "%m-%d-%Y %H:%M:%S"]
EPOCH = datetime.datetime(1970, 1, 1)


def _micros(moment: datetime.datetime) -> int:
    return (moment - EPOCH) // datetime.timedelta(microseconds=1)


@settings(deadline=None)
@given(moment=st.datetimes(), form=st.sampled_from(FORMATS))
def test_agrees_with_datetime(moment, form):
    text = moment.strftime(form)
    text = text.replace(str(moment.year), f"{moment.year:04d}", 1) if moment.year < 1000 and "%Y" in form[:2] else text
    if moment.year >= 1000:
        expected = _micros(datetime.datetime.strptime(text, form))
        found = dates.parse(pa.array([text]), form)
        assert found.ok.all()
        assert found.microseconds.tolist() == [expected]
        assert dates.format_dates(found.microseconds, form, 0, int(found.digits[0])) == [text]
        assert form in dates.candidates([text])


@given(day=st.dates())
@settings(deadline=None)
def test_every_day_of_the_years_1_to_9999(day):
    found = dates.parse(pa.array([day.isoformat()]), "%Y-%m-%d")
    assert found.ok.all()
    assert found.microseconds[0] == _micros(datetime.datetime(day.year, day.month, day.day))
    assert dates.format_dates(found.microseconds, "%Y-%m-%d") == [day.isoformat()]


def test_days_outside_the_calendar():
    texts = ["2023-02-29", "2024-02-30", "2024-13-01", "2024-00-10", "2024-01-00", "0000-01-01", "2024-1-1", None]
    assert not dates.parse(pa.array(texts), "%Y-%m-%d").ok.any()
    assert dates.parse(pa.array(["2024-02-29"]), "%Y-%m-%d").ok.all()
    bad_times = ["2024-01-01 24:00", "2024-01-01 12:60"]
    assert not dates.parse(pa.array(bad_times), "%Y-%m-%d %H:%M").ok.any()
    assert not dates.parse(pa.array(["1/1/2024 13:00 PM", "1/1/2024 0:30 AM"]), "%-m/%-d/%Y %-I:%M %p").ok.any()


@pytest.mark.parametrize("zone", ["Z", "+02:00", "-0530", "+14:00"])
def test_offsets(zone):
    text = f"2024-01-31T23:59:00{zone}"
    expected = datetime.datetime.fromisoformat(text).timestamp() * 1_000_000
    found = dates.parse(pa.array([text]), "%Y-%m-%dT%H:%M:%S%z")
    assert found.microseconds.tolist() == [expected]
    assert dates.format_dates(found.microseconds, "%Y-%m-%dT%H:%M:%S%z", int(found.offsets[0]))[0][:19] == text[:19]


def test_unpadded_numbers_come_back_unpadded():
    form = dates.candidates(["1/2/2024", "11/12/2024"])[0]
    found = dates.parse(pa.array(["1/2/2024", "11/12/2024"]), form)
    assert dates.format_dates(found.microseconds, form) == ["1/2/2024", "11/12/2024"]


def test_fractions_may_be_absent():
    texts = ["2024-01-01 00:00:00", "2024-01-01 00:00:00.125"]
    form = dates.candidates(texts)[0]
    found = dates.parse(pa.array(texts), form)
    assert found.ok.all()
    assert dates.format_dates(found.microseconds, form, 0, int(found.digits.min())) == texts


@pytest.mark.parametrize("text", ["1.5", "12", "abc", "2024", "10-20", "1.2.3.4", "May", "2024-01-01 noon"])
def test_no_dates(text):
    assert dates.candidates([text]) == []


def test_two_digit_years():
    found = dates.parse(pa.array(["31.12.68", "31.12.69"]), "%d.%m.%y")
    years = found.microseconds.astype("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970
    assert years.tolist() == [2068, 1969]
