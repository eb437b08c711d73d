import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from genwright.core.errors import DataError, UnsupportedError
from genwright.judges.likelihood import Likelihood
from tests.judges.text_worlds import text_world
from tests.judges.worlds import KIND, MISSING, NO_DEBT, SLOPE, SPREAD, world


def test_the_truth_scores_its_entropy() -> None:
    """H = H(size) + H(weight | size) + H(debt) + E h(is_old) + E H(kind | is_old), in nats."""

    def h(*p: float) -> float:
        return -sum(x * math.log(x) for x in p)

    z = torch.linspace(-8, 8, 20_001, dtype=torch.float64)
    p_old = torch.sigmoid(2 * z)
    density = torch.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    old = torch.trapezoid(density * -(p_old * p_old.log() + (1 - p_old) * (1 - p_old).log()), z).item()
    gauss = 0.5 * math.log(2 * math.pi * math.e)
    expected = (
        *(gauss, h(MISSING, 1 - MISSING) + (1 - MISSING) * (gauss + math.log(SPREAD))),
        *(h(NO_DEBT, 1 - NO_DEBT) + (1 - NO_DEBT) * 1.0, old, np.mean([h(*row.tolist()) for row in KIND])),
    )
    assert math.isclose(SLOPE**2 + SPREAD**2, 1)
    found = {s.name: s for s in Likelihood().scores(world(n_held_out=4000))}["likelihood.nats"]
    error = (found.high - found.low) / 3.92
    assert abs(found.value - sum(expected)) < 4 * error
    assert found.ceiling > found.value + 10 * error


def test_bits_are_nats_a_column() -> None:
    nats, bits = Likelihood().scores(world())
    for a, b in ((nats.value, bits.value), (nats.low, bits.low), (nats.floor, bits.floor)):
        assert b == pytest.approx(a / (5 * math.log(2)))


def test_a_bound_is_called_one() -> None:
    assert [s.name for s in Likelihood().scores(replace(world(), is_bound=True))] == [
        "likelihood.nats_bound",
        "likelihood.bits_bound",
    ]


def test_models_without_likelihood_have_no_score() -> None:
    evidence = replace(world(), log_prob=None)
    assert Likelihood().scores(evidence) == []
    with pytest.raises(UnsupportedError, match="no likelihood"):
        Likelihood().measure(evidence.fake, evidence)


def test_texts_alone_are_told_per_character_instead() -> None:
    assert Likelihood().scores(text_world(20, 20)) == []


def test_an_impossible_row_costs_everything_and_is_counted() -> None:
    evidence = replace(world(), log_prob=lambda rows: torch.where(rows["kind"] == 3, -torch.inf, -1.0))
    found = Likelihood().measure(evidence.fake, evidence)["nats"]
    assert found.value == math.inf
    assert found.details["n_impossible"] == int((evidence.held_out["kind"] == 3).sum())


def test_a_likelihood_that_is_no_number_is_an_error() -> None:
    evidence = replace(world(), log_prob=lambda rows: rows["weight"])
    with pytest.raises(DataError, match="not a number"):
        Likelihood().scores(evidence)
