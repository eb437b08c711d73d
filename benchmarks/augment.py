"""Do more rows help a classifier? Nothing, copies, SMOTE-NC, TVAE and genwright's choice, on four tables.

    python -m benchmarks.augment --tables telco --settings "5 %" --seeds 1     # one cell
    python -m benchmarks.augment --seeds 3                    # goes on where it ended; writes docs/augment_benchmark.md
    python -m benchmarks.augment --most-rows 100000           # whole tables, hours

A cell is a table, a setting and a seed. A fifth of the table tests; of the others `--most-rows` are taken. Settings: 5,
20 and 100 % of these, and all of them with the rarer class thinned to 1 and 5 %. Boosted trees are the classifier.
Copies and SMOTE-NC (imbalanced-learn's) draw until classes are equal, TVAE as many rows as it learnt from, in
`--seconds` CPU seconds, where its environment is (`environments.sh ctgan`). genwright's choice is `augment` with its
defaults on the training rows alone, once for each metric, which it is told. Scores are kept
in $GENWRIGHT_PEERS/augment.jsonl.
"""

import argparse
import hashlib
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from scipy.stats import rankdata, wilcoxon

from benchmarks import sections
from benchmarks.peer_runs import PLACE, PeerError, draws
from benchmarks.peers.measure import categories, fill, like, unfill
from benchmarks.table_data import FOLDER, load
from genwright.core.classifier import MatrixClassifier
from genwright.core.dataset import Dataset
from genwright.core.paired import metrics_for, value
from genwright.core.registry import CLASSIFIERS
from genwright.core.rng import numpy_generator
from genwright.core.schema import Schema
from genwright.core.space import Batch
from genwright.data.infer import infer
from genwright.data.read import read
from genwright.data.typed import typed
from genwright.recipes.augment import augment
from genwright.runs.augmentation import Way
from genwright.runs.lessons import LabelledTable, Lesson, joined
from genwright.runs.row_makers import made
from genwright.training.taught import Teacher

TARGETS = {"telco": "Churn", "bank": "y", "credit": "default.payment.next.month", "pima": "outcome"}
SETTINGS = ("5 %", "20 %", "100 %", "rare 1 %", "rare 5 %")
WAYS = ("nothing", "copies", "SMOTE-NC", "TVAE", "genwright")
METRICS = {"pr_auc": "PR AUC of the rarer class", "balanced_accuracy": "Balanced accuracy"}
STORE = PLACE / "augment.jsonl"
PAGE = Path(__file__).parents[1] / "docs" / "augment_benchmark.md"
HEAD = """# Augmentation, measured

What a classifier gains on rows it has not seen when rows are added to those it learns from; see
[augmenting](augment.md). Most rows that can be added teach nothing new, and a method that knows this
leaves them out."""
Key = tuple[str, str, int, int]  # table, setting, seed, most rows


def table(name: str) -> tuple[pd.DataFrame, str]:
    """A table and its target."""
    if name != "pima":
        return load(name), TARGETS[name]
    return pd.read_csv(FOLDER / "pima-diabetes" / "pima_diabetes.csv.gz"), TARGETS[name]


def training_rows(y: np.ndarray, setting: str, most: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the training rows and of the test rows."""
    order = rng.permutation(len(y))
    test, train = order[: len(y) // 5], order[len(y) // 5 :]
    if not setting.startswith("rare"):
        train = train[:most]
        return train[: round(len(train) * float(setting.split()[0]) / 100)], test
    share, rare = float(setting.split()[1]) / 100, int(np.bincount(y).argmin())
    others, scarce = train[y[train] != rare], train[y[train] == rare]
    others = others[: round(most * (1 - share))]
    n = max(5, round(len(others) * share / (1 - share)))
    return rng.permutation(np.concatenate([others, scarce[:n]])), test


class Cell:
    """A table, a setting and a seed."""

    def __init__(self, key: Key, seconds: float):
        self.name, setting, self.seed, most = key
        self.seconds = seconds
        self.frame, self.target = table(self.name)
        self.kinds = {self.target: "category"}
        records = read(self.frame)
        self.rows = LabelledTable.of(records, infer(records, self.kinds)[0], self.target, is_set=True)
        at, at_test = training_rows(self.rows.y, setting, most, numpy_generator(self.seed, self.name, setting))
        self.lesson, self.train = self.rows.lesson(at, at_test), self.frame.iloc[at].reset_index(drop=True)
        self.facts: dict[str, Any] = {"n": len(at), "n_rare": int(np.bincount(self.lesson.y).min())}

    def extra(self, way: str) -> Batch:
        """The rows that a way adds.

        Raises:
            PeerError: it is not installed.
        """
        if way == "nothing":
            return {}
        if way == "copies":
            return made(Way("copies", "balance"), self.lesson, self.target, self.seed)
        if way == "SMOTE-NC":
            return encoded(self.rows, self.lesson, between(self.train, self.target, self.seed), self.train)
        drawn = draws("tvae", f"augment-{self.name}", self.train, self.seconds)
        return encoded(self.rows, self.lesson, drawn.rows, self.train)

    def chosen(self) -> dict[str, float]:
        """What `augment` comes to, each metric by a search that it decides; its best way is told where it declines."""
        nothing, found = self.scores({}), {}
        self.facts["searches"] = {}
        how: dict[str, Any] = {"held_out": 0, "seed": self.seed, "kinds": self.kinds, "anyway": True}
        with once():
            reports = {metric: augment(self.train, self.target, metric=metric, **how).report for metric in METRICS}
        for metric, report in reports.items():
            way, is_added = report.chosen, report.chosen is not None and report.p < report.level
            best = self.scores(made(way, self.lesson, self.target, self.seed)) if way else nothing
            told = {"way": str(way or "nothing"), "p": report.p, "added": is_added, "scores": best}
            self.facts["searches"][metric] = told
            found[metric] = (best if is_added else nothing)[metric]
        return found

    def scores(self, extra: Batch) -> dict[str, float]:
        """PR AUC of the rarer class and balanced accuracy on the test rows."""
        trees: MatrixClassifier = CLASSIFIERS.get("boosting")().bind(self.lesson.train.space, self.target)
        trees.fit_rows(joined(self.lesson.train, extra), self.seed)
        p, rare = trees.predict_rows(self.lesson.test), int(np.bincount(self.rows.y).argmin())
        return {m.name: value(m, self.lesson.y_test, p) for m in metrics_for(2, rare)}


@contextmanager
def once() -> Iterator[None]:
    """What equal rows with an equal seed have taught is not taught again: the searches of a cell share most of it."""
    known: dict[Any, Any] = {}

    def remembering(teach: Callable[..., Any]) -> Callable[..., Any]:
        def taught(self: Teacher, name: str, data: Dataset, *rest: Any) -> Any:
            key = (teach.__name__, name, digest(data), *rest)
            if key not in known:
                known[key] = teach(self, name, data, *rest)
            return known[key]

        return taught

    found = {name: remembering(getattr(Teacher, name)) for name in ("model", "classifier")}
    with mock.patch.multiple(Teacher, **found):
        yield


def digest(data: Dataset) -> bytes:
    """Of all that is in it."""
    found = hashlib.blake2b(repr(data.space).encode(), digest_size=16)
    for x in data.arrays.values():
        found.update(np.ascontiguousarray(x))
    return found.digest()


def between(train: pd.DataFrame, target: str, seed: int) -> pd.DataFrame:
    """The rows that SMOTE-NC adds until classes are equal; empty cells are filled before."""
    from imblearn.over_sampling import SMOTE, SMOTENC

    inputs, indicators = fill(train.drop(columns=target))
    k = min(5, int(train[target].value_counts().min()) - 1)
    names = [c for c in inputs if c in indicators.values() or c in categories(train.drop(columns=target))]
    how = {"k_neighbors": k, "random_state": seed}
    sampler = SMOTENC(categorical_features=names, **how) if names else SMOTE(**how)
    X, y = sampler.fit_resample(inputs, train[target].astype(str))
    new = unfill(X.iloc[len(train) :].reset_index(drop=True), indicators)
    new[target] = y.iloc[len(train) :].to_numpy()
    return new


def encoded(rows: LabelledTable, lesson: Lesson, drawn: pd.DataFrame, train: pd.DataFrame) -> Batch:
    """Somebody else's rows, learnt from `train`, in the terms of a lesson."""
    code = {str(label): k for k, label in enumerate(rows.names)}
    y = drawn[rows.target].map(lambda label: code[str(label)])
    inputs = drawn.drop(columns=rows.target)
    schema = Schema(tuple(c for c in rows.schema if c.name != rows.target))
    inputs = like(inputs, train.drop(columns=rows.target))[schema.names]
    table = pa.Table.from_batches(typed(read(inputs), schema))
    names = [name for name in lesson.train.space if name != rows.target]
    same = table.cast(rows.table.select(schema.names).schema)
    return {**lesson.codec.encode(same, names), rows.target: torch.from_numpy(y.to_numpy(np.int64, copy=True))}


def run(key: Key, known: dict[str, Any], seconds: float, absent: set[str]) -> dict[str, Any]:
    """A line with the scores that are not yet known; nothing where all are."""
    missing = [way for way in WAYS if way not in known.get("scores", {}) and way not in absent]
    if "searches" not in known and "genwright" not in missing:  # of an older version, which was told no metric
        missing.append("genwright")
    if not missing:
        return {}
    cell, found, started = Cell(key, seconds), {}, time.process_time()
    for way in missing:
        try:
            found[way] = cell.chosen() if way == "genwright" else cell.scores(cell.extra(way))
        except PeerError as error:
            print(error, file=sys.stderr)
            absent.add(way)
    return {"key": key, "scores": found, **cell.facts, "cpu_seconds": round(time.process_time() - started, 1)}


def told(cells: list[dict[str, Any]]) -> str:
    """Means a table and setting, mean ranks, and how the choice did where it added rows."""
    ways = [way for way in WAYS if any(way in c["scores"] for c in cells)]
    cells = [c for c in cells if all(way in c["scores"] for way in ways)]
    parts = [_of_metric(cells, ways, metric, title) for metric, title in METRICS.items()]
    return "\n\n".join([*parts, *(_of_choice(cells, metric, title) for metric, title in METRICS.items())])


def _of_choice(cells: list[dict[str, Any]], metric: str, title: str) -> str:
    """How often rows were added, and what came of it."""
    added = [c for c in cells if c["searches"][metric]["added"]]
    gains = [c["scores"]["genwright"][metric] - c["scores"]["nothing"][metric] for c in added]
    told = f"{title}: genwright declined in {len(cells) - len(added)} of {len(cells)} cells."
    if added:
        told += f" Where it added rows, it rose in {sum(g > 0 for g in gains)} of {len(added)}, "
        told += f"by {np.mean(gains):+.4f} on average."
    return told


def _of_metric(cells: list[dict[str, Any]], ways: list[str], metric: str, title: str) -> str:
    x = np.array([[c["scores"][way][metric] for way in ways] for c in cells])  # (cells, ways)
    of = [(c["key"][0], c["key"][1]) for c in cells]
    lines = []
    for key in dict.fromkeys(of):
        own = x[[k == key for k in of]]
        p = _p(own[:, ways.index("genwright")] - own[:, 0], "less")
        n = round(np.mean([c["n"] for c, k in zip(cells, of) if k == key]))
        lines.append([f"{key[0]}, {key[1]}", f"{n:,}", str(len(own)), *(f"{m:.3f}" for m in own.mean(0)), p])
    ranks = rankdata(-x.round(6), axis=1).mean(0)
    lines.append(["mean rank", "", "", *(f"{r:.2f}" for r in ranks), ""])
    lines.append(["mean against nothing", "", "", *(f"{m:+.4f}" for m in (x - x[:, :1]).mean(0)), ""])
    lines.append(["p of no difference to nothing", "", "", "–", *(_p(d) for d in (x[:, 1:] - x[:, :1]).T), ""])
    return f"**{title}**\n\n" + sections.table(["table, setting", "rows", "seeds", *ways, "p worse"], lines)


def _p(differences: np.ndarray, alternative: str = "two-sided") -> str:
    """Of Wilcoxon's signed-rank test; a dash where fewer than five differ."""
    if (np.abs(differences) > 1e-12).sum() < 5:
        return "–"
    return f"{wilcoxon(differences, alternative=alternative).pvalue:.2g}"


def page(cells: list[dict[str, Any]], most_rows: int, seconds: float) -> str:
    """The section on tables, with the seconds that TVAE learnt."""
    each = np.mean([c["cpu_seconds"] for c in cells])
    protocol = f"""{date.today()}, Python {platform.python_version()}; at most {most_rows:,} training rows a cell, a
fifth of the table to test on; boosted trees are the classifier. *copies* and *SMOTE-NC* (imbalanced-learn)
draw until classes are equal, *TVAE* as many rows as it learnt from, in {seconds:g} CPU seconds, *genwright* is
`augment` with its defaults, told the metric of the table. *p worse*: one-sided, of genwright's choice against doing
nothing, over the seeds of a line (Wilcoxon; a dash: fewer than five differ). {each:.0f} CPU seconds a cell on average.
Seeds 0 to 3 had a say in what `augment` tries ([more](decisions/0035-rows-are-added-where-a-gain-is-likelier.md)).
Written by `python -m benchmarks.augment`."""
    return f"{protocol}\n\n{told(cells)}"


def kept(store: Path) -> dict[Key, dict[str, Any]]:
    """What is known of each cell; later lines add to earlier ones."""
    found: dict[Key, dict[str, Any]] = {}
    for text in store.read_text().splitlines() if store.exists() else []:
        line = json.loads(text)
        key = tuple(line.pop("key"))
        old = found.get(key, {"scores": {}, "cpu_seconds": 0.0})
        sums = {name: {**old["scores"], **line["scores"]} for name in ["scores"]}
        found[key] = {**old, **line, **sums, "cpu_seconds": old["cpu_seconds"] + line["cpu_seconds"], "key": key}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", nargs="+", default=list(TARGETS), choices=list(TARGETS))
    parser.add_argument("--settings", nargs="+", default=SETTINGS, choices=SETTINGS)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--most-rows", type=int, default=2_000, help="training rows of a cell at most")
    parser.add_argument("--seconds", type=float, default=20.0, help="CPU seconds of TVAE a cell")
    parser.add_argument("--without", nargs="*", default=[], choices=WAYS[1:-1], help="contenders to leave out")
    parser.add_argument("--store", type=Path, default=STORE)
    parser.add_argument("--page", type=Path, default=PAGE)
    asked = parser.parse_args()
    asked.store.parent.mkdir(parents=True, exist_ok=True)
    keys = [(t, s, seed, asked.most_rows) for seed in range(asked.seeds) for t in asked.tables for s in asked.settings]
    absent = set(asked.without)
    known = kept(asked.store)
    for key in keys:
        line = run(key, known.get(key, {}), asked.seconds, absent)
        if line:
            print(json.dumps(line), file=sys.stderr, flush=True)
            with asked.store.open("a") as file:
                file.write(json.dumps(line) + "\n")
    known = kept(asked.store)
    cells = [known[key] for key in keys]
    sections.put_section(asked.page, HEAD, "Tables", page(cells, asked.most_rows, asked.seconds))
    print(told(cells))


if __name__ == "__main__":
    main()
