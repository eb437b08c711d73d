import json
import math
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from genwright.core.errors import ConfigError, FitError
from genwright.core.space import Batch
from genwright.training.batches import divide
from genwright.training.budget import Budget
from genwright.training.config import TrainingConfig
from genwright.training.loop import train
from genwright.training.plan import Plan
from tests.training.worlds import Line, plan, small_vae, table, weights

ROOT = Path(__file__).parents[2]


def silent(done: float, line: str) -> None:
    pass


class Killed(BaseException):
    """Stands for a kill between two steps."""


def _killed_at(n: int):  # type: ignore[no-untyped-def]
    """A progress that kills at its n-th call."""
    calls = []

    def progress(done: float, line: str) -> None:
        calls.append(done)
        if len(calls) == n:
            raise Killed

    return progress


def test_the_held_out_loss_falls_and_the_best_weights_are_kept() -> None:
    model = small_vae()
    outcome = train(model, table(), plan(300), silent)
    held = {line["step"]: line["held_out"] for line in outcome.log}
    assert outcome.n_steps == 300
    assert held[outcome.best_step] == min(held.values()) < held[0] - 0.3
    assert outcome.notes == []


def test_equal_seeds_give_equal_weights() -> None:
    a, b, c = small_vae(), small_vae(), small_vae()
    for model, seed in ((a, 1), (b, 1), (c, 2)):
        train(model, table(), plan(30, seed=seed), silent)
    assert weights(a) == weights(b) != weights(c)


@pytest.mark.parametrize("n", [2, 5, 9, 10])
def test_a_killed_training_that_goes_on_ends_with_the_same_bits(tmp_path: Path, n: int) -> None:
    whole, path = small_vae(), tmp_path / "run.checkpoint"
    train(whole, table(), plan(60), silent)
    with pytest.raises(Killed):
        train(small_vae(), table(), plan(60, path), _killed_at(n))
    again, told = small_vae(), []
    outcome = train(again, table(), plan(60, path, resume=True), lambda done, line: told.append((done, line)))
    step = 6 * (n - 2)  # the last that was kept
    assert told[:2] == [(0.0, "going on"), (step / 60, f"going on from step {step} of 60")]
    assert weights(again) == weights(whole)
    assert [line["step"] for line in outcome.log] == list(range(0, 61, 6))


def test_a_finished_training_resumes_to_itself(tmp_path: Path) -> None:
    first, again, path = small_vae(), small_vae(), tmp_path / "c"
    train(first, table(), plan(20, path), silent)
    train(again, table(), plan(20, path, resume=True), silent)
    assert weights(first) == weights(again)


_SCRIPT = """
    import sys
    from pathlib import Path
    from genwright.training.loop import train
    from tests.training.worlds import plan, small_vae, table, weights

    path = Path(sys.argv[1])
    model = small_vae()
    train(model, table(), plan(1500, path, resume=path.exists(), n_evaluations=100), lambda d, l: None)
    print(weights(model))
"""


@pytest.mark.slow
def test_thirty_kills_and_the_same_bits(tmp_path: Path) -> None:
    """Each start is killed after a while by signal 9, until one comes to the end."""
    script = tmp_path / "train.py"
    script.write_text(textwrap.dedent(_SCRIPT))
    command = [sys.executable, str(script)]
    whole = subprocess.check_output([*command, str(tmp_path / "whole")], cwd=ROOT, env=_environment(), text=True)
    path, n_kills, ended = tmp_path / "killed", 0, ""
    while n_kills < 30 or not ended:
        process = subprocess.Popen(
            [*command, str(path)], cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, text=True
        )
        before = time.monotonic()
        while n_kills < 30 and process.poll() is None and not (path.exists() and path.stat().st_mtime_ns % 7 == 0):
            if time.monotonic() - before > 60:
                break
            time.sleep(0.003 * (1 + n_kills % 5))
        if n_kills < 30 and process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            n_kills += 1
        ended = process.communicate()[0]
        if ended and n_kills < 30:
            path.unlink()  # came to the end too early: once more from the beginning
            ended = ""
    assert ended == whole


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


_RANKS = """
    import os
    import sys
    from pathlib import Path
    from genwright.training.loop import train
    from tests.training.worlds import plan, small_vae, table, weights

    model = small_vae()
    outcome = train(model, table(), plan(40, shards=2), lambda d, l: None)
    told = f"{weights(model)} {outcome.log[-1]['held_out']}"
    (Path(sys.argv[1]) / f"rank-{os.environ['RANK']}").write_text(told)
"""


def test_two_processes_train_what_one_does(tmp_path: Path) -> None:
    script = tmp_path / "ranks.py"
    script.write_text(textwrap.dedent(_RANKS))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone"]
    command = [*torchrun, script, tmp_path]
    done = subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, text=True, timeout=240)
    ranks = [path.read_text().split() for path in sorted(tmp_path.glob("rank-*"))]
    assert len(ranks) == 2, done.stderr[-2000:]
    assert ranks[0] == ranks[1]
    alone = train(small_vae(), table(), plan(40, shards=2), silent)
    assert abs(float(ranks[0][1]) - alone.log[-1]["held_out"]) < 1e-5


def test_an_infinite_loss_is_rolled_back_and_told() -> None:
    model = Line(table(50).space, poison=1)
    outcome = train(model, table(), plan(60, learning_rate=0.1, ema=0.0, patience=0), silent)
    assert outcome.log[-1]["n_rollbacks"] == 1
    assert any("became infinite once" in note for note in outcome.notes)
    assert outcome.log[-1]["held_out"] < outcome.log[0]["held_out"]
    assert all(torch.isfinite(p).all() for p in model.net.parameters())


def test_a_loss_that_stays_infinite_fails_and_says_what_to_do(tmp_path: Path) -> None:
    """And leaves nothing to go on from, which would forbid the next try."""
    with pytest.raises(FitError, match="lower learning_rate"):
        train(Line(table(50).space, poison=10**9), table(), plan(60, tmp_path / "c"), silent)
    assert not (tmp_path / "c").exists()


def test_training_ends_early_when_the_held_out_loss_stops_falling(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "genwright")
    outcome = train(Line(table(50).space), table(), plan(2000, learning_rate=0.5, n_evaluations=50, patience=3), silent)
    assert outcome.n_steps == outcome.best_step + 3 * 40 < 2000
    told = f"ended early at step {outcome.n_steps:,} of 2,000: the held-out loss had not fallen since step"
    assert f"{told} {outcome.best_step:,}, whose weights are kept" in caplog.text
    caplog.clear()
    train(small_vae(), table(), plan(20), silent)
    assert "ended early" not in caplog.text


def test_ctrl_c_keeps_the_best_and_says_so() -> None:
    calls = []

    def progress(done: float, line: str) -> None:
        calls.append(line)
        if len(calls) == 5:
            raise KeyboardInterrupt

    outcome = train(small_vae(), table(), plan(100), progress)
    assert outcome.n_steps == 40
    assert outcome.notes[0].startswith("Stopped by hand at step 40 of 100")
    assert outcome.facts == {"n_steps": 40, "steps": 40, "n_planned": 100}


def test_minutes_become_steps_and_the_timed_steps_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genwright.training.loop.OVERRUN", float("inf"))  # however busy the machine becomes
    timed, counted = small_vae(), small_vae()
    config = plan().config
    outcome = train(timed, table(), Plan(config, Budget(minutes=0.02)), silent)
    train(counted, table(), Plan(config, Budget(steps=outcome.n_planned)), silent)
    assert weights(timed) == weights(counted)


def test_the_step_that_was_timed_is_not_in_the_log() -> None:
    timed = train(small_vae(), table(), Plan(plan().config, Budget(minutes=0.005)), silent)
    counted = train(small_vae(), table(), plan(5), silent)
    assert timed.log[0]["loss"] == counted.log[0]["loss"] == 0


def test_what_the_clock_cuts_off_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Timed at a thousand steps a second, and slower afterwards; that it was late at the last step is no cut."""
    monkeypatch.setattr("genwright.training.budget.seconds_a_step", lambda step: step(0) or 1e-3)
    monkeypatch.setattr("genwright.training.loop.OVERRUN", 0.0)
    cut = train(small_vae(), table(), Plan(plan().config, Budget(minutes=0.2 / 60)), silent)
    assert cut.cut_by == "clock"
    assert cut.facts == {"n_steps": 20, "steps": 20, "n_planned": 200}
    assert cut.notes[0] == "Ended at step 20 of 200: the minutes were used up."
    whole = train(small_vae(), table(), Plan(plan(n_evaluations=1).config, Budget(minutes=0.02 / 60)), silent)
    assert whole.facts == {"n_steps": 20, "steps": 20}
    assert not any("used up" in note for note in whole.notes)


def test_a_budget_too_short_for_a_step() -> None:
    with pytest.raises(FitError, match="too short for one step"):
        train(small_vae(), table(), Plan(budget=Budget(minutes=1e-9)), silent)


@pytest.mark.parametrize(
    ("budget", "says"),
    [
        ({"minutes": 1, "steps": 10}, "not both"),
        ({"minutes": 0}, "more than 0"),
        ({"minutes": float("nan")}, "more than 0"),
        ({"minutes": float("inf")}, "at most"),
        ({"minutes": 1e308}, "at most"),
        ({"minutes": 10**400}, "at most"),
        ({"steps": 0}, "whole number from 1"),
    ],
)
def test_budgets_that_make_no_sense(budget: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Budget(**budget)


def test_the_longest_budget_is_some_number_of_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genwright.training.budget.seconds_a_step", lambda step: 1e-6)
    assert Budget(minutes=1e9).n_steps(100, 10, lambda k: None) == 6e16


def test_budgets_of_numpys_numbers_are_plain_ones() -> None:
    steps, minutes = Budget(steps=np.int64(3)), Budget(minutes=np.float32(0.5))
    assert json.dumps([steps.steps, Budget(steps=3.0).steps, minutes.minutes]) == "[3, 3, 0.5]"
    assert Budget(minutes=2).minutes == 2
    for odd in ({"steps": np.bool_(True)}, {"steps": np.float64(2.5)}, {"minutes": np.array([1.0])}):
        with pytest.raises(ConfigError, match="expected a"):
            Budget(**odd)


def test_global_threads_are_as_before() -> None:
    before = torch.get_num_threads()
    train(small_vae(), table(), plan(5), silent)
    assert torch.get_num_threads() == before


def test_a_training_that_ended_early_resumes_to_itself(tmp_path: Path) -> None:
    first, again, path = small_vae(), small_vae(), tmp_path / "c"
    asked = {"steps": 2000, "path": path, "patience": 1, "n_evaluations": 100, "learning_rate": 0.05}
    ended = train(first, table(), plan(**asked), silent)
    assert ended.n_steps < 2000
    train(again, table(), plan(**asked, resume=True), silent)
    assert weights(first) == weights(again)


def test_more_shards_than_rows_are_refused() -> None:
    with pytest.raises(FitError, match="shards"):
        train(small_vae(), table(20), plan(5, shards=50), silent)


def test_ctrl_c_between_two_evaluations_keeps_what_was_learnt() -> None:
    class Stopped(Line):
        def anneal(self, done: float) -> None:
            if done == 0.45:
                raise KeyboardInterrupt

    outcome = train(Stopped(table(50).space), table(), plan(100, learning_rate=0.1, n_evaluations=2), silent)
    assert outcome.best_step == 45


@pytest.mark.parametrize(("n", "n_evaluations", "n_seen"), [(800, 10, 80), (8000, 10, 256), (8000, 1, 640)])
def test_watching_is_cheap_beside_learning(n: int, n_evaluations: int, n_seen: int) -> None:
    """All rows set aside, or 4 % of 250 × 64 learnt from, but not fewer than 256; not the first ones of the file."""
    seen = []

    class Watched(Line):
        def monitor(self, rows: Batch, generator: torch.Generator) -> dict[str, float]:
            seen.append(rows["x"])
            return {}

    data = table(n)
    train(Watched(data.space), data, plan(250, n_evaluations=n_evaluations, n_validation=1000), silent)
    watched = data.take(divide(data, 1000, 0)[1])["x"]
    assert {len(x) for x in seen} == {n_seen}
    assert len(watched) == n_seen or not torch.equal(seen[0], watched[:n_seen])
    assert np.isin(seen[0], watched).all()
    assert all(torch.equal(x, seen[0]) for x in seen)


@pytest.mark.parametrize("name", ["learning_rate", "muon_scale", "clip", "weight_decay", "checkpoint_seconds"])
@pytest.mark.parametrize("value", [-1.0, math.inf, math.nan])
def test_settings_of_no_training_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=name):
        TrainingConfig(**{name: value})


@pytest.mark.parametrize("n", [0, 5_000])
def test_threads_that_no_machine_starts_are_refused(n: int) -> None:
    with pytest.raises(ConfigError, match="threads"):
        TrainingConfig(threads=n)
