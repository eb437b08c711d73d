"""A fit in two processes, from end to end."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import genwright as gw
from genwright.training.processes import by_main, is_main, n_processes
from tests.tables import dependent

ROOT = Path(__file__).parents[2]
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone")
SETTINGS: dict[str, Any] = {"n_hidden": 16, "latent_dim": 3, "shards": 2, "n_evaluations": 4}


def _by_two(*words: object, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [*TORCHRUN, *map(str, words)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def test_alone_this_is_the_main_process(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    monkeypatch.delenv("RANK", raising=False)
    by_main(lambda: done.append(1))
    assert (is_main(), n_processes(), done) == (True, 1, [1])


def test_two_processes_save_judge_and_print_once(tmp_path: Path) -> None:
    frame = dependent(400)
    frame.to_csv(tmp_path / "table.csv", index=False)
    settings = [word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")]
    ended = _by_two(
        "-m", "genwright.cli.app", "fit", "table.csv", "--model", "vae", "--steps", 40, *settings, folder=tmp_path
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert ended.stdout.count("saved runs/table") == 1
    assert ended.stdout.count("Model: vae") == 1
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["table"]
    run = gw.load(tmp_path / "runs" / "table")
    assert run.scores
    alone = gw.fit(tmp_path / "table.csv", "vae", settings=SETTINGS, steps=40, judge=False)
    np.testing.assert_allclose(run.log_prob(frame), alone.log_prob(frame), atol=1e-3)


_FITS = """
    import os
    from pathlib import Path
    import genwright as gw
    from tests.tables import dependent

    run = gw.fit(dependent(300), "{model}", settings={settings}, steps={steps}, out="run", judge={judge})
    assert (Path("run") / "run.json").exists()  # in every process: the others waited
    found = gw.load("run").sample(20).equals(run.sample(20)), len(run.scores) > 0
    Path(f"rank-{{os.environ['RANK']}}").write_text(repr(found))
"""


@pytest.mark.parametrize(("model", "steps", "settings"), [("vae", 20, SETTINGS), ("marginals", None, {})])
def test_all_processes_have_the_run_and_the_first_its_scores(
    tmp_path: Path, model: str, steps: int | None, settings: dict
) -> None:
    script = tmp_path / "fits.py"
    script.write_text(textwrap.dedent(_FITS).format(model=model, settings=settings, steps=steps, judge=True))
    ended = _by_two(script, folder=tmp_path)
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert [(tmp_path / f"rank-{rank}").read_text() for rank in (0, 1)] == ["(True, True)", "(True, False)"]
    assert not (tmp_path / "run.checkpoint").exists()
