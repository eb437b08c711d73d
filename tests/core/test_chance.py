import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, norm

from genwright.core.chance import LEVEL, beyond_chance, excess
from genwright.core.judge import Direction, Score
from genwright.core.statistics import Z95, share_measure


def score(
    value: float, error: float, floor: float, floor_error: float | None, direction: Direction = "lower", name: str = "s"
) -> Score:
    """With normal intervals."""
    ends = value - Z95 * error, value + Z95 * error
    known = floor_error is not None
    low, high = (floor - Z95 * floor_error, floor + Z95 * floor_error) if known else (None, None)
    return Score(name, value, *ends, 100, floor, 1.0, "x", direction, "p", "s", {}, low, high)


@pytest.mark.parametrize("direction", ["lower", "higher"])
def test_excess_is_the_z_of_two_independent_numbers(direction: Direction) -> None:
    sign = 1 if direction == "lower" else -1
    found = excess(score(sign * 0.7, 0.03, sign * 0.5, 0.04, direction))
    assert found == pytest.approx(0.2 / 0.05)


def test_a_number_that_is_best_at_one_half_has_to_lie_above_it() -> None:
    """A floor that fell below ½ by chance accuses nobody."""
    assert excess(score(0.51, 0.02, 0.3, 0.02, "half")) == pytest.approx(0.5)
    assert excess(score(0.3, 0.02, 0.5, 0.02, "half")) < 0
    assert excess(score(0.7, 0.02, 0.6, 0.02, "half")) == pytest.approx(0.1 / (0.02 * math.sqrt(2)))


def test_a_floor_without_an_interval_has_that_of_the_score() -> None:
    assert excess(score(0.7, 0.03, 0.5, None)) == pytest.approx(0.2 / (0.03 * math.sqrt(2)))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_known_does_not_count(value: float) -> None:
    unknown = replace(score(0.5, 0.1, 0.5, 0.1, name="u"), value=value)
    assert math.isnan(excess(unknown))
    just = score(norm.ppf(1 - LEVEL) + 1e-6, 1.0, 0.0, 0.0)
    assert beyond_chance([unknown, just]).keys() == {"s"}
    assert beyond_chance([just, replace(just, name="another")]) == {}


def test_numbers_without_errors_are_compared_as_they_are() -> None:
    assert excess(score(0.5, 0.0, 0.5, 0.0)) == 0
    assert excess(score(0.6, 0.0, 0.5, 0.0)) == math.inf


def shares(n: int, p: float, real: float, rng: np.random.Generator, k: int) -> list[Score]:
    """k scores of shares p among n draws, beside floors of n real rows with the share `real`."""
    found = []
    for i in range(k):
        m, floor = (share_measure(rng.binomial(n, share), n) for share in (p, real))
        ends = m.value, m.low, m.high, n, floor.value, 1.0
        found.append(Score(f"s{i}", *ends, "share", "lower", "p", "s", {}, floor.low, floor.high))
    return found


@pytest.mark.parametrize("p", [0.01, 0.05, 0.5])
def test_equal_shares_are_blamed_no_more_often_than_the_level_says(p: float) -> None:
    """Five scores that have nothing to do with each other, the hardest case; Wilson's intervals, also near 0."""
    rng, n_trials = np.random.default_rng(0), 3_000
    blamed = sum(bool(beyond_chance(shares(400, p, p, rng, 5))) for _ in range(n_trials))
    assert blamed <= binom.ppf(1 - 1e-4, n_trials, LEVEL)


def test_a_large_difference_is_blamed() -> None:
    rng = np.random.default_rng(1)
    assert all(len(beyond_chance(shares(400, 0.3, 0.05, rng, 5))) == 5 for _ in range(200))
