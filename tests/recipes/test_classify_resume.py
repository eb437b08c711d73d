"""A classifier's training that was killed goes on, and a schema may be handed over."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import genwright as gw
from genwright.core.errors import ConfigError, RunError
from genwright.core.model import Progress
from genwright.core.registry import CLASSIFIERS
from genwright.core.schema import Schema
from genwright.data.infer import infer
from genwright.data.read import read
from tests.recipes.test_classify import flowers

SMALL: dict[str, Any] = {"checkpoint_seconds": 0.0, "n_evaluations": 5}
NETS = {"mlp": {"hidden": (8,)}, "convnet": {"width": 2, "hidden": (8,)}}


class Killed(BaseException):
    """Stands for a kill."""


def kill_at(n: int) -> Progress:
    def progress(done: float, line: str) -> None:
        if line.startswith(f"step {n} "):
            raise Killed

    return progress


def data_of(name: str) -> tuple[Any, str]:
    if name == "mlp":
        return flowers(160), "kind"
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 80)
    pictures = (rng.random((80, 8, 8)) * 100 + 100 * y[:, None, None]).astype(np.uint8)
    return pd.DataFrame({"image": list(pictures), "kind": np.array(["dark", "bright"])[y]}), "kind"


@pytest.mark.parametrize("name", NETS)
def test_a_killed_training_ends_with_the_same_bits(name: str, tmp_path: Path) -> None:
    data, target = data_of(name)
    settings, out = {**SMALL, **NETS[name]}, tmp_path / "run"
    asked: dict[str, Any] = {"settings": settings, "steps": 20, "seed": 3, "held_out": 0.25}
    whole = gw.classify(data, target, name, **asked, judge=False)
    with pytest.raises(Killed):
        gw.classify(data, target, name, **asked, judge=False, out=out, progress=kill_at(12))
    assert (tmp_path / "run.checkpoint").exists()
    with pytest.raises(RunError, match="holds a training whose run was not saved"):
        gw.classify(data, target, name, out=out)
    run = gw.classify(data, target, resume=True, judge=False, out=out)
    assert (run.artefact.model_name, run.artefact.seed, run.artefact.facts["held_out"]) == (name, 3, 0.25)
    assert run.artefact.facts["n_steps"] == 20
    pd.testing.assert_frame_equal(run.predict_proba(data), whole.predict_proba(data), check_exact=True)
    assert not (tmp_path / "run.checkpoint").exists()


def test_why_it_was_chosen_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genwright.recipes.classify.choose_classifier", lambda *_: ("mlp", "chosen for a test"))
    asked: dict[str, Any] = {"steps": 4, "judge": False, "out": tmp_path / "run"}
    with pytest.raises(Killed):
        gw.classify(flowers(), "kind", **asked, progress=kill_at(2))
    run = gw.classify(flowers(), "kind", resume=True, judge=False, out=tmp_path / "run")
    assert (run.artefact.model_name, run.artefact.facts["why"]) == ("mlp", "chosen for a test")


def test_another_fit_is_not_gone_on_with(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with pytest.raises(Killed):
        gw.classify(
            flowers(), "kind", "mlp", settings=SMALL, steps=20, judge=False, checkpoint=kept, progress=kill_at(12)
        )
    for words, what in (
        ({"target": "colour"}, "target was kind, is colour"),
        ({"seed": 4}, "seed was 0, is 4"),
        ({"data": flowers(200, seed=1)}, "data was"),
    ):
        asked = {"data": flowers(), "target": "kind", **words}
        with pytest.raises(RunError, match=what):
            gw.classify(**asked, checkpoint=kept, resume=True, judge=False)


@pytest.mark.parametrize("name", [n for n in CLASSIFIERS.names() if n not in NETS])
def test_what_is_learnt_in_one_go_has_nothing_to_resume(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"{name} has nothing to resume: only networks"):
        gw.classify(flowers(), "kind", name, out=tmp_path / "run", resume=True)


def test_there_must_be_something_to_resume(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nothing to resume"):
        gw.classify(flowers(), "kind", out=tmp_path / "run", resume=True)
    with pytest.raises(ConfigError, match="resume needs the folder"):
        gw.classify(flowers(), "kind", "mlp", resume=True)
    run = gw.fit(flowers(60), "bayes_net", judge=False)
    with pytest.raises(ConfigError, match="bayes_rule on a fitted run has nothing to resume"):
        gw.classify(run, "kind", out=tmp_path / "run", resume=True)


def test_a_schema_says_what_columns_are() -> None:
    inferred, _ = infer(read(flowers()), {"noise": "omitted", "size": "category"})
    run = gw.classify(flowers(), "kind", "logistic", schema=inferred, judge=False)
    assert run.columns == ["size", "colour"]
    assert run.schema["size"].kind == "category"
    again = gw.classify(flowers(), "kind", "logistic", schema=Schema.from_json(inferred.to_json()), judge=False)
    pd.testing.assert_frame_equal(run.predict_proba(flowers(40, 2)), again.predict_proba(flowers(40, 2)))
