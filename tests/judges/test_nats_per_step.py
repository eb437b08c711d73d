import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch

from genwright.core.errors import DataError, UnsupportedError
from genwright.core.judge import Evidence
from genwright.core.space import Category, Field, Space, Vectors
from genwright.core.statistics import Z95
from genwright.judges.nats_per_step import NatsPerStep
from tests.judges.text_worlds import LENGTH, SPACE, chain, draw, sequence_world, text_world
from tests.judges.worlds import world

STEPS = Space({"series": Field(Vectors(4, 2), (4, 2))})


def series(*lengths: int) -> dict[str, torch.Tensor]:
    """Sequences of zeros; +∞ stands behind the last step."""
    x = torch.full((len(lengths), 4, 2), math.inf, dtype=torch.float64)
    for row, n in zip(x, lengths, strict=True):
        row[:n] = 0.0
    return {"series": x}


def of_series(rows: dict[str, torch.Tensor], log_prob: list[float]) -> Evidence:
    known = lambda rows: torch.tensor(log_prob).double()  # noqa: E731
    return Evidence(STEPS, rows, rows, rows, rows, known, known)


def test_equals_the_sum_by_hand() -> None:
    rows = draw(7, 5)
    total, n_steps = 0.0, 0
    for row in rows["text"].tolist():
        before = 1  # the end is also the start
        for code in [c for c in row if c]:
            total -= math.log(chain()[before, code])
            n_steps += code != 1  # what closes a sequence is paid for and is no step
            before = code
    evidence = replace(sequence_world(10, 10), held_out=rows, train=rows)
    found = NatsPerStep().measure(evidence.fake, evidence)
    assert found[""].value == pytest.approx(total / n_steps)


def test_the_chains_own_entropy_lies_in_the_interval() -> None:
    """−log p of a row, over its steps: of n rows the ratio has the standard error of its linearisation."""
    evidence = sequence_world(10, 1_500, seed=3)
    found = NatsPerStep().measure(evidence.fake, evidence)[""]
    many = draw(20_000, 77)
    assert evidence.log_prob is not None
    n_steps = (many["text"] > 1).sum(1).double()
    truth = float(-evidence.log_prob(many).sum() / n_steps.sum())
    assert abs(found.value - truth) < 4 * (found.high - found.low) / (2 * Z95)
    assert found.n == min(1_500, 2_000)
    assert found.high - found.low < 0.2


def test_steps_of_vectors_are_counted() -> None:
    rows = series(4, 2, 0)
    found = NatsPerStep().measure(rows, of_series(rows, [-8.0, -3.0, -1.0]))[""]
    assert found.value == pytest.approx(12 / 6)
    assert len(NatsPerStep().scores(of_series(rows, [-8.0, -3.0, -1.0]))) == 1


def test_one_sequence_has_no_interval() -> None:
    rows = series(3)
    found = NatsPerStep().measure(rows, of_series(rows, [-6.0]))[""]
    assert (found.value, found.low, found.high) == (2.0, -math.inf, math.inf)


def test_an_impossible_sequence_costs_everything() -> None:
    rows = series(2, 2)
    found = NatsPerStep().measure(rows, of_series(rows, [-6.0, -math.inf]))[""]
    assert (found.value, found.details) == (math.inf, {"n_impossible": 1})


def test_a_bound_says_so() -> None:
    evidence = replace(sequence_world(50, 50), is_bound=True, bound_name="elbo")
    assert [s.name for s in NatsPerStep().scores(evidence)] == ["nats_per_step.bound"]
    assert "a bound of the log-likelihood (elbo)" in NatsPerStep().protocol(evidence)


def test_what_stands_beside_is_said_and_what_is_given_is_taken_away() -> None:
    space = Space({**SPACE, "tag": Field(Category(2))})
    rows = draw(40, 5) | {"tag": torch.zeros(40, dtype=torch.int64)}
    evidence = replace(sequence_world(40, 40), space=space, held_out=rows, train=rows)
    assert "the surprise at tag is in it" in NatsPerStep().protocol(evidence)
    plain = NatsPerStep().measure(rows, evidence)[""].value
    given = replace(evidence, given=("tag",), given_log_prob=lambda rows: torch.full((40,), -2.0))
    n_steps = float((rows["text"] > 1).sum())
    assert NatsPerStep().measure(rows, given)[""].value == pytest.approx(plain - 2 * 40 / n_steps)


def test_silent_where_there_is_nothing_to_measure() -> None:
    assert NatsPerStep().scores(text_world(20, 20)) == []  # texts have bits a character
    assert NatsPerStep().scores(world()) == []
    assert not NatsPerStep.sees(world().space)
    assert NatsPerStep().scores(replace(sequence_world(20, 20), log_prob=None)) == []


def test_what_cannot_be_measured_is_said() -> None:
    evidence = sequence_world(20, 20)
    with pytest.raises(UnsupportedError, match="no likelihood"):
        NatsPerStep().measure(evidence.fake, replace(evidence, log_prob=None))
    nothing = {"text": torch.from_numpy(np.tile([1] + [0] * (LENGTH - 1), (3, 1)))}
    with pytest.raises(DataError, match="0 steps"):
        NatsPerStep().measure(evidence.fake, replace(evidence, held_out=nothing))


def test_sequences_are_lists_and_no_texts() -> None:
    assert pa.types.is_list(sequence_world(5, 5).records(draw(3, 1)).column("text").type)  # type: ignore[misc]


def test_a_missing_sequence_has_no_steps() -> None:
    rows = draw(5, 5)
    alone = replace(sequence_world(10, 10), held_out=rows, train=rows)
    more = {"text": torch.cat([rows["text"], torch.zeros_like(rows["text"][:4])])}
    known = alone.log_prob
    assert known is not None

    def log_prob(batch: dict[str, torch.Tensor]) -> torch.Tensor:
        is_known = (batch["text"] != 0).any(1)
        return torch.where(is_known, known(batch), 0.0)

    both = replace(alone, held_out=more, log_prob=log_prob)
    found = [NatsPerStep().measure(e.fake, e)[""].value for e in (alone, both)]
    assert found[1] == pytest.approx(found[0])
