"""auto keeps the family of texts that foretells unseen rows better."""

from pathlib import Path

import pytest

from genwright.pipeline import fit

SMALL = {"n_layers": 1, "width": 16, "n_heads": 2, "context": 16}


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    path.write_text("".join(f"{i} bottles of beer for {i % 7} men.\n" for i in range(900)))
    return path


def test_n_grams_are_kept_where_a_network_has_learnt_little(text: Path) -> None:
    run = fit(text, settings=SMALL, steps=2, judge=False)
    assert run.artefact.model_name == "ngram"
    assert "gpt" in run.artefact.facts["why"]
    assert "nats a token" in run.artefact.facts["why"]
    assert any("gpt learnt less in 2 steps" in note for note in run.artefact.facts["notes"])
    assert run.artefact.log == []
    assert "steps" not in run.artefact.facts


def test_a_network_is_kept_where_it_is_asked_for(text: Path) -> None:
    run = fit(text, "gpt", settings=SMALL, steps=2, judge=False)
    assert run.artefact.model_name == "gpt"
    assert run.artefact.facts["why"] == "asked for"
