"""Every code block of the README and the docs runs.

Python blocks of one page share a namespace. Of shell blocks, the lines that call `genwright` are run, in a folder that
holds the files the pages talk about; the `make` lines are what got the reader here.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genwright.core.registry import CODECS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)


def customers(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """A made-up table with every common kind of column."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, n)
    region = rng.choice(["north", "south", "east", "west"], n, p=[0.4, 0.3, 0.2, 0.1])
    income = np.round(rng.lognormal(10, 0.5, n) + 200 * age, 2)
    frame = pd.DataFrame(
        {
            "customer_id": [f"C{i:05d}" for i in rng.permutation(n)],
            "age": age,
            "region": region,
            "income": income,
            "visits": rng.poisson(np.where(region == "north", 6, 2)),
            "joined": (pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1500, n), "D")).strftime(
                "%Y-%m-%d"
            ),
            "churned": np.where(rng.random(n) < 0.3, "yes", "no"),
        }
    )
    frame["income"] = frame["income"].mask(rng.random(n) < 0.05)
    return frame


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    customers().to_csv(tmp_path / "customers.csv", index=False)
    customers(200, seed=1).to_csv(tmp_path / "more.csv", index=False)
    holes = customers(50, seed=2)
    holes.loc[::3, "income"] = None
    holes.loc[::4, "region"] = None
    holes.to_csv(tmp_path / "holes.csv", index=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(CODECS.__dict__, "_entry_points", {})  # a page adds a codec
    return tmp_path


def _commands(block: str) -> list[str]:
    joined = block.replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip().startswith("genwright ")]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_blocks_run(page: Path, desk: Path) -> None:
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    names: dict[str, object] = {"__name__": "page"}
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for language, block in blocks:
        if language == "python":
            exec(compile(block, str(page), "exec"), names)
        elif language in ("bash", "console", "sh"):
            for command in _commands(block):
                done = subprocess.run(command, shell=True, env=env, cwd=desk, capture_output=True, text=True)
                assert done.returncode == 0, f"{command}\n{done.stderr}"
