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


@pytest.mark.parametrize("said", [{}, {"model": "gpt"}])
def test_a_killed_fit_that_goes_on_is_compared_as_well(text: Path, tmp_path: Path, said: dict[str, str]) -> None:
    def kill(done: float, line: str) -> None:
        if line.startswith("step 2 "):
            raise SystemExit  # stands for a kill

    out, settings = tmp_path / "run", {**SMALL, "n_evaluations": 2, "checkpoint_seconds": 0}
    with pytest.raises(SystemExit):
        fit(text, settings=settings, steps=4, judge=False, out=out, progress=kill)
    run, whole = (
        fit(text, resume=True, judge=False, out=out, **said),
        fit(text, settings=settings, steps=4, judge=False),
    )
    assert run.artefact.model_name == whole.artefact.model_name == "ngram"
    assert [run.artefact.facts[key] for key in ("why", "notes")] == [whole.artefact.facts[k] for k in ("why", "notes")]
    assert run.sample(3).equals(whole.sample(3))


def test_a_network_is_kept_where_it_is_asked_for(text: Path) -> None:
    run = fit(text, "gpt", settings=SMALL, steps=2, judge=False)
    assert run.artefact.model_name == "gpt"
    assert run.artefact.facts["why"] == "asked for"
