import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from genwright.core.schema import Column
from genwright.report.values import N_CHANCES, codes, pair, shares


def both(real, fake, kind="number"):
    return pair(Column("x", kind), pa.table({"x": real}), pa.table({"x": fake}))


def test_distance_of_numbers_is_that_of_scipy():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=300), rng.normal(0.4, 1.2, size=211)
    assert both(x, y).distance == pytest.approx(ks_2samp(x, y).statistic)


@given(st.lists(st.sampled_from("abc"), min_size=1), st.lists(st.sampled_from("bcd"), min_size=1))
def test_distance_of_categories_is_total_variation(real, fake):
    by_hand = sum(abs(real.count(v) / len(real) - fake.count(v) / len(fake)) for v in "abcd") / 2
    assert both(real, fake, "category").distance == pytest.approx(by_hand)


def test_chance_sets_two_labels_as_far_apart_as_the_normal_limit_says():
    """|N(0, σ²)| passes 1.96 σ in one case of twenty; give or take five standard errors, and a step of shares."""
    n = 400
    found = both(["a", "b"] * (n // 2), ["a", "b"] * (n // 2), "category").noise
    sigma = (0.25 * 2 / n) ** 0.5
    density = 2 * np.exp(-(1.96**2) / 2) / np.sqrt(2 * np.pi) / sigma
    error = (0.05 * 0.95 / N_CHANCES) ** 0.5 / density
    assert abs(found - 1.96 * sigma) < 5 * error + 1 / n


def test_many_labels_come_further_apart_by_chance_than_numbers():
    rng = np.random.default_rng(1)
    p, n, trials = np.full(40, 1 / 40), 200, 400
    labels = lambda counts: np.repeat([f"c{k:02}" for k in range(40)], counts).tolist()  # noqa: E731
    noise = both(labels(rng.multinomial(n, p)), labels(rng.multinomial(n, p)), "category").noise
    apart = np.abs(rng.multinomial(n, p, trials) - rng.multinomial(n, p, trials)).sum(1) / (2 * n)
    share = float((apart > noise).mean())
    assert abs(share - 0.05) < 5 * np.sqrt(0.05 * 0.95 * (1 / trials + 1 / N_CHANCES))
    assert noise > 1.36 * np.sqrt(2 / n)


def test_a_difference_in_missing_values_counts():
    x = np.arange(100.0)
    y = pa.array([None] * 40 + x[:60].tolist())
    found = both(x, y)
    assert found.missing == (0.0, 0.4)
    assert found.distance >= 0.4


def test_few_numbers_become_labels_in_their_order():
    found = both([10, 9, 2, 2, None], [2, 2, 2, 9, 11])
    assert found.shape == "category"
    assert [label for label, *_ in shares(found)] == ["2", "9", "10", "11", "missing"]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
        pa.array([dt.datetime(2020, 1, 1), None], pa.timestamp("ns")),
        pa.array([0, 1], pa.timestamp("s", "UTC")),
    ],
)
def test_dates_become_seconds(column):
    found = both(column, column, "datetime")
    assert found.shape == "datetime"
    assert found.real[0] == pytest.approx(
        (column[0].as_py().replace(tzinfo=None) - dt.datetime(1970, 1, 1)).total_seconds()
        if isinstance(column[0].as_py(), dt.datetime)
        else (column[0].as_py() - dt.date(1970, 1, 1)).total_seconds()
    )
    assert found.distance == 0


def test_numbers_that_are_words_are_shown_as_words():
    assert both(["1", "two"], ["1", "1"]).shape == "category"


def test_texts_are_compared_by_length():
    found = both(["a" * i for i in range(20)], ["b" * i for i in range(20)], "text")
    assert found.note == "length in characters"
    assert found.distance == 0


def test_codes_lie_in_their_range():
    rng = np.random.default_rng(1)
    numbers = both(np.append(rng.normal(size=99), np.nan), rng.normal(9, 9, size=50))
    words = both(list("abcdefghijklmnop"), list("xyzabcdefghijklm"), "category")
    for found in (numbers, words):
        real, fake, size = codes(found)
        assert min(real.min(), fake.min()) >= 0
        assert max(real.max(), fake.max()) < size


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("id", "identifies rows"),
        ("constant", "always 7"),
        ("omitted", "left out"),
        ("image", "see the draws"),
        ("audio", "not drawn"),
    ],
)
def test_columns_that_are_not_drawn_say_why(kind, words):
    found = both([7, 7], [7, 7], kind)
    assert found.shape == "nothing"
    assert words in found.note
    assert np.isnan(found.distance)


@pytest.mark.parametrize(
    ("real", "fake"), [([1e9, 1e9 + 1], [1e9 + 2]), ([1234.5671], [1234.5672]), ([0.1], [0.1 + 1e-16]), ([1, 2], [3])]
)
def test_numbers_that_differ_late_are_not_taken_for_one(real: list[float], fake: list[float]) -> None:
    sides = (pa.table({"x": pa.array(side * 10, pa.float64())}) for side in (real, fake))
    both = pair(Column("x", "number"), *sides)
    assert both.distance == 1
    assert len(shares(both)) == len({*real, *fake})
