"""Scores of a classifier for a reader at a terminal: between the trivial guess and the best possible on these rows."""

from collections.abc import Sequence

from genwright.cli.terminal.screen import Screen
from genwright.core.judge import Score
from genwright.core.predictions import beyond_guess, ranking
from genwright.report.words import is_known, number

HEAD = ("score", "value", "95 % interval", "trivial guess", "best possible", "of the way")
STEPS = 5


def show_guesses(screen: Screen, scores: Sequence[Score]) -> None:
    """The scores as a table, and in a sentence whether the classifier knows more than how frequent the classes are."""
    screen.heading("Scores on rows not learnt from, between the trivial guess and the best possible")
    screen.table(HEAD, [_row(score) for score in scores], HEAD[1:5])
    found = {score.name: score for score in scores}
    if "cross_entropy" in found:
        screen.result(verdict(found["cross_entropy"], ranking(scores)) + "\n")


def verdict(score: Score, ranks: str = "") -> str:
    """Whether predictions beat the trivial guess, by their cross-entropy.

    Args:
        score: The cross-entropy.
        ranks: That the classes are told apart, where that is sure.
    """
    value, guess = number(score.value), number(score.ceiling)
    low, high = beyond_guess(score)
    if high < 0:
        fewer = f"{number(-high)} to {number(-low)} fewer"
        return f"It foretells: {value} nats a row, {fewer} than the shares of the classes alone, which cost {guess}."
    if low > 0:
        opening = f"{ranks}, but its probabilities mislead" if ranks else "It misleads"
        return f"{opening}: {value} nats a row, where the shares of the classes alone cost {guess}; try another family."
    opening = f"{ranks}, but its probabilities are not" if ranks else "Not"
    cost = f"which cost {guess} nats a row: found {value}"
    return f"{opening} to be told from guessing by the shares of the classes, {cost}."


def _row(score: Score) -> tuple[str, ...]:
    interval = f"{number(score.low)} … {number(score.high)}" if is_known(score.low) else ""
    return score.name, number(score.value), interval, number(score.ceiling), number(score.floor), drawn(score)


def drawn(score: Score) -> str:
    """How far from the trivial guess to the best possible, e.g. `●●●●○`."""
    span = score.floor - score.ceiling
    is_backwards = span < 0 if score.direction == "higher" else span > 0  # trivial guesses are calibrated
    if not all(map(is_known, (score.value, span))) or abs(span) < 1e-9 or is_backwards:
        return ""
    way = min(max((score.value - score.ceiling) / span, 0.0), 1.0)
    full = round(STEPS * way)
    return "●" * full + "○" * (STEPS - full)
