"""Whether a classifier is said to foretell."""

from dataclasses import replace

from genwright.cli.terminal.guesses import verdict
from genwright.core.judge import Score

COST = Score("cross_entropy", 0.48, 0.37, 0.59, 100, 0.0, 0.57, "nats", "lower", "", "")


def test_what_is_compared_with_the_guess_row_by_row_decides() -> None:
    assert verdict(COST).startswith("Not to be told from guessing")
    assert "0.020 to 0.160 fewer" in verdict(replace(COST, details={"beyond_guess": [-0.16, -0.02]}))
    assert verdict(replace(COST, details={"beyond_guess": [0.02, 0.1]})).startswith("It misleads")


def test_a_ranking_is_told_where_the_probabilities_are_no_use() -> None:
    ranks = "It tells the classes apart (ROC AUC 0.84)"
    assert verdict(COST, ranks).startswith(f"{ranks}, but its probabilities are not to be told from guessing")
    misleading = replace(COST, details={"beyond_guess": [0.02, 0.1]})
    assert verdict(misleading, ranks).startswith(f"{ranks}, but its probabilities mislead")


def test_runs_that_lack_the_comparison_are_told_by_their_interval() -> None:
    assert verdict(replace(COST, high=0.5)).startswith("It foretells")
    assert verdict(replace(COST, low=0.58)).startswith("It misleads")
