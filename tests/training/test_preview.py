"""A glimpse of what is being learnt."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

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


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("model", ["gpt", "rnn"])
def test_weights_that_run_away_cost_no_fit(model: str, tmp_path: Path) -> None:
    """What they draw is nothing to look at; the first weights are the best, and those are kept."""
    path = tmp_path / "a.txt"
    path.write_text("abc abc abd. " * 400)
    settings = {"learning_rate": 1e30, "lr_warmup": 0.0, "n_evaluations": 1}
    run = fit(path, model, settings=settings, steps=1, judge=False)
    assert run.artefact.facts["n_steps"] == 1
    assert all(torch.isfinite(x).all() for x in run.model.state().values())
    assert run.sample(2).shape == (2, 1)


@pytest.mark.parametrize("given", ["image", "items"])
def test_nothing_is_drawn_where_it_must_be_told_what(given: str) -> None:
    """Captions of pictures and sentences about lists can be learnt; no draw tells how far they are."""
    texts = [f"number {i} is {'even' if i % 2 == 0 else 'odd'}" for i in range(40)]
    what = {"image": list(np.full((40, 4, 4), 7, np.uint8)), "items": [[str(i), str(i % 3)] for i in range(40)]}
    frame = pd.DataFrame({given: what[given], "text": texts})
    settings = {"n_layers": 1, "width": 16, "n_heads": 2, "n_evaluations": 2}
    run = fit(frame, "gpt", given=given, kinds={"text": "text"}, settings=settings, steps=4, judge=False)
    assert run.artefact.facts["n_steps"] == 4
    assert not any("drawn" in line for line in run.artefact.log)
    assert np.isfinite(run.log_prob(frame)).all()
