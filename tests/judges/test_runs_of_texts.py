"""Runs of texts are judged as texts, on as many draws as their length allows."""

import numpy as np
import pandas as pd
import pytest

from genwright.core import lengths
from genwright.pipeline import fit
from genwright.runs import run as runs
from genwright.runs.run import Run

SURPRISE = {"bits_per_char", "perplexity.token", "perplexity.word"}
TEXT = {"text_detectability.unseen", "text_detectability.seen", "diversity.distinct_2", "copied_text.share"}


def sentences(n: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    words = np.array(["the", "cat", "dog", "sat", "ran", "home", "on", "mat", "under", "moon"])
    return [" ".join(words[rng.integers(0, 10, rng.integers(5, 12))]) + "." for _ in range(n)]


@pytest.fixture(scope="module")
def run() -> Run:
    table = pd.DataFrame({"text": sentences(200), "kind": ["a", "b"] * 100})
    return fit(table, "marginals", kinds={"text": "text"}, judge=False)


def test_texts_and_other_columns_are_judged_each_by_its_own(run: Run) -> None:
    found = {score.name: score for score in run.judge()}
    assert {*found} >= SURPRISE | TEXT | {"marginals", "likelihood.nats"}
    assert not [name for name in found if name.startswith(("near_copies", "membership", "detectability"))]
    assert "the surprise at kind is in it" in found["bits_per_char"].protocol
    assert found["bits_per_char"].value == pytest.approx(found["bits_per_char"].ceiling)  # it is the trivial model
    assert run.artefact.facts["notes"] == []


def test_long_texts_are_drawn_less_often_and_protocols_say_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lengths.affordable_rows, "__defaults__", (100, 25))
    found = run.judge(judges="diversity", max_rows=500)
    assert {score.n for score in found} == {25}
    assert all("; 25 rows were drawn" in score.protocol for score in found)
    assert "were drawn" not in run.judge(judges="diversity", max_rows=20)[0].protocol


def test_training_rows_fit_into_memory(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    places = run.artefact.codec.space["text"].support.length
    monkeypatch.setattr(runs, "TRAIN_PLACES", 60 * places)
    assert "in 60 training texts" in run.judge(judges="copied_text")[0].protocol
