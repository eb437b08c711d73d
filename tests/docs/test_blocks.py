"""Every code block of the README and the docs runs.

Python blocks of one page share a namespace. Of shell blocks, the lines that call `genwright` are run, in this process
and in a folder that holds the files the pages talk about; the `make` lines are what got the reader here.
"""

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genwright.core.registry import CODECS
from tests.cli.conftest import call

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


def play(n: int = 120, seed: int = 0) -> str:
    """A made-up dialogue."""
    rng = np.random.default_rng(seed)
    things = ["the sea", "the rain", "an old song", "the last train", "a light upstairs", "my own name"]
    lines = [
        f"{who}:\nI {verb} {thing}, {when}.\n"
        for who, verb, thing, when in zip(
            rng.choice(["ROMEO", "JULIET", "NURSE"], n),
            rng.choice(["heard", "saw", "lost", "forgot"], n),
            rng.choice(things, n),
            rng.choice(["at night", "again", "and thought of you", "long ago"], n),
        )
    ]
    return "\n".join(lines)


def tagged(n: int = 150, seed: int = 0) -> str:
    """Made-up tagged sentences in CoNLL-U."""
    rng = np.random.default_rng(seed)
    words = {"DET": ["the", "a"], "ADJ": ["early", "light"], "NOUN": ["flight", "light"], "ADP": ["to", "from"]}
    words["PROPN"] = ["boston", "denver"]
    shapes = ["DET NOUN ADP PROPN", "DET ADJ NOUN", "DET ADJ NOUN ADP PROPN"]
    sentences = [
        "".join(f"{i}\t{rng.choice(words[t])}\t_\t{t}\t_\t_\t_\t_\t_\t_\n" for i, t in enumerate(shape.split(), 1))
        for shape in rng.choice(shapes, n)
    ]
    return "\n".join(sentences) + "\n"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    customers().to_csv(tmp_path / "customers.csv", index=False)
    customers(200, seed=1).to_csv(tmp_path / "more.csv", index=False)
    holes = customers(50, seed=2)
    holes.loc[::3, "income"] = None
    holes.loc[::4, "region"] = None
    holes.to_csv(tmp_path / "holes.csv", index=False)
    (tmp_path / "play.txt").write_text(play())
    (tmp_path / "tagged.conllu").write_text(tagged())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(CODECS.__dict__, "_entry_points", {})  # a page adds a codec
    return tmp_path


def commands(block: str) -> list[list[str]]:
    """The words of each line that calls `genwright`, without its name."""
    joined = block.replace("\\\n", " ")
    lines = [shlex.split(line, comments=True) for line in joined.splitlines() if line.startswith("genwright ")]
    return [words[1:] for words in lines]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_blocks_run(page: Path, desk: Path) -> None:
    names: dict[str, object] = {"__name__": "page"}
    for language, block in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "python":
            exec(compile(block, str(page), "exec"), names)
        elif language in ("bash", "console", "sh"):
            for words in commands(block):
                done = call(*words)
                assert done.code == 0, f"genwright {shlex.join(words)}\n{done.err}"
