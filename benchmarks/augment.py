"""Do more rows help a classifier? Nothing, copies, SMOTE-NC and genwright's choice, on four tables.

    python -m benchmarks.augment --quick                      # two small cells a table, minutes
    python -m benchmarks.augment                              # everything, hours; goes on where it was ended
    python -m benchmarks.augment --tables telco --seeds 3

A cell is a table, a setting and a seed. Settings: 5, 20 and 100 % of the training rows, and all of them with the rarer
class thinned to 1 and 5 %. A fifth of the table tests; boosted trees are the classifier; copies and SMOTE-NC (as
genwright has it) draw until classes are equal. genwright's choice is `augment` with its defaults on the training rows
alone. Results are kept in $GENWRIGHT_PEERS/augment.jsonl, a line a cell, and the table is printed as Markdown.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata, wilcoxon

from benchmarks.peer_runs import PLACE
from benchmarks.table_data import FOLDER, load
from genwright.core.classifier import MatrixClassifier
from genwright.core.paired import metrics_for, value
from genwright.core.registry import CLASSIFIERS
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch
from genwright.data.infer import infer
from genwright.data.read import read
from genwright.recipes.augment import Way, augment, made
from genwright.runs.lessons import LabelledTable, Lesson, joined

TARGETS = {"telco": "Churn", "bank": "y", "credit": "default.payment.next.month", "pima": "outcome"}
SETTINGS = ("5 %", "20 %", "100 %", "rare 1 %", "rare 5 %")
QUICK = ("5 %", "rare 5 %")
WAYS = ("nothing", "copies", "smote", "genwright")
STORE = PLACE / "augment.jsonl"


def table(name: str) -> tuple[pd.DataFrame, str]:
    """A table and its target."""
    if name != "pima":
        return load(name), TARGETS[name]
    frame = pd.read_csv(FOLDER / "pima-diabetes" / "pima_diabetes.csv.gz")
    return frame, TARGETS[name]


def training_rows(y: np.ndarray, setting: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the training rows and of the test rows."""
    order = rng.permutation(len(y))
    test, train = order[: len(y) // 5], order[len(y) // 5 :]
    if not setting.startswith("rare"):
        return train[: round(len(train) * float(setting.split()[0]) / 100)], test
    share, rare = float(setting.split()[1]) / 100, int(np.bincount(y).argmin())
    is_rare = y[train] == rare
    n = max(5, round((~is_rare).sum() * share / (1 - share)))
    return rng.permutation(np.concatenate([train[~is_rare], train[is_rare][:n]])), test


def cell(name: str, setting: str, seed: int, most_rows: int) -> dict[str, Any]:
    """Scores of every way."""
    frame, target = table(name)
    records = read(frame)
    kinds = {target: "category"}
    rows = LabelledTable.of(records, infer(records, kinds)[0], target, is_set=True)
    at, at_test = training_rows(rows.y, setting, numpy_generator(seed, name, setting))
    at = at[:most_rows]
    lesson, started = rows.lesson(at, at_test), time.process_time()
    report = augment(frame.iloc[at], target, held_out=0, seed=seed, kinds=kinds).report
    seconds = time.process_time() - started
    ways = {"nothing": None, "copies": Way("copies", "balance"), "smote": Way("smote", "balance")}
    found: dict[str, Any] = {}
    for way, how in {**ways, "genwright": report.chosen}.items():
        extra = made(how, lesson, target, seed) if how else {}
        found[way] = scores(lesson, target, extra, seed, int(np.bincount(rows.y).argmin()))
    facts = {"table": name, "setting": setting, "seed": seed, "n": len(at), "most_rows": most_rows}
    return {**facts, "scores": found, "chosen": str(report.chosen or "declined"), "cpu_seconds": round(seconds, 1)}


def scores(lesson: Lesson, target: str, extra: Batch, seed: int, rare: int) -> dict[str, float]:
    """PR AUC of the rarer class and balanced accuracy on the test rows."""
    trees: MatrixClassifier = CLASSIFIERS.get("boosting")().bind(lesson.train.space, target)
    trees.fit_rows(joined(lesson.train, extra), seed)
    p = trees.predict_rows(lesson.test)
    return {m.name: value(m, lesson.y_test, p) for m in metrics_for(2, rare)}


def told(cells: list[dict[str, Any]]) -> str:
    """Means a table and setting, mean ranks, and whether the choice is ever significantly worse than nothing."""
    lines = []
    for metric in ("pr_auc", "balanced_accuracy"):
        lines += ["", f"**{metric}**", "", f"| table | rows | seeds | {' | '.join(WAYS)} | p worse |"]
        lines += ["|---|---|---|" + "---|" * (len(WAYS) + 1)]
        keys = dict.fromkeys((c["table"], c["setting"]) for c in cells)
        every = []
        for key in keys:
            x = np.array([[c["scores"][w][metric] for w in WAYS] for c in cells if (c["table"], c["setting"]) == key])
            every.append(x)
            worse = x[:, WAYS.index("genwright")] - x[:, 0]
            p = f"{wilcoxon(worse, alternative='less').pvalue:.3f}" if (worse != 0).sum() > 4 else "–"
            means = " | ".join(f"{m:.3f}" for m in x.mean(0))
            lines.append(f"| {key[0]} | {key[1]} | {len(x)} | {means} | {p} |")
        ranks = rankdata(-np.concatenate(every).round(6), axis=1).mean(0)
        lines.append(f"| mean rank | | | {' | '.join(f'{r:.2f}' for r in ranks)} | |")
    n = sum(c["chosen"] == "declined" for c in cells)
    return "\n".join([*lines, "", f"genwright declined in {n} of {len(cells)} cells."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", nargs="+", default=list(TARGETS), choices=list(TARGETS))
    parser.add_argument("--settings", nargs="+", choices=SETTINGS)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--most-rows", type=int, default=10_000, help="training rows of a cell at most")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--store", type=Path, default=STORE)
    asked = parser.parse_args()
    settings = asked.settings or (QUICK if asked.quick else SETTINGS)
    seeds = asked.seeds or (1 if asked.quick else 10)
    most_rows = min(asked.most_rows, 600) if asked.quick else asked.most_rows
    asked.store.parent.mkdir(parents=True, exist_ok=True)
    known = [json.loads(line) for line in asked.store.read_text().splitlines()] if asked.store.exists() else []
    done = {(c["table"], c["setting"], c["seed"], c["most_rows"]): c for c in known}
    found = []
    for key in ((t, s, seed, most_rows) for seed in range(seeds) for t in asked.tables for s in settings):
        if key not in done:
            done[key] = cell(*key)
            print(json.dumps(done[key]), file=sys.stderr, flush=True)
            with asked.store.open("a") as file:
                file.write(json.dumps(done[key]) + "\n")
        found.append(done[key])
    print(told(found))


if __name__ == "__main__":
    main()
