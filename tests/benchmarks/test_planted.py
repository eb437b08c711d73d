"""Faults planted in draws are told, and other real rows pass: a few of the deals that the benchmark counts."""

import logging

import pytest

from benchmarks.planted import CASES, REAL, Line, measured, render
from genwright.core.judge import owner

BAD = ("fair", "poor")


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Values that few rows have are unseen in some deals."""
    caplog.set_level(logging.ERROR, "genwright")


def check(name: str, seed: int) -> None:
    lines = {line.fault: line for line in measured(name, seed)}
    assert lines.keys() == {REAL, *CASES[name].faults}
    assert lines[REAL].level not in BAD, lines[REAL].sentence
    for fault, (_, judges) in CASES[name].faults.items():
        blamed = {owner(score)[0] for score in lines[fault].blamed}
        assert blamed >= set(judges), (fault, lines[fault].z)
        assert lines[fault].level in BAD, (fault, lines[fault].sentence)


@pytest.mark.parametrize("name", ["digits-pictures", "breast_cancer"])
def test_faults_are_told_and_real_rows_pass(name: str) -> None:
    check(name, 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", ["digits-pictures", "breast_cancer"])
def test_faults_are_told_in_other_deals(name: str, seed: int) -> None:
    check(name, seed)


def line(fault: str, seed: int, level: str, **z: float) -> Line:
    blamed = [name.replace("__", ".") for name, value in z.items() if value > 3]
    return Line("breast_cancer", seed, fault, level, "So.", blamed, {k.replace("__", "."): v for k, v in z.items()}, 14)


def test_the_page_counts_runs_and_says_how_close_they_were() -> None:
    of_copies = {"near_copies__exact": 40.0, "near_copies__closer": 2.0, "membership__auc": 2.5}
    lines = [line(REAL, seed, "poor" if seed == 3 else "good", marginals=3.5 if seed == 3 else 1.0) for seed in (2, 3)]
    for fault, (_, judges) in CASES["breast_cancer"].faults.items():
        z = of_copies if fault == "training copies" else {f"{judge}__x": 9.0 for judge in judges}
        lines += [line(fault, seed, "poor", **z) for seed in (2, 3)]
    page = render(lines)
    assert "| training copies | verdict | 2 of 2 | 0.158 … 1.000 |  |" in page
    assert "|  | `near_copies` | 2 of 2 | 0.158 … 1.000 | 40.0 |" in page
    assert "|  | `membership` | 0 of 2 | 0.000 … 0.842 | 2.5 |" in page
    assert f"| {REAL} | verdict: passes | 1 of 2 |" in page
    assert "|  | no score of 14 blames | 1 of 2 | 0.013 … 0.987 | at most 3.5 |" in page
    assert "Blamed once or more: `marginals`." in page
    assert "Adult" not in page
