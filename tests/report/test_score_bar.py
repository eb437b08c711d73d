import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genwright.report import near_copies, score_bar
from tests.report.material import Page, good_scores, score

NUMBERS = st.one_of(st.floats(-1e6, 1e6), st.just(math.nan), st.just(math.inf))


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.sampled_from(["lower", "higher", "half"]))
def test_every_score_can_be_drawn(value, low, high, floor, ceiling, direction):
    found = score("a.b", value, low, high, floor, ceiling, direction)
    left, right = score_bar.scale(found)
    assert left < right
    assert all(left <= v <= right for v in (value, low, high, floor, ceiling) if math.isfinite(v))
    drawing = str(score_bar.draw(found))
    Page(drawing)
    assert bool(drawing) == math.isfinite(value)
    assert "nan" not in drawing


def test_noise_is_not_blown_up():
    low, high = score_bar.scale(score("a", 0.501, 0.5, 0.502, 0.5, 0.5))
    assert high - low >= 0.05


def test_the_description_places_the_value_between_its_anchors():
    words = score_bar.describe(score("utility.auc", 0.9, 0.8, 0.95, 0.93, 0.5, "higher"))
    assert words == (
        "Value 0.900, 95 percent interval 0.800 to 0.950; real rows 0.930, independent columns 0.500; higher is better."
    )


def test_races_show_what_a_copy_would_score():
    found = near_copies.races(good_scores())
    assert [s.name for s in found] == ["near_copies.exact", "near_copies.closer_tail"]
    drawing = str(near_copies.draw_races(found))
    Page(drawing)
    assert "a pure copy 0.999" in drawing
    assert drawing.count('class="copy"') == 2


@pytest.mark.parametrize(
    "quantiles", [None, {}, {"to_train": [1, 2]}, {"to_train": [1, 2], "to_held_out": [None]}, "text"]
)
def test_no_distances_no_curve(quantiles):
    assert near_copies.distances([score("near_copies.closer", 0.5, distance_quantiles=quantiles)]) is None


@pytest.mark.parametrize("fake", [[0.0, 0.0], [0.0, 1.0, 2.0], [0.0, 0.0, 1e9]])
def test_curves_of_distances(fake):
    found = near_copies.distances(
        [score("near_copies.closer", 0.5, distance_quantiles={"to_train": fake, "to_held_out": [0, 1, 2]})]
    )
    drawing = str(near_copies.draw_distances(found))
    Page(drawing)
    assert "nan" not in drawing
    assert "To the closest unseen row: 5 percent within 0.100, half within 1.00." in drawing


def test_all_distances_zero():
    found = near_copies.distances(
        [score("near_copies.closer", 0.5, distance_quantiles={"to_train": [0, 0], "to_held_out": [0, 0]})]
    )
    assert "nan" not in str(near_copies.draw_distances(found))


def test_perplexities_stand_by_their_logarithm():
    found = replace(score("perplexity.word", 100.0, 90.0, 110.0, 10.0, 1_000.0, "lower"), unit="words")
    assert score_bar.scale(found) == pytest.approx((math.log(10), math.log(1_000)))
    middle = score_bar.MARGIN + (score_bar.WIDTH - 2 * score_bar.MARGIN) / 2
    assert f"M{middle:.1f} " in score_bar.draw(found)
