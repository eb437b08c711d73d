"""What a score is called at a terminal: between its anchors where these lie apart, against real rows where not."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genwright.cli.terminal.scores import MEANING, drawn, mark, share, show_scores
from genwright.cli.terminal.screen import Screen
from genwright.core.judge import Direction, Score


def score(value: float, floor: float, ceiling: float, direction: Direction, half_width: float = 0.0) -> Score:
    ends = value - half_width, value + half_width
    return Score("name", value, *ends, 100, floor, ceiling, "AUC", direction, "protocol", "source")


@pytest.mark.parametrize(
    ("value", "floor", "ceiling", "direction", "half_width", "word"),
    [
        (0.012, 0.010, 0.080, "lower", 0.001, "like real"),
        (0.020, 0.010, 0.080, "lower", 0.001, "close"),
        (0.040, 0.010, 0.080, "lower", 0.001, "fair"),
        (0.060, 0.010, 0.080, "lower", 0.001, "weak"),
        (0.090, 0.010, 0.080, "lower", 0.001, "poor"),
        (0.090, 0.010, 0.080, "lower", 0.020, "weak"),  # perhaps no worse than independent columns
        (0.045, 0.010, 0.080, "lower", 0.040, "unclear"),
        (0.005, 0.010, 0.080, "lower", 0.001, "like real"),  # better than real rows
        (0.920, 0.930, 0.530, "higher", 0.001, "like real"),
        (0.500, 0.930, 0.530, "higher", 0.001, "poor"),
        (0.510, 0.500, 0.990, "half", 0.005, "like real"),
        (0.490, 0.500, 0.990, "half", 0.000, "like real"),
        (0.010, 0.500, 0.990, "half", 0.001, "weak"),  # as far from 0.5 as independent columns, on the other side
        (0.980, 0.500, 0.990, "half", 0.001, "weak"),
        (0.999, 0.500, 0.480, "half", 0.001, "check"),  # independent columns copy nothing
        (0.480, 0.500, 0.500, "half", 0.030, "like real"),
        (0.200, 0.001, 0.000, "lower", 0.010, "check"),
        (0.0011, 0.001, 0.000, "lower", 0.0, "like real"),
        (0.515, 0.495, 0.503, "half", 0.010, "like real"),
        (0.560, 0.495, 0.503, "half", 0.010, "check"),
        (math.nan, 0.5, 0.9, "half", 0.0, ""),
        (0.5, math.nan, 0.9, "half", 0.0, ""),
    ],
)
def test_words(value: float, floor: float, ceiling: float, direction: Direction, half_width: float, word: str) -> None:
    assert mark(score(value, floor, ceiling, direction, half_width)) == word
    assert word in {"", *MEANING}


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(0.1, 5), st.sampled_from(["lower", "higher"]))
def test_the_share_is_one_at_real_rows_and_none_at_independent_columns(
    floor: float, value: float, apart: float, direction: Direction
) -> None:
    ceiling = floor + apart if direction == "lower" else floor - apart
    assert share(score(floor, floor, ceiling, direction)) == pytest.approx(1)
    assert share(score(ceiling, floor, ceiling, direction)) == pytest.approx(0)
    way = share(score(value, floor, ceiling, direction))
    assert way is not None
    assert way == pytest.approx((ceiling - value) / (ceiling - floor), abs=1e-6)


@given(st.floats(0, 1), st.floats(0, 0.3), st.floats(0.4, 0.5))
def test_half_is_symmetric(value: float, near: float, far: float) -> None:
    one, other = (share(score(v, 0.5 + near, 0.5 + far, "half")) for v in (value, 1 - value))
    assert one == pytest.approx(other)


def test_steps_grow_with_the_share() -> None:
    shown = [drawn(score(v, 0.0, 1.0, "lower")) for v in (0.9, 0.6, 0.4, 0.1, 0.0)]
    assert [s.count("●") for s in shown] == [0, 2, 3, 4, 5] or [s.count("●") for s in shown] == [1, 2, 3, 4, 5]
    assert all(s.count("●") + s.count("○") == 5 for s in shown)


def test_the_table_has_value_interval_anchors_and_word(capsys: pytest.CaptureFixture[str]) -> None:
    show_scores(Screen(), [score(0.02, 0.01, 0.08, "lower", 0.004)])
    out = capsys.readouterr().out
    for part in ("0.020 ± 0.004", "0.010", "0.080", "●●●●○ close", "AUC (lower)"):
        assert part in out, out


def test_a_narrow_terminal_shows_every_score_on_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    for module in ("scores", "table"):
        monkeypatch.setattr(f"genwright.cli.terminal.{module}.width", lambda stream, otherwise: 80)
    long = replace(score(0.0001, 0.0018, 0.5, "lower", 0.0003), name="near_copies.closer_tail")
    show_scores(Screen(), [long])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("near_copies.closer_tail" in line and "like real" in line for line in lines)


def test_the_verdict_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    from dataclasses import replace

    show_scores(Screen(), [replace(score(0.58, 0.49, 0.99, "half", 0.01), name="detectability.boosting")])
    assert "Mixed: a detector tells these rows from real ones at times" in capsys.readouterr().out


def test_nothing_is_said_of_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    show_scores(Screen(), [])
    assert "judged" not in capsys.readouterr().out.lower()


def test_a_scale_of_nats_may_be_short() -> None:
    from dataclasses import replace

    short = replace(score(3.159, 3.15, 3.17, "lower"), unit="bits per column")
    assert share(short) == pytest.approx(0.55)
    assert mark(short) == "fair"
    assert share(replace(short, unit="share")) is None


def test_perplexities_are_weighed_by_their_logarithm() -> None:
    """From 1,000,000 to 10, half of the way is at about 3,162."""
    found = replace(score(3162.3, 10, 1_000_000, "lower"), unit="words")
    assert share(found) == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize("name", ["bits_per_char", "likelihood.nats", "perplexity.word"])
def test_a_likelihood_below_that_of_independent_columns_is_poor_whatever_its_floor(name):
    found = replace(score(6.0, 5.8, 4.8, "lower", 0.1), name=name, unit="bits")
    assert mark(found) == "poor"
    assert mark(replace(found, value=4.85, low=4.75, high=4.95)) == "like real"
    assert mark(replace(found, name="copied_text.mean")) != "poor"
