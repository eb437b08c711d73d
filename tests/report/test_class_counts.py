import re

from genwright.report import class_counts


def test_bars_are_as_long_as_rows_are_many():
    drawing = class_counts.draw({"a": 60, "b": 20}, {"b": 40})
    assert [float(x) for x in re.findall(r"h([\d.]+)v12", drawing)] == [150, 50, 100]
    assert "60<" in drawing
    assert "20 + 40<" in drawing


def test_of_many_classes_the_rare_ones_are_drawn():
    assert class_counts.shown({str(n): n for n in range(40)}) == [str(n) for n in range(29, -1, -1)]
    assert class_counts.draw({}, {})
