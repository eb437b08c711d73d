"""When p(x, y) beats p(y | x): naive Bayes and logistic regression as rows grow in number (Ng and Jordan, 2001).

https://papers.nips.cc/paper/2001/hash/7b7a53e239400a13bd6be6c91c4f6c4e-Abstract.html

    generative       log p(y) + sum_j log p(x_j | y)    near its best after about log D rows
    discriminative   w_y · φ(x) + b_y                   a better best, after about D rows

All columns are categories, numbers cut into fifths of all rows, so that both families have boundaries of one form,
sums over the columns of a weight a code, and differ only in what they fit. The logistic regression of the paper has no
penalty; a third curve has the usual one.

Run from the repository's root:

    python -m benchmarks.ng_jordan            # 10 draws of the training rows, about one CPU minute
    python -m benchmarks.ng_jordan --quick    # 3 draws, fewer rows

It prints a table a data set and draws docs/images/ng_jordan.svg (with --quick: nothing).
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from scipy.stats import t
from sklearn.datasets import load_breast_cancer, load_digits

from genwright.sklearn import Classifier

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("GENWRIGHT_DATA", ROOT.parent / "shared" / "data"))
RIVALS: dict[str, tuple[str, dict[str, float]]] = {  # what a curve is called → family and settings
    "naive_bayes": ("naive_bayes", {}),
    "logistic, no penalty": ("logistic", {"penalty": 1e-6, "n_iter": 2_000}),
    "logistic": ("logistic", {}),
}
COLOURS = dict(zip(RIVALS, ("#c2571a", "#1f5fa8", "#7a9a3a")))
TITLES = {
    "digits": "digits: 64 pixels, bright or dark",
    "breast_cancer": "breast_cancer: 30 numbers in fifths",
    "adult": "adult: 14 columns, numbers in fifths",
}
N_TEST = 2_000  # rows that are foretold, at most


@dataclass(frozen=True)
class Task:
    """A data set: its rows, all columns categories, and their classes."""

    X: pd.DataFrame
    y: np.ndarray


def digits() -> Task:
    X, y = load_digits(return_X_y=True)
    return Task(pd.DataFrame((X > 7).astype(int), columns=[f"pixel_{i}" for i in range(64)]), y)


def breast_cancer() -> Task:
    frame, y = load_breast_cancer(return_X_y=True, as_frame=True)
    return Task(in_fifths(frame), y.to_numpy())


def adult() -> Task:
    frame = pd.read_csv(DATA / "adult" / "adult_train.csv.gz", skipinitialspace=True)
    y = frame.pop("income").to_numpy(dtype=str)
    return Task(in_fifths(frame), y)


def in_fifths(frame: pd.DataFrame) -> pd.DataFrame:
    """Numbers as the fifth of all rows that they lie in; fewer parts where values repeat."""
    numbers = frame.select_dtypes("number").apply(lambda x: pd.qcut(x, 5, labels=False, duplicates="drop"))
    return frame.assign(**{name: numbers[name] for name in numbers})


TASKS: dict[str, Callable[[], Task]] = {"digits": digits, "breast_cancer": breast_cancer, "adult": adult}


def sizes(task: Task, most: int = 5_000) -> list[int]:
    """Numbers of training rows: 10, 20, 40 … up to half of all."""
    return [n for n in (10 * 2**i for i in range(12)) if n <= min(most, len(task.y) // 2)]


def accuracies(task: Task, ns: list[int], n_seeds: int) -> Iterator[tuple[str, int, int, float]]:
    """Curve, rows, seed and accuracy; all learn from the same rows, and more rows hold the fewer ones."""
    kinds = dict.fromkeys(task.X.columns, "category")
    for seed in range(n_seeds):
        order = np.random.default_rng(seed).permutation(len(task.y))
        test, rows = order[len(order) // 2 :][:N_TEST], with_two_classes(order[: len(order) // 2], task.y)
        for n in ns:
            for curve, (family, settings) in RIVALS.items():
                model = Classifier(family, settings=settings, kinds=kinds, random_state=seed)
                model.fit(task.X.iloc[rows[:n]], task.y[rows[:n]])
                yield curve, n, seed, model.score(task.X.iloc[test], task.y[test])


def with_two_classes(rows: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The rows, with one of another class among the first two."""
    other = np.flatnonzero(y[rows] != y[rows[0]])[0]
    rows = rows.copy()
    rows[[1, other]] = rows[[other, 1]]
    return rows


def interval(values: np.ndarray) -> tuple[float, float]:
    """Mean, and half the width of its 95 % interval over seeds."""
    scale = values.std(ddof=1) / len(values) ** 0.5
    return values.mean(), t.ppf(0.975, len(values) - 1) * scale


def table(found: pd.DataFrame) -> str:
    """A Markdown table: accuracy in %, and how much more naive Bayes has on equal rows than each rival."""
    first, *others = RIVALS
    heads = ["rows", *RIVALS, *(f"naive_bayes − {name}" for name in others)]
    lines = [f"| {' | '.join(heads)} |", "|---:" * len(heads) + "|"]
    for n, part in found.groupby("n"):
        wide = part.pivot_table(index="seed", columns="curve", values="accuracy") * 100
        own = [interval(wide[name].to_numpy()) for name in RIVALS]
        gaps = [interval((wide[first] - wide[name]).to_numpy()) for name in others]
        told = [f"{m:.1f} ± {h:.1f}" for m, h in own] + [f"{m:+.1f} ± {h:.1f}" for m, h in gaps]
        lines.append(f"| {n:,} | {' | '.join(told)} |")
    return "\n".join(lines)


def draw(results: dict[str, pd.DataFrame], path: Path) -> None:
    """The curves, a panel a data set."""
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "genwright"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(results), figsize=(11, 3.4), layout="constrained")
    for axis, (name, found) in zip(np.atleast_1d(axes), results.items()):
        for curve in RIVALS:
            groups = found[found.curve == curve].groupby("n").accuracy
            ns = np.array(list(groups.groups))
            mean, half = np.array([interval(values.to_numpy()) for _, values in groups]).T
            axis.plot(ns, mean, marker="o", markersize=3, color=COLOURS[curve], label=curve)
            axis.fill_between(ns, mean - half, mean + half, color=COLOURS[curve], alpha=0.2, linewidth=0)
        axis.set(xscale="log", title=TITLES[name], xlabel="training rows")
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
    np.atleast_1d(axes)[0].set_ylabel("accuracy on unseen rows")
    np.atleast_1d(axes)[0].legend(frameon=False, loc="lower right")
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="3 draws, up to 200 rows, no figure")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(TASKS))
    options = parser.parse_args()
    results = {}
    for name in options.tasks:
        if name == "adult" and not DATA.joinpath("adult").exists():
            print(f"adult is left out: there is no {DATA / 'adult'}")
            continue
        started, task = time.process_time(), TASKS[name]()
        ns, n_seeds = (sizes(task, 200), 3) if options.quick else (sizes(task), options.seeds)
        columns = ["curve", "n", "seed", "accuracy"]
        results[name] = pd.DataFrame(accuracies(task, ns, n_seeds), columns=columns)
        print(
            f"\n{name}, {n_seeds} draws, {time.process_time() - started:.0f} CPU s\n\n{table(results[name])}",
            flush=True,
        )
    if not options.quick:
        draw(results, ROOT / "docs" / "images" / "ng_jordan.svg")


if __name__ == "__main__":
    import logging

    logging.getLogger("genwright").setLevel(logging.ERROR)  # single columns that tell the class of ten rows
    main()
