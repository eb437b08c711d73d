"""Do judges see faults that were planted in draws, and pass real rows?

    python -m benchmarks.planted --seeds 20             # a look
    python -m benchmarks.planted                        # 100 seeds; writes docs/planted_benchmark.md
    python -m benchmarks.planted --only adult sms       # two of the sets
    python -m benchmarks.planted --keep planted.jsonl   # what is there already is not measured again

A seed deals the rows of a set anew: rows that a model might have learnt from, held-out rows, and further real rows. A
model that draws whatever it is handed is judged by `run.judge`, as any other: the further real rows, which have to
pass, and the same rows with a fault. What counts is what a user is told: the scores that `core/chance.py` finds worse
than those of real rows, and the verdict.
"""

import argparse
import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks import table_data
from genwright.core.chance import LEVEL, beyond_chance, excess
from genwright.core.codec import TableCodec
from genwright.core.dataset import Dataset, n_rows, select
from genwright.core.judge import owner
from genwright.core.model import Model
from genwright.core.schema import Schema
from genwright.core.space import Batch, Category, Pixels, Real, Tokens
from genwright.data.infer import infer
from genwright.data.read import read
from genwright.data.typed import typed
from genwright.report.verdict import verdict
from genwright.runs.artefact import Artefact
from genwright.runs.run import Run

PAGE = Path(__file__).parents[1] / "docs" / "planted_benchmark.md"
Fault = Callable[[pa.Table, pa.Table, np.random.Generator], pa.Table]  # (further real rows, learnt rows, …) → draws
REAL = "none: other real rows"


def real(further: pa.Table, learnt: pa.Table, rng: np.random.Generator) -> pa.Table:
    """No fault."""
    return further


def copied(further: pa.Table, learnt: pa.Table, rng: np.random.Generator) -> pa.Table:
    """Training rows in place of draws."""
    return learnt.take(rng.permutation(len(learnt)))


def shuffled(*names: str) -> Fault:
    """Columns that each have an order of their own: those named, or all."""

    def fault(further: pa.Table, learnt: pa.Table, rng: np.random.Generator) -> pa.Table:
        for i, name in enumerate(further.column_names):
            if not names or name in names:
                further = further.set_column(i, name, further.column(name).take(rng.permutation(len(further))))
        return further

    return fault


def dropped(column: str, value: Any) -> Fault:
    """Rows of all classes but one."""

    def fault(further: pa.Table, learnt: pa.Table, rng: np.random.Generator) -> pa.Table:
        words = pc.cast(further.column(column), pa.string())
        return further.filter(pc.not_equal(words, str(value)))

    return fault


def scrambled(column: str, parts: Callable[[str], list[str]], glue: str) -> Fault:
    """Texts whose parts are in another order."""

    def fault(further: pa.Table, learnt: pa.Table, rng: np.random.Generator) -> pa.Table:
        texts = [glue.join(rng.permutation(parts(t)).tolist()) if t else t for t in further.column(column).to_pylist()]
        at = further.column_names.index(column)
        return further.set_column(at, column, pa.array(texts, further.schema.field(at).type))

    return fault


@dataclass(frozen=True)
class Case:
    """A data set, how its rows are dealt, and what is planted.

    Args:
        title: What the page calls it.
        rows: The rows, as `genwright.fit` takes them.
        deal: Rows learnt from, held out, and further ones.
        n_drawn: Draws that are judged.
        faults: Name → what is planted, and the judges that have to see it.
    """

    title: str
    rows: Callable[[], Any]
    deal: tuple[int, int, int]
    n_drawn: int
    faults: Mapping[str, tuple[Fault, tuple[str, ...]]] = field(default_factory=dict)


def _sms() -> pd.DataFrame:
    path = table_data.FOLDER / "sms-spam" / "SMSSpamCollection.tsv.gz"
    return pd.read_csv(path, sep="\t", header=None, names=["label", "text"], quoting=3)


ROW_COPIES = ("near_copies", "membership")
TOGETHER = ("detectability", "associations", "utility")


def _table_faults(column: str, value: Any) -> dict[str, tuple[Fault, tuple[str, ...]]]:
    return {
        "training copies": (copied, ROW_COPIES),
        "shuffled columns": (shuffled(), TOGETHER),
        f"dropped class: {column} = {value}": (dropped(column, value), ("marginals",)),
    }


CASES = {
    "adult": Case(
        "Adult census", lambda: table_data.load("adult"), (900, 450, 700), 450, _table_faults("income", ">50K")
    ),
    "breast_cancer": Case(
        "breast_cancer", lambda: "breast_cancer", (180, 170, 219), 130, _table_faults("diagnosis", "malignant")
    ),
    "digits-pictures": Case(
        "digits-pictures",
        lambda: "digits-pictures",
        (700, 550, 547),
        480,
        {
            "training copies": (copied, ("picture_copies",)),
            "shuffled labels": (shuffled("label"), ("class_fidelity",)),
            "dropped class: label = 3": (
                dropped("label", 3),
                ("marginals", "precision_recall"),
            ),
        },
    ),
    "sms": Case(
        "SMS Spam",
        _sms,
        (800, 400, 700),
        400,
        {
            "training copies": (copied, ("copied_text",)),
            "shuffled characters": (scrambled("text", list, ""), ("text_detectability",)),
            "shuffled words": (scrambled("text", str.split, " "), ("text_detectability",)),
            "dropped class: label = spam": (dropped("label", "spam"), ("marginals",)),
        },
    ),
}


class Planted(Model):
    """Draws the rows that it was handed, in their order."""

    supports = (Real, Category, Tokens, Pixels)
    takes_shapes = True

    def __init__(self, codec: TableCodec, rows: Batch):
        super().__init__(codec.space)
        self.rows, self.chunk = rows, n_rows(rows)  # type: ignore[misc]

    def sample(self, n: int, given: Batch, generator: Any, temperature: float = 1.0) -> Batch:
        """The first n of them."""
        return select(self.rows, slice(0, n))

    def state(self) -> dict[str, Any]:
        """It is not saved."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """It is not saved."""


@cache
def whole(name: str) -> tuple[Schema, pa.Table]:
    """All rows of a set, typed."""
    records = read(CASES[name].rows())
    schema, _ = infer(records, {})
    return schema, pa.Table.from_batches(list(typed(records, schema)))


@dataclass(frozen=True)
class Line:
    """What was found of one fault in one deal."""

    case: str
    seed: int
    fault: str
    level: str  # of the verdict
    sentence: str
    blamed: list[str]  # scores that are worse than real rows' by more than chance
    z: dict[str, float]  # of all scores
    n_scores: int


def measured(name: str, seed: int, n_most: int | None = None) -> Iterator[Line]:
    """The verdicts on real rows and on all faults, in one deal of a set.

    Real rows are judged by all judges. Of a fault only those are asked that have to see it, which saves most of the
    time; each of their scores is weighed as one of all.

    Args:
        name: Of the set.
        seed: Of the deal, of the faults, and of the judges.
        n_most: Draws that are judged at most, for a quick look; other rows are fewer in proportion.
    """
    case = CASES[name]
    schema, table = whole(name)
    rng = np.random.default_rng(seed)
    share = 1.0 if n_most is None else min(1.0, n_most / case.n_drawn)
    ends = np.cumsum([0, *(int(share * n) for n in case.deal)])
    order = rng.permutation(len(table))
    learnt, held_out, further = (table.take(order[a:b]) for a, b in pairwise(ends))
    codec = TableCodec(schema).fit(learnt.combine_chunks().to_batches())
    train, held = (_dataset(codec, rows) for rows in (learnt, held_out))
    shared: dict[Any, Any] = {}
    n_scores = 0
    for fault, (plant, names) in {REAL: (real, ()), **case.faults}.items():
        drawn = plant(further, learnt, rng).slice(0, int(share * case.n_drawn))
        model = Planted(codec, codec.encode(drawn.combine_chunks()))
        run = Run(Artefact(codec, model, "marginals", seed), train, held)
        scores = run.judge(judges=names or None, max_rows=len(drawn), shared=shared)
        n_scores = n_scores or len(scores)
        level = LEVEL * len(scores) / n_scores
        told, z = verdict(scores, level=level), {s.name: x for s in scores if not math.isnan(x := excess(s))}
        yield Line(name, seed, fault, told.level, told.sentence, sorted(beyond_chance(scores, level)), z, n_scores)


def _dataset(codec: TableCodec, rows: pa.Table) -> Dataset:
    return Dataset(codec.space, {k: x.numpy() for k, x in codec.encode(rows.combine_chunks()).items()})


# The page


def render(lines: list[Line]) -> str:
    """The whole page."""
    names = [name for name in CASES if any(line.case == name for line in lines)]
    parts = [
        HEAD.format(level=f"{100 * LEVEL:g}"),
        *(_section(n, [x for x in lines if x.case == n]) for n in names),
    ]
    return "\n\n".join(parts) + "\n"


HEAD = """# Planted faults

Do judges see what is wrong with draws, and leave real rows alone? Each seed deals a data set anew into rows that a
model might have learnt from, held-out rows, and further real rows. These further rows, and the same with a fault
planted, are judged as draws are. A score *blames* draws where it is worse than that of real rows (its floor) by more
than chance; all scores of a report together blame draws that are as good as real rows in at most {level} % of all runs
(`core/chance.py`). The *verdict* is the report's; draws pass where it is neither mixed nor poor.

A judge tells a fault where one of its scores blames the draws. "*z* at least" is by how many standard errors its most
telling score was worse than real rows in the least conspicuous of all runs. Intervals are 95 % ones of a share (Clopper
and Pearson, 1934).

This page is written by `python -m benchmarks.planted`."""


def _section(name: str, lines: list[Line]) -> str:
    case, n = CASES[name], len({line.seed for line in lines})
    learnt, held_out, _ = case.deal
    head = f"## {case.title}\n\n{learnt:,} rows learnt from, {held_out:,} held out, {case.n_drawn:,} draws; {n} seeds."
    table = ["| planted | who has to tell | tells | 95 % interval | *z* at least |", "|---|---|---:|---:|---:|"]
    for fault, (_, names) in case.faults.items():
        of_fault = [line for line in lines if line.fault == fault]
        table.append(_cells(fault, "verdict", [line.level in ("fair", "poor") for line in of_fault], ""))
        for judge in names:
            hits = [any(owner(score)[0] == judge for score in line.blamed) for line in of_fault]
            least = min(max(z for score, z in line.z.items() if owner(score)[0] == judge) for line in of_fault)
            table.append(_cells("", f"`{judge}`", hits, f"{least:.1f}"))
    passed = [line for line in lines if line.fault == REAL]
    table.append(_cells(REAL, "verdict: passes", [line.level not in ("fair", "poor") for line in passed], ""))
    n_scores = max(line.n_scores for line in passed)
    most = max(max(line.z.values()) for line in passed)
    table.append(
        _cells("", f"no score of {n_scores} blames", [not line.blamed for line in passed], f"at most {most:.1f}")
    )
    blamed = sorted({score for line in passed for score in line.blamed})
    told = f"\n\nBlamed once or more: {', '.join(f'`{score}`' for score in blamed)}." if blamed else ""
    return head + "\n\n" + "\n".join(table) + told


def _cells(fault: str, who: str, hits: list[bool], z: str) -> str:
    from scipy.stats import binomtest

    n = len(hits)
    ends = binomtest(sum(hits), n).proportion_ci(method="exact")
    return f"| {fault} | {who} | {sum(hits)} of {n} | {ends.low:.3f} … {ends.high:.3f} | {z} |"


def _kept(path: Path | None) -> list[Line]:
    if path is None or not path.exists():
        return []
    return [Line(**json.loads(text)) for text in path.read_text().splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--only", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--keep", type=Path, help="file of lines, added to")
    parser.add_argument("--page", type=Path, default=PAGE)
    asked = parser.parse_args()
    logging.getLogger("genwright").setLevel(logging.ERROR)  # values that few rows have are unseen in some deals
    lines = _kept(asked.keep)
    known = {(line.case, line.seed) for line in lines}
    for seed in range(asked.seeds):
        for name in asked.only:
            if (name, seed) in known:
                continue
            before, found = time.process_time(), list(measured(name, seed))
            lines += found
            if asked.keep:
                with asked.keep.open("a") as file:
                    file.writelines(json.dumps(asdict(line)) + "\n" for line in found)
            told = "; ".join(f"{x.fault.partition(':')[0]}: {x.level} {len(x.blamed)}" for x in found)
            print(f"{name} {seed} ({time.process_time() - before:.1f} s) {told}", flush=True)
    asked.page.write_text(render(lines))


if __name__ == "__main__":
    main()
