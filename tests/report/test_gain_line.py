import re

import pytest

from genwright.report import before_after, gain_line
from tests.report.augmented import GAIN


def test_ends_hold_all_and_nothing_gained():
    low, high = gain_line.limits([0.1, 0.5, float("nan")])
    assert low < 0 < 0.5 < high
    low, high = gain_line.limits([0.001])
    assert high - low == pytest.approx(gain_line.LEAST)
    assert low < 0 < 0.001 < high


def test_marks_stand_where_they_belong():
    drawing = gain_line.draw(0.5, (0.25, 2.0), (-1.0, 1.0), [0.0, 9.0])
    wide = gain_line.WIDTH - 2 * gain_line.MARGIN
    assert float(re.search(r'd="M([\d.]+) 6l5 6', drawing)[1]) == pytest.approx(
        gain_line.MARGIN + 0.75 * wide, abs=0.06
    )
    zero, end = gain_line.MARGIN + wide / 2, gain_line.MARGIN + wide
    assert re.findall(r'cx="([\d.]+)"', drawing) == [f"{zero:g}", f"{end:g}"]  # what lies beyond stands at the end
    assert "on folds 0.000, +9.000" in drawing
    assert gain_line.draw(float("-inf"), (0.0, 0.0), (-1.0, 1.0)) == ""


def test_before_stands_left_of_after_where_it_is_less():
    drawing = before_after.draw(GAIN)
    ring, diamond = float(re.search(r'cx="([\d.]+)"', drawing)[1]), float(re.search(r'd="M([\d.]+) 21l5 6', drawing)[1])
    assert ring < diamond
    assert "after 0.750, 95 percent interval 0.600 to 0.850." in drawing
