"""`gpt` with Muon through the loop: killed and gone on with, in two processes, against what it does undisturbed."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
import torch

import genwright as gw
from genwright.core.errors import RunError
from genwright.core.model import Progress

ROOT = Path(__file__).parents[2]
VERSE = "The moon looks down upon the sea,\nand no one looks as long as she.\n"
SMALL: dict[str, Any] = {"n_layers": 1, "width": 16, "n_heads": 2, "context": 24, "checkpoint_seconds": 0.0}


class Killed(BaseException):
    """Stands for a kill."""


def test_steps_and_the_size_that_minutes_chose_repeat_a_fit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("genwright.training.budget.seconds_a_step", lambda step: 1.2)
    monkeypatch.setattr("genwright.training.loop.OVERRUN", float("inf"))
    path = tmp_path / "verse.txt"
    path.write_text(VERSE * 20)
    asked: dict[str, Any] = {"model": "gpt", "judge": False}
    timed = gw.fit(path, minutes=0.04, **asked)
    size = {name: getattr(timed.model.config, name) for name in ("n_layers", "width")}
    assert (size, timed.artefact.facts["steps"]) == ({"n_layers": 4, "width": 64}, 2)
    again = gw.fit(path, steps=2, settings=size, **asked)
    assert all(torch.equal(x, again.model.state()[name]) for name, x in timed.model.state().items())


def _killed_at(n: int) -> Progress:
    def progress(done: float, line: str) -> None:
        if line.startswith(f"step {n} "):
            raise Killed

    return progress


def _story(folder: Path) -> Path:
    path = folder / "story.txt"
    path.write_text("".join(f"{VERSE}Verse {i} is done.\n" for i in range(60)), encoding="utf-8")
    return path


def _weights(run: gw.Run) -> dict[str, torch.Tensor]:
    return run.model.state()


@pytest.mark.parametrize(("n", "dropout"), [(1, 0.0), (7, 0.0), (7, 0.3), (12, 0.0)])
def test_a_killed_gpt_that_goes_on_ends_with_the_same_bits(tmp_path: Path, n: int, dropout: float) -> None:
    settings = {**SMALL, "n_evaluations": 12, "dropout": dropout}
    asked: dict[str, Any] = {"data": _story(tmp_path), "settings": settings, "judge": False}
    whole = gw.fit(model="gpt", steps=12, **asked)
    assert "optimizer" not in asked["settings"]
    assert whole.model.training["optimizer"] == "muon"
    with pytest.raises(Killed):
        gw.fit(model="gpt", steps=12, out=tmp_path / "run", progress=_killed_at(n), **asked)
    again = gw.fit(asked["data"], resume=True, judge=False, out=tmp_path / "run")
    assert _weights(again).keys() == _weights(whole).keys()
    assert all(torch.equal(x, _weights(again)[name]) for name, x in _weights(whole).items())
    assert again.sample(2, max_tokens=20).equals(whole.sample(2, max_tokens=20))


def test_a_gpt_does_not_go_on_with_another_text_or_size(tmp_path: Path) -> None:
    data, out = _story(tmp_path), tmp_path / "run"
    with pytest.raises(Killed):
        gw.fit(data, "gpt", settings=SMALL, steps=6, judge=False, out=out, progress=_killed_at(2))
    with pytest.raises(RunError, match="settings was"):
        gw.fit(data, settings={**SMALL, "width": 32}, resume=True, judge=False, out=out)
    data.write_text(data.read_text("utf-8").replace("moon", "noon"), encoding="utf-8")
    with pytest.raises(RunError, match="data was"):
        gw.fit(data, resume=True, judge=False, out=out)


_FIT = """
    import hashlib
    import os
    import sys
    from pathlib import Path
    import genwright as gw
    from tests.training.test_texts import SMALL

    out = Path(sys.argv[2])
    asked = {"resume": True} if out.with_name(out.name + ".checkpoint").exists() else {"model": "gpt", "steps": 400}
    settings = {**SMALL, "n_evaluations": 100, **({"shards": 2} if len(sys.argv) > 3 else {})}
    run = gw.fit(sys.argv[1], settings=settings, judge=False, out=out, overwrite=True, **asked)
    found = hashlib.sha256(b"".join(x.numpy().tobytes() for x in run.model.state().values())).hexdigest()
    rank = os.environ.get("RANK", "alone")
    (out.parent / f"told-{out.name}-{rank}").write_text(f"{found} {run.artefact.log[-1]['held_out']}")
"""


def _script(folder: Path) -> Path:
    path = folder / "fit.py"
    path.write_text(textwrap.dedent(_FIT), encoding="utf-8")
    return path


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@pytest.mark.slow
def test_a_gpt_killed_by_signal_9_ends_with_the_same_bits(tmp_path: Path) -> None:
    command = [sys.executable, str(_script(tmp_path)), str(_story(tmp_path))]
    subprocess.run([*command, str(tmp_path / "whole")], env=_environment(), check=True, capture_output=True)
    checkpoint, n_kills = tmp_path / "run.checkpoint", 0
    while n_kills < 3:
        process = subprocess.Popen([*command, str(tmp_path / "run")], env=_environment(), stderr=subprocess.PIPE)
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        while not (checkpoint.exists() and checkpoint.stat().st_mtime_ns > before):
            assert process.poll() is None, process.communicate()[1].decode()
            time.sleep(0.01)
        time.sleep(0.05 * n_kills)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        n_kills += 1
    subprocess.run([*command, str(tmp_path / "run")], env=_environment(), check=True, capture_output=True)
    assert (tmp_path / "told-run-alone").read_text() == (tmp_path / "told-whole-alone").read_text()


@pytest.mark.slow
def test_two_processes_train_the_gpt_that_one_does(tmp_path: Path) -> None:
    script, story = str(_script(tmp_path)), str(_story(tmp_path))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone"]
    for command in ([*torchrun, script, story, str(tmp_path / "both"), "s"], [sys.executable, script, story]):
        words = command if "s" in command else [*command, str(tmp_path / "one"), "s"]
        done = subprocess.run(words, cwd=ROOT, env=_environment(), capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr[-2000:]
    first, second = ((tmp_path / f"told-both-{rank}").read_text().split() for rank in "01")
    assert first == second
    alone = (tmp_path / "told-one-alone").read_text().split()
    assert abs(float(first[1]) - float(alone[1])) < 1e-5
