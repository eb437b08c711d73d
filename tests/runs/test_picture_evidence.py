"""What a run keeps of judging pictures, and how many it looks at."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import genwright as gw
from genwright.core.errors import RunError
from genwright.core.space import Category, Field, Pixels, Space
from genwright.runs import picture_evidence
from genwright.runs.folder import FEATURES
from genwright.runs.run import Run
from tests.judges.picture_worlds import digits

SEEING = ["frechet", "precision_recall", "picture_copies"]


@pytest.fixture(autouse=True)
def _fakes() -> None:
    """The real models, not this folder's fakes."""


def frame(n: int = 260) -> pd.DataFrame:
    rows = digits()
    pictures = list((rows["picture"][:n, 0] * 15).numpy())
    return pd.DataFrame({"image": pictures, "label": [f"c{c}" for c in rows["label"][:n].tolist()]})


@pytest.fixture(scope="module")
def run() -> Run:
    fitted = gw.fit(frame(), model="marginals", judge=False)
    fitted.judge(judges=SEEING)
    return fitted


def test_scores_after_loading_are_those_of_before(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    again = gw.load(run.save(tmp_path / "run"))
    assert (tmp_path / "run" / FEATURES).exists()
    monkeypatch.setattr("genwright.nn.picture_features.PictureFeatures.fit", None)  # they are not learnt again
    rows = frame(300)[260:]
    before, after = ([s.to_json() for s in r.judge(rows, frame(), judges=SEEING)] for r in (run, again))
    assert before == after
    assert len(after) == 9


def test_features_of_other_rows_do_not_stay(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = run.artefact.features
    monkeypatch.setattr(run.artefact, "features", None)
    monkeypatch.setattr("genwright.runs.run.learnt", lambda train, shared: kept)
    run.judge(train=frame(100), judges="frechet", max_rows=20)
    assert run.artefact.features is None
    run.judge(judges="frechet", max_rows=20)
    assert run.artefact.features is kept


def test_features_of_another_network_are_learnt_anew(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = run.artefact.features
    assert kept is not None
    other = {key: x[:1] if key.endswith("weight") else x for key, x in kept.items()}
    monkeypatch.setattr(run.artefact, "features", other)
    assert run.judge(judges="frechet", max_rows=20)
    assert run.artefact.features is not None
    assert all(torch.equal(x, kept[key]) for key, x in run.artefact.features.items())


def test_damaged_features_are_told(run: Run, tmp_path: Path) -> None:
    path = run.save(tmp_path / "run") / FEATURES
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(RunError, match=FEATURES):
        gw.load(path.parent)


def test_the_closest_pair_is_found_again_by_its_number(run: Run) -> None:
    score = next(s for s in run.judge(judges="picture_copies") if s.name == "picture_copies.exact")
    assert run.train is not None
    for pair in score.details["closest"]:
        assert 0 <= pair["row"] < len(run.train)
        assert pair["row"] == pair["train"]  # all training rows are looked at


def test_two_thousand_are_drawn_unless_asked_for_more(run: Run) -> None:
    drawn: list[int] = []
    for n in (None, 30):
        found = run.judge(judges="picture_copies", max_rows=n)
        drawn.append(found[0].n)
    assert drawn == [2_000, 30]


def test_runs_on_equal_rows_share_features(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    shared: dict[Any, Any] = {}
    assert run.train is not None
    first = picture_evidence.learnt(run.train, shared)
    monkeypatch.setattr("genwright.nn.picture_features.PictureFeatures.fit", None)
    assert picture_evidence.learnt(run.train, shared) is first
    kept = run.artefact.features
    assert kept is not None
    assert all(torch.equal(x, kept[key]) for key, x in first.items())


def test_large_pictures_are_fewer() -> None:
    space = Space({"a": Field(Pixels(), (3, 64, 64)), "b": Field(Category(2))})
    assert picture_evidence.row_pixels(space) == 3 * 64 * 64
    assert picture_evidence.most_train(space) == 10_000
    assert picture_evidence.most_train(Space({"a": Field(Pixels(), (3, 512, 512))})) == 254
    assert np.isclose(picture_evidence.row_pixels(Space({"b": space["b"]})), 0)
