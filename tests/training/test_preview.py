"""A glimpse of what is being learnt."""

from pathlib import Path

from genwright.pipeline import fit


def test_a_text_is_drawn_at_each_evaluation(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("abc abc abd. " * 400)  # a running text, which has no end
    told: list[str] = []
    settings = {"n_layers": 1, "width": 16, "n_heads": 2, "n_evaluations": 2}
    run = fit(path, "gpt", settings=settings, steps=4, judge=False, progress=lambda done, line: told.append(line))
    drawn = [line["drawn"] for line in run.artefact.log if "drawn" in line]
    assert len(drawn) == 2
    assert [line.partition("\n")[2] for line in told if "\n" in line] == drawn


def test_families_without_texts_show_nothing() -> None:
    run = fit("wine", "vae", steps=2, judge=False)
    assert not any("drawn" in line for line in run.artefact.log)
    assert run.artefact.facts["n_steps"] == 2
