import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genwright.report import column_overlay
from genwright.report.svg import ticks
from genwright.report.words import breadth
from tests.report.material import Page
from tests.report.test_values import both

NUMBERS = st.lists(st.one_of(st.none(), st.floats(allow_nan=True), st.integers(-(2**62), 2**62).map(float)), min_size=1)


@settings(deadline=None)
@given(NUMBERS, NUMBERS, st.sampled_from(["number", "datetime", "text"]))
def test_every_column_of_numbers_can_be_drawn(real, fake, kind):
    found = both(pa.array(real, pa.float64()), pa.array(fake, pa.float64()), kind)
    drawing = str(column_overlay.draw(found))
    Page(drawing)
    assert not re.search(r"[ \"MHVLhvl](nan|inf|-inf)", re.sub(r"<(title|desc|text).*?</\1>", "", drawing))


def test_shares_add_up_to_the_rows():
    rng = np.random.default_rng(0)
    real = np.where(rng.random(1_000) < 0.4, 0.0, rng.normal(50, 10, 1_000))
    real[:100] = np.nan
    found = both(real, real[::-1].copy())
    bins, apart = column_overlay.histogram(found), column_overlay.atoms(found)
    assert [a[0] for a in apart] == [0.0]
    assert bins.real.sum() + apart[0][1] + found.missing[0] == pytest.approx(1)
    np.testing.assert_allclose(bins.real, bins.fake)


def test_an_atom_that_only_one_side_has_is_seen():
    rng = np.random.default_rng(0)
    fake = rng.normal(size=500)
    fake[:200] = 0.25
    assert column_overlay.atoms(both(rng.normal(size=500), fake)) == [(0.25, 0.0, 0.4)]


def test_a_long_tail_is_cut_and_said():
    x = np.append(np.random.default_rng(0).normal(size=999), 1e6)
    found = both(x, x)
    assert column_overlay.histogram(found).edges[-1] < 10
    assert column_overlay.histogram(found).real.sum() == pytest.approx(1)
    assert "end bins" in column_overlay.note(found)


def test_orders_of_magnitude_get_a_log_axis():
    x = 10 ** np.random.default_rng(0).uniform(0, 5, 500)
    found = both(x, x)
    assert column_overlay.histogram(found).is_log
    assert "1,000" in str(column_overlay.draw(found))


def test_many_levels_are_pooled_and_none_is_lost():
    real = [f"v{i}" for i in range(40) for _ in range(40 - i)] + [None] * 2
    found = both(real, real, "category")
    shown = column_overlay.levels(found)
    assert len(shown) == column_overlay.N_LEVELS + 1
    assert "missing" in [label for label, *_ in shown]
    assert shown[-1][0] == "other (26)"
    assert sum(r for _, r, _ in shown) == pytest.approx(1)


def test_the_description_has_the_numbers_that_matter():
    found = both(np.arange(101.0), np.arange(101.0) + 10)
    words = column_overlay.describe(found)
    assert "Real: median 50, 5 to 95 percent 5 to 95." in words
    assert "Synthetic: median 60" in words
    assert "Distance 0.099." in words


@given(st.floats(-1e12, 1e12), st.floats(1e-6, 1e12))
def test_ticks_are_inside_and_even(low, width):
    found = ticks(low, low + width)
    assert len(found) <= 6
    slack = 1e-6 * (abs(low) + width)
    assert all(low - slack <= v <= low + width + slack for v in found)


def test_tick_labels_say_where_the_tick_is():
    x = np.random.default_rng(0).uniform(-124, -114, 500)
    labels = re.findall(r">(−1[\d.]+)<", str(column_overlay.draw(both(x, x))))
    assert {"−122.5", "−120", "−117.5", "−115"} & set(labels)
    assert "−118" not in labels


def test_chinese_names_of_levels_stay_left_of_their_bars_and_are_whole_under_the_pointer():
    names = ["成都市高新技术产业开发区"] * 3 + ["北京"] * 5
    drawing = str(column_overlay.draw(both(pa.array(names), pa.array(names), "category")))
    labels = re.findall(r'text-anchor="end">(?:<title>[^<]*</title>)?([^<]*)</text>', drawing)
    assert "北京" in labels
    assert max(map(breadth, labels)) <= 16
    assert "<title>成都市高新技术产业开发区</title>成都市" in drawing
    assert "<title>北京</title>" not in drawing


def test_ticks_of_tiny_numbers_are_short():
    values = np.linspace(0, 2.5e-6, 200)
    drawing = str(column_overlay.draw(both(values, values)))
    assert ">1e−06<" in drawing


def test_three_dates_stand_beside_a_bar_of_missing_ones():
    days = pa.array([None] * 20 + [1.55e9 + 4e5 * k for k in range(300)], pa.float64())
    drawing = str(column_overlay.draw(both(days, days, "datetime")))
    assert len(re.findall(r">\d{4}-\d\d-\d\d<", drawing)) == 3
