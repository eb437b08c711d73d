"""A small table with a dependence and holes, a run fitted to it by the command line, and a way to call commands."""

import csv
import inspect
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from genwright.cli.app import app
from genwright.core.registry import Registry

N_ROWS = 300


FAST = ["likelihood", "marginals", "near_copies"]


def few(names: Callable[[Registry], list[str]]) -> Callable[[Registry], list[str]]:
    """The names of a registry, of judges only those that are fast."""
    return lambda registry: FAST if registry.folder == "judges" else names(registry)


@dataclass(frozen=True)
class Ended:
    """A command that has run."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


def call(*words: object, env: dict[str, str] | None = None) -> Ended:
    """Runs a command line in this process."""
    separate = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner.__init__).parameters else {}
    result = CliRunner(**separate).invoke(app, [str(word) for word in words], env=env)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Ended(result.exit_code, result.stdout, result.stderr)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def write_people(path: Path, seed: int = 0, n: int = N_ROWS) -> Path:
    rng = random.Random(seed)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "age", "income", "city", "joined"])
        for i in range(n):
            age = rng.randint(18, 80)
            income = "" if rng.random() < 0.1 else f"{1000 + 20 * age + rng.random() * 100:.2f}"
            city = rng.choice(["Rome", "Rome", "Paris", "Oslo"])
            writer.writerow([f"C{i:05d}", age, income, city, f"2024-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"])
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_people(tmp_path_factory.mktemp("data") / "people.csv")


@pytest.fixture(scope="session")
def run(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved run, not judged; tests must leave it as it is."""
    place = tmp_path_factory.mktemp("fitted") / "people"
    ended = call("fit", people, "--model", "marginals", "--no-judge", "--out", place)
    assert ended.code == 0, ended.err
    return place


@pytest.fixture(scope="session")
def fitted(people: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    """A run judged by a few of the judges, and what fitting it printed."""
    place = tmp_path_factory.mktemp("judged") / "people"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Registry, "names", few(Registry.names))
        ended = call("fit", people, "--model", "marginals", "--held-out", "0.4", "--out", place)
    assert ended.code == 0, ended.err
    return place, ended
