import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from benchmarks.ng_jordan import RIVALS, Task, accuracies, in_fifths, interval, table, with_two_classes


def test_the_first_two_rows_have_two_classes() -> None:
    y = np.array([0, 0, 0, 1, 2])
    rows = with_two_classes(np.array([2, 0, 1, 4, 3]), y)
    assert sorted(rows) == [0, 1, 2, 3, 4]
    assert y[rows[0]] != y[rows[1]]


def test_intervals_are_those_of_a_mean() -> None:
    mean, half = interval(np.array([1.0, 2.0, 6.0]))
    low, high = t.interval(0.95, 2, loc=3.0, scale=7**0.5 / 3**0.5)
    assert (mean - half, mean + half) == pytest.approx((low, high))


def test_fifths_hold_a_fifth_of_the_rows_and_words_stay() -> None:
    frame = in_fifths(pd.DataFrame({"x": np.arange(50.0), "w": ["a"] * 50}))
    assert frame["x"].value_counts().tolist() == [10] * 5
    assert set(frame["w"]) == {"a"}


def test_a_table_has_a_line_a_size() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.integers(0, 2, (60, 3)), columns=list("abc"))
    found = pd.DataFrame(
        accuracies(Task(X, X["a"].to_numpy()), [10, 20], 2), columns=["curve", "n", "seed", "accuracy"]
    )
    assert set(found["curve"]) == set(RIVALS)
    lines = table(found).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| 10", "| 20"]
