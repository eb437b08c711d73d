"""Neural families through the whole path: fit, keep, go on, save, load, draw."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import genwright as gw
from genwright.core.errors import ConfigError, GenwrightError, RunError, UnknownNameError
from genwright.training.checkpoint import read, write
from tests.tables import customers, dependent

SMALL: dict[str, Any] = {"n_hidden": 16, "latent_dim": 3, "checkpoint_seconds": 0.0, "n_evaluations": 6}


class Killed(BaseException):
    """Stands for a kill."""


def _kill_at(n: int):  # type: ignore[no-untyped-def]
    def progress(done: float, line: str) -> None:
        if line.startswith(f"step {n} "):
            raise Killed

    return progress


def test_a_vae_learns_mixed_columns_and_comes_back_from_disk(tmp_path: Path) -> None:
    frame = customers(600)
    run = gw.fit(frame, "vae", settings=SMALL, steps=60, judge=False, out=tmp_path / "run")
    rows = run.sample(50, seed=3)
    assert list(rows.columns) == list(frame.columns)
    assert run.artefact.facts["n_steps"] == 60
    assert [line["step"] for line in run.artefact.log] == list(range(0, 61, 10))
    again = gw.load(tmp_path / "run")
    assert again.sample(50, seed=3).equals(rows)
    np.testing.assert_array_equal(again.log_prob(frame), run.log_prob(frame))
    assert not (tmp_path / "run.checkpoint").exists()


def test_a_killed_fit_goes_on_without_being_told_again(tmp_path: Path) -> None:
    frame, out = customers(300), tmp_path / "run"
    settings = {**SMALL, "beta": 0.5}
    whole = gw.fit(frame, "vae", settings=settings, steps=30, seed=4, judge=False)
    with pytest.raises(Killed):
        gw.fit(frame, "vae", settings=settings, steps=30, seed=4, judge=False, out=out, progress=_kill_at(15))
    assert (tmp_path / "run.checkpoint").exists()
    run = gw.fit(frame, resume=True, judge=False, out=out)
    assert run.artefact.model_name == "vae"
    assert run.sample(100).equals(whole.sample(100))
    assert not (tmp_path / "run.checkpoint").exists()


def test_a_fit_that_goes_on_tells_what_it_leaves_out(tmp_path: Path) -> None:
    frame = customers(100).assign(review=[f"a plain room with a view of the sea, number {i}" for i in range(100)])
    asked: dict[str, Any] = {"settings": SMALL, "steps": 6, "judge": False, "out": tmp_path / "run"}
    with pytest.raises(Killed):
        gw.fit(frame, "vae", **asked, progress=_kill_at(2))
    run = gw.fit(frame, resume=True, judge=False, out=tmp_path / "run")
    note = "vae does not model text: 'review' left out, which comes back empty"
    assert run.artefact.facts["notes"].count(note) == 1
    assert note in (tmp_path / "run" / "README.md").read_text()


def test_a_seed_of_numpys_is_kept_as_a_plain_one(tmp_path: Path) -> None:
    asked: dict[str, Any] = {"steps": 2, "judge": False, "checkpoint": tmp_path / "c"}
    gw.fit(customers(100), "vae", settings=SMALL, seed=np.int64(3), held_out=np.float32(0.25), **asked)
    assert (read(tmp_path / "c").identity["seed"], read(tmp_path / "c").identity["held_out"]) == (3, 0.25)
    gw.fit(customers(100), seed=3, held_out=0.25, resume=True, judge=False, checkpoint=tmp_path / "c")


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"seed": 9}, "seed was 4, is 9"),
        ({"seed": 0}, "seed was 4, is 0"),  # said, though usual
        ({"held_out": 0.2}, "held_out was 0.3, is 0.2"),
        ({"given": ()}, r'given was \["region"\], is \[\]'),
        ({"model": "gan"}, "model was vae, is gan"),
        ({"settings": {"beta": 1.0}}, "settings was"),
        ({"settings": {"batch_size": 64}}, "training was"),
        ({"steps": 31}, "budget was"),
        ({"data": customers(301)}, "data was"),
    ],
)
def test_a_fit_does_not_go_on_as_another(tmp_path: Path, other: dict, says: str) -> None:
    asked: dict[str, Any] = {"settings": {**SMALL, "beta": 0.5}, "steps": 30, "seed": 4, "held_out": 0.3}
    asked |= {"given": "region", "judge": False, "out": tmp_path / "run"}
    with pytest.raises(Killed):
        gw.fit(customers(300), "vae", **asked, progress=_kill_at(10))
    with pytest.raises(RunError, match=says):
        gw.fit(**{"data": customers(300), "resume": True, "judge": False, "out": tmp_path / "run", **other})


def test_a_fit_goes_on_with_its_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame, out, settings = customers(300), tmp_path / "run", {**SMALL, "threads": 2}
    with pytest.raises(Killed):
        gw.fit(frame, "vae", settings=settings, steps=30, judge=False, out=out, progress=_kill_at(10))
    seen: list[int] = []
    monkeypatch.setattr("genwright.training.loop._threads", lambda n: seen.append(n) or nullcontext())
    gw.fit(frame, "auto", settings={"patience": 10}, resume=True, judge=False, out=out)
    assert seen == [2]


def test_a_fit_is_kept_as_often_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`checkpoint_seconds` 0, at every evaluation; another one may be said."""
    frame, asked = customers(300), {"steps": 30, "judge": False, "out": tmp_path / "run"}
    with pytest.raises(Killed):
        gw.fit(frame, "vae", settings=SMALL, **asked, progress=_kill_at(10))
    n_kept: list[Any] = []
    monkeypatch.setattr("genwright.training.loop.write", lambda *found: n_kept.append(found))
    gw.fit(frame, resume=True, judge=False, checkpoint=tmp_path / "run.checkpoint")
    assert len(n_kept) == 5
    gw.fit(
        frame, settings={"checkpoint_seconds": 9e9}, resume=True, judge=False, checkpoint=tmp_path / "run.checkpoint"
    )
    assert len(n_kept) == 6  # at its end


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nothing to resume"):
        gw.fit(customers(100), resume=True, out=tmp_path / "run")
    with pytest.raises(ConfigError, match="out="):
        gw.fit(customers(100), resume=True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"model": "vae", "settings": {"latent_dim": 0}}, "latent_dim = 0"),
        ({"model": "vae", "settings": {"latent_dims": 4}}, "did you mean latent_dim"),
        ({"model": "vae", "settings": {"batch_sizes": 4}}, "did you mean batch_size"),
        ({"model": "gan", "settings": {"tau": 0}}, "tau = 0"),
        ({"model": "vae", "minutes": 1, "steps": 2}, "not both"),
        ({"model": "vae", "minutes": 1e-9}, "too short for one step"),
        ({"model": "trees", "steps": 5}, "learns in one go"),
        ({"model": "trees", "settings": {"batch_size": 5}}, "batch_size"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: dict, says: str) -> None:
    with pytest.raises(GenwrightError, match=says):
        gw.fit(customers(100), judge=False, **arguments)


def test_minutes_do_not_disturb_a_family_that_learns_in_one_go() -> None:
    assert gw.fit(dependent(100), "marginals", minutes=1.0, judge=False).sample(2).shape == (2, 3)


def test_a_fit_does_not_go_on_with_another_version(tmp_path: Path) -> None:
    place = tmp_path / "run.checkpoint"
    asked: dict[str, Any] = {"judge": False, "out": tmp_path / "run"}
    with pytest.raises(Killed):
        gw.fit(customers(300), "vae", settings=SMALL, steps=30, **asked, progress=_kill_at(10))
    was = read(place)
    own = was.identity["versions"]
    others = {"torch": "1.13.1", "genwright": "0.0.9"}
    write(place, replace(was, identity={**was.identity, "versions": {**own, **others}}))
    now = {name: own[name] for name in own if name in others}
    with pytest.raises(RunError) as told:
        gw.fit(customers(300), resume=True, **asked)
    for name, version in others.items():
        assert f'"{name}": "{version}"' in str(told.value)
        assert f'"{name}": "{now[name]}"' in str(told.value)
    assert '"numpy"' not in str(told.value)  # which is the same
    write(place, was)
    gw.fit(customers(300), resume=True, **asked)


def test_the_loss_of_neural_families_is_told_on_the_card(tmp_path: Path) -> None:
    gw.fit(
        dependent(400),
        "vae",
        settings={**SMALL, "beta": 80.0, "warmup": 0.0},
        steps=120,
        judge=False,
        out=tmp_path / "r",
    )
    card = (tmp_path / "r" / "README.md").read_text()
    assert "Posterior collapse" in card


def test_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="vae"):
        gw.fit(dependent(50), "vea")


@pytest.mark.parametrize("model", ["vae", "gan", "trees"])
def test_a_column_that_is_always_given_is_met_exactly(model: str, tmp_path: Path) -> None:
    frame = dependent(600)
    budget = {} if model == "trees" else {"steps": 250}
    run = gw.fit(frame, model, given="c", judge=False, out=tmp_path / "run", **budget)  # the last column
    drawn = gw.load(tmp_path / "run").draw("c = 'z'")
    rows = next(drawn.tables(300)).to_pandas()
    assert (rows["c"] == "z").all()
    assert drawn.acceptance == 1.0  # nothing was thrown away
    free = run.sample(2_000)
    shares = [f["c"].value_counts(normalize=True).sort_index().to_numpy() for f in (free, frame)]
    assert np.abs(shares[0] - shares[1]).max() < 5 * np.sqrt(0.25 / 500)
    assert (rows["b"] == "z").mean() > (free["b"] == "z").mean() + 0.15


@pytest.mark.parametrize("model", ["vae", "gan"])
def test_columns_that_are_always_given_are_drawn_together(model: str, tmp_path: Path) -> None:
    frame = dependent(600).assign(d=lambda f: f["a"].str.upper())
    gw.fit(frame, model, given=["a", "d"], steps=2, held_out=0, judge=False, out=tmp_path / "run")
    run = gw.load(tmp_path / "run")
    assert (run.sample(2_000).eval("a.str.upper() == d")).mean() > 0.98  # a third where they are independent
    fixed = run.draw("d = 'Z'")
    assert (next(fixed.tables(500)).to_pandas()["a"] == "z").mean() > 0.98
    assert fixed.acceptance == 1.0


def test_the_likelihood_of_a_row_counts_what_is_given() -> None:
    """Σ exp(bound) over all rows stays below 1, which it would not without p(given)."""
    frame = dependent(600)
    run = gw.fit(frame, "vae", given=["a"], steps=200, judge=False)
    grid = pd.MultiIndex.from_product([list("xyz")] * 3, names=list("abc")).to_frame(index=False)
    total = np.exp(run.log_prob(grid)).sum()
    assert 0.8 < total < 1.02


@pytest.mark.parametrize(
    ("given", "says"),
    [("d", "no d in"), (["a", "b", "c"], "leave one"), ("customer_id", "cannot be given")],
)
def test_columns_that_cannot_be_given(given: Any, says: str) -> None:
    frame = customers(100) if given == "customer_id" else dependent(100)
    with pytest.raises(GenwrightError, match=says):
        gw.fit(frame, "vae", given=given, steps=1, judge=False)


def test_an_unfinished_training_is_not_overwritten_by_mistake(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(Killed):
        gw.fit(customers(300), "vae", settings=SMALL, steps=30, judge=False, out=out, progress=_kill_at(10))
    with pytest.raises(RunError, match="a training whose run was not saved"):
        gw.fit(customers(300), "vae", settings=SMALL, steps=30, judge=False, out=out)
    gw.fit(customers(300), "trees", judge=False, out=out, overwrite=True)
    assert not (tmp_path / "run.checkpoint").exists()


def test_a_gan_that_hardly_saw_the_rows_is_told() -> None:
    run = gw.fit(dependent(400), "gan", steps=2, judge=False)
    assert any(note.startswith("Not converged") for note in run.artefact.facts["notes"])


def test_a_fit_that_the_clock_cut_off_says_how_long_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genwright.training.budget.seconds_a_step", lambda step: step(0) or 1e-3)
    monkeypatch.setattr("genwright.training.loop.OVERRUN", 0.0)
    facts = gw.fit(dependent(200), "vae", minutes=0.2 / 60, judge=False).artefact.facts
    assert (facts["n_steps"], facts["steps"], facts["n_planned"]) == (4, 4, 200)
    assert facts["notes"][0] == "Ended at step 4 of 200: the minutes were used up."
    again = gw.fit(dependent(200), "vae", steps=facts["steps"], judge=False).artefact.facts
    assert (again["n_steps"], again["steps"]) == (4, 4)
    assert "n_planned" not in again


@pytest.mark.parametrize("budget", [{"steps": True}, {"steps": "100"}, {"minutes": "1"}, {"steps": float("nan")}])
def test_odd_budgets_are_refused(budget: dict) -> None:
    with pytest.raises(ConfigError, match="expected"):
        gw.fit(dependent(50), "vae", judge=False, **budget)
