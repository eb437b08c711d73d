"""Does filtering make draws harder to tell from real rows, and what does it cost in coverage?

    python -m benchmarks.filter --quick                # minutes
    python -m benchmarks.filter                        # vae and gan on Adult, keep rates ½, ¼, ⅒
    python -m benchmarks.filter --table fashion        # on Fashion-MNIST
    python -m benchmarks.filter --models vae --steps 2000 --keep 0.25 --runs ~/filter

Detectability and coverage are measured on rows that neither the generator nor the filter's detector has seen: of tables
by boosted trees, out of fold, of pictures by the judges of pictures. The floor is what the same detectors make of real
training rows against these. Runs are kept in `--runs` and not fitted again.
"""

import argparse
import platform
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import torch

from benchmarks import sections
from benchmarks.augment import HEAD, PAGE
from benchmarks.scoring import Arena, encode
from benchmarks.table_data import TABLES, load, split
from genwright.core.dataset import Dataset, concat, n_rows, select
from genwright.core.judge import Evidence
from genwright.core.registry import JUDGES
from genwright.data.read import read
from genwright.nn.coverage import coverage
from genwright.pipeline import fit
from genwright.pipeline import load as load_run
from genwright.recipes.filter import filtered
from genwright.runs import picture_evidence
from genwright.runs.run import Run

MODELS, KEEP = ["vae", "gan"], [0.5, 0.25, 0.1]
Measured = tuple[dict[str, float], float]  # AUC by detector, coverage


class Rows:
    """A table: what is learnt from, and what draws are held against."""

    flavour = "pandas"

    def __init__(self, table: str, n_train: int | None, n: int):
        train, held = split(load(table))
        self.train, self.held = train.head(n_train or len(train)), held.head(n)
        self.arena = Arena(TABLES[table], self.train, self.held)

    def real(self) -> Measured:
        """Of training rows."""
        return self.measured(self.train.sample(len(self.held), random_state=0))

    def measured(self, fake: pd.DataFrame) -> Measured:
        """Detectability and coverage of held-out rows, equally many on either side."""
        judge = JUDGES.get("detectability")()
        evidence: Evidence = self.arena.evidence(fake)
        auc = judge.measure(evidence.fake, evidence)["boosting"].value
        space, (real, drawn) = encode([self.arena.held_out, fake])
        return {"boosting": auc}, coverage(real, drawn, space)


class Pictures:
    """Fashion-MNIST, the class given: the official training pictures, or some of them, and official test pictures."""

    flavour = "arrow"

    def __init__(self, n_train: int | None, n: int):
        parts = [pa.Table.from_batches(read("fashion-mnist", part=part).open()) for part in ("train", "test")]
        self.train, self.held = parts[0].slice(0, n_train), parts[1].slice(0, n)
        self.features: dict[str, torch.Tensor] | None = None  # learnt once for all runs

    def look(self, run: Run) -> None:
        """Encodes them as a run does, and learns what is seen in them."""
        self.run, self.space = run, run.artefact.codec.space
        self.rows, self.unseen = (concat(list(run.encode(part))) for part in (self.train, self.held))
        some = {name: x.numpy() for name, x in select(self.rows, slice(0, 10_000)).items()}
        self.features = self.features or picture_evidence.learnt(Dataset(self.space, some), None)
        run.artefact.features = self.features  # as a run has them that was judged when it was fitted

    def real(self) -> Measured:
        """Of training pictures."""
        some = np.random.default_rng(0).permutation(n_rows(self.rows))[: self.held.num_rows]
        return self._measured(select(self.rows, np.sort(some)))

    def measured(self, fake: pa.Table) -> Measured:
        """Detectability and coverage of test pictures, equally many on either side."""
        return self._measured(concat(list(self.run.encode(fake))))

    def _measured(self, fake: Any) -> Measured:
        assert self.features is not None
        evidence = Evidence(self.space, self.rows, self.unseen, fake, fake, features=self.features, seed=0)
        found = JUDGES.get("picture_detectability")().measure(fake, evidence)
        return {name: m.value for name, m in found.items()}, coverage(self.unseen, fake, self.space)


def learnt(model: str, train: Any, asked: argparse.Namespace) -> Run:
    """A run of the family, kept or fitted now."""
    how = [f"{name}{value}" for name in ("steps", "minutes", "train") if (value := getattr(asked, name)) is not None]
    path = asked.runs / "-".join([asked.table, model, *how]) if asked.runs else None
    if path and path.exists():
        return load_run(path)
    return fit(train, model, steps=asked.steps, minutes=asked.minutes, judge=False, held_out=0, out=path)


def told(found: Measured, before: Measured, floor: Measured) -> list[str]:
    """Cells of a line: each AUC with the share of its distance to the floor that is gone, and the coverage."""

    def gone(name: str, value: float) -> str:
        apart = before[0][name] - floor[0][name]
        return "" if found is before or not apart else f" ({(before[0][name] - value) / apart:.0%})"

    cells = [f"{value:.3f}{gone(name, value)}" for name, value in found[0].items()]
    return [*cells, f"{found[1]:.3f}"]


def lines_of(data: Any, asked: argparse.Namespace) -> Iterator[list[str]]:
    """The lines of the table, the first its head."""
    for k, model in enumerate(asked.models):
        started = time.process_time()
        run = learnt(model, data.train, asked)
        if isinstance(data, Pictures):
            data.look(run)
        n = len(data.held)
        floor, before = data.real(), data.measured(run.sample(n, seed=1, flavour=data.flavour))
        seconds = time.process_time() - started
        if not k:
            yield ["draws of", "keep", *floor[0], "coverage", "strength", "CPU s"]
            yield ["real rows", "", *told(floor, floor, floor), "", ""]
        yield [model, "1", *told(before, before, floor), "", f"{seconds:.0f}"]
        for keep in asked.keep:
            started = time.process_time()
            kept = filtered(run, n, real=data.train, keep=keep, judged_by=asked.judged_by, seed=1, flavour=data.flavour)
            found = told(data.measured(kept.rows), before, floor)
            seconds = time.process_time() - started
            yield [model, f"{keep:g}", *found, f"{kept.report.strength:g}", f"{seconds:.0f}"]


def page(lines: list[list[str]], asked: argparse.Namespace, data: Any) -> str:
    """The section of a table."""
    usual = {"table": "adult", "models": MODELS, "keep": KEEP, "judged_by": "auto"}
    said = {n: getattr(asked, n) for n in (*usual, "steps", "minutes", "rows", "train")}
    words = [
        f" --{n.replace('_', '-')} {' '.join(map(str, v)) if isinstance(v, list) else v}"
        for n, v in said.items()
        if v is not None and v != usual.get(n)
    ]
    by = f"`{asked.judged_by}`" if asked.judged_by != "auto" else "its usual detector"
    same = " The SVMs look at\nthe numbers that the filter's detector reads, too." if asked.table == "fashion" else ""
    command = "python -m benchmarks.filter" + "".join(words)
    return (
        f"{date.today()}, Python {platform.python_version()}, one seed. {len(data.train):,} rows to learn from,\n"
        f"{len(data.held):,} unseen ones and as many draws. *keep*: share of draws that the filter keeps, judged by\n"
        f"{by}. AUC of detectors that have seen neither side; in brackets the share of its distance to\n"
        f"that of real rows that is gone.{same} Written by `{command}`.\n\n" + sections.table(lines[0], lines[1:])
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", default="adult", choices=[*TABLES, "fashion"])
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--keep", nargs="+", type=float, default=KEEP)
    parser.add_argument("--judged-by", default="auto", help="the filter's detector")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--rows", type=int, help="held-out rows and draws that are compared; 4,000, 2,000 pictures")
    parser.add_argument("--train", type=int, help="training rows at most")
    parser.add_argument("--runs", type=Path, help="folder of the runs")
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    if asked.quick:
        asked.rows, asked.train, asked.steps, asked.keep = 800, 3_000, asked.steps or 150, [0.25]
    torch.set_num_threads(1)
    is_picture = asked.table == "fashion"
    data: Any = (
        Pictures(asked.train, asked.rows or 2_000)
        if is_picture
        else Rows(asked.table, asked.train, asked.rows or 4_000)
    )
    lines = []
    for line in lines_of(data, asked):
        lines.append(line)
        print("| " + " | ".join(line) + " |", flush=True)
    if not asked.quick:
        steps = f", {asked.steps:,} steps" if asked.steps else ""
        title = f"Filtered draws, {'Fashion-MNIST' if is_picture else asked.table}{steps}"
        sections.put_section(asked.page, HEAD, title, page(lines, asked, data))


if __name__ == "__main__":
    main()
